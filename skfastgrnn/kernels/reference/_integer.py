"""Networks in integers, in NumPy: the definition that the C source is compared with.

Everything is an int64 here, in which nothing below can overflow; what is said of bits and ranges is
what an int32 or int16 of the C source (kernels/c/integer/) needs. docs/integers.rst explains the
formats.
"""

import numpy as np

PRE_BITS = 12  # fractional bits of pre-activations
PRE_LIMIT = 2**15 - 1  # from 8 on, a sigmoid is 1
ONE = 2**15  # 1 with 15 fractional bits; gates and candidates stay below
SEGMENT_BITS = 10  # 32 segments of the sigmoid between 0 and 8
SCORE_BITS = 10  # fractional bits of scores, which are powers of two
EXP_BITS = 14  # fractional bits of the table of powers of two
EXP_SEGMENT_BITS = 6  # 16 segments of 2^x between 0 and 1


def sigmoid_table():
    """The logistic function at 0, 1/4, ..., 8, with 15 fractional bits: (33,).

    A chord of width w of a concave function lies below it, by up to w² |f''| / 8 in its middle;
    each point between the ends is raised by half of that, so that the error has both signs.
    """
    x = np.arange(33) / 4
    y = 1 / (1 + np.exp(-x))
    raised = y - y * (1 - y) * (1 - 2 * y) * (1 / 4) ** 2 / 16
    table = np.rint(raised * ONE).astype(np.int64)
    table[-1] = ONE - 1
    return table


def exp2_table():
    """2^x at 0, 1/16, ..., 1, with 14 fractional bits: (17,)."""
    return np.rint(2 ** (np.arange(17) / 16) * 2**EXP_BITS).astype(np.int64)


SIGMOID, EXP2 = sigmoid_table(), exp2_table()


def rounded(v, n):
    """floor(v / 2^n + 1/2); n >= 0 may be an array."""
    return (v + (np.left_shift(1, n, dtype=np.int64) >> 1)) >> n


def rounded_quotient(v, n):
    """floor(v / n + 1/2)."""
    return (2 * v + n) // (2 * n)


def saturated(v):
    """The nearest int16."""
    return np.clip(v, -(2**15), 2**15 - 1)


def requantized(total, multiplier, shift):
    """floor(total * multiplier / 2^(16 + shift) + 1/2), shift >= -15."""
    return rounded(total * multiplier, 16 + shift)


def product(matrix, x):
    """x (n, columns) times a matrix, in the format of its results (n, rows)."""
    # As float64, in which integers up to 2^53 are exact: NumPy has a fast product of these.
    total = (x.astype(np.float64) @ matrix.weights.T.astype(np.float64)).astype(np.int64)
    return requantized(total, matrix.multiplier.astype(np.int64), matrix.shift)


def factored_product(low, matrix, x):
    """The same through an int16 intermediate, where `low` is a matrix."""
    return product(matrix, x if low is None else saturated(product(low, x)))


def interpolated(table, at, bits):
    """Between neighbours of a table, whose distance is 2^bits."""
    left, part = at >> bits, at & (2**bits - 1)
    return table[left] + ((table[left + 1] - table[left]) * part + 2 ** (bits - 1) >> bits)


def sigmoid(v):
    """Of v / 2^PRE_BITS, 15 fractional bits: 1 to 2^15 - 1."""
    y = interpolated(SIGMOID, np.minimum(np.abs(v), PRE_LIMIT), SEGMENT_BITS)
    return np.where(v < 0, ONE - y, y)


def hyperbolic_tangent(v):
    """2 sigmoid(2 v) - 1."""
    return 2 * sigmoid(2 * v) - ONE


def hard_sigmoid(v):
    """(v + 1) / 2 between 0 and 1."""
    return np.clip((v + 2**PRE_BITS) * 2 ** (14 - PRE_BITS), 0, ONE - 1)


def hard_tanh(v):
    """v between -1 and 1."""
    return np.clip(v * 2 ** (15 - PRE_BITS), 1 - ONE, ONE - 1)


#: Of v / 2^PRE_BITS, with 15 fractional bits, from 1 - 2^15 to 2^15 - 1.
FUNCTIONS = {
    "sigmoid": sigmoid,
    "tanh": hyperbolic_tangent,
    "hard_sigmoid": hard_sigmoid,
    "hard_tanh": hard_tanh,
}


def candidate(kind, v, state_bits):
    """The update activation in the format of the state, int16."""
    if kind != "relu":
        return rounded(FUNCTIONS[kind](v), 15 - state_bits)
    v = np.maximum(v, 0)
    if state_bits < PRE_BITS:
        return saturated(rounded(v, PRE_BITS - state_bits))
    return saturated(v << (state_bits - PRE_BITS))


def cell_step(network, cell, x, h):
    """The next state (n, hidden) from what the cell reads (n, inputs) and its state."""
    a = factored_product(cell.w_low, cell.w, x) + factored_product(cell.u_low, cell.u, h)
    unit = 2**cell.bias_shift
    z = FUNCTIONS[network.gate_activation](a + cell.bias_gate.astype(np.int64) * unit)
    pre = a + cell.bias_update.astype(np.int64) * unit
    c = candidate(network.update_activation, pre, cell.state_bits)
    share = cell.nu + cell.zeta - rounded(cell.zeta * z, 15)
    return saturated(rounded(share * c + z * h, 15))


class Last:
    """The last state."""

    def __init__(self, network, n_sequences):
        self.state = None

    def add(self, h):
        """Take in the states (n, hidden) of a step of the first n sequences."""
        if self.state is None:
            self.state = h.copy()
        self.state[: len(h)] = h

    def summary(self):
        """What the head reads (n_sequences, hidden)."""
        return self.state


class Mean:
    """The mean of all states, rounded."""

    def __init__(self, network, n_sequences):
        self.total = np.zeros((n_sequences, network.hidden_size), dtype=np.int64)
        self.n_steps = np.zeros((n_sequences, 1), dtype=np.int64)

    def add(self, h):
        self.total[: len(h)] += h
        self.n_steps[: len(h)] += 1

    def summary(self):
        return rounded_quotient(self.total, self.n_steps)


class Max:
    """The greatest value of each unit."""

    def __init__(self, network, n_sequences):
        self.most = np.full((n_sequences, network.hidden_size), -(2**15), dtype=np.int64)

    def add(self, h):
        np.maximum(self.most[: len(h)], h, out=self.most[: len(h)])

    def summary(self):
        return self.most


class Attention:
    """A mean whose weights are a softmax over the steps, of scores attention · h.

    Scores are exponents of 2. Weights are relative to the greatest integer exponent so far; a
    greater one moves the sums to it.
    """

    def __init__(self, network, n_sequences):
        self.matrix = network.attention
        self.reference = None
        self.weight = np.zeros((n_sequences, 1), dtype=np.int64)
        self.total = np.zeros((n_sequences, network.hidden_size), dtype=np.int64)

    def add(self, h):
        n = len(h)
        score = product(self.matrix, h)  # (n, 1)
        exponent = score >> SCORE_BITS
        if self.reference is None:
            self.reference = exponent.copy()
        reference = np.maximum(self.reference[:n], exponent)
        down = np.minimum(reference - self.reference[:n], 62)
        mantissa = interpolated(EXP2, score & (2**SCORE_BITS - 1), EXP_SEGMENT_BITS)
        weight = rounded(mantissa, np.minimum(reference - exponent, 30))
        self.weight[:n] = rounded(self.weight[:n], down) + weight
        self.total[:n] = rounded(self.total[:n], down) + weight * h
        self.reference[:n] = reference

    def summary(self):
        # Rounding of the sums may add up to one more than the greatest state.
        return saturated(rounded_quotient(self.total, self.weight))


POOLINGS = {"last": Last, "mean": Mean, "max": Max, "attention": Attention}


def quantized_input(network, values):
    """Values (n, channels) as int16: the nearest integer to (x - center) * factor.

    In float32, halves away from zero, saturated to ±32767.
    """
    largest = np.finfo(np.float32).max
    with np.errstate(over="ignore"):
        values = np.clip(values, -largest, largest).astype(np.float32)
        scaled = (values - network.input_center) * network.input_factor
    scaled = np.clip(scaled, np.float32(-32767), np.float32(32767)).astype(np.float64)
    return (np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)).astype(np.int16)


def outputs(network, sequences):
    """Outputs (n_sequences, n_outputs) int32 of sequences of int16."""
    rows = sequences.longest_first(np.arange(len(sequences)))
    lengths, starts = sequences.lengths[rows], sequences.starts[rows]
    states = [np.zeros((len(rows), network.hidden_size), dtype=np.int64) for _ in network.cells]
    pooled = POOLINGS[network.pooling](network, len(rows))
    for t in range(sequences.longest):
        n = int(np.searchsorted(-lengths, -t, side="left"))  # sequences longer than t
        x = sequences.values[starts[:n] + t].astype(np.int64)
        for h, cell in zip(states, network.cells, strict=True):
            x = h[:n] = cell_step(network, cell, x, h[:n])
        pooled.add(x)
    found = np.empty((len(rows), network.n_outputs), dtype=np.int32)
    summary = pooled.summary()
    found[rows] = product(network.head, summary) + network.head_bias
    return found
