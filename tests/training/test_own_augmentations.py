"""Augmentations of a user: what they may return, and what is refused."""

from dataclasses import dataclass

import numpy as np
import pytest
from helpers.augmentation import Own, applied, floats, windows

from skfastgrnn.augmentation import Jitter, Scaling, TimeMask, augmented


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
        (lambda values: None, r"augment\[1\], Own\(.*returned an object of type NoneType"),
        (lambda values: values.tolist(), "returned an object of type list"),
        (lambda values: values[1:], r"float64 values of shape \(8, 2\) for .* of shape \(9, 2\)"),
        (lambda values: values.astype("f4"), "returned float32 values .* for float64 values"),
        (with_value(np.nan), "turned a finite value into nan at sample 0, step 2, channel 1"),
        (with_value(-np.inf), "turned a finite value into -inf at sample 0, step 2, channel 1"),
    ],
    ids=["nothing", "list", "a step less", "float32", "NaN", "infinity"],
)
def test_wrong_answers(answer_to, message):
    with pytest.raises(ValueError, match=message):
        gathered(Jitter(), Own(answer_to))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("augment", [Jitter(1e300), Scaling(1e300), TimeMask(1, value=1e300)])
def test_overflow_is_located(augment):
    with pytest.raises(ValueError, match=r"augment\[0\], \w+\(.*into inf at sample \d, step \d"):
        gathered(augment, dtype=np.float32)


def test_where_sequences_lie_is_read_only():
    @dataclass
    class Longer:
        def apply(self, values, starts, lengths, rng):
            lengths += 1

    with pytest.raises(ValueError, match="read-only"):
        gathered(Longer())
