"""What is compared with what, the targets, and the rounds of measurement."""

import sys
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class AtLeast:
    """Target: the ratio reaches a value."""

    ratio: float

    def __str__(self):
        return f">= {self.ratio:g}x"

    def met(self, reference, measured):
        """Compare seconds of the two sides, round by round."""
        return median(ratios(reference, measured)) >= self.ratio


@dataclass(frozen=True)
class Within:
    """Target: at most ``factor`` times the reference plus a fixed time in seconds."""

    factor: float
    extra: float

    def __str__(self):
        return f"<= {self.factor:g} t + {self.extra * 1e6:g} us"

    def met(self, reference, measured):
        """Compare seconds of the two sides, round by round."""
        return median(measured) <= self.factor * median(reference) + self.extra


@dataclass(frozen=True)
class Comparison:
    """How many times as fast as ``reference`` a contender, ``measured``, does a task."""

    section: str
    task: str
    workload: str
    reference: str
    measured: str
    target: AtLeast | Within | None = None


def ratios(reference, measured):
    """Time of the reference over time of the measured side, round by round."""
    return [r / m for r, m in zip(reference, measured, strict=True)]


def _training(workload, **minimum):
    return [
        Comparison(
            "Training",
            "train",
            workload,
            peer.replace("_", "-"),
            "ours",
            None if ratio is None else AtLeast(ratio),
        )
        for peer, ratio in minimum.items()
    ]


COMPARISONS = (
    *_training("har", torch_fastgrnn=20, torch_gru=20, jax=3, jax_by_hand=None),
    *_training("kws", torch_fastgrnn=4, torch_gru=7, jax=2.5),
    *_training("digits", torch_fastgrnn=80, torch_gru=80, jax=8),
    *_training("tabular", torch_fastgrnn=60, torch_gru=60, jax=4, mlp=20),
    *_training("vowels", torch_gru_packed=20, torch_gru_padded=None),
    *(
        Comparison(
            "Ragged against equal lengths", "train", workload, "ours-equal", "ours", AtLeast(0.7)
        )
        for workload in ("ragged-32", "ragged-128")
    ),
    Comparison("Two threads", "train", "har", "ours", "ours-2-threads", AtLeast(1.7)),
    *(
        Comparison("Instruction sets", "train", workload, "ours", kernel, target)
        for workload in ("har", "kws")
        for kernel, target in (("ours-avx2", AtLeast(0.45)), ("ours-baseline", None))
    ),
    Comparison("Inference", "predict all rows", "har", "torch-gru", "ours", AtLeast(15)),
    Comparison("Inference", "predict one row", "har", "mlp", "ours", Within(1.6, 20e-6)),
)


def measure(pool, comparisons, n_rounds, seconds):
    """Measure every contender of the comparisons, several rounds, each in turn.

    All contenders of one task and workload are asked once a round, so that noise and
    temperature hit all of them alike.

    Parameters
    ----------
    pool : Pool
    comparisons : sequence of Comparison
    n_rounds : int
    seconds : float
        Shortest duration of one measurement.

    Returns
    -------
    dict
        ``(task, workload) -> {contender: seconds of each round}``; contenders that could not
        be measured are missing.
    """
    groups = {}
    for c in comparisons:
        groups.setdefault((c.task, c.workload), {}).update({c.measured: [], c.reference: []})
    for (task, workload), times in groups.items():
        for i in range(n_rounds):
            print(f"{task}, {workload}: round {i + 1} of {n_rounds}", file=sys.stderr)
            for name, measured in times.items():
                measured.append(pool[name].measure(task, workload, seconds))
    return {
        group: {name: ts for name, ts in times.items() if None not in ts}
        for group, times in groups.items()
    }
