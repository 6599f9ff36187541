"""Which kernel computes: what show_versions says, how one is forced, what if only NumPy is left."""

import json
import os
import platform
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy
import sklearn
from helpers.estimators import environment, quick, run_python, sequences

from skfastgrnn import show_versions
from skfastgrnn.kernels import active_kernel, available_kernels

REPORT = "import skfastgrnn; skfastgrnn.show_versions()"

ANSWERS = """
import json, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from helpers.estimators import quick, sequences
    from skfastgrnn.kernels import active_kernel
    at_import = len(caught)
    X, y = sequences()
    probabilities = quick().fit(X, y).predict_proba(X).tolist()
    quick().fit(X, y)
warned = [[w.category.__name__, str(w.message)] for w in caught]
said = [active_kernel().name, active_kernel().instruction_set]
print(json.dumps([*said, probabilities, at_import, warned]))
"""

HIDDEN = "import sys; sys.modules['skfastgrnn.kernels._bindings'] = None\n"


def report(text):
    """Sections of a report by title, each a dict."""
    sections = {}
    for block in text.strip().split("\n\n"):
        title, *lines = block.splitlines()
        sections[title] = dict(re.fullmatch(r" *(.+?): (.*)", line).groups() for line in lines)
    return sections


def answers(hidden="", **variables):
    return json.loads(run_python(hidden + ANSWERS, **variables))


def here():
    X, y = sequences()
    return quick().fit(X, y).predict_proba(X)


def test_show_versions(capsys):
    show_versions()
    said = report(capsys.readouterr().out)
    assert said["Kernel"]["active"] == active_kernel().name
    assert said["Kernel"]["instruction set"] == active_kernel().instruction_set
    assert said["Kernel"]["available"].split(", ") == list(available_kernels())
    if hasattr(os, "sched_getaffinity"):
        assert f"({len(os.sched_getaffinity(0))} available)" in said["Kernel"]["threads"]
    assert said["System"]["python"] == platform.python_version()
    for name, module in {"numpy": np, "scipy": scipy, "scikit-learn": sklearn}.items():
        assert said["Packages"][name] == module.__version__
    assert said["Packages"].keys() >= {"skfastgrnn", "joblib", "safetensors"}


@pytest.mark.parametrize("kernel", available_kernels())
def test_forced_kernel(kernel):
    """It is the one in use, computes what the others compute, and does not warn."""
    name, instruction_set, probabilities, _, warned = answers(SKFASTGRNN_KERNEL=kernel)
    expected = ("reference", "NumPy") if kernel == "reference" else ("compiled", kernel)
    assert (name, instruction_set) == expected
    np.testing.assert_allclose(probabilities, here(), rtol=1e-9)
    assert warned == []


@pytest.mark.skipif(len(available_kernels()) == 1, reason="no compiled kernel here")
def test_fastest_kernel_is_the_default():
    said = report(run_python(REPORT, SKFASTGRNN_KERNEL=None))["Kernel"]
    assert said["instruction set"] == available_kernels()[-1]


@pytest.mark.parametrize("hidden", ["", HIDDEN], ids=["as installed", "without the extension"])
def test_unknown_kernel(hidden):
    """The error comes at first use and says what there is."""
    done = subprocess.run(
        [sys.executable, "-c", f"{hidden}import skfastgrnn; print('imported')\n{REPORT}"],
        env=environment(SKFASTGRNN_KERNEL="AVX2"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == "imported\n"
    last = done.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: SKFASTGRNN_KERNEL='AVX2' names a kernel that cannot run")
    there = ("reference",) if hidden else available_kernels()
    assert f"available are {', '.join(there)}" in last


def test_without_the_extension():
    """One warning, at first use, and the same results."""
    name, _, probabilities, at_import, warned = answers(HIDDEN, SKFASTGRNN_KERNEL=None)
    assert name == "reference"
    assert at_import == 0
    [(category, message)] = warned
    assert category == "RuntimeWarning"
    assert "cannot load its compiled kernel" in message or "without a C compiler" in message
    np.testing.assert_allclose(probabilities, here(), rtol=1e-9)


def test_without_the_extension_there_is_only_the_reference():
    code = f"{HIDDEN}import warnings; warnings.simplefilter('ignore'); {REPORT}"
    said = report(run_python(code, SKFASTGRNN_KERNEL=None))["Kernel"]
    assert [said[key] for key in ("active", "available")] == ["reference", "reference"]


def test_forcing_the_reference_without_the_extension_does_not_warn():
    *_, warned = answers(HIDDEN, SKFASTGRNN_KERNEL="reference")
    assert warned == []
