"""Networks in integers: NumPy beside exact fractions, and the compiled source beside NumPy."""

import math
import re
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from helpers.integers import extremes, matrix, ragged, random_network
from helpers.kernels import unaligned
from hypothesis import given, settings
from hypothesis import strategies as st

from skfastgrnn.kernels import integer_instruction_sets, integer_outputs
from skfastgrnn.kernels.reference import _integer as reference
from skfastgrnn.network import (
    ACTIVATIONS,
    GAPS,
    INTEGER_GATES,
    INTEGER_POOLINGS,
    MOST_NU,
    MOST_ZETA,
    IntegerMatrix,
    SequenceBatch,
)

INT32 = st.integers(-(2**31), 2**31 - 1)
C_SOURCES = Path(__file__).resolve().parents[2] / "skfastgrnn" / "kernels" / "c" / "integer"
needs_compiled = pytest.mark.skipif(
    not integer_instruction_sets(), reason="installed without a C compiler"
)


def half_up(value):
    """The nearest integer to a fraction, halves upward."""
    return math.floor(value + Fraction(1, 2))


@given(total=INT32, multiplier=st.integers(0, 2**15 - 1), shift=st.integers(-15, 30))
@settings(max_examples=500, deadline=None)
def test_requantizing_is_exact(total, multiplier, shift):
    expected = half_up(Fraction(total * multiplier) / Fraction(2) ** (16 + shift))
    assert int(reference.requantized(np.int64(total), multiplier, shift)) == expected


@given(value=st.integers(-(2**62), 2**61), n=st.integers(0, 62), divisor=st.integers(1, 2**40))
@settings(max_examples=500, deadline=None)
def test_rounding_is_exact(value, n, divisor):
    assert int(reference.rounded(np.int64(value), n)) == half_up(Fraction(value, 2**n))
    small = value >> 2  # twice it is an int64
    assert int(reference.rounded_quotient(np.int64(small), divisor)) == half_up(
        Fraction(small, divisor)
    )


@pytest.mark.parametrize(
    ("function", "exact", "tolerance"),
    [
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), 4e-4),
        ("tanh", np.tanh, 8e-4),
        ("hard_sigmoid", lambda x: np.clip((x + 1) / 2, 0, 1 - 2**-15), 0),
        ("hard_tanh", lambda x: np.clip(x, 2**-15 - 1, 1 - 2**-15), 0),
    ],
)
def test_activations(function, exact, tolerance):
    v = np.arange(-50_000, 50_001)
    y = reference.FUNCTIONS[function](v)
    assert np.abs(y / 2**15 - exact(v / 2**12)).max() <= tolerance
    assert (np.diff(y) >= 0).all()
    if function == "sigmoid":  # symmetric, without any loss
        np.testing.assert_array_equal(y + y[::-1], 2**15)
    if "tanh" in function:
        np.testing.assert_array_equal(y, -y[::-1])


def test_far_arguments_have_the_limits():
    far = np.array([-(2**30), 2**30])
    assert reference.sigmoid(far).tolist() == [1, 2**15 - 1]
    assert reference.hyperbolic_tangent(far).tolist() == [2 - 2**15, 2**15 - 2]


@pytest.mark.parametrize("state_bits", [0, 11, 12, 13, 15])
def test_a_rectified_candidate_has_the_format_of_the_state(state_bits):
    v = np.array([-5000, 0, 1, 4096, 2**14, 2**29])
    exact = np.clip([half_up(Fraction(int(max(x, 0)) * 2**state_bits, 2**12)) for x in v], 0, 32767)
    np.testing.assert_array_equal(reference.candidate("relu", v, state_bits), exact)


def test_states_saturate_and_never_wrap():
    """z h + (ζ (1 - z) + ν) c at its extremes, in the integers that C has."""
    ends = [-(2**15), 2**15 - 1]
    z, c, h = np.meshgrid(np.arange(0, 2**15, 31), ends, ends)
    for zeta, nu in product([0, 2**14, MOST_ZETA], [0, 2**14, MOST_NU]):
        share = nu + zeta - reference.rounded(zeta * z, 15)
        total = share * c + z * h + 2**14
        assert np.abs(total).max() < 2**31


def test_packed_weights_are_those_of_the_matrix():
    rng = np.random.default_rng(0)
    for bits, density in product((8, 4), (1.0, 0.4, 0.0)):
        m = matrix(rng, 5, 13, bits, density)
        for block_size in (None, 1, 2, 4, 8):
            stored, mask = m.packed(block_size)
            values = stored.view(np.int8)
            if bits == 4:
                halves = np.stack([stored & 15, stored >> 4], axis=1).ravel().astype(np.int8)
                values = np.where(halves < 8, halves, halves - 16)
            found, taken = np.zeros((5, 13), dtype=int), 0
            for i, j in product(range(5), range(13)):
                group = 0 if block_size is None else i * -(-13 // block_size) + j // block_size
                if mask is None or mask[group // 8] >> group % 8 & 1:
                    found[i, j] = values[taken]
                    taken += 1
            np.testing.assert_array_equal(found, m.weights)
            assert len(values) - taken in ((0, 1) if bits == 4 else (0,))
        n_bytes = [
            sum(p.nbytes for p in m.packed(b) if p is not None) for b in (None, 1, 2, 4, 8, GAPS)
        ]
        assert sum(p.nbytes for p in m.packed(m.block_size) if p is not None) == min(n_bytes)


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 40),
    density=st.sampled_from([0.0, 0.01, 0.05, 0.2, 1.0]),
    bits=st.sampled_from([4, 8]),
    seed=st.integers(0, 2**32 - 1),
)
def test_gaps_lead_to_the_weights_of_the_matrix(rows, columns, density, bits, seed):
    m = matrix(np.random.default_rng(seed), rows, columns, bits, density)
    stored, packed_gaps = m.packed(GAPS)
    values = iter(np.unpackbits(stored, bitorder="little").reshape(-1, bits).tolist())
    place, found = 0, np.zeros(rows * columns, dtype=int)
    for gap in np.stack([packed_gaps & 15, packed_gaps >> 4], axis=1).ravel().tolist():
        place += gap
        if place >= len(found):
            break
        if gap < 15:
            *magnitude, sign = next(values)
            found[place] = sum(bit << i for i, bit in enumerate(magnitude)) - (sign << bits - 1)
            place += 1
    else:
        pytest.fail("The gaps end within the matrix.")
    np.testing.assert_array_equal(found.reshape(rows, columns), m.weights)
    assert sum(map(any, values)) == 0  # at most the other half of a byte is left


OPTIONS = [
    {"gate": gate, "update": update, "pooling": pooling}
    for gate, update, pooling in product(INTEGER_GATES, ACTIVATIONS, INTEGER_POOLINGS)
]
#: 125 sequences of random numbers and 125 of extremes for each: 15 000 of either.
SHAPES = [
    {},
    {
        "channels": 12,
        "hidden": 17,
        "outputs": 5,
        "rank_w": 2,
        "rank_u": 3,
        "density": 0.5,
        "bits": 4,
    },
    {"hidden": 15, "density": 0.08},  # lists of gaps
]


@needs_compiled
@pytest.mark.parametrize("shape", range(len(SHAPES)))
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o.values()))
def test_compiled_integers_are_those_of_numpy(options, shape):
    seed = len(SHAPES) * OPTIONS.index(options) + shape
    rng = np.random.default_rng(seed)
    settings = {
        **SHAPES[shape],
        **options,
        "layers": 1 + seed % 3,
        "state_bits": int(rng.integers(0, 16)),
        "ratio": 2.0 ** rng.integers(-14, 2),
    }
    network = random_network(rng, **settings)
    channels = network.n_channels
    for values in (
        rng.integers(-(2**15), 2**15, (400, channels)).astype(np.int16),
        extremes(rng, 400, channels),
    ):
        compare_everywhere(network, ragged(rng, values, 125))


@needs_compiled
@pytest.mark.parametrize("pooling", INTEGER_POOLINGS)
def test_any_number_of_sequences(pooling):
    """Few are computed one by one, many side by side, some of which begin when others end."""
    rng = np.random.default_rng(5)
    network = random_network(rng, 5, 18, 3, pooling=pooling, layers=2, state_bits=13)
    values = rng.integers(-(2**15), 2**15, (200, 5)).astype(np.int16)
    for n in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 39, 41, 64, 69):
        compare_everywhere(network, ragged(rng, values, n))
        compare_everywhere(network, SequenceBatch.of_equal_length(values[: 2 * n], 2, n))


@needs_compiled
@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_long_sequences_side_by_side(pooling):
    """Sums of int32 hold 32768 steps; longer sequences are computed with sums of int64."""
    rng = np.random.default_rng(6)
    network = random_network(rng, 1, 2, 1, update="hard_tanh", pooling=pooling, ratio=2.0**-7)
    many = np.zeros(32, dtype=np.intp)
    values = np.full((32769, 1), 2**15 - 1, np.int16)
    compare_everywhere(network, SequenceBatch(values[:32768], many, many + 32768))
    one = integer_outputs(network, SequenceBatch.of_equal_length(values, 32769, 1))
    longer = integer_outputs(network, SequenceBatch(values, many, many + 32769))
    np.testing.assert_array_equal(longer, np.broadcast_to(one, longer.shape))


@needs_compiled
@pytest.mark.parametrize("update", ACTIVATIONS)
@pytest.mark.parametrize("gate", INTEGER_GATES)
def test_every_pre_activation(gate, update):
    """A unit whose pre-activation is its input, for every int16."""
    one = IntegerMatrix(np.ones((1, 1), np.int8), np.array([2**14], np.int16), -2, 8)
    none = IntegerMatrix(np.zeros((1, 1), np.int8), np.array([2**14], np.int16), -2, 8)
    network = random_network(np.random.default_rng(1), 1, 1, 1, gate=gate, update=update)
    bias = np.zeros(1, np.int16)
    for state_bits in (15, 12):
        cell = replace(
            network.cells[0], w=one, u=none, bias_gate=bias, bias_update=bias, state_bits=state_bits
        )
        network = replace(network, cells=(cell,), head=one)
        values = np.arange(-(2**15), 2**15).astype(np.int16)[:, None]
        compare_everywhere(network, SequenceBatch.of_equal_length(values, 1, 2**16))


def test_the_tables_of_the_source():
    source = (C_SOURCES / "fastgrnn_arithmetic.h").read_text("utf-8")
    for name, table in (("sigmoid_table", reference.SIGMOID), ("exp2_table", reference.EXP2)):
        (numbers,) = re.findall(rf"{name}\[\d+\] = \{{(.*?)\}}", source, re.S)
        assert [int(number) for number in re.findall(r"\d+", numbers)] == table.tolist()


@needs_compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_border_is_the_same(dtype):
    rng = np.random.default_rng(0)
    network = random_network(rng, channels=5)
    scale = np.array([1.0, 1e-3, 100.0, 1e30, 0.0])
    values = (rng.normal(size=(2000, 5)) * scale).astype(dtype)
    center, factor = network.input_center, network.input_factor
    # halves, and what is next to them
    values[:500, 0] = center[0] + (rng.integers(-40_000, 40_000, 500) + 0.5) / factor[0]
    values[500] = np.finfo(dtype).max
    values[501] = -np.finfo(dtype).max
    quantized = reference.quantized_input(network, values)
    x32 = np.clip(values, -3e38, 3e38).astype(np.float32)
    for x, c, f, q in zip(
        x32.ravel(), np.tile(center, 2000), np.tile(factor, 2000), quantized.ravel(), strict=True
    ):
        scaled = (
            float(np.float32(np.float32(x - c) * f)) if abs(x) < 1e30 else math.inf * np.sign(x)
        )
        exact = math.copysign(math.floor(min(abs(scaled), 32767) + 0.5), scaled)
        assert q == exact
    compare_everywhere(network, ragged(rng, values, 300))
    sequences = SequenceBatch.of_equal_length(values, 10, 200)
    inside = SequenceBatch.of_equal_length(quantized, 10, 200)
    np.testing.assert_array_equal(
        integer_outputs(network, sequences), reference.outputs(network, inside)
    )


def compare_everywhere(network, sequences):
    """Every instruction set, and weights as a device stores them, beside NumPy."""
    from skfastgrnn.kernels._integer_bindings import Model

    values = sequences.values
    if values.dtype.kind == "f":
        values = reference.quantized_input(network, values)
    expected = reference.outputs(
        network, SequenceBatch(values, sequences.starts, sequences.lengths)
    )
    for stored in (False, True):
        model = Model(network, stored)
        for isa in integer_instruction_sets().values():
            found = model.outputs(isa, sequences.values, sequences.starts, sequences.lengths)
            np.testing.assert_array_equal(found, expected)


@needs_compiled
@pytest.mark.parametrize("pooling", INTEGER_POOLINGS)
def test_long_streams(pooling):
    """A constant extreme leads to a state that stays, from which NumPy knows a million steps."""
    rng = np.random.default_rng(3)
    network = random_network(rng, hidden=4, update="hard_tanh", pooling=pooling, ratio=2.0**-10)
    n_steps = 1_000_000
    values = np.broadcast_to(np.array([-(2**15), 2**15 - 1, 2**15 - 1], np.int16), (n_steps, 3))
    values = np.ascontiguousarray(values)
    found = integer_outputs(network, SequenceBatch.of_equal_length(values, n_steps, 1))
    cell, h = network.cells[0], np.zeros((1, 4), dtype=np.int64)
    pooled = reference.POOLINGS[pooling](network, 1)
    for n_done in range(1, 20_000):  # noqa: B007 (read below)
        before, h = h, reference.cell_step(network, cell, values[:1].astype(np.int64), h)
        pooled.add(h)
        if np.array_equal(before, h):
            break
    else:
        raise AssertionError("the state must settle for this test")
    left = n_steps - n_done
    if pooling == "mean":
        pooled.total += left * h
        pooled.n_steps += left
    if pooling == "attention":  # the same weight again and again
        weight = pooled.weight.copy()
        total = pooled.total.copy()
        pooled.add(h)
        pooled.weight, pooled.total = (
            weight + left * (pooled.weight - weight),
            total + left * (pooled.total - total),
        )
    summary = pooled.summary()
    expected = reference.product(network.head, summary) + network.head_bias
    np.testing.assert_array_equal(found, expected)
    assert np.abs(summary).max() <= 2**15


def test_a_softmax_over_steps():
    """The mean with exponential weights, in floating point."""
    rng = np.random.default_rng(0)
    network = random_network(rng, hidden=6, pooling="attention")
    h = rng.integers(-(2**15), 2**15, (50, 6))
    pooled = reference.Attention(network, 1)
    for state in h:
        pooled.add(state[None])
    score = reference.product(network.attention, h)[:, 0] / 2**reference.SCORE_BITS
    weight = 2.0 ** (score - score.max())
    expected = weight @ h / weight.sum()
    assert np.ptp(score) > 8  # so that old weights have been moved to greater references
    np.testing.assert_allclose(pooled.summary()[0], expected, atol=2**15 * 2e-3)


def places(*values):
    return np.array(values, dtype=np.intp)


@needs_compiled
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"isa": 99}, "no instruction set"),
        ({"values": np.zeros((9, 2), np.int16)}, "shape"),
        ({"values": np.zeros((9, 3), np.int32)}, "int32"),
        ({"values": np.zeros((3, 9), np.int16).T}, "contiguous"),
        ({"values": np.zeros((0, 3), np.int16)}, "shape"),
        ({"starts": unaligned(places(0))}, "starts must be aligned"),
        ({"lengths": unaligned(places(9))}, "lengths must be aligned"),
        ({"starts": places(), "lengths": places()}, "at least one sequence"),
        ({"starts": places(0, 1)}, "as many starts"),
        ({"starts": places(-1)}, "within"),
        ({"lengths": places(0)}, "within"),
        ({"starts": places(5), "lengths": places(5)}, "within"),
        ({"starts": places(2**62), "lengths": places(1)}, "within"),
    ],
)
def test_the_binding_refuses_what_is_not_there(change, message):
    from skfastgrnn.kernels._integer_bindings import Model

    model = Model(random_network(np.random.default_rng(0)))
    values = np.zeros((9, 3), np.int16)
    arguments = {"isa": 0, "values": values, "starts": places(0), "lengths": places(9), **change}
    with pytest.raises(ValueError, match=message):
        model.outputs(*arguments.values())


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_source_for_devices_compiles_without_a_warning(compiler, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    warnings = "-Wall -Wextra -Wpedantic -Wconversion -Wdouble-promotion -Wshadow -Werror"
    flags = f"-std=c99 -O2 {warnings}".split()
    source = C_SOURCES / "fastgrnn_integer.c"
    subprocess.run([compiler, *flags, "-c", source, "-o", tmp_path / "out.o"], check=True)
    text = source.read_text("utf-8") + (C_SOURCES / "fastgrnn_integer.h").read_text("utf-8")
    included = {line for line in text.splitlines() if line.startswith("#include <")}
    assert included == {"#include <stdint.h>"}
