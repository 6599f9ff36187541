"""Devices to run models on, and models that are no networks."""

import shutil
from copy import copy
from dataclasses import replace

import pytest

from skfastgrnn.export._program import COMPILERS
from skfastgrnn.export._targets import TARGETS, missing_tools

#: Parameters of a test: every target, of which some may be missing on this machine.
EVERY_TARGET = tuple(TARGETS)
EMULATED = tuple(name for name, target in TARGETS.items() if target.unit is not None)


def need(target):
    """Skip a test if a target's tools are not all there."""
    if target == "host":
        if not any(map(shutil.which, COMPILERS)):
            pytest.skip("needs a C compiler")
        return
    missing = missing_tools(TARGETS[target])
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: {' '.join(sorted(set(missing.values())))}")


def with_step(exported, step):
    """A CModel whose functions do nothing but the step that is given as C.

    It has the header of `exported`, whose `name` is "model".
    """
    changed = copy(exported)
    changed.source = f"""#include "model.h"
    void model_reset(model_state *state) {{ (void)state; }}
    void model_logits(model_state *state, int32_t logits[]) {{ (void)state, (void)logits; }}
    {step}
    void model_step_integers(model_state *state, const int16_t x[]) {{ (void)state, (void)x; }}
    """
    return changed


def with_board(monkeypatch, name, **fields):
    """Change a target for a test."""
    monkeypatch.setitem(TARGETS, name, replace(TARGETS[name], **fields))
