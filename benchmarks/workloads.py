"""The workloads: shapes of real tasks, filled with synthetic data that can be learned."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    """The shape of one training task.

    ``n_samples`` is a multiple of ``batch_size`` (no ragged last minibatch) and makes one epoch
    of the slowest peer last about half a second.
    """

    name: str
    n_timesteps: int
    n_channels: int
    hidden_size: int
    n_classes: int
    batch_size: int
    n_samples: int

    @property
    def n_steps(self):
        """Sample-steps in one pass over the data, the unit that times are divided by."""
        return self.n_samples * self.n_timesteps

    def data(self):
        """Draw the data set; every process draws the same one.

        A sample is unit noise around the mean of its class. One label in ten is random, so that
        no contender reaches a loss of zero, where denormal numbers would distort its time.

        Returns
        -------
        X : ndarray of shape (n_samples, n_timesteps, n_channels), float32
        y : ndarray of shape (n_samples,), int64
        """
        rng = np.random.default_rng(0)
        means = 0.5 * rng.standard_normal((self.n_classes, 1, self.n_channels), dtype=np.float32)
        y = rng.integers(self.n_classes, size=self.n_samples)
        shape = (self.n_samples, self.n_timesteps, self.n_channels)
        X = rng.standard_normal(shape, dtype=np.float32)
        X += means[y]
        noisy = rng.random(self.n_samples) < 0.1
        y[noisy] = rng.integers(self.n_classes, size=noisy.sum())
        return X, y


WORKLOADS = {
    workload.name: workload
    for workload in (
        # Human activity recognition, 128 steps of accelerometer and gyroscope.
        Workload("har", 128, 9, 32, 6, batch_size=64, n_samples=2048),
        # Keyword spotting: one second of speech as 99 frames of 32 filter banks.
        Workload("kws", 99, 32, 100, 12, batch_size=128, n_samples=1024),
        # Handwritten digits read row by row, as in scikit-learn's load_digits.
        Workload("digits", 8, 8, 16, 10, batch_size=32, n_samples=16384),
        # Plain tabular data: a sequence of one step.
        Workload("tabular", 1, 16, 16, 2, batch_size=64, n_samples=65536),
    )
}
