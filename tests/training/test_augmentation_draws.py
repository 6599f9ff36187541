"""What each augmentation draws: noise, factors, masks, channels, shifts, and how often."""

import numpy as np
import pytest
from helpers.augmentation import LENGTHS, SEEDS, applied, drawn, floats
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skfastgrnn.augmentation import ChannelDrop, Jitter, Scaling, TimeMask, TimeShift


def ramps(n_sequences, length):
    """Sequences 1, 2, 3, ..., whose values say where they come from."""
    values = np.tile(np.arange(1.0, length + 1), n_sequences)[:, None]
    lengths = np.full(n_sequences, length)
    return values, np.cumsum(lengths) - lengths, lengths


def is_uniform(numbers, n_kinds):
    """Whether whole numbers from 0 to n_kinds - 1 may be drawn uniformly."""
    assert min(numbers) >= 0
    return stats.chisquare(np.bincount(numbers, minlength=n_kinds)).pvalue > 0.001


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
