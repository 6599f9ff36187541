"""Random networks and sequences for the kernel tests."""

from typing import NamedTuple

import numpy as np

from skfastgrnn.network import (
    ACTIVATIONS,
    POOLINGS,
    Loss,
    Network,
    SequenceBatch,
    Targets,
    n_parameters,
)


class Case(NamedTuple):
    network: Network
    parameters: np.ndarray
    sequences: SequenceBatch
    targets: Targets
    loss: Loss
    h0: np.ndarray
    upstream: np.ndarray


def random_case(
    seed, dtype=np.float64, *, ragged=None, most=(50, 20, 70, 40), activations=ACTIVATIONS
):
    """Sizes up to `most` (T, D, H, batch); any pooling, activations, lengths and targets."""
    rng = np.random.default_rng(seed)
    T, D, H, B = (int(rng.integers(1, n + 1)) for n in most)
    classes = int(rng.integers(2, 14))
    network = Network(
        n_channels=D,
        hidden_size=H,
        n_outputs=1 if classes == 2 else classes,
        pooling=str(rng.choice(POOLINGS)),
        gate_activation=str(rng.choice(activations)),
        update_activation=str(rng.choice(activations)),
        n_layers=int(rng.choice([1, 1, 2, 3])),
        bidirectional=bool(rng.random() < 0.4),
    )
    # Small enough for the states to stay finite with relu over 50 steps.
    scale = 0.3 / np.sqrt(max(D, H)) / network.n_cells
    parameters = scale * rng.standard_normal(n_parameters(network))
    if ragged is None:
        ragged = rng.random() < 0.5
    lengths = rng.integers(1, T + 1, size=B) if ragged else np.full(B, T)
    values = rng.standard_normal((lengths.sum(), D))
    weights = rng.uniform(0, 2, B).astype(dtype) if rng.random() < 0.5 else None
    targets, loss = random_targets(rng, B, network.n_outputs, classes, dtype)
    return Case(
        network,
        parameters.astype(dtype),
        SequenceBatch.of_lengths(values.astype(dtype), lengths),
        targets._replace(weights=weights),
        loss,
        rng.standard_normal((B, network.n_cells, H)).astype(dtype),
        rng.standard_normal((lengths.sum(), network.n_states)).astype(dtype),
    )


def random_targets(rng, B, n_outputs, classes, dtype):
    """Labels, probabilities, or numbers for the squared error or Huber's loss; and the loss."""
    kind = rng.choice(["labels", "probabilities", "squared error", "huber"])
    if kind == "labels":
        return Targets(labels=rng.integers(0, classes, B).astype(np.int32)), Loss()
    if kind == "probabilities":
        soft = rng.dirichlet(np.ones(classes), B)[:, -n_outputs:]
        return Targets(values=np.ascontiguousarray(soft, dtype=dtype)), Loss()
    values = rng.standard_normal((B, n_outputs)).astype(dtype)
    delta = np.inf if kind == "squared error" else 0.7
    return Targets(values=values), Loss("huber", delta=delta)


def relative_difference(actual, expected):
    """Largest difference, relative to the largest expected entry."""
    scale = np.abs(expected).max() if expected.size else 1.0
    return np.abs(actual - expected).max() / max(scale, 1e-300) if expected.size else 0.0


def steps_of(sequences, i):
    """Where sequence i lies in the values."""
    return slice(sequences.starts[i], sequences.starts[i] + sequences.lengths[i])
