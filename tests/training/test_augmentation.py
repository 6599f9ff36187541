"""What holds for all augmentations, and how sequences are gathered for them."""

import numpy as np
import pytest
from helpers.augmentation import EACH, LENGTHS, SEEDS, applied, drawn, each, floats, windows
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skfastgrnn.augmentation import ChannelDrop, Jitter, Scaling, TimeMask, TimeShift, augmented
from skfastgrnn.network import SequenceBatch


@each
@floats
@given(LENGTHS, st.integers(2, 4), SEEDS)
def test_values_change_in_place_and_nothing_else(augment, dtype, lengths, n_channels, seed):
    values, starts, lengths = drawn(lengths, n_channels, dtype)
    before = values.copy(), starts.copy(), lengths.copy()
    answer = augment.apply(values, starts, lengths, np.random.default_rng(seed))
    assert answer is values
    assert (values.shape, values.dtype) == (before[0].shape, dtype)
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(starts, before[1])
    np.testing.assert_array_equal(lengths, before[2])
    np.testing.assert_array_equal(applied(augment, *before, seed), values)


@each
@floats
@given(LENGTHS, SEEDS, st.data())
def test_sequences_do_not_see_each_other(augment, dtype, lengths, seed, data):
    """However different one is, the others become the same: to the last bit."""
    values, starts, lengths = drawn(lengths, dtype=dtype)
    i = data.draw(st.integers(0, len(lengths) - 1))
    own = np.zeros(len(values), dtype=bool)
    own[starts[i] : starts[i] + lengths[i]] = True
    other = np.where(own[:, None], dtype(np.nan), values)
    answer, beside = (applied(augment, v, starts, lengths, seed) for v in (values, other))
    assert answer[~own].tobytes() == beside[~own].tobytes()


@given(LENGTHS, SEEDS)
@pytest.mark.parametrize(
    "augment",
    [
        *(Jitter(p=0), Jitter(0), Scaling(p=0), Scaling(0), Scaling(p=0, per="channel")),
        *(TimeMask(1, p=0), TimeMask(0), ChannelDrop(0), TimeShift(5, p=0)),
    ],
    ids=str,
)
def test_nothing_to_do(augment, lengths, seed):
    values, *where = drawn(lengths)
    assert applied(augment, values, *where, seed).tobytes() == values.tobytes()


@given(SEEDS)
@pytest.mark.parametrize("augment", [TimeMask(0.99), TimeShift(5)], ids=str)
def test_a_single_step_stays(augment, seed):
    values, *where = drawn([1, 1, 1])
    assert applied(augment, values, *where, seed).tobytes() == values.tobytes()


@pytest.mark.parametrize(
    ("augment", "p"),
    [
        *((Jitter(p=0.3), 0.3), (Scaling(p=0.3), 0.3), (Scaling(p=0.3, per="channel"), 0.3)),
        # A mask may have no steps and a shift may be 0: one in eleven each.
        *((TimeMask(0.5, p=0.3), 0.3 * 10 / 11), (TimeShift(5, p=0.3), 0.3 * 10 / 11)),
    ],
    ids=str,
)
def test_share_of_sequences_changed(augment, p):
    values, *where = drawn([20] * 4000)
    changed = (applied(augment, values, *where) != values).reshape(4000, -1).any(axis=1)
    assert stats.binomtest(int(changed.sum()), 4000, p).pvalue > 0.001


@each
def test_seeds_matter(augment):
    values, *where = drawn([9] * 20)
    first, second = (applied(augment, values, *where, seed) for seed in (1, 2))
    assert not np.array_equal(first, second)


ROWS = st.lists(st.integers(0, 4), min_size=1, max_size=9)


@floats
@given(ROWS, st.lists(st.sampled_from([*EACH.values()]), max_size=3), SEEDS)
def test_gathered_and_augmented(dtype, rows, augment, seed):
    """As each sequence copied by itself, and each augmentation applied by hand."""
    sequences = windows(dtype)
    before = sequences.values.tobytes()
    rows = np.array(rows)
    ends = sequences.starts + sequences.lengths
    parts = [sequences.values[a:b] for a, b in zip(sequences.starts, ends, strict=True)]
    expected = np.concatenate([parts[row] for row in rows])
    lengths = sequences.lengths[rows]
    starts, rng = np.cumsum(lengths) - lengths, np.random.default_rng(seed)
    for one in augment:
        expected = one.apply(expected, starts, lengths, rng)

    answer = augmented(sequences, rows, tuple(augment), np.random.default_rng(seed))
    np.testing.assert_array_equal(answer.values, expected, strict=True)
    np.testing.assert_array_equal(answer.starts, starts)
    np.testing.assert_array_equal(answer.lengths, lengths)
    assert answer.stacked() is answer
    assert answer.values.flags.c_contiguous
    assert not np.shares_memory(answer.values, sequences.values)
    assert sequences.values.tobytes() == before


def test_sequences_of_equal_length():
    """Whose lengths are a read-only view of one number."""
    sequences = SequenceBatch.of_equal_length(np.arange(24.0).reshape(12, 2), 3, 4)
    answer = augmented(sequences, np.array([3, 1]), (Scaling(0),), np.random.default_rng(0))
    np.testing.assert_array_equal(answer.values, sequences.values[[9, 10, 11, 3, 4, 5]])
    assert answer.lengths.tolist() == [3, 3]


def test_read_from_a_memory_map(tmp_path):
    np.save(tmp_path / "values.npy", windows().values)
    mapped = windows()
    mapped.values = np.load(tmp_path / "values.npy", mmap_mode="r")
    rows, augment = np.array([3, 0]), (Jitter(),)
    answer, expected = (
        augmented(sequences, rows, augment, np.random.default_rng(0)).values
        for sequences in (mapped, windows())
    )
    assert type(answer) is np.ndarray
    np.testing.assert_array_equal(answer, expected)
