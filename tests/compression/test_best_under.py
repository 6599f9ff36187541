"""best_under: the choice that a search within a budget makes, and what it says without one."""

import pickle

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline

from skfastgrnn.compression import best_under, neg_n_bytes_scorer, size_report
from skfastgrnn.preprocessing import SequenceStandardScaler


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
    assert clone(chosen, safe=False) == chosen
    assert b"_best_under" not in pickle.dumps(chosen)


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


SCORING = {"accuracy": "accuracy", "neg_n_bytes": neg_n_bytes_scorer}
SIZES = [2, 3, 5]


def of_search(search):
    return search.fit(*sequences(24, n_timesteps=4, n_channels=2))


@pytest.mark.parametrize("budget", [150, 1000])
def test_a_grid_search_of_a_pipeline_refits_the_choice(budget):
    model = make_pipeline(SequenceStandardScaler(), quick(max_iter=2))
    search = of_search(
        GridSearchCV(
            model,
            {"fastgrnnclassifier__hidden_size": SIZES},
            scoring=SCORING,
            refit=best_under(budget),
            cv=2,
            n_jobs=2,
        )
    )
    sizes = [4 * (size * (2 + size + 2) + 2 + size + 1 + 4) for size in SIZES]  # 4: of the scaler
    np.testing.assert_array_equal(search.cv_results_["mean_test_neg_n_bytes"], np.negative(sizes))
    scores = search.cv_results_["mean_test_accuracy"]
    small = [index for index in range(3) if sizes[index] <= budget]
    assert search.best_index_ == max(small, key=lambda i: (scores[i], -sizes[i]))
    assert size_report(search.best_estimator_).total == sizes[search.best_index_] <= budget


def test_metadata_routing_may_be_enabled():
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            quick(max_iter=1), {"hidden_size": SIZES}, scoring=SCORING, refit=best_under(110), cv=2
        )
        assert of_search(search).best_estimator_.n_bytes_ <= 110


@pytest.mark.filterwarnings("error")
def test_a_search_may_have_sample_weights():
    X, y = sequences()
    weights = np.where(y == 0, 0.25, 1.0)
    searches = [
        GridSearchCV(quick(), {"hidden_size": SIZES}, scoring=scoring, refit=refit, cv=2)
        for scoring, refit in [(SCORING, best_under(1000)), ("accuracy", True)]
    ]
    sized, plain = (search.fit(X, y, sample_weight=weights).cv_results_ for search in searches)
    np.testing.assert_array_equal(sized["mean_test_accuracy"], plain["mean_test_score"])
    assert len(set(sized["mean_test_neg_n_bytes"])) == 3


def test_a_random_search_without_a_small_model_says_so():
    search = RandomizedSearchCV(
        quick(max_iter=1),
        {"hidden_size": SIZES},
        n_iter=3,
        scoring=SCORING,
        refit=best_under(50),
        cv=2,
        random_state=0,
    )
    with pytest.raises(ValueError, match=r"at most 50 bytes: the smallest has 68.*hidden_size': 2"):
        of_search(search)


def test_a_search_that_measures_no_sizes_is_told_how():
    search = GridSearchCV(quick(max_iter=1), {"hidden_size": SIZES}, refit=best_under(99), cv=2)
    with pytest.raises(ValueError, match=r"scoring=\{'score': 'accuracy', 'neg_n_bytes'"):
        of_search(search)


def both(model, X, y):
    return {"score": model.score(X, y), "neg_n_bytes": neg_n_bytes_scorer(model)}


def test_halving_ignores_refit_but_its_results_can_be_passed():
    search = HalvingGridSearchCV(
        quick(),
        {"hidden_size": [2, 3, 5]},
        scoring=both,
        refit=best_under(1),  # scikit-learn does not call it
        resource="max_iter",
        max_resources=3,
        cv=2,
    )
    results = of_search(search).cv_results_
    assert results["iter"].max() > 0
    sizes = [model["hidden_size"] for model in results["params"]]
    for budget, largest in ((100, 3), (1000, 5)):
        chosen = best_under(budget)(results)
        small = [row for row in range(len(sizes)) if sizes[row] <= largest]
        assert chosen in small
        assert results["iter"][chosen] == max(results["iter"][row] for row in small)


def test_scores_of_different_iterations_are_not_compared():
    cv_results = table([0.9, 0.8, 0.7, 0.6, 0.95], [10, 10, 10, 20, 20], iter=[0, 0, 1, 1, 1])
    assert best_under(15)(cv_results) == 2
    assert best_under(20)(cv_results) == 4
