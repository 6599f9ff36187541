"""The C of networks in integers beside NumPy, to the bit."""

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from helpers.exported import COMPILERS, SANITIZED, needs_gcc, outputs_of, programmed
from helpers.integers import extremes, ragged, random_network
from hypothesis import given, settings
from hypothesis import strategies as st

from skfastgrnn.kernels.reference import _integer as reference
from skfastgrnn.network import ACTIVATIONS, INTEGER_GATES, INTEGER_POOLINGS, SequenceBatch

OPTIONS = list(product(INTEGER_GATES, ACTIVATIONS, INTEGER_POOLINGS))
SHAPES = [
    {},
    {"channels": 12, "hidden": 17, "outputs": 5, "rank_w": 2, "rank_u": 3, "density": 0.5},
    {"channels": 4, "hidden": 9, "outputs": 1, "rank_u": 2, "bits": 4, "density": 0.1},
    {"channels": 300, "hidden": 6, "outputs": 2, "rank_w": 3, "bits": 4, "density": 0.3},
    {"channels": 1, "hidden": 1, "outputs": 1, "density": 0.0},
    {"channels": 7, "hidden": 40, "outputs": 3, "layers": 7, "density": 0.2},
]


def networks():
    """One for each combination of options, of several shapes."""
    for seed, (gate, update, pooling) in enumerate(OPTIONS):
        rng = np.random.default_rng(seed)
        shape = {"layers": 1 + seed % 3, **SHAPES[seed % len(SHAPES)]}
        yield random_network(
            rng,
            gate=gate,
            update=update,
            pooling=pooling,
            state_bits=int(rng.integers(0, 16)),
            ratio=2.0 ** rng.integers(-14, 2),
            **shape,
        )


def compare(program, found_networks, seed, n_sequences):
    rng = np.random.default_rng(seed)
    for make in (
        lambda n: rng.integers(-(2**15), 2**15, (400, n)).astype(np.int16),
        lambda n: extremes(rng, 400, n),
    ):
        batches = [ragged(rng, make(n.n_channels), n_sequences) for n in found_networks]
        found = outputs_of(program, found_networks, batches)
        for network, batch, outputs in zip(found_networks, batches, found, strict=True):
            np.testing.assert_array_equal(outputs, reference.outputs(network, batch))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_option_and_shape(compiler, tmp_path):
    every = list(networks())
    assert len(every) == 40
    compare(programmed(every, tmp_path, compiler, ["-O2"]), every, 0, 60)


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_warning_at_any_level_of_optimization(compiler, level, tmp_path):
    some = list(networks())[:: 7 if level == "-O3" else 5]
    compare(programmed(some, tmp_path, compiler, [level]), some, 2, 5)


@needs_gcc
def test_outputs_before_the_first_step(tmp_path):
    """A sum of no states is not divided by their number; the state is 0, so outputs are biases."""
    poolings = ["last", "mean", "attention"]
    some = [random_network(np.random.default_rng(3), pooling=pooling) for pooling in poolings]
    nothing = SequenceBatch(np.zeros((1, 3), np.int16), np.array([0]), np.array([0]))
    found = outputs_of(programmed(some, tmp_path, "gcc", SANITIZED), some, [nothing] * 3)
    for network, outputs in zip(some, found, strict=True):
        np.testing.assert_array_equal(outputs, [network.head_bias])


SPECIFICATIONS = st.fixed_dictionaries(
    {
        "channels": st.integers(1, 20),
        "hidden": st.integers(1, 33),
        "outputs": st.integers(1, 6),
        "layers": st.integers(1, 3),
        "rank_w": st.none() | st.integers(1, 5),
        "rank_u": st.none() | st.integers(1, 5),
        "bits": st.sampled_from([4, 8]),
        "density": st.sampled_from([0.0, 0.05, 0.3, 0.6, 1.0]),
        "ratio": st.integers(-14, 1).map(lambda n: 2.0**n),
        "state_bits": st.integers(0, 15),
        "gate": st.sampled_from(INTEGER_GATES),
        "update": st.sampled_from(ACTIVATIONS),
        "pooling": st.sampled_from(INTEGER_POOLINGS),
    }
)


@needs_gcc
@given(st.lists(SPECIFICATIONS, min_size=4, max_size=8), st.integers(0, 2**32 - 1))
@settings(max_examples=6, deadline=None, derandomize=True)
def test_any_networks(specifications, seed):
    """Several in a program, since compiling is what takes the time."""
    rng = np.random.default_rng(seed)
    some = [random_network(rng, **specification) for specification in specifications]
    with TemporaryDirectory() as folder:
        compare(programmed(some, Path(folder), "gcc", ["-O1"]), some, seed, 10)


@needs_gcc
def test_under_sanitizers(tmp_path):
    every = list(networks())[::3]
    compare(programmed(every, tmp_path, "gcc", SANITIZED), every, 1, 20)
