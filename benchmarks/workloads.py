"""The workloads: shapes of real tasks, filled with synthetic data that can be learned."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Workload:
    """The shape of one training task.

    ``n_samples`` is a multiple of ``batch_size`` (no smaller last minibatch) and makes one epoch
    of the slowest peer last about half a second. With ``shortest`` sequences have ``shortest`` to
    ``n_timesteps`` steps.
    """

    name: str
    n_timesteps: int
    n_channels: int
    hidden_size: int
    n_classes: int
    batch_size: int
    n_samples: int
    shortest: int | None = None

    @property
    def is_ragged(self):
        """Whether sequences differ in length."""
        return self.shortest is not None

    @property
    def n_steps(self):
        """Sample-steps in one pass over the data, the unit that times are divided by."""
        return self.n_samples * self.of_equal_length().n_timesteps

    def of_equal_length(self):
        """Return the workload of as many steps in sequences that all have the mean length."""
        if not self.is_ragged:
            return self
        return replace(self, n_timesteps=(self.shortest + self.n_timesteps) // 2, shortest=None)

    def lengths(self, rng):
        """Draw lengths, uniform from ``shortest`` to ``n_timesteps``.

        Every length comes with its mirror image, so that their mean is exactly the middle, which
        has to be whole.
        """
        drawn = rng.integers(self.shortest, self.n_timesteps, self.n_samples // 2, endpoint=True)
        return rng.permutation(np.append(drawn, self.shortest + self.n_timesteps - drawn))

    def data(self):
        """Draw the data set; every process draws the same one.

        A sample is unit noise around the mean of its class. One label in ten is random, so that
        no contender reaches a loss of zero, where denormal numbers would distort its time.

        Returns
        -------
        X : ndarray of shape (n_samples, n_timesteps, n_channels), float32
            Or a list of n_samples arrays of shape (length, n_channels), each with its own memory.
        y : ndarray of shape (n_samples,), int64
        """
        rng = np.random.default_rng(0)
        means = 0.5 * rng.standard_normal((self.n_classes, 1, self.n_channels), dtype=np.float32)
        y = rng.integers(self.n_classes, size=self.n_samples)

        def noise(*shape):
            return rng.standard_normal((*shape, self.n_channels), dtype=np.float32)

        if self.is_ragged:
            lengths = self.lengths(rng)
            X = [noise(n) + means[label] for n, label in zip(lengths, y, strict=True)]
        else:
            X = noise(self.n_samples, self.n_timesteps)
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
        # Speakers by a vowel of 7 to 29 frames, as in JapaneseVowels but more of them.
        Workload("vowels", 29, 12, 32, 9, batch_size=32, n_samples=4096, shortest=7),
        # Lengths that differ much: what does it cost?
        Workload("ragged-32", 300, 9, 32, 6, batch_size=32, n_samples=2048, shortest=10),
        Workload("ragged-128", 300, 9, 32, 6, batch_size=128, n_samples=2048, shortest=10),
    )
}
