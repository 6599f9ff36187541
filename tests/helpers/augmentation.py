"""Augmentations of every kind, and sequences to apply them to."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import strategies as st

from skfastgrnn.augmentation import ChannelDrop, Jitter, Scaling, TimeMask, TimeShift
from skfastgrnn.network import SequenceBatch

EACH = {
    "jitter": Jitter(),
    "jitter some": Jitter(0.5, p=0.5),
    "scaling": Scaling(),
    "scaling channels": Scaling(0.5, p=0.5, per="channel"),
    "mask": TimeMask(0.5),
    "masks": TimeMask(1.0, n_masks=3, p=0.5, value=-7),
    "drop": ChannelDrop(0.5),
    "shift": TimeShift(3),
    "shift some": TimeShift(1000, p=0.5),
}
LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=8)
SEEDS = st.integers(0, 999)
each = pytest.mark.parametrize("augment", EACH.values(), ids=EACH)
floats = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def drawn(lengths, n_channels=2, dtype=np.float64, seed=0):
    """Values without zeros, starts and lengths of sequences one after the other."""
    lengths = np.array(lengths, dtype=np.intp)
    rng = np.random.default_rng(seed)
    values = rng.uniform(1, 2, (lengths.sum(), n_channels)).astype(dtype)
    return values, np.cumsum(lengths) - lengths, lengths


def applied(augment, values, starts, lengths, seed=0):
    """Augmented copy of values."""
    return augment.apply(values.copy(), starts, lengths, np.random.default_rng(seed))


def windows(dtype=np.float64):
    """Overlapping windows and a padded rest in a read-only array, as users have them."""
    values = drawn([40], 2, dtype)[0]
    values[33:36] = np.nan
    values.flags.writeable = False
    starts, lengths = np.array([0, 2, 4, 30, 36]), np.array([6, 6, 6, 3, 4])
    return SequenceBatch(values, starts, lengths)


@dataclass
class Own:
    """Returns what a function makes of values, and keeps it."""

    answer_to: object

    def apply(self, values, starts, lengths, rng):
        self.answer = self.answer_to(values)
        return self.answer
