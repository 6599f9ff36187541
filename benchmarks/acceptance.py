"""Acceptance runs: what the package promises on real data, too heavy for the test suite.

    python benchmarks/acceptance.py har        accuracy on the UCI HAR activity windows
    python benchmarks/acceptance.py memory     fitting a memory-mapped array of 2 GB

Without a name all of them run. ``--data`` is the folder of the data sets (``uci_har.npz``). The
process fails where a promise is not kept.
"""

import argparse
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skfastgrnn import FastGRNNClassifier

SEEDS = range(5)
#: Least mean test accuracy over the seeds: HAR-2 (HAR of two classes, as in the paper) and HAR-6.
HAR_TARGETS = {"y2": 0.94, "y": 0.91}
MEGABYTE = 1 << 20


def har(data):
    """Plain defaults with 32 hidden units and a per-channel z-score from the training part.

    The test part is looked at once, after the last fit.
    """
    arrays = np.load(data / "uci_har.npz")
    mean, deviation = arrays["X_train"].mean((0, 1)), arrays["X_train"].std((0, 1))
    X_train, X_test = ((arrays[name] - mean) / deviation for name in ("X_train", "X_test"))
    kept = True
    for target, least in HAR_TARGETS.items():
        started = time.perf_counter()
        models = [
            FastGRNNClassifier(hidden_size=32, random_state=seed).fit(
                X_train, arrays[f"{target}_train"]
            )
            for seed in SEEDS
        ]
        seconds = time.perf_counter() - started
        scores = [model.score(X_test, arrays[f"{target}_test"]) for model in models]
        print(
            f"HAR-{len(models[0].classes_)}: mean test accuracy {np.mean(scores):.4f} "
            f"({', '.join(f'{score:.4f}' for score in scores)}), at least {least}; "
            f"{len(SEEDS)} fits in {seconds:.0f} s"
        )
        kept &= np.mean(scores) >= least
    return kept


def memory(data):
    """Two epochs over a 2 GB memmap add less than 200 MB of memory beyond the page cache."""
    n_timesteps, n_channels = 128, 9
    n_samples = 2 * 1024 * MEGABYTE // (n_timesteps * n_channels * 4)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path, shape = Path(folder) / "X.dat", (n_samples, n_timesteps, n_channels)
        X = np.memmap(path, np.float32, "w+", shape=shape)
        y = rng.integers(0, 2, n_samples)
        for start in range(0, n_samples, 10_000):
            part = y[start : start + 10_000]
            noise = rng.standard_normal((len(part), n_timesteps, n_channels), np.float32)
            X[start : start + 10_000] = noise + part[:, None, None]
        del X, noise
        X = np.memmap(path, np.float32, "r", shape=shape)
        before = anonymous_memory()
        with PeakMemory() as peak, warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = FastGRNNClassifier(8, max_iter=2, random_state=0).fit(X, y)
        added = (peak.value - before) / MEGABYTE
    print(
        f"memmap of {n_samples} x {n_timesteps} x {n_channels} float32: {added:.0f} MB added, "
        f"less than 200 wanted; validation accuracy {model.validation_scores_[-1]:.3f}"
    )
    return added < 200


def anonymous_memory():
    """Bytes of this process that are not pages of a file (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status does not tell RssAnon.")


class PeakMemory:
    """Looks at anonymous_memory every 10 ms; the largest is in `value`."""

    def __enter__(self):
        self.value, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._stop.wait(0.01):
            self.value = max(self.value, anonymous_memory())

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()


def main():
    """Run what the command line names."""
    runs = {"har": har, "memory": memory}
    parser = argparse.ArgumentParser(description="Acceptance runs on real data.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(runs)}")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(runs)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(runs)}")
    kept = [runs[name](arguments.data) for name in arguments.names or runs]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
