"""Models in single precision as C, beside the NumPy reference in double precision."""

import ctypes

import numpy as np
import pytest
from helpers.c_library import Library, compiled, needs_compiler
from helpers.estimators import sequences
from helpers.float_models import (
    assert_near,
    bytes_in_header,
    bytes_of_arrays,
    float32_sequences,
    make,
    reference,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import Compression
from skfastgrnn.export import to_c
from skfastgrnn.export._specialise import text_of
from skfastgrnn.network import ACTIVATIONS, POOLINGS
from skfastgrnn.preprocessing import SequenceMinMaxScaler, SequenceStandardScaler

options = st.fixed_dictionaries(
    {
        "hidden_size": st.integers(1, 20),
        "pooling": st.sampled_from(POOLINGS),
        "gate_activation": st.sampled_from(["sigmoid", "hard_sigmoid"]),
        "update_activation": st.sampled_from(ACTIVATIONS),
        "n_layers": st.integers(1, 3),
        "density": st.sampled_from([1.0, 0.9, 0.5, 0.06, 0.0]),
        "block": st.sampled_from([1, 2, 3, 8]),
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
@pytest.mark.parametrize("size", [255, 256])
@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_sizes_at_the_end_of_a_byte(size, pooling):
    """Numbers of units, channels and outputs whose type is chosen by the largest of them."""
    rng = np.random.default_rng(size)
    X = float32_sequences(rng, size)
    for hidden_size, n_outputs, density in ((size, 1, 0.02), (2, size, 1.0)):
        model = make("regressor", X, rng, hidden_size, n_outputs, pooling=pooling, density=density)
        outputs = reference(model, X)
        assert_near(to_c(model).predict(X).reshape(outputs.shape), outputs)


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
    (void)add_block_product;
    (void)add_listed_product, (void)sum_up, (void)raise_to, (void)add_weighted;
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
