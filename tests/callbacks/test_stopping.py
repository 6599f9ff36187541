"""Callbacks that end a training: by the clock, by a metric, and what is scored for that."""

import numpy as np
import pytest
from helpers.callbacks import BOTH, NUMBERS, X, quick_regressor, y
from helpers.estimators import bits, quick, sequences
from sklearn.metrics import balanced_accuracy_score, check_scoring, make_scorer

from skfastgrnn.callbacks import EarlyStoppingOnMetric, TimeLimit

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")


def test_time_limit(monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("skfastgrnn.callbacks._limits.time.monotonic", lambda: next(clock))
    model = quick(max_iter=1000).set_callbacks(TimeLimit(40))
    assert [model.fit(X, y).n_iter_ for _ in range(2)] == [4, 4]
    assert bits(model) == bits(quick(max_iter=4).fit(X, y))


def manual_end(scores, *, patience, tol):
    """The epoch after which the training ends, given the scores of all epochs."""
    best, best_epoch = -np.inf, 0
    for epoch, score in enumerate(scores, start=1):
        if score > best + tol:
            best, best_epoch = score, epoch
        if epoch - best_epoch == patience:
            return epoch
    return len(scores)


X_new, y_new = sequences(40, seed=1)
HARD = {"learning_rate_init": 0.01, "hidden_size": 3}


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", make_scorer(balanced_accuracy_score)])
@pytest.mark.parametrize(("patience", "tol"), [(1, 0.0), (2, 0.0), (3, 0.02), (4, 0.1)])
def test_early_stopping_on_a_metric(scoring, patience, tol):
    """It stops where a loop over max_iter says."""
    scorer = check_scoring(quick(), scoring)
    models = [quick(max_iter=n, **HARD).fit(X, y) for n in range(1, 21)]
    assert [model.best_iter_ for model in models] == list(range(1, 21))
    expected = manual_end(
        [scorer(model, X_new, y_new) for model in models], patience=patience, tol=tol
    )
    stopping = EarlyStoppingOnMetric(scoring, X_val=X_new, y_val=y_new, patience=patience, tol=tol)
    model = quick(max_iter=20, **HARD).set_callbacks(stopping).fit(X, y)
    assert model.n_iter_ == expected
    assert bits(model) == bits(models[expected - 1])
    assert vars(model).keys() == vars(models[0]).keys() | {"_skl_callbacks"}


def test_an_equal_score_is_no_improvement():
    def scoring(estimator, X, y):
        return np.float32(1)

    model = quick().set_callbacks(EarlyStoppingOnMetric(scoring, patience=3))
    assert model.fit(X, y).n_iter_ == 4


@BOTH
@pytest.mark.parametrize("held_out", [None, "part", "X_val"])
def test_data_of_early_stopping(held_out, model, target):
    """What it scores: what is held out, if anything is; in the form in which it came."""
    seen = []

    def scoring(estimator, X, y):
        seen.append((X, y))
        return estimator.score(X, y)

    arguments = {"X_val": X[:7], "y_val": target[:7]} if held_out == "X_val" else {}
    model = model(early_stopping="auto" if held_out == "X_val" else held_out == "part")
    as_list = list(X)
    model.set_callbacks(EarlyStoppingOnMetric(scoring, patience=99)).fit(
        as_list, target, **arguments
    )
    assert len(seen) == 10
    assert {type(X) for X, _ in seen} == ({np.ndarray} if held_out == "X_val" else {list})
    X_seen, y_seen = seen[-1]
    np.testing.assert_array_equal(
        [target[np.flatnonzero((one == X).all(axis=(1, 2)))[0]] for one in X_seen], y_seen
    )
    assert len(X_seen) == {None: 60, "part": 12, "X_val": 7}[held_out]
    if held_out == "part":
        expected = model.validation_scores_[model.best_iter_ - 1]
        assert model.score(X_seen, y_seen) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (np.nan, ValueError, "returned NaN after epoch 1"),
        (None, TypeError, "must return a number, not None"),
        ({"a": 1}, TypeError, "must return a number"),
        (np.ones(2), TypeError, "must return a number"),
    ],
)
def test_scores_that_are_none(answer, error, message):
    def scoring(estimator, X, y):
        return answer

    model = quick().set_callbacks(EarlyStoppingOnMetric(scoring))
    with pytest.raises(error, match=message):
        model.fit(X, y)
    assert not hasattr(model, "n_iter_")


def test_scorers_that_do_not_fit_the_estimator():
    model = quick_regressor().set_callbacks(EarlyStoppingOnMetric("roc_auc"))
    with pytest.raises((ValueError, AttributeError)):
        model.fit(X, NUMBERS)
    assert not hasattr(model, "n_iter_")
