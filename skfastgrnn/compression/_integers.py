"""From the parameters of a network, and sequences to calibrate on, to integers."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ..kernels import active_kernel, expand
from ..network import (
    FACTORS,
    INTEGER_GATES,
    INTEGER_POOLINGS,
    MOST_BIAS_SHIFT,
    MOST_NU,
    MOST_OF_ROW,
    MOST_ROWS,
    MOST_SHIFT,
    MOST_ZETA,
    IntegerCell,
    IntegerMatrix,
    IntegerNetwork,
    SequenceBatch,
    cell_parts,
    first_log_steps,
    integers,
    named_views,
    tensors,
    zeros,
)
from ._calibration import sampled, warn_of_coarse_inputs, warn_of_outliers

#: Ranges of inputs, states and products with a factor are so many times those of the calibration.
MARGIN = 2.0
#: Fractional bits of pre-activations, and of scores, which are powers of two.
PRE_BITS, SCORE_BITS = 12, 10
MATRIX_NAMES = ("W", "W1", "W2", "U", "U1", "U2")
HEAD_NAMES = ("attention", "head_weight")
BIASES = ("bias_gate", "bias_update")
#: Fractional bits of outputs, unless weights of the head are too large for as many.
OUTPUT_BITS = 16
#: What may be done of numbers that are too large.
ADVICE = (
    "Remove outliers from what is calibrated on, or put a scaler in front of the network, which "
    "quantize folds into the input, and train again."
)
#: The same of states, which may grow in sequences that are longer than those of the training.
ADVICE_OF_STATES = f"{ADVICE} With bounded_state=True states do not grow in long sequences."
#: Steps of sequences that are calibrated on at a time, to bound the memory.
STEPS_AT_A_TIME = 1 << 16


class Unsupported(ValueError):
    """A network that there is not in integers; the message says what to change."""


def check_supported(network):
    """Refuse a network that cannot be computed in integers."""
    sizes = {"channels": network.n_channels, "units": network.hidden_size}
    for what, size in {**sizes, "outputs": network.n_outputs}.items():
        if size > MOST_ROWS:
            raise Unsupported(
                f"quantize takes networks of at most {MOST_ROWS} {what}, not {size}: there is room "
                "for 16 bits."
            )
    check_options(network)


def check_options(network):
    """Refuse what cannot be computed in integers, of a network or an estimator before `fit`."""
    if network.bidirectional:
        raise Unsupported(
            "quantize needs a network that reads its steps in order, as a device gets them; train "
            "with bidirectional=False."
        )
    if network.gate_activation not in INTEGER_GATES:
        raise Unsupported(
            f"gate_activation={network.gate_activation!r} is not supported in integers, whose "
            f"gates are between 0 and 1; train with one of {list(INTEGER_GATES)}."
        )
    if network.pooling not in INTEGER_POOLINGS:
        raise Unsupported(
            f"pooling={network.pooling!r} is not supported in integers; train with one of "
            f"{list(INTEGER_POOLINGS)}."
        )


def multipliers_and_shift(ratios):
    """int16 multipliers of rows and a shift: multiplier / 2^(16 + shift) is near each ratio > 0.

    The greatest multiplier has 15 bits, so no ratio errs by more than 2^-16 of the greatest.
    """
    shift = min(-1 - int(np.frexp(ratios.max())[1]), MOST_SHIFT)
    if np.rint(np.ldexp(ratios.max(), 16 + shift)) == 2**15:
        shift -= 1
    return np.rint(np.ldexp(ratios, 16 + shift)).astype(np.int16), shift


def integer_matrix(part, bits, unit, what, advice=ADVICE):
    """The weights of a `Part` in integers; a sum of products is worth its row's step times `unit`.

    Steps that were trained with the weights are kept, so that nothing is lost.
    """
    weights, log_steps = part
    if log_steps is None:
        weights = weights.astype(np.float64)
        log_steps = first_log_steps(weights, bits)
    found = integers(weights, log_steps, bits)
    while (excess := np.abs(found).sum(axis=1) / MOST_OF_ROW).max() > 1:  # beyond 516 columns
        log_steps = log_steps + np.log(np.maximum(1.01 * excess, 1.0)).astype(log_steps.dtype)
        found = integers(weights, log_steps, bits)
    multiplier, shift = multipliers_and_shift(np.exp(log_steps.astype(np.float64)) * unit)
    matrix = IntegerMatrix(found.astype(np.int8), multiplier, shift, bits)
    if not matrix.fits:
        raise Unsupported(
            f"Products with {what} are too large for integers: the weights are too large, or what "
            f"they read is far beyond its usual range somewhere in the calibration. {advice}"
        )
    return matrix


class Part(NamedTuple):
    """Weights of a matrix (rows, columns), and the logarithms of their steps (rows,) or None."""

    weights: np.ndarray
    log_steps: np.ndarray | None


def matrices_of(parts):
    """The `Part` of each matrix, by name, among parameters by name."""
    names = [name for name in (*MATRIX_NAMES, *HEAD_NAMES) if name in parts]
    return {name: Part(np.atleast_2d(parts[name]), parts.get(f"{name}_log_step")) for name in names}


def scaled_pieces(sequences, center, scale):
    """The sequences scaled, in float64, some at a time."""
    total = np.cumsum(sequences.lengths) // STEPS_AT_A_TIME
    for piece in np.unique(total):
        rows = np.flatnonzero(total == piece)
        some = SequenceBatch(sequences.values, sequences.starts[rows], sequences.lengths[rows])
        some = some.stacked()
        yield SequenceBatch(
            (some.values.astype(np.float64) - center) / scale, some.starts, some.lengths
        )


def layer_states(network, cell, read):
    """States (n_steps, hidden) of one cell, of parameters by name, on what it reads."""
    one = replace(
        network.dense, n_channels=read.values.shape[1], n_outputs=1, n_layers=1, pooling="last"
    )
    flat = zeros(one, read.values.dtype)
    for name, view in named_views(one, flat).items():
        if name in cell:
            view[...] = cell[name]
    every, *_ = active_kernel().states(one, flat, read)
    return every


def dense_cells(network, parts):
    """Parameters of each cell as it is computed: whole matrices, rounded where they are."""
    flat = np.concatenate([parts[tensor.name].ravel() for tensor in tensors(network)])
    return cell_parts(network.dense, named_views(network.dense, expand(network, flat)))


class Ranges:
    """What is seen of inputs, states and products with a factor, over the calibration.

    mean, deviation, inputs : of each scaled channel, the last the greatest distance from the mean;
        the latter two are exactly 0 where a channel does not vary
    states : greatest absolute value of the states of each cell
    low : likewise for the product with each second factor, a dict by name for each cell
    varies : whether each channel does
    """

    def __init__(self, network, parts, sequences, center, scale):
        total, squares, self.inputs = np.zeros((3, network.n_channels))
        first = (sequences.values[sequences.starts[0]] - center) / scale
        self.varies = np.zeros(network.n_channels, dtype=bool)
        for piece in scaled_pieces(sequences, center, scale):
            total += piece.values.sum(axis=0)
            self.varies |= (piece.values != first).any(axis=0)
        # The mean of equal numbers may differ from them by rounding, which is no deviation.
        self.mean = np.where(self.varies, total / sequences.n_steps, first)
        self.states = np.zeros(network.n_layers)
        self.low = [
            dict.fromkeys({"W2", "U2"} & {*cell}, 0.0) for cell in cell_parts(network, parts)
        ]
        for piece in scaled_pieces(sequences, center, scale):
            distance = np.abs(piece.values - self.mean)
            squares += np.sum(distance**2, axis=0)
            self.inputs = np.maximum(self.inputs, distance.max(axis=0))
            self._add_states(network, parts, piece)
        self.deviation = np.sqrt(squares / sequences.n_steps)

    def _add_states(self, network, parts, read):
        own, whole = cell_parts(network, parts), dense_cells(network, parts)
        for layer, (cell, dense) in enumerate(zip(own, whole, strict=True)):
            every = layer_states(network, dense, read)
            self.states[layer] = max(self.states[layer], np.abs(every).max())
            for name, values in (("W2", read.values), ("U2", every)):
                if name in cell:
                    found = np.abs(values @ cell[name].T).max()
                    self.low[layer][name] = max(self.low[layer][name], found)
            read = SequenceBatch(every, read.starts, read.lengths)


def integer_network(network, parts, sequences, *, bits, affine, is_regressor, argument):
    """The IntegerNetwork of parameters by name.

    Parameters
    ----------
    network : Network
        Supported, see `check_supported`.
    parts : dict of str -> ndarray
        Parameters of the network.
    sequences : SequenceBatch
        What ranges are calibrated on.
    bits : int
        8 or 4, of the weights; those of the network if it has been trained with some.
    affine : Affine
        What a scaler does to the sequences before the network reads them.
    is_regressor : bool
        Whether outputs have units of their own.
    argument : str
        Name of the sequences in errors.

    Raises
    ------
    ValueError
        If the sequences are constant, or weights or states are too large.
    """
    center, scale = (np.broadcast_to(part, network.n_channels) for part in affine)
    ranges = Ranges(network, parts, sequences, center, scale)
    if not ranges.varies.any():
        raise ValueError(
            f"{argument} is constant in every channel (n_samples = {len(sequences)}), so it does "
            "not show the range of inputs. Pass sequences like those of the training."
        )
    unit = np.ones(network.n_channels)
    if network.bits is None:
        unit = units_of_channels(ranges.deviation)
    step = MARGIN * (ranges.inputs / unit).max() / 32767
    cells, unit_of_input = [], step
    for layer, cell in enumerate(cell_parts(network, parts)):
        state_bits = 15 if network.bounded else bits_of_states(ranges.states[layer])
        units = Units(unit_of_input, 2.0**-state_bits, ranges.low[layer])
        columns = unit if layer == 0 else 1.0
        if layer == 0:
            cell = without_mean(network, parts, cell, ranges.mean)
        cells.append(integer_cell(cell, bits, units, columns, state_bits, f"layer {layer + 1}"))
        unit_of_input = units.state
    head = matrices_of(parts)
    attention = None
    if "attention" in head:
        to_score = units.state * np.log2(np.e) * 2**SCORE_BITS
        attention = integer_matrix(head["attention"], bits, to_score, "the attention")
    input_center = (center + scale * ranges.mean).astype(np.float32)
    found = IntegerNetwork(
        gate_activation=network.gate_activation,
        update_activation=network.update_activation,
        pooling=network.pooling,
        input_center=input_center,
        input_factor=(1 / (scale * unit * step)).astype(np.float32),
        cells=tuple(cells),
        attention=attention,
        **integer_head(head["head_weight"], parts["head_bias"], bits, units.state, is_regressor),
    )
    warn_of_outliers(sampled(sequences), center, scale, ranges, argument)
    warn_of_coarse_inputs(input_center, scale * ranges.deviation, argument)
    return found


class Units(NamedTuple):
    """What 1 is worth of the integers that a cell reads, and of those of its state.

    reach : dict of the greatest products with its second factors, by name
    """

    input: float
    state: float
    reach: dict


def without_mean(network, parts, cell, mean):
    """The first cell, for inputs less their mean: W mean is in its biases."""
    weights = dense_cells(network, parts)[0]["W"].astype(np.float64)
    return {**cell, **{name: cell[name] + weights @ mean for name in BIASES}}


def units_of_channels(deviation):
    """Powers of two near the deviation of each channel; a constant channel has the largest."""
    deviation = np.where(deviation > 0, deviation, deviation.max())
    return np.exp2(np.rint(np.log2(deviation)))


def bits_of_states(largest):
    """Fractional bits of an int16 that holds states of a margin more than those seen."""
    bits = 15 - max(0, int(np.ceil(np.log2(max(MARGIN * largest, 1.0)))))
    if bits < 0:
        raise Unsupported(
            f"States reach {largest:.3g}, too large for int16. Use update_activation='tanh', "
            "bounded_state=True if they grow in long sequences, or scale X, and train again."
        )
    return bits


def integer_factors(cell, name, bits, unit, reach, columns, what):
    """The second factor or None, and the first or whole matrix, of W or U of a cell."""
    parts = matrices_of(cell)
    to_pre = 2.0**PRE_BITS
    named = f"{name} of {what}", ADVICE_OF_STATES if name == "U" else ADVICE
    if name in parts:
        weights, log_steps = parts[name]
        return None, integer_matrix(Part(weights * columns, log_steps), bits, unit * to_pre, *named)
    first, second = FACTORS[name]
    unit_of_low = MARGIN * reach[second] / 32767 if reach[second] > 0 else 1.0
    weights, log_steps = parts[second]
    return (
        integer_matrix(Part(weights * columns, log_steps), bits, unit / unit_of_low, *named),
        integer_matrix(parts[first], bits, unit_of_low * to_pre, *named),
    )


def integer_cell(cell, bits, units, columns, state_bits, what):
    """The IntegerCell of parameters by name; columns of W are multiplied by `columns`."""
    biases = np.rint([cell[name].astype(np.float64) * 2**PRE_BITS for name in BIASES])
    bias_shift = max(0, int(np.ceil(np.log2(max(np.abs(biases).max(), 1) / 32767))))
    if bias_shift > MOST_BIAS_SHIFT:
        raise Unsupported(
            f"The biases of {what}, which take in the means of its inputs, are too large for "
            f"integers: {np.abs(biases).max() / 2**PRE_BITS:.3g}. {ADVICE}"
        )
    gate, update = np.rint(biases / 2**bias_shift).astype(np.int16)
    w_low, w = integer_factors(cell, "W", bits, units.input, units.reach, columns, what)
    u_low, u = integer_factors(cell, "U", bits, units.state, units.reach, 1.0, what)
    zeta = int(np.rint(expit(float(cell["zeta_hat"][0])) * 2**15))
    nu = int(np.rint(expit(float(cell["nu_hat"][0])) * 2**15)) if "nu_hat" in cell else 0
    return IntegerCell(
        w_low=w_low,
        w=w,
        u_low=u_low,
        u=u,
        bias_gate=gate,
        bias_update=update,
        bias_shift=bias_shift,
        zeta=min(zeta, MOST_ZETA),
        nu=min(nu, MOST_NU),
        state_bits=state_bits,
    )


def integer_head(part, bias, bits, unit_of_state, is_regressor):
    """The fields of an IntegerNetwork that belong to the head."""
    bias = bias.astype(np.float64)
    center, unit = np.zeros(len(bias)), np.ones(len(bias))
    if is_regressor:
        center, bias = bias, np.zeros_like(bias)
        reach = np.abs(part.weights.astype(np.float64)).sum(axis=1) * unit_of_state * 2**15
        unit = np.exp2(np.ceil(np.log2(np.where(reach > 0, reach, 1.0))))
    for output_bits in range(OUTPUT_BITS, -16, -1):
        to_output = unit_of_state * 2.0**output_bits / unit
        if np.abs(bias).max() * 2.0**output_bits > 2**29:
            continue
        try:
            head = integer_matrix(part, bits, to_output, "the head")
        except Unsupported:
            if output_bits == -15:
                raise
            continue
        break
    else:
        raise Unsupported(f"The biases of the head are too large: {np.abs(bias).max():.3g}.")
    return {
        "head": head,
        "head_bias": np.rint(bias * 2.0**output_bits).astype(np.int32),
        "output_bits": output_bits,
        "output_center": center,
        "output_unit": unit,
    }
