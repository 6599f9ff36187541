"""What the test program of an emulator reads and writes: see emulators/main.c."""

import re
from typing import NamedTuple

import numpy as np

#: Spans of emulators/device.h.
IDLE_RESET, IDLE_STEP, IDLE_LOGITS, RESET, STEP, LOGITS = range(1, 7)
#: simavr's clock of 10 ns, in a cycle at 1 MHz.
TICKS_OF_CYCLE = 100


class Outcome(NamedTuple):
    """What a run tells, with the fixed cost of counting taken away.

    logits : (n_sequences, n_outputs)
    steps, outputs : (n_sequences,) int64, cost of all steps, and of reset and logits
    longest_step : most that a step costs
    state_ram, stack_ram : bytes
    """

    logits: np.ndarray
    steps: np.ndarray
    outputs: np.ndarray
    longest_step: int
    state_ram: int
    stack_ram: int

    @classmethod
    def joined(cls, parts):
        """That of all sequences, of those of some."""
        *arrays, longest, state, stack = zip(*parts, strict=True)
        return cls(*map(np.concatenate, arrays), max(longest), max(state), max(stack))


def as_input(sequences):
    """The bytes of arrays (n_steps, n_channels)."""
    parts = [np.array(len(sequences), "<u4").tobytes()]
    for values in sequences:
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        parts += [np.array(len(values), "<u4").tobytes(), little.tobytes()]
    return b"".join(parts)


def outcome(written, lengths, n_outputs, dtype, target, spans=None):
    """The `Outcome` of what the program has written.

    lengths : numbers of steps
    dtype : of a logit
    target : Target
    spans : what simavr recorded, where the program itself does not count
    """
    costs = [(name, "<u4") for name in ("reset", "logits", "longest", "low", "high")]
    record = np.dtype([("outputs", dtype, (n_outputs,)), *costs])
    *idle, state_ram = np.frombuffer(written, "<u4", 4).tolist()
    found = np.frombuffer(written, record, len(lengths), 16)
    (stack_ram,) = np.frombuffer(written, "<u2", 1, 16 + found.nbytes).tolist()
    if spans is None:
        resets, logits = (found[name].astype(np.int64) for name in ("reset", "logits"))
        steps = found["low"].astype(np.int64) + (found["high"].astype(np.int64) << 32)
        longest = int(found["longest"].max())
    else:
        idle, resets, logits, steps, longest = costs_of_spans(spans, lengths)
    of_reset, of_step, of_logits = (cost - target.of_return for cost in idle)
    return Outcome(
        found["outputs"],
        steps - of_step * np.asarray(lengths, np.int64),
        resets - of_reset + logits - of_logits,
        longest - of_step,
        state_ram,
        stack_ram,
    )


def costs_of_spans(text, lengths):
    """Costs of what simavr has recorded: of idle calls, then of the calls for each sequence."""
    changes = np.array(
        [(int(at), int(value, 2)) for at, value in re.findall(r"^#(\d+)\nb([01]+) ", text, re.M)],
        dtype=np.int64,
    )
    times, values = changes.T
    begins = np.flatnonzero(values)
    cycles = (times[begins + 1] - times[begins]) // TICKS_OF_CYCLE
    kinds = values[begins]
    idle = [int(cycles[kinds == kind][0]) for kind in (IDLE_RESET, IDLE_STEP, IDLE_LOGITS)]
    steps = cycles[kinds == STEP]
    first = np.cumsum(lengths) - lengths
    of_steps = np.add.reduceat(steps, first)
    return idle, cycles[kinds == RESET], cycles[kinds == LOGITS], of_steps, int(steps.max())
