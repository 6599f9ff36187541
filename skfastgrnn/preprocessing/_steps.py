"""Positions of steps in contiguous sequences, and blocks with time as the first axis."""

import numpy as np

#: Values of a block: bounds the memory of its copy in float64.
CHUNK = 1 << 20


def positions(sequences):
    """Position of each step in its sequence, (n_steps,): 0 for the first."""
    return np.arange(sequences.n_steps) - np.repeat(sequences.starts, sequences.lengths)


def place(sequences, step):
    """Description of the sample and step of an index among all steps."""
    sample = int(np.searchsorted(sequences.starts, step, side="right")) - 1
    return f"sample {sample}, step {step - sequences.starts[sample]}"


def side_by_side(sequences):
    """Blocks of sequences as arrays with time as the first axis.

    A block has sequences of similar length, so that padding at most doubles it, and if possible no
    more than CHUNK values.

    Yields
    ------
    values : ndarray of shape (longest, n_sequences * n_channels), float64
        A copy; NaN after the end of a sequence.
    put : callable
        Converts an array of that shape to (steps, values): the indices (n,) of the steps and their
        values (n, n_channels).
    """
    order = np.argsort(-sequences.lengths, kind="stable")
    lengths = sequences.lengths[order]
    n_channels = sequences.values.shape[1]
    begin = 0
    while begin < len(order):
        longest = int(lengths[begin])
        end = int(np.searchsorted(-lengths, -(longest // 2), side="left"))
        end = max(begin + 1, min(end, begin + CHUNK // (longest * n_channels)))
        is_step = np.arange(longest)[:, None] < lengths[begin:end]  # (longest, n_sequences)
        steps = (np.arange(longest)[:, None] + sequences.starts[order[begin:end]])[is_step]
        values = np.full((*is_step.shape, n_channels), np.nan)
        values[is_step] = sequences.values[steps]

        def put(block, is_step=is_step, steps=steps):
            return steps, block.reshape(*is_step.shape, -1)[is_step]

        yield values.reshape(longest, -1), put
        begin = end
