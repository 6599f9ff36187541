"""What fitting adds to memory where the data are a memory-mapped file."""

import tempfile
import threading
from pathlib import Path

import numpy as np

from skfastgrnn import FastGRNNClassifier

from .promises import less_than

MEGABYTE = 1 << 20


def run(data):
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
        with PeakMemory() as peak:
            model = FastGRNNClassifier(8, max_iter=2, random_state=0).fit(X, y)
        added = (peak.value - before) / MEGABYTE
    return less_than(
        f"memmap of {n_samples} x {n_timesteps} x {n_channels} float32: megabytes added",
        added,
        200,
        f" (training accuracy {model.history_['accuracy'][-1]:.3f})",
    )


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
