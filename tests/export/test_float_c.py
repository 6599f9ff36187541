"""Models in single precision as C, beside the NumPy reference in double precision."""

import ctypes
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from helpers.c_library import Library, compiled, each_compiler, needs_compiler
from helpers.estimators import sequences
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import Compression
from skfastgrnn.export import _program, to_c
from skfastgrnn.export._c_text import array, number
from skfastgrnn.export._specialise import text_of
from skfastgrnn.kernels import kernel_named
from skfastgrnn.network import ACTIVATIONS, POOLINGS, SequenceBatch
from skfastgrnn.preprocessing import SequenceMinMaxScaler, SequenceStandardScaler

TOLERANCE = 1e-6


def float32_sequences(rng, n_channels, n_samples=12, longest=14):
    """Sequences of different lengths, in double precision but of numbers of single precision."""
    lengths = rng.integers(1, longest, n_samples)
    return [rng.normal(size=(n, n_channels)).astype(np.float32).astype(float) for n in lengths]


def targets(kind, rng, n_samples, n_outputs):
    """Targets of an estimator with so many outputs."""
    if kind == "regressor":
        return rng.normal(5, 3, size=(n_samples, n_outputs))
    if kind == "multilabel":
        return (np.arange(n_samples)[:, None] + np.arange(n_outputs)) % 2
    return np.arange(n_samples) % (2 if n_outputs == 1 else n_outputs)


def make(kind, X, rng, hidden_size, n_outputs=3, scale=1.0, **params):
    """A fitted estimator with random weights, of which `density` are kept."""
    density = params.pop("density", 1.0)
    cls = FastGRNNRegressor if kind == "regressor" else FastGRNNClassifier
    fixed = {"max_iter": 1, "n_iter_no_change": np.inf, "learning_rate_init": 1e-300}
    model = cls(hidden_size, random_state=0, **fixed, **params)
    model.fit([x[:1] for x in X], targets(kind, rng, len(X), n_outputs))
    for name, part in model.params_.items():
        if name.endswith("log_step"):
            part += rng.normal(0, 0.3, part.shape)
        elif part.ndim == 2 or name == "attention":
            part[...] = scale * rng.normal(size=part.shape) / np.sqrt(part.shape[-1])
            part[rng.random(part.shape) >= density] = 0
        else:
            part[...] = rng.normal(size=part.shape) / 2
    return model


def reference(model, X):
    """Outputs of the NumPy kernel, in double precision."""
    batch = SequenceBatch.of_lengths(np.concatenate(X), [len(x) for x in X])
    return kernel_named("reference").outputs(model._network, model._parameters, batch)


def assert_near(found, expected):
    """Equal to 1e-6 of the largest expected number."""
    scale = np.abs(expected).max()
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * scale)


options = st.fixed_dictionaries(
    {
        "hidden_size": st.integers(1, 20),
        "pooling": st.sampled_from(POOLINGS),
        "gate_activation": st.sampled_from(["sigmoid", "hard_sigmoid"]),
        "update_activation": st.sampled_from(ACTIVATIONS),
        "n_layers": st.integers(1, 3),
        "density": st.sampled_from([1.0, 0.9, 0.5, 0.06, 0.0]),
    }
)
compressions = st.none() | st.builds(
    Compression,
    rank_w=st.none() | st.just(1),
    rank_u=st.none() | st.just(1),
    bits=st.sampled_from([None, 8, 4]),
)


@needs_compiler
@given(
    options,
    compressions,
    st.sampled_from(["classifier", "multilabel", "regressor"]),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(0, 10**6),
)
@settings(max_examples=60)
def test_any_network_equals_the_reference(chosen, compression, kind, n_outputs, n_channels, seed):
    rng = np.random.default_rng(seed)
    X = float32_sequences(rng, n_channels)
    n_outputs += kind == "multilabel" and n_outputs < 2
    n_outputs += kind == "classifier" and n_outputs == 2
    bounded = bool(seed % 2) and chosen["update_activation"] != "relu"
    model = make(
        kind, X, rng, n_outputs=n_outputs, compression=compression, bounded_state=bounded, **chosen
    )
    exported = to_c(model, "any")
    outputs = reference(model, X)
    if kind == "regressor":
        assert_near(exported.predict(X).reshape(outputs.shape), outputs)
    else:
        assert_near(exported.decision_function(X).reshape(outputs.shape), outputs)


@needs_compiler
@pytest.mark.parametrize("gate", ACTIVATIONS)
@pytest.mark.parametrize("update", ACTIVATIONS)
def test_activations_in_a_network(gate, update):
    rng = np.random.default_rng(1)
    X = float32_sequences(rng, 3)
    model = make("classifier", X, rng, 6, gate_activation=gate, update_activation=update, scale=0.6)
    assert_near(to_c(model).decision_function(X), reference(model, X))


RUNTIME_TEST = """
#include <stdint.h>
#define FASTGRNN_FLASH
#define FASTGRNN_N_HIDDEN 1
#define FASTGRNN_GATE sigmoid
#define FASTGRNN_UPDATE hyperbolic_tangent
#define FASTGRNN_WITHOUT_BOUNDED
#define FASTGRNN_WITHOUT_EVERYTHING
typedef uint_fast8_t fastgrnn_count;
typedef uint8_t fastgrnn_index;
%s
extern void values(float *v, unsigned n, int kind);
void values(float *v, unsigned n, int kind) {
    static float (*const functions[])(float) = {
        exp_of_negative, sigmoid, hyperbolic_tangent, rectifier, hard_sigmoid, hard_tanh};
    (void)update, (void)clear, (void)add_product, (void)add_masked_product;
    (void)add_listed_product, (void)add_state, (void)raise_to, (void)add_weighted;
    for (unsigned i = 0; i < n; i++) v[i] = functions[kind](v[i]);
}
"""


@needs_compiler
def test_functions_of_the_runtime(tmp_path):
    text = RUNTIME_TEST % text_of("export/runtime/fastgrnn_float.c")
    made = compiled(tmp_path, {"functions.c": text}, "-O1", "-shared", "-fPIC")
    function = ctypes.CDLL(str(made)).values
    edges = np.array([0, -0.0, 1e-38, 1e-45, 0.625, np.nextafter(np.float32(0.625), 0), 1, 86.9999])
    size = np.concatenate([edges, np.linspace(0, 90, 300_001), np.geomspace(1e-30, 1, 50_001)])
    size = size.astype(np.float32)
    both = np.concatenate([-size, size])
    exact = [
        (size, lambda v: np.where(v < 87, np.exp(-v), 0)),
        (both, lambda v: np.where(v > -87, expit(v), 0)),
        (both, np.tanh),
        (both, lambda v: np.maximum(v, 0)),
        (both, lambda v: np.clip((v + 1) / 2, 0, 1)),
        (both, lambda v: np.clip(v, -1, 1)),
    ]
    for kind, (v, f) in enumerate(exact):
        found = v.copy()
        function(found.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint(len(v)), kind)
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(found, f(v.astype(float)), rtol=2.5e-7, atol=1e-45)
    far = np.array([-np.inf, -3e38, 3e38, np.inf], np.float32)
    for kind, least in ((1, 0), (2, -1)):
        found = far.copy()
        function(found.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint(4), kind)
        np.testing.assert_array_equal(found, [least, least, 1, 1])


KINDS = {
    "two classes": ("classifier", 1, {}),
    "three classes": ("classifier", 3, {}),
    "focal": ("classifier", 3, {"loss": "focal"}),
    "multilabel": ("multilabel", 4, {}),
    "one value": ("regressor", 1, {}),
    "values": ("regressor", 3, {}),
}


@needs_compiler
@pytest.mark.parametrize("named", KINDS)
def test_outputs_of_every_kind(named, tmp_path):
    """Functions of the C, step by step, and methods of CModel; also with two states at once."""
    kind, n_outputs, params = KINDS[named]
    rng = np.random.default_rng(2)
    X = [x.astype(np.float32) for x in float32_sequences(rng, 2)]
    model = make(kind, X, rng, 7, n_outputs, scale=2, **params)
    exported = to_c(model, "kind")
    library = Library(exported, tmp_path, kind)
    other = library.after(X[1])
    logits, values, outputs = [], [], []
    for x in X[:3]:
        state = library.state()
        library.call("reset", state)
        for n, row in enumerate(x, start=1):
            library.step(state, row)
            library.step(other, row)
            steps = [x[:n]]
            logits.append(library.logits(state))
            outputs.append(model._outputs(steps)[0])
            if kind == "regressor":
                values.append(library.predict(state))
                continue
            probabilities = model.predict_proba(steps)[0]
            np.testing.assert_allclose(library.proba(state), probabilities, rtol=0, atol=1e-6)
            predicted = library.predict(state)
            labels = predicted if kind == "multilabel" else model.classes_[predicted]
            np.testing.assert_array_equal(labels, model.predict(steps)[0])
    assert_near(logits, outputs)
    if kind == "regressor":
        assert_near(values, outputs)
        found = exported.predict(X)
        assert found.shape == model.predict(X).shape
        assert_near(found, model.predict(X))
        return
    np.testing.assert_array_equal(exported.predict(X), model.predict(X))
    assert_near(exported.decision_function(X), model.decision_function(X))
    np.testing.assert_allclose(exported.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-6)


@needs_compiler
def test_probabilities_of_large_logits(tmp_path):
    rng = np.random.default_rng(3)
    for n_outputs in (1, 3):
        X = float32_sequences(rng, 2)
        model = make("classifier", X, rng, 4, n_outputs)
        model.params_["head_bias"][...] = [300, -300, 0][:n_outputs]
        library = Library(to_c(model, f"of_{n_outputs}"), tmp_path)
        found = library.proba(library.after(X[0]))
        np.testing.assert_array_equal(found, [0, 1] if n_outputs == 1 else [1, 0, 0])


@needs_compiler
@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_long_sequences_lose_nothing(pooling):
    """A plain sum of so many states in single precision errs by more than the tolerance."""
    rng = np.random.default_rng(4)
    X = sequences(6)[0]
    model = make("classifier", X, rng, 5, 1, pooling=pooling, scale=0.5)
    values = rng.normal(1, 1, size=(1, 100_000, 2)).astype(np.float32).astype(float)
    assert_near(to_c(model).decision_function(values), reference(model, values)[:, 0])


@needs_compiler
def test_attention_with_scores_of_any_size():
    rng = np.random.default_rng(5)
    X = float32_sequences(rng, 2, longest=40)
    model = make("classifier", X, rng, 5, 3, pooling="attention")
    for size in (1e3, 1e30, 3e38):
        model.params_["attention"][...] = [size, 0, -size, 0, 0]
        found = to_c(model).decision_function(X)
        assert np.isfinite(found).all()
        if size == 1e3:  # the softmax of such scores in double precision is one of the states
            np.testing.assert_allclose(found, reference(model, X), rtol=0, atol=1e-3)


@needs_compiler
@pytest.mark.parametrize("compression", [None, Compression(bits=8), Compression(rank_w=1, bits=4)])
@pytest.mark.parametrize("scaler", [SequenceStandardScaler(), SequenceMinMaxScaler()])
def test_scalers_are_folded(compression, scaler):
    """Also where channels are far from 0, and where weights are multiples of steps."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(30, 10, 3)) * [2, 0.5, 20] + [0.2, 200, -3000]
    X = X.astype(np.float32).astype(float)
    y = np.arange(30) % 3
    model = make_pipeline(
        scaler,
        FastGRNNClassifier(
            6, max_iter=3, n_iter_no_change=np.inf, random_state=0, compression=compression
        ),
    ).fit(X, y)
    exported = to_c(model)
    outputs = model.decision_function(X)
    assert_near(exported.decision_function(X), outputs)
    np.testing.assert_array_equal(exported.predict(X), model.predict(X))
    assert "centered" in exported.source
    assert type(scaler).__name__ in exported.header
    assert bytes_in_header(exported) == bytes_of_arrays(exported.source) + 8


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


SHAPES = {
    "dense": {},
    "mean": {"pooling": "mean", "n_layers": 2, "gate_activation": "hard_sigmoid"},
    "max, bounded": {"pooling": "max", "bounded_state": True, "density": 0.5},
    "attention": {"pooling": "attention", "update_activation": "relu", "density": 0.06},
    "factors": {"compression": Compression(rank_w=1, rank_u=3), "update_activation": "hard_tanh"},
    "zeros": {"density": 0.0},
    "wide": {"hidden_size": 300, "density": 0.02},
}


def shaped(named, kind="classifier", n_outputs=3):
    """A model of that shape, and sequences."""
    rng = np.random.default_rng(8)
    X = float32_sequences(rng, 3)
    params = {"hidden_size": 16, **SHAPES[named]}
    return make(kind, X, rng, n_outputs=n_outputs, **params), X


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


def bytes_of_arrays(source):
    """Bytes of the constants in a source."""
    sizes = {"float": 4, "uint8_t": 1, "uint16_t": 2}
    found = re.findall(r"static const FASTGRNN_FLASH (\w+) \w+\[(\d+)\]", source)
    return sum(sizes[c_type] * int(n) for c_type, n in found)


def bytes_in_header(exported):
    """Bytes of constants that the header speaks of."""
    return int(re.search(r"Constants: (\d+) bytes", exported.header)[1])


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
