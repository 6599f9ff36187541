"""The contenders: where each is defined and in which process environment it runs.

A contender is an object with ``trainer(workload)`` and, where it predicts, ``predictor(workload,
n_rows)``; both do the preparation that is not timed and return a function to time. ``facts`` is
a dict of what else is worth reporting.
"""

import sys
from dataclasses import dataclass, field
from importlib import import_module


def prefer_installed():
    """Let an installed skfastgrnn come before a source tree in the current directory.

    The source tree has no compiled kernel. ``python -m`` puts the directory first.
    """
    sys.path.append(sys.path.pop(0))


@dataclass(frozen=True)
class Contender:
    """One side of a comparison."""

    name: str
    label: str
    module: str
    factory: str
    n_threads: int = 1
    environment: dict = field(default_factory=dict)

    def create(self):
        """Import the libraries of the contender and create it."""
        return getattr(import_module(f"{__package__}.{self.module}"), self.factory)()


# XLA takes its number of threads from the cores that the process is pinned to as well.
_XLA_ONE_THREAD = {
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_COMPILATION_CACHE": "false",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def _forced(kernel):
    return Contender(
        f"ours-{kernel}",
        f"skfastgrnn, {kernel} kernel",
        "ours",
        "one_thread",
        environment={"SKFASTGRNN_KERNEL": kernel},
    )


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("ours", "skfastgrnn", "ours", "one_thread"),
        Contender("ours-2-threads", "skfastgrnn, n_jobs=2", "ours", "two_threads", n_threads=2),
        Contender("ours-equal", "skfastgrnn, equal lengths", "ours", "equal_lengths"),
        _forced("avx2"),
        _forced("baseline"),
        Contender("torch-fastgrnn", "PyTorch FastGRNN", "peer_torch", "fastgrnn"),
        Contender("torch-gru", "PyTorch nn.GRU", "peer_torch", "gru"),
        Contender("torch-gru-packed", "PyTorch nn.GRU, packed", "peer_torch_ragged", "packed"),
        Contender("torch-gru-padded", "PyTorch nn.GRU, padded", "peer_torch_ragged", "padded"),
        Contender("jax", "JAX FastGRNN", "peer_jax", "autodiff", environment=_XLA_ONE_THREAD),
        Contender(
            "jax-by-hand",
            "JAX FastGRNN, own backward",
            "peer_jax",
            "by_hand",
            environment=_XLA_ONE_THREAD,
        ),
        Contender("mlp", "MLPClassifier", "peer_sklearn", "MLPContender"),
    )
}
