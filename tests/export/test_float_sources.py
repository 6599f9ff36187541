"""The text of models in single precision as C: what compilers say, and what it holds."""

import ctypes
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from helpers.c_library import compiled, each_compiler, needs_compiler
from helpers.float_models import (
    SHAPES,
    assert_near,
    bytes_in_header,
    bytes_of_arrays,
    float32_sequences,
    make,
    reference,
    shaped,
)
from hypothesis import given
from hypothesis import strategies as st

from skfastgrnn.compression import Compression
from skfastgrnn.export import _program, to_c
from skfastgrnn.export._c_text import array, number
from skfastgrnn.export._specialise import text_of

FILES = ("integer.h", "arithmetic.h", "rows.h", "integer.c")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_numbers_read_back_exactly(value):
    text = number(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", text)
    assert np.float32(text.removesuffix("f")).tobytes() == np.float32(value).tobytes()


@each_compiler
def test_compilers_read_numbers_exactly(compiler, tmp_path):
    rng = np.random.default_rng(7)
    bits = rng.integers(0, 2**32, 3000, dtype=np.uint32)
    values = np.concatenate([bits.view(np.float32), np.float32([0, -0.0, 1e-45, -1e-38])])
    values = values[np.isfinite(values)]
    text = array("float", "numbers", values).replace("static const FASTGRNN_FLASH", "const")
    sources = {"numbers.c": f"extern const float numbers[];\n{text}"}
    made = compiled(tmp_path, sources, "-shared", "-fPIC", compiler=compiler)
    found = (ctypes.c_float * len(values)).in_dll(ctypes.CDLL(str(made)), "numbers")
    assert bytes(found) == values.tobytes()


ENDINGS = "state|reset|step|step_integers|quantize|logits|predict|proba|labels"


@pytest.mark.parametrize(
    "path", ["export/runtime/fastgrnn_float.c", *map("kernels/c/integer/fastgrnn_{}".format, FILES)]
)
def test_no_name_is_one_that_a_model_may_have(path):
    """As add_state would be, of a model with the name "add"."""
    names = re.findall(rf"\b[A-Za-z]\w*_(?:{ENDINGS}|[A-Z_]*_H)\b", text_of(path))
    assert [name for name in names if not name.lower().startswith("fastgrnn_")] == []


@each_compiler
@pytest.mark.parametrize("named", SHAPES)
def test_no_warnings_and_no_library(compiler, named, tmp_path):
    """Nothing is called but what a compiler itself makes calls of."""
    for kind, n_outputs in (("classifier", 3), ("classifier", 1), ("regressor", 2)):
        exported = to_c(shaped(named, kind, n_outputs)[0], "clean")
        sources = {"clean.c": exported.source, "clean.h": exported.header}
        made = compiled(tmp_path, sources, "-c", "-O2", compiler=compiler)
        if shutil.which("nm"):
            said = subprocess.run(["nm", "-u", made], capture_output=True, text=True, check=True)
            assert {*said.stdout.split()} - {"U"} <= {"memset", "memcpy"}
        assert re.findall(r"#include .*", exported.source) == ['#include "clean.h"']
        assert re.findall(r"#include .*", exported.header) == ["#include <stdint.h>"]


@each_compiler
@pytest.mark.parametrize("named", SHAPES)
def test_sanitizers(compiler, named, monkeypatch):
    sanitized = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    if not links(compiler, *sanitized):
        pytest.skip(f"{compiler} is installed without its sanitizers")
    monkeypatch.setattr(_program, "FLAGS", (*_program.FLAGS, *sanitized))
    monkeypatch.setenv("CC", compiler)
    model, X = shaped(named)
    extremes = [*X, np.full((3, 3), 3e38), np.full((3, 3), -3e38), np.full((2, 3), 1e-45)]
    found = to_c(model).decision_function(extremes)
    assert_near(found[: len(X)], reference(model, X))


def links(compiler, *flags):
    """Whether a compiler makes programs with these flags."""
    command = [compiler, *flags, "-x", "c", "-", "-o", os.devnull]
    text = b"int main(void) { return 0; }\n"
    return subprocess.run(command, input=text, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("named", SHAPES)
def test_constants_are_what_n_bytes_counts(named):
    model, _ = shaped(named)
    exported = to_c(model)
    zeta_and_nu = 4 * model.n_layers * (1 if model.bounded_state else 2)
    assert bytes_of_arrays(exported.source) + zeta_and_nu == model.n_bytes_
    assert bytes_in_header(exported) == model.n_bytes_


@needs_compiler
def test_weights_of_few_bits_are_floats_in_c():
    """They are as rounded as in Python, and take four bytes each."""
    rng = np.random.default_rng(10)
    X = float32_sequences(rng, 3)
    model = make("classifier", X, rng, 16, compression=Compression(rank_u=4, bits=4))
    exported = to_c(model)
    assert_near(exported.decision_function(X), reference(model, X))
    n_bytes = bytes_of_arrays(exported.source) + 8
    assert bytes_in_header(exported) == n_bytes > model.n_bytes_


@pytest.mark.parametrize(
    ("named", "form"),
    [("dense", ""), ("max, bounded", "_masked"), ("blocks", "_block"), ("wide", "_listed")],
)
def test_matrices_are_stored_in_every_form(named, form):
    """And only functions for forms that are used are in the source."""
    source = to_c(shaped(named)[0]).source
    assert f"    add{form}_product(u," in source
    functions = re.findall(r"^static void add(\w*)_product", source, re.M)
    assert {*functions} == {*re.findall(r"^    add(\w*)_product", source, re.M)}


def test_factors_stay_factors():
    model, _ = shaped("factors")
    source = to_c(model).source
    assert "float w2[3]" in source
    assert "float u1[48]" in source
    assert "float w[" not in source


def test_too_large_numbers_are_refused():
    rng = np.random.default_rng(9)
    X = float32_sequences(rng, 2)
    model = make("classifier", X, rng, 3)
    model.params_["W"][0, 0] = 1e39
    with pytest.raises(ValueError, match=r"W is up to 1e\+39, too large for single precision"):
        to_c(model)


def test_a_model_keeps_its_estimator():
    model, X = shaped("dense")
    before = model.decision_function(X)
    to_c(model)
    np.testing.assert_array_equal(model.decision_function(X), before)
