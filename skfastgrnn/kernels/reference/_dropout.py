"""Which states are dropped: the same draws as c/dropout.h."""

import numpy as np

from ...network import MAX_LAYERS

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def splitmix64(x):
    """Output of SplitMix64 in state x (uint64); its i-th state is seed + i * GOLDEN.

    Steele, Lea & Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014.
    """
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@np.errstate(over="ignore")
def mask(dropout, positions, layer, n_states, dtype):
    """Dropout factors of the states of sequences (B, n_states): 0, or 1 / (1 - rate).

    `positions` (B,) are those of the sequences in the epoch; states are counted over steps and
    units. Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*,
    JMLR 2014.
    """
    place = positions.astype(np.uint64) * np.uint64(MAX_LAYERS) + np.uint64(layer + 1)
    key = splitmix64(np.uint64(dropout.seed) + GOLDEN * place)[:, None]
    number = np.arange(1, n_states + 1, dtype=np.uint64)
    drawn = splitmix64(key + GOLDEN * number) >> np.uint64(11)
    kept = drawn >= np.uint64(dropout.rate * 2.0**53)
    return kept / dtype.type(1 - dropout.rate)
