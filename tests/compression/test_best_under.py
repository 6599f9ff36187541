"""best_under: the choice that a search within a budget makes, and what it says without one."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skfastgrnn.compression import best_under


def table(scores, sizes, **more):
    return {
        "params": [{"hidden_size": i} for i in range(len(scores))],
        "mean_test_score": np.array(scores, dtype=float),
        "mean_test_neg_n_bytes": -np.array(sizes, dtype=float),
        **more,
    }


CANDIDATES = st.lists(
    st.tuples(st.one_of(st.sampled_from([0.5, 0.9, np.nan]), st.floats(0, 1)), st.integers(1, 60)),
    min_size=1,
    max_size=12,
)


@given(CANDIDATES, st.integers(1, 60))
def test_the_choice_is_that_of_a_loop(candidates, budget):
    best = None
    for index, (score, size) in enumerate(candidates):
        if size <= budget and score == score:
            rank = (score, -size, -index)
            best = rank if best is None or rank > best else best
    cv_results = table(*zip(*candidates, strict=True))
    if best is None:
        with pytest.raises(ValueError, match=r"No candidate has at most|no candidate with a score"):
            best_under(budget)(cv_results)
    else:
        assert best_under(budget)(cv_results) == -best[2]


def test_the_error_says_the_smallest():
    with pytest.raises(ValueError, match=r"at most 100 bytes: the smallest has 300.*: 1\}"):
        best_under(100)(table([0.9, 0.5, np.nan], [400, 300, 200]))


def test_the_largest_split_must_fit():
    splits = {
        "split0_test_neg_n_bytes": np.array([-90.0, -80.0]),
        "split1_test_neg_n_bytes": np.array([-110.0, -80.0]),
    }
    assert best_under(100)(table([0.9, 0.8], [100, 80], **splits)) == 1
    assert best_under(110)(table([0.9, 0.8], [100, 80], **splits)) == 0


def test_metrics_of_other_names():
    cv_results = table([0.9, 0.5], [10, 10], mean_test_f1=[0.1, 0.8], mean_test_bytes=[-5, -9])
    assert best_under(20, score="f1")(cv_results | {"mean_test_score": [np.nan] * 2}) == 1
    chosen = best_under(7, score="score", n_bytes="bytes")
    assert chosen(cv_results) == 0
    assert pickle.loads(pickle.dumps(chosen)) == chosen


@pytest.mark.parametrize(
    ("cv_results", "options", "error", "message"),
    [
        ({"mean_test_score": [1]}, {}, ValueError, r"no metric 'neg_n_bytes'.*\('score'\).*scorer"),
        ({"mean_test_neg_n_bytes": [-1]}, {}, ValueError, "has no metric beside.*Add one"),
        (table([1], [1], mean_test_f1=[1]), {}, ValueError, "'score', 'f1' beside.*score='score'"),
        (table([1], [1]), {"score": "f1"}, ValueError, "score='f1' beside.*the search has 'score'"),
        (table([1], [-1]), {}, ValueError, "values above 0"),
        (table([np.nan], [1]), {}, ValueError, "error_score='raise'"),
        ([1], {}, TypeError, "needs cv_results_ of a search.*got list"),
    ],
)
def test_results_that_it_cannot_choose_from(cv_results, options, error, message):
    with pytest.raises(error, match=message):
        best_under(100, **options)(cv_results)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"max_bytes": 0}, ValueError, "above 0; got 0"),
        ({"max_bytes": np.nan}, ValueError, "above 0; got nan"),
        ({"max_bytes": "2 KB"}, TypeError, "a number of bytes; got '2 KB'"),
        ({"max_bytes": True}, TypeError, "a number of bytes; got True"),
        ({"max_bytes": 9, "score": 1}, TypeError, "score must be the name of a metric; got 1"),
        ({"max_bytes": 9, "n_bytes": None}, TypeError, "n_bytes must be the name of a metric"),
    ],
)
def test_arguments_that_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        best_under(**arguments)
