"""While a fit runs, an estimator is what it was: so are its copies, and what it is set to."""

import copy
import pickle
import threading

import numpy as np
import pytest
from helpers.estimators import bits, flat, quick, sequences
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from skfastgrnn import DistilledFastGRNN, FastGRNNRegressor
from skfastgrnn.kernels import active_kernel
from skfastgrnn.preprocessing import (
    SequenceClipper,
    SequenceImputer,
    SequenceMinMaxScaler,
    SequenceReshaper,
    SequenceRobustScaler,
    SequenceStandardScaler,
    TemporalFeatures,
)

X, y = sequences(60)
_, three = sequences(60, n_classes=3)

KINDS = {
    "classifier": quick(),
    "held out, refit": quick(early_stopping=True, refit=True),
    "regressor": FastGRNNRegressor(4, max_iter=3, random_state=0),
    "distilled": DistilledFastGRNN(
        LogisticRegression(), quick(max_iter=3, n_timesteps=6), random_state=0
    ),
}


def during(monkeypatch, look):
    """Call `look` before every epoch of the fits to come."""
    kernel = active_kernel()
    train_epoch = kernel.train_epoch

    def watched(*args, **kwargs):
        look()
        return train_epoch(*args, **kwargs)

    monkeypatch.setattr(kernel, "train_epoch", watched)


def data(kind):
    return X.reshape(len(X), -1) if kind == "distilled" else X


@pytest.mark.parametrize("kind", KINDS)
def test_copies_taken_during_a_first_fit_are_not_fitted(kind, monkeypatch):
    model, copies = clone(KINDS[kind]), []

    def look():
        copies.extend([copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))])

    during(monkeypatch, look)
    model.fit(data(kind), y)
    check_is_fitted(model)
    assert len(copies) >= 9
    for copied in copies:
        with pytest.raises(NotFittedError):
            check_is_fitted(copied)
        with pytest.raises(NotFittedError):
            copied.predict(data(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_taken_during_a_refit_are_the_model_before(kind, monkeypatch):
    model, predictions = clone(KINDS[kind]).fit(data(kind), y), []
    expected = model.predict(data(kind))

    def look():
        for copied in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            predictions.append(copied.predict(data(kind)))

    during(monkeypatch, look)
    model.fit(data(kind), three)
    assert len(predictions) >= 9
    assert all(np.array_equal(each, expected) for each in predictions)
    assert not np.array_equal(model.predict(data(kind)), expected)


def test_copies_taken_during_partial_fit_are_the_model_before(monkeypatch):
    model, seen = quick(), []
    during(monkeypatch, lambda: seen.append(pickle.loads(pickle.dumps(model))))
    model.partial_fit(X, y, classes=[0, 1])
    after_first = bits(model)
    model.partial_fit(X, y)
    assert not hasattr(seen[0], "classes_")
    assert bits(seen[1]) == after_first


@pytest.mark.parametrize("first", [True, False])
def test_settings_that_change_during_a_fit_have_no_effect_on_it(first, monkeypatch):
    settings = {"early_stopping": True, "refit": True, "warm_start": False}
    model, expected = quick(**settings), quick(**settings).fit(X, y)
    if not first:
        model.fit(X, three)
    changed = {
        "hidden_size": 2**63 - 1,
        "batch_size": -1,
        "n_timesteps": "x",
        "refit": False,
        "warm_start": True,
        "class_weight": "balanced",
        "max_iter": 1,
    }
    during(monkeypatch, lambda: vars(model).update(changed))
    model.fit(X, y)
    assert bits(model) == bits(expected)
    assert model.history_["loss"] == expected.history_["loss"]
    assert {name: getattr(model, name) for name in changed} == changed


def test_what_is_set_during_a_fit_stays_where_the_fit_fails(monkeypatch):
    model = quick().fit(X, y)
    before = bits(model)

    def fail():
        model.set_params(hidden_size=7)
        raise MemoryError

    during(monkeypatch, fail)
    with pytest.raises(MemoryError):
        model.partial_fit(X, y)
    assert model.hidden_size == 7
    assert bits(model) == before


def test_names_of_an_earlier_fit_do_not_stay():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X.reshape(len(X), -1)).rename(columns=str)
    model = quick(n_timesteps=6).fit(frame, y)
    assert len(model.feature_names_in_) == 12
    model.fit(X, y)
    assert not hasattr(model, "feature_names_in_")


def test_two_threads_that_fit_one_estimator_leave_one_of_their_models():
    """The results of both fits are those of a fit alone: neither reads what the other sets."""
    model = quick(max_iter=3, hidden_size=3)
    _, many = sequences(60, n_classes=30)
    expected = {len(np.unique(labels)): flat(clone(model).fit(X, labels)) for labels in (y, many)}
    broken = []

    def fit_often(labels):
        for _ in range(20):
            try:
                model.fit(X, labels)
                taken = pickle.loads(pickle.dumps(model))
                if not np.array_equal(flat(taken), expected[len(taken.classes_)]):
                    broken.append(taken)
            except Exception as error:
                broken.append(error)

    threads = [threading.Thread(target=fit_often, args=(labels,)) for labels in (y, many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken


@pytest.mark.parametrize(
    "transformer",
    [
        SequenceStandardScaler(),
        SequenceMinMaxScaler(),
        SequenceRobustScaler(),
        SequenceClipper(),
        SequenceImputer(add_indicator=True),
        SequenceReshaper(to="2d"),
        TemporalFeatures(),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_a_transformer_takes_over_all_that_it_learned_at_once(transformer):
    """No attribute is set before the last one is known."""
    seen = []

    class Watched(type(transformer)):
        def __setattr__(self, name, value):
            if self is model:
                seen.append(name)
            super().__setattr__(name, value)

    model = None
    model = Watched(**transformer.get_params())
    model.fit(X)
    check_is_fitted(model)
    assert seen == []
    np.testing.assert_array_equal(model.transform(X), clone(transformer).fit(X).transform(X))
