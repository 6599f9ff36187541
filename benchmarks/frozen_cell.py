"""How much faster an epoch is where the cell is frozen and only the head learns.

::

    python -m benchmarks.frozen_cell

Trains on random sequences of the size of UCI HAR (128 steps, 9 channels, 32 hidden units, batches
of 32), epoch by epoch in turns, and prints the median time of an epoch of each and their ratio.
"""

import time
import warnings

import numpy as np

from skfastgrnn import FastGRNNClassifier

N_SEQUENCES, N_TIMESTEPS, N_CHANNELS, HIDDEN, N_CLASSES = 7352, 128, 9, 32, 6
SETTINGS = {"hidden_size": HIDDEN, "batch_size": 32, "n_jobs": 1, "random_state": 0}
ROUNDS, EPOCHS = 7, 3


def main():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SEQUENCES, N_TIMESTEPS, N_CHANNELS)).astype(np.float32)
    y = rng.integers(0, N_CLASSES, N_SEQUENCES)
    settings = {**SETTINGS, "max_iter": EPOCHS, "n_iter_no_change": np.inf, "warm_start": True}
    models = {
        frozen: FastGRNNClassifier(**settings, frozen=frozen) for frozen in (None, "cell", "head")
    }
    seconds = {frozen: [] for frozen in models}
    for round_ in range(1 + ROUNDS):
        for frozen, model in models.items():
            start = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(X, y)
            if round_ > 0:  # the first one warms up
                seconds[frozen].append((time.process_time() - start) / EPOCHS)
    whole = np.array(seconds[None])
    for frozen, times in seconds.items():
        ratio = np.median(whole / np.array(times))
        print(
            f"frozen={frozen!r:7} {1e3 * np.median(times):7.1f} ms an epoch, {ratio:.2f} x as fast"
        )


if __name__ == "__main__":
    main()
