"""Networks in integers that no training has made, and sequences for them."""

import numpy as np

from skfastgrnn.network import IntegerCell, IntegerMatrix, IntegerNetwork, SequenceBatch


def matrix(rng, rows, columns, bits=8, density=1.0, ratio=2.0**-8):
    """Random weights, whose results are about `ratio` times their sums of products."""
    most = {8: 127, 4: 7}[bits]
    weights = rng.integers(-most, most + 1, (rows, columns))
    weights *= rng.random((rows, columns)) < density
    shift = int(np.clip(-round(np.log2(ratio)) - 1, -15, 30))
    multiplier = rng.integers(2**12, 2**15, rows).astype(np.int16)
    while not IntegerMatrix(weights, multiplier, shift, bits).fits:
        shift += 1
    return IntegerMatrix(weights.astype(np.int8), multiplier, shift, bits)


def random_network(
    rng,
    channels=3,
    hidden=5,
    outputs=2,
    gate="sigmoid",
    update="tanh",
    pooling="last",
    layers=1,
    rank_w=None,
    rank_u=None,
    bits=8,
    density=1.0,
    ratio=2.0**-8,
    state_bits=15,
):
    """A network of random integers."""

    def factors(rank, columns):
        low = None
        if rank is not None:
            low = matrix(rng, rank, columns, bits, density, ratio)
        return low, matrix(rng, hidden, rank or columns, bits, density, ratio)

    cells = []
    for layer in range(layers):
        w_low, w = factors(rank_w, channels if layer == 0 else hidden)
        u_low, u = factors(rank_u, hidden)
        cells.append(
            IntegerCell(
                w_low,
                w,
                u_low,
                u,
                rng.integers(-(2**15), 2**15, hidden).astype(np.int16),
                rng.integers(-(2**15), 2**15, hidden).astype(np.int16),
                bias_shift=int(rng.integers(0, 3)),
                zeta=int(rng.choice([0, 24000, 2**15 - 1])),
                nu=int(rng.choice([0, 600, 2**15 - 2])),
                state_bits=state_bits,
            )
        )
    return IntegerNetwork(
        gate_activation=gate,
        update_activation=update,
        pooling=pooling,
        input_center=rng.normal(size=channels).astype(np.float32),
        input_factor=rng.uniform(1000, 9000, channels).astype(np.float32),
        cells=tuple(cells),
        attention=matrix(rng, 1, hidden, bits, density, 2.0**-9)
        if pooling == "attention"
        else None,
        head=matrix(rng, outputs, hidden, bits, density),
        head_bias=rng.integers(-(2**20), 2**20, outputs).astype(np.int32),
        output_bits=16,
        output_center=np.zeros(outputs),
        output_unit=np.ones(outputs),
    )


def extremes(rng, n_values, channels):
    """int16 of which most are the least, the greatest, or next to 0; some hold for many steps."""
    few = np.array([-(2**15), -(2**15) + 1, 2**15 - 1, 2**15 - 2, -1, 0, 1], dtype=np.int16)
    values = rng.choice(few, (n_values, channels))
    for begin in range(0, n_values, 40):
        values[begin : begin + 20] = values[begin]
    return values


def ragged(rng, values, n_sequences):
    """Sequences of 1 to 20 steps anywhere in the values."""
    lengths = rng.integers(1, min(21, len(values) + 1), n_sequences)
    starts = rng.integers(0, len(values) - lengths + 1)
    return SequenceBatch(values, starts.astype(np.intp), lengths.astype(np.intp))
