"""Augmentations: what they change, by how much, what they leave alone; what is refused."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import BaseEstimator, clone

from skfastgrnn import augmentation
from skfastgrnn.augmentation import (
    ChannelDrop,
    Jitter,
    Scaling,
    TimeMask,
    TimeShift,
    augmented,
    checked_augmentations,
)
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


def ramps(n_sequences, length):
    """Sequences 1, 2, 3, ..., whose values say where they come from."""
    values = np.tile(np.arange(1.0, length + 1), n_sequences)[:, None]
    lengths = np.full(n_sequences, length)
    return values, np.cumsum(lengths) - lengths, lengths


def applied(augment, values, starts, lengths, seed=0):
    """Augmented copy of values."""
    return augment.apply(values.copy(), starts, lengths, np.random.default_rng(seed))


def is_uniform(numbers, n_kinds):
    """Whether whole numbers from 0 to n_kinds - 1 may be drawn uniformly."""
    assert min(numbers) >= 0
    return stats.chisquare(np.bincount(numbers, minlength=n_kinds)).pvalue > 0.001


# All of them


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


# Each of them


@floats
@pytest.mark.parametrize("p", [1, 0.5])
def test_jitter_is_normal_noise(p, dtype):
    values, *where = drawn([3, 500, 1, 2000] * 4, 3, dtype)
    noise = applied(Jitter(0.2, p), values, *where) - values
    noise = noise[noise.any(axis=1)].astype(np.float64)
    assert stats.kstest(noise.ravel(), stats.norm(0, 0.2).cdf).pvalue > 0.001
    pairs = [(noise[:, 0], noise[:, 1]), (noise[:, 1], noise[:, 2]), (noise[1:, 0], noise[:-1, 0])]
    assert all(stats.pearsonr(*pair).pvalue > 0.001 for pair in pairs)


@floats
def test_scaling_by_one_factor_a_sequence(dtype):
    values, starts, lengths = drawn([1, 5, 2] * 700, 3, dtype)
    factors = applied(Scaling(0.2), values, starts, lengths) / values
    first = factors[starts][:, :1]
    np.testing.assert_allclose(factors, np.repeat(first, lengths, axis=0) * [1, 1, 1], rtol=1e-6)
    assert stats.kstest(first.ravel(), stats.norm(1, 0.2).cdf).pvalue > 0.001


def test_scaling_by_a_factor_for_each_channel():
    values, starts, lengths = drawn([1, 5, 2] * 700, 2)
    factors = applied(Scaling(0.2, per="channel"), values, starts, lengths) / values
    first = factors[starts]
    np.testing.assert_allclose(factors, np.repeat(first, lengths, axis=0))
    assert stats.kstest(first.ravel(), stats.norm(1, 0.2).cdf).pvalue > 0.001
    assert stats.pearsonr(*first.T).pvalue > 0.001


@given(LENGTHS, st.floats(0, 1), SEEDS)
def test_a_mask_is_one_stretch_in_all_channels(lengths, fraction, seed):
    values, starts, lengths = drawn(lengths, 3)
    answer = applied(TimeMask(fraction), values, starts, lengths, seed)
    is_masked = answer[:, 0] == 0
    np.testing.assert_array_equal(answer, np.where(is_masked[:, None], 0, values))
    for start, length in zip(starts, lengths, strict=True):
        steps = np.flatnonzero(is_masked[start : start + length])
        assert len(steps) <= fraction * length + 1e-6
        assert len(steps) == 0 or steps[-1] - steps[0] + 1 == len(steps)


def test_masks_of_every_width_at_every_place():
    values, *where = ramps(6000, 10)
    is_masked = applied(TimeMask(0.4), values, *where).reshape(6000, 10) == 0
    widths, begins = is_masked.sum(axis=1), is_masked.argmax(axis=1)
    assert is_uniform(widths, 5)
    assert all(is_uniform(begins[widths == width], 11 - width) for width in range(1, 5))


@pytest.mark.parametrize(
    ("fraction", "length", "widest"), [(0.29, 100, 29), (0.1, 9, 0), (0.1, 10, 1), (1, 3, 3)]
)
def test_the_widest_mask(fraction, length, widest):
    values, *where = ramps(1000, length)
    is_masked = applied(TimeMask(fraction), values, *where).reshape(1000, length) == 0
    assert is_masked.sum(axis=1).max() == widest


@floats
def test_several_masks(dtype):
    """Each step is hidden as often as by masks drawn independently of each other."""
    values, *where = drawn([10] * 6000, 1, dtype)
    one, three = (
        applied(TimeMask(0.4, n, value=0.1), values, *where).reshape(6000, 10) == dtype(0.1)
        for n in (1, 3)
    )
    expected = 1 - (1 - one.mean(axis=0)) ** 3
    np.testing.assert_allclose(three.mean(axis=0), expected, atol=0.03)


@pytest.mark.parametrize(("p", "n_channels"), [(0.1, 5), (0.6, 2), (0.9, 3)])
def test_channels_dropped(p, n_channels):
    values, starts, lengths = drawn([2, 5] * 3000, n_channels)
    answer = applied(ChannelDrop(p), values, starts, lengths)
    is_dropped = answer[starts] == 0
    np.testing.assert_array_equal(
        answer, np.where(np.repeat(is_dropped, lengths, axis=0), 0, values)
    )
    assert not is_dropped.all(axis=1).any()
    n_left = n_channels - is_dropped.sum(axis=1)
    expected = stats.binom(n_channels, 1 - p).pmf(range(n_channels + 1)) * len(lengths)
    expected[1] += expected[0]  # one stays where all would be dropped
    assert stats.chisquare(np.bincount(n_left)[1:], expected[1:]).pvalue > 0.001
    # Channels are alike: of each, so many are dropped.
    share = p - p**n_channels / n_channels
    for count in is_dropped.sum(axis=0):
        assert stats.binomtest(int(count), len(lengths), share).pvalue > 0.001


def test_a_random_channel_stays():
    values, starts, lengths = drawn([2] * 3000, 4)
    stays = applied(ChannelDrop(1), values, starts, lengths)[starts] != 0
    assert (stays.sum(axis=1) == 1).all()
    assert is_uniform(stays.argmax(axis=1), 4)


def test_the_only_channel_is_not_dropped():
    values, *where = drawn([2, 3], 1)
    with pytest.raises(ValueError, match=r"ChannelDrop\(p=0.1\) needs at least 2 channels, got 1"):
        applied(ChannelDrop(), values, *where)


@given(LENGTHS, st.integers(1, 40), SEEDS)
def test_a_shift_equals_a_plain_loop(lengths, max_steps, seed):
    values, starts, lengths = drawn(lengths)
    answer = applied(TimeShift(max_steps), values, starts, lengths, seed)
    for start, length in zip(starts, lengths, strict=True):
        sequence, shifted = (v[start : start + length] for v in (values, answer))
        most = min(max_steps, length - 1)
        candidates = [
            sequence[[min(max(t - s, 0), length - 1) for t in range(length)]]
            for s in range(-most, most + 1)
        ]
        assert any(np.array_equal(shifted, candidate) for candidate in candidates)


@pytest.mark.parametrize(("max_steps", "most"), [(3, 3), (9, 8), (10**30, 8), (np.uint8(200), 8)])
def test_every_shift_is_equally_probable(max_steps, most):
    values, *where = ramps(4000, 9)
    shifted = applied(TimeShift(max_steps), values, *where).reshape(4000, 9)
    later = np.sum(shifted == 1, axis=1) - 1  # by how many steps the first was repeated
    earlier = np.sum(shifted == 9, axis=1) - 1
    shifts = np.where(later > 0, later, -earlier)
    assert is_uniform(shifts + most, 2 * most + 1)


# Sequences gathered


def windows(dtype=np.float64):
    """Overlapping windows and a padded rest in a read-only array, as users have them."""
    values = drawn([40], 2, dtype)[0]
    values[33:36] = np.nan
    values.flags.writeable = False
    starts, lengths = np.array([0, 2, 4, 30, 36]), np.array([6, 6, 6, 3, 4])
    return SequenceBatch(values, starts, lengths)


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


# Augmentations of one's own


@dataclass
class Own:
    """Answers what a function makes of values; keeps the answer."""

    answer_to: object

    def apply(self, values, starts, lengths, rng):
        self.answer = self.answer_to(values)
        return self.answer


def gathered(*augment, dtype=np.float64):
    """Sequences 3 and 0, augmented: 3 steps, then 6."""
    return augmented(windows(dtype), np.array([3, 0]), augment, np.random.default_rng(0)).values


@floats
@pytest.mark.parametrize(
    "doubled",
    [
        lambda values: np.multiply(values, 2, out=values),
        lambda values: values * 2,
        lambda values: np.asfortranarray(values * 2),
        lambda values: np.broadcast_to(values * 2, values.shape),
        lambda values: (values * 2).view(np.recarray),
    ],
    ids=["in place", "new", "columns in memory order", "read-only", "of a subclass"],
)
def test_of_ones_own(doubled, dtype):
    own = Own(doubled)
    answer = gathered(own, Jitter(), dtype=dtype)
    expected = applied(Jitter(), gathered(dtype=dtype) * 2, np.array([0, 3]), np.array([3, 6]))
    np.testing.assert_array_equal(answer, expected, strict=True)
    assert type(answer) is np.ndarray
    assert answer.flags.c_contiguous


def test_what_it_keeps_stays_its_own():
    own = Own(np.ones_like)
    gathered(own, Jitter())
    assert (own.answer == 1).all()


def with_value(value):
    """An answer with such a value at step 2 of the second sequence, channel 1."""

    def answer(values):
        values[5, 1] = value
        return values

    return answer


@pytest.mark.parametrize(
    ("answer_to", "message"),
    [
        (lambda values: None, r"augment\[1\], Own\(.*answered an object of type NoneType"),
        (lambda values: values.tolist(), "answered an object of type list"),
        (lambda values: values[1:], r"float64 values of shape \(8, 2\) to .* of shape \(9, 2\)"),
        (lambda values: values.astype("f4"), "answered float32 values .* to float64 values"),
        (with_value(np.nan), "made nan of a finite value at sample 0, step 2, channel 1"),
        (with_value(-np.inf), "made -inf of a finite value at sample 0, step 2, channel 1"),
    ],
    ids=["nothing", "list", "a step less", "float32", "NaN", "infinity"],
)
def test_wrong_answers(answer_to, message):
    with pytest.raises(ValueError, match=message):
        gathered(Jitter(), Own(answer_to))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("augment", [Jitter(1e300), Scaling(1e300), TimeMask(1, value=1e300)])
def test_overflow_is_located(augment):
    with pytest.raises(ValueError, match=r"augment\[0\], \w+\(.*inf of .* sample \d, step \d, ch"):
        gathered(augment, dtype=np.float32)


def test_where_sequences_lie_is_read_only():
    @dataclass
    class Longer:
        def apply(self, values, starts, lengths, rng):
            lengths += 1

    with pytest.raises(ValueError, match="read-only"):
        gathered(Longer())


# Parameters


def test_none_or_a_list():
    for nothing in (None, [], ()):
        assert checked_augmentations(nothing) == ()
    own = Own(np.copy)
    assert checked_augmentations([Jitter(), own]) == (Jitter(), own)
    assert checked_augmentations((own,))[0] is own


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (Jitter(0.5), r"got Jitter: write augment=\[Jitter\(std=0.5, p=1.0\)\]"),
        (Jitter, r"must be None or a list of augmentations.*got type\."),
        ("jitter", r"must be None or a list of augmentations.*got str\."),
        ({Jitter()}, r"must be None or a list of augmentations.*got set\."),
        ([Jitter(), TimeMask], r"augment\[1\] is the class TimeMask; .*: TimeMask\(\.\.\.\)"),
        ([Jitter(), "mask"], r"augment\[1\] is no augmentation, but 'mask': it needs a method"),
        ([None], r"augment\[0\] is no augmentation, but None"),
        ([[Jitter()]], r"augment\[0\] is no augmentation, but \[Jitter\("),
    ],
)
def test_what_is_no_list_of_augmentations(augment, message):
    with pytest.raises(TypeError, match=message):
        checked_augmentations(augment)


OUT_OF_RANGE = {
    "std": [-0.1, np.inf, np.nan, "0.1", None, True],
    "p": [-0.1, 1.1, np.nan, "1", None, True, np.True_],
    "per": ["step", None, 1],
    "fraction": [-0.1, 1.1, np.nan, None, False],
    "n_masks": [0, -1, 1.0, None, True, 10_001],
    "value": [np.inf, -np.inf, np.nan, None, "0"],
    "max_steps": [0, -1, 2.0, None, True],
}
KINDS = [Jitter, Scaling, TimeMask, ChannelDrop, TimeShift]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, f.name, bad) for kind in KINDS for f in fields(kind) for bad in OUT_OF_RANGE[f.name]],
)
def test_bad_parameters(kind, name, value):
    required = {"max_steps": 3} if kind is TimeShift else {}
    message = f"The '{name}' parameter of {kind.__name__} must be "
    with pytest.raises(ValueError, match=message) as error:
        kind(**{**required, name: value})
    assert isinstance(error.value, TypeError)  # as scikit-learn's


@each
def test_small_objects(augment):
    for same in (pickle.loads(pickle.dumps(augment)), copy.deepcopy(augment)):
        assert same == augment
        assert hash(same) == hash(augment)
    assert eval(repr(augment), vars(augmentation).copy()) == augment
    assert sum(augment == other for other in EACH.values()) == 1
    name = fields(augment)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(augment, name, 1)


def test_numbers_of_numpy_become_plain_ones():
    augment = TimeMask(np.float64(0.5), np.int8(2), np.float32(0.5), np.int64(3))
    assert repr(augment) == "TimeMask(fraction=0.5, n_masks=2, p=0.5, value=3.0)"
    assert augment == TimeMask(0.5, 2, 0.5, 3.0)


def test_as_a_parameter_of_an_estimator():
    class Estimator(BaseEstimator):
        def __init__(self, augment=None):
            self.augment = augment

    estimator = Estimator([Jitter(), TimeShift(3)])
    assert clone(estimator).augment == estimator.augment
    assert "Jitter(std=0.05, p=1.0), TimeShift(max_steps=3, p=1.0)" in " ".join(
        repr(estimator).split()
    )
