"""Models in floats with random weights, and their outputs in double precision."""

import re

import numpy as np

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import Compression
from skfastgrnn.kernels import kernel_named
from skfastgrnn.network import SequenceBatch

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
    """A fitted estimator of random weights; `density` of them are kept, in blocks of `block`."""
    density, block = params.pop("density", 1.0), params.pop("block", 1)
    cls = FastGRNNRegressor if kind == "regressor" else FastGRNNClassifier
    fixed = {"max_iter": 1, "n_iter_no_change": np.inf, "learning_rate_init": 1e-300}
    model = cls(hidden_size, random_state=0, **fixed, **params)
    model.fit([x[:1] for x in X], targets(kind, rng, len(X), n_outputs))
    for name, part in model.params_.items():
        if name.endswith("log_step"):
            part += rng.normal(0, 0.3, part.shape)
        elif part.ndim == 2 or name == "attention":
            part[...] = scale * rng.normal(size=part.shape) / np.sqrt(part.shape[-1])
            groups = rng.random((*part.shape[:-1], -(-part.shape[-1] // block))) >= density
            part[np.repeat(groups, block, axis=-1)[..., : part.shape[-1]]] = 0
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


SHAPES = {
    "dense": {},
    "mean": {"pooling": "mean", "n_layers": 2, "gate_activation": "hard_sigmoid"},
    "max, bounded": {"pooling": "max", "bounded_state": True, "density": 0.5},
    "attention": {"pooling": "attention", "update_activation": "relu", "density": 0.06},
    "factors": {"compression": Compression(rank_w=1, rank_u=3), "update_activation": "hard_tanh"},
    "blocks": {"density": 0.5, "block": 4, "hidden_size": 18},
    "zeros": {"density": 0.0},
    "wide": {"hidden_size": 300, "density": 0.02},
}


def shaped(named, kind="classifier", n_outputs=3):
    """A model of that shape, and sequences."""
    rng = np.random.default_rng(8)
    X = float32_sequences(rng, 3)
    params = {"hidden_size": 16, **SHAPES[named]}
    return make(kind, X, rng, n_outputs=n_outputs, **params), X


def bytes_of_arrays(source):
    """Bytes of the constants in a source."""
    sizes = {"float": 4, "uint8_t": 1, "uint16_t": 2}
    found = re.findall(r"static const FASTGRNN_FLASH (\w+) \w+\[(\d+)\]", source)
    return sum(sizes[c_type] * int(n) for c_type, n in found)


def bytes_in_header(exported):
    """Bytes of constants that the header speaks of."""
    return int(re.search(r"Constants: (\d+) bytes", exported.header)[1])
