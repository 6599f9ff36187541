"""Rows drawn such that classes are balanced."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skfastgrnn.training._sampling import balanced_rows


def drawn(labels, weights=None, rows=None, seed=0):
    labels = np.array(labels, dtype=np.int32)
    rows = np.arange(len(labels)) if rows is None else np.array(rows, dtype=np.intp)
    return balanced_rows(labels, weights, rows, np.random.default_rng(seed))


@st.composite
def tasks(draw):
    """Labels, weights (at least a row of some weight, or None) and rows, in any order."""
    labels = draw(st.lists(st.integers(0, 5), min_size=1, max_size=30))
    rows = draw(st.permutations(range(len(labels))))[: draw(st.integers(1, len(labels)))]
    n = len(labels)
    some = st.lists(st.sampled_from([0, 0.5, 2]), min_size=n, max_size=n)
    weights = draw(st.none() | some)
    if weights is not None:
        weights[rows[0]] = 1
        weights = np.array(weights, dtype=float)
    return labels, weights, rows


@given(tasks(), st.integers(0, 99))
def test_rows_drawn_are_some_of_those_given(task, seed):
    labels, weights, rows = task
    answer = drawn(labels, weights, rows, seed)
    assert (answer.shape, answer.dtype) == ((len(rows),), np.intp)
    assert set(answer) <= set(rows)
    assert weights is None or (weights[answer] > 0).all()
    np.testing.assert_array_equal(drawn(labels, weights, rows, seed), answer)
    if weights is not None:  # only whether they are zero matters
        np.testing.assert_array_equal(drawn(labels, weights * 7, rows, seed), answer)


def test_each_class_as_often_and_in_it_each_row():
    labels = np.repeat([3, 0, 1], [5000, 40, 10])
    np.random.default_rng(0).shuffle(labels)
    answer = drawn(labels)
    shares = np.bincount(labels[answer], minlength=4)
    assert shares[2] == 0
    assert stats.chisquare(shares[[0, 1, 3]]).pvalue > 0.001
    for label in (0, 1):
        counts = np.bincount(answer, minlength=len(labels))[labels == label]
        assert stats.chisquare(counts).pvalue > 0.001
    assert len(set(answer[labels[answer] == 3])) > 1300  # of 1683 draws among 5000: 1429 expected


def test_rows_of_zero_weight_do_not_count():
    """Class 1 has its share though most of its rows are left out; class 2 has none left."""
    labels = np.repeat([0, 1, 2], 1000)
    weights = np.ones(3000)
    weights[1010:] = 0
    answer = drawn(labels, weights)
    shares = np.bincount(labels[answer], minlength=3)
    assert shares[2] == 0
    assert stats.chisquare(shares[:2]).pvalue > 0.001
    assert stats.chisquare(np.bincount(answer, minlength=1010)[1000:]).pvalue > 0.001


def test_draws_are_independent_of_each_other():
    labels = np.arange(4000) % 2
    kinds = labels[drawn(labels)]
    pairs = np.bincount(2 * kinds[1:] + kinds[:-1])
    assert stats.chisquare(pairs).pvalue > 0.001


def test_one_class_one_row():
    assert drawn([4]).tolist() == [0]
    assert drawn([0, 1, 1], rows=[2]).tolist() == [2]
    assert set(drawn([1] * 50)) <= set(range(50))


def test_seeds_matter():
    assert not np.array_equal(drawn(np.arange(50) % 3), drawn(np.arange(50) % 3, seed=1))


def test_no_weight_at_all():
    with pytest.raises(ValueError, match="All 2 samples to train on have zero weight"):
        drawn([0, 1, 1], np.array([0.0, 1.0, 0.0]), rows=[0, 2])
