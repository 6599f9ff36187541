"""Callbacks of a user, who knows scikit-learn's protocol only: what they see and may do."""

import pickle

import numpy as np
import pytest
from helpers.callbacks import BOTH, AfterEpochs, Hooks, Raising, StopsAt, X, every_kind, y
from helpers.estimators import bits, flat, quick, snapshot

from skfastgrnn.callbacks import JSONLinesLogger

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")


@BOTH
def test_own_callback_sees_a_fitted_estimator_and_ends_the_training(model, target):
    mine = StopsAt(0.9)
    model = (
        model(max_iter=1000, learning_rate_init=0.005)
        .set_callbacks(mine)
        .fit(X, target, sample_weight=np.ones(60))
    )
    assert 1 < model.n_iter_ < 1000
    *epochs, (task, score, _) = mine.seen
    assert (task, score) == ("fit", model.score(X, target))
    assert [score >= 0.9 for _, score, _ in epochs] == [False] * (len(epochs) - 1) + [True]
    for i, (_, score, fitted) in enumerate(epochs):
        assert fitted.score(X, target) == score  # it stays as it was
        assert fitted.n_iter_ == i + 1
        assert fitted.history_["loss"] == model.history_["loss"][: i + 1]
    assert bits(epochs[-1][2]) == bits(model)


def test_order_of_calls():
    mine = Hooks()
    model = quick(max_iter=2).set_callbacks(mine).fit(X, y)
    epoch = [("begin", "epoch"), ("end", "epoch")]
    inside = [("begin", "fit"), *epoch * 2, ("end", "fit")]
    assert mine.names == [("setup", "fit"), *inside, ("teardown", "fit")]
    assert {id(estimator) for _, _, estimator in mine.calls} == {id(model)}


@pytest.mark.filterwarnings("ignore:partial_fit calls no callbacks")
def test_what_a_callback_keeps_is_an_estimator_like_others():
    """Also one that was trained before: it does not belong to the fit it comes from."""
    mine = StopsAt(2)
    model = quick(max_iter=2, warm_start=True).partial_fit(X, y, classes=[0, 1])
    model.set_callbacks(mine).fit(X, y)
    _, _, kept = mine.seen[0]
    assert kept._moments["step"] == 16  # 8 of them before
    n_calls = len(mine.calls)
    assert pickle.loads(pickle.dumps(kept)).n_iter_ == 1
    kept.partial_fit(X, y)
    assert kept._moments["step"] == 24
    assert len(mine.calls) == n_calls
    assert not [name for name in vars(kept) if "ctx" in name or "teardown" in name]


@pytest.mark.parametrize("task", ["fit", "epoch"])
@pytest.mark.parametrize("hook", ["setup", "begin", "end"])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_a_callback_that_raises_leaves_the_estimator_as_it_was(is_fitted, hook, task, tmp_path):
    if (hook, task) == ("setup", "epoch"):
        return
    before, raising, after = every_kind(tmp_path), Raising(hook, task), Hooks()
    model = quick(early_stopping=True)
    if is_fitted:
        model.fit(X, y)
    was = snapshot(model)
    model.set_callbacks(*before, raising, after)
    with pytest.raises(RuntimeError, match="of the user's callback"):
        model.fit(X * 2, y)
    assert raising.names[-1] == ("teardown", "fit")
    assert not after.calls or after.names[-1] == ("teardown", "fit")
    assert [vars(callback).get("_fits", {}) for callback in before] == [{}] * len(before)
    assert snapshot(model.set_callbacks()) == was


def test_an_interrupted_training_closes_its_callbacks(tmp_path):
    def press(estimator, context, fitted):
        if fitted.n_iter_ == 3:
            raise KeyboardInterrupt

    writer, mine = JSONLinesLogger(tmp_path / "log.jsonl"), AfterEpochs(press)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = quick().set_callbacks(writer, mine).fit(X, y)
    assert model.n_iter_ == len(writer.get_logs()) == 3
    assert mine.names[-1] == ("teardown", "fit")
    assert not vars(writer)["_fits"]


def test_what_a_callback_keeps_is_not_trained_further():
    """Neither its weights nor its moments."""

    def state(fitted):
        return flat(fitted), *(fitted._moments[name].copy() for name in ("first", "second"))

    mine = AfterEpochs(lambda estimator, context, fitted: (fitted, state(fitted)))
    quick(warm_start=True).set_callbacks(mine).fit(X, y)
    for fitted, then in mine.answers:
        for now, before in zip(state(fitted), then, strict=True):
            np.testing.assert_array_equal(now, before)


def test_moments_of_an_earlier_training_are_not_those_of_this_one():
    mine = StopsAt(2)
    model = quick(max_iter=1).partial_fit(X, y, classes=[0, 1]).set_callbacks(mine).fit(X, y)
    assert not any(hasattr(fitted, "_moments") for *_, fitted in mine.seen)
    assert not hasattr(model, "_moments")
