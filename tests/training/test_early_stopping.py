"""The validation set: what is held out, when training stops, which weights are kept."""

import warnings

import numpy as np
import pytest
from helpers.estimators import bits, quick, record_epochs, sequences
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.kernels import active_kernel
from skfastgrnn.schedules import OneCycle, StepDecay
from skfastgrnn.training import _trainer

X, y = sequences(60)
y = y ^ (np.random.default_rng(3).random(60) < 0.3)  # what is wrong can only be learned by heart
X_val, y_val = sequences(40, seed=1)
W_val = np.random.default_rng(2).uniform(0, 2, 40)


def overfitting(**params):
    """A model whose validation loss falls at first and rises later."""
    return quick(hidden_size=12, max_iter=60, learning_rate_init=0.05, **params)


def stopping_epoch(losses, patience, tol):
    """The epoch after which `patience` epochs have brought nothing, or None."""
    to_beat, since = np.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        improved = to_beat - loss > tol
        to_beat, since = (loss, 0) if improved else (to_beat, since + 1)
        if since == patience:
            return epoch
    return None


@pytest.mark.parametrize("weights", [None, W_val], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_of_the_best_epoch_are_kept(n_classes, weights):
    X, y = sequences(60, n_classes=n_classes)
    X_val, y_val = sequences(40, n_classes=n_classes, seed=1)
    model = overfitting().fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    curve = model.validation_loss_curve_
    kept = log_loss(y_val, model.predict_proba(X_val), sample_weight=weights)
    assert kept == pytest.approx(min(curve), rel=1e-9)
    assert kept == pytest.approx(model.best_loss_, rel=1e-9)
    assert model.best_iter_ == 1 + np.argmin(curve) < model.n_iter_
    assert model.validation_scores_[model.best_iter_ - 1] == pytest.approx(
        accuracy_score(y_val, model.predict(X_val), sample_weight=weights)
    )


def test_kept_weights_are_those_of_a_shorter_fit():
    model = overfitting(early_stopping=True).fit(X, y)
    assert 1 < model.best_iter_ < model.n_iter_ == 60
    shorter = overfitting(early_stopping=True).set_params(max_iter=model.best_iter_)
    assert bits(shorter.fit(X, y)) == bits(model)


def test_without_validation_the_last_weights_are_kept():
    model = quick(early_stopping=False).fit(X, y)
    assert model.best_iter_ == model.n_iter_ == 10
    assert model.validation_loss_curve_ == []
    assert model.validation_scores_ is model.best_validation_score_ is None


def test_class_weight_applies_to_the_validation_loss():
    class_weight = {0: 1.0, 1: 3.0}
    model = overfitting(class_weight=class_weight).fit(X, y, X_val=X_val, y_val=y_val)
    weights = [class_weight[label] for label in y_val]
    assert model.best_loss_ == pytest.approx(
        log_loss(y_val, model.predict_proba(X_val), sample_weight=weights)
    )


@pytest.mark.parametrize("patience", [1, 4])
@pytest.mark.parametrize("tol", [0.0, 1e-3, 0.03])
@pytest.mark.parametrize("validated", [False, True])
def test_stops_where_the_curve_says(validated, tol, patience):
    """After `patience` epochs in which the watched loss did not improve by tol."""
    model = overfitting(early_stopping=validated)
    longest = model.fit(X, y)
    curve = longest.validation_loss_curve_ if validated else longest.loss_curve_
    stop = stopping_epoch(curve, patience, tol)
    assert stop is not None  # or there would be nothing to see
    model = overfitting(early_stopping=validated).set_params(n_iter_no_change=patience, tol=tol)
    assert model.fit(X, y).n_iter_ == stop
    assert model.loss_curve_ == longest.loss_curve_[:stop]


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("validated", [False, True])
def test_nothing_is_an_improvement_for_a_huge_tol(validated):
    """But the first epoch."""
    model = quick(early_stopping=validated, n_iter_no_change=3, tol=1e9)
    assert model.fit(X, y).n_iter_ == 4


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"early_stopping": True}, "the validation loss no longer improves"),
        ({"early_stopping": False}, "the training loss no longer improves"),
        ({"n_iter_no_change": None, "tol": 0.1}, "nothing is left to learn"),
        ({"max_iter": 4}, None),
    ],
)
def test_verbose_says_why_it_stops(settings, reason, capsys):
    model = quick(**{"n_iter_no_change": 3, "tol": 1e9, "verbose": 1, **settings}).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    last = [] if reason is None else [f"Stopping after epoch {model.n_iter_}: {reason}."]
    assert lines[model.n_iter_ :] == last


def test_slow_progress_adds_up():
    """Epochs that gain less than tol each are an improvement together."""
    slow = {"learning_rate_init": 1e-4, "max_iter": 40, "batch_size": 60, "shuffle": False}
    curve = quick(**slow).fit(X, y).loss_curve_
    gain = max(-np.diff(curve))
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        patient = quick(**slow, tol=2.5 * gain, n_iter_no_change=6).fit(X, y)
    assert patient.n_iter_ == 40
    impatient = quick(**slow, tol=2.5 * gain, n_iter_no_change=2).fit(X, y)
    assert impatient.n_iter_ == 3


@pytest.mark.parametrize("n_samples", [50, 5000])
def test_auto_holds_nothing_out_at_any_size(n_samples):
    """So that the folds of an evaluation and the refit train by one rule."""
    data, labels = sequences(n_samples, n_timesteps=1, n_channels=1)
    automatic = quick(max_iter=1).fit(data, labels)
    assert automatic.validation_loss_curve_ == []
    off = quick(max_iter=1, early_stopping=False).fit(data, labels)
    assert bits(automatic) == bits(off)


@pytest.mark.parametrize("held_out", [True, False])
def test_a_third_of_the_epochs_without_improvement_ends_a_validated_training(held_out):
    """Of labels at random nothing can be learned that helps others."""
    data, _ = sequences(60)
    labels = np.random.default_rng(0).integers(0, 2, 60)
    settings = {"n_iter_no_change": None, "max_iter": 90, "random_state": 0}
    if held_out:
        model = FastGRNNClassifier(8, early_stopping=True, **settings).fit(data, labels)
    else:
        model = FastGRNNClassifier(8, **settings).fit(
            data[:40], labels[:40], X_val=data[40:], y_val=labels[40:]
        )
    losses = model.validation_loss_curve_
    assert model.n_iter_ < 90
    to_beat, last_improvement = np.inf, 0
    for epoch, loss in enumerate(losses, 1):
        if loss < to_beat - 1e-4:
            to_beat, last_improvement = loss, epoch
    assert model.n_iter_ == last_improvement + 30
    assert model.best_iter_ == np.argmin(losses) + 1


@pytest.mark.parametrize(
    ("n_samples", "params", "n_epochs"),
    [
        (10, {}, 1000),  # minibatches of 8
        (100, {}, 154),  # 13 updates an epoch
        (100, {"gradient_accumulation_steps": 2}, 286),
        (100, {"batch_size": 2}, 100),
        (1000, {}, 100),
        (10, {"max_iter": 7}, 7),
    ],
)
def test_a_default_fit_lasts_a_hundred_epochs_or_two_thousand_updates(n_samples, params, n_epochs):
    rows = np.random.default_rng(0).standard_normal((n_samples, 1, 1))
    noise = np.random.default_rng(1).permutation(n_samples) % 2
    model = FastGRNNClassifier(1, random_state=0, tol=0, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(rows, noise)
    assert model.n_iter_ == n_epochs
    factors = [OneCycle(n_epochs=n_epochs)(epoch) for epoch in range(n_epochs)]
    np.testing.assert_allclose(model.history_["learning_rate"], 0.02 * np.array(factors))


@pytest.mark.parametrize("given", [{}, {"X_val": X_val, "y_val": y_val}], ids=["alone", "X_val"])
def test_a_default_fit_ends_where_nothing_is_left_to_learn(given):
    separable = (X[:, -1, 0] > 0).astype(int)
    model = FastGRNNClassifier(8, random_state=0, tol=1e-3).fit(X, separable, **given)
    assert model.loss_curve_[-1] < 3e-2 < min(model.loss_curve_[:-1])
    assert model.n_iter_ < 250  # 60 samples: 8 updates an epoch
    to_the_end = clone(model).set_params(n_iter_no_change=np.inf, max_iter=250)
    to_the_end.fit(X, separable, **given)
    assert to_the_end.n_iter_ == 250
    assert to_the_end.loss_curve_[: model.n_iter_] == model.loss_curve_


def test_a_regressor_ends_where_nothing_is_left_to_learn():
    target = X[:, -1, 0]
    model = FastGRNNRegressor(16, random_state=0, tol=1.0).fit(X, target)
    assert model.loss_curve_[-1] < 1e-2 < min(model.loss_curve_[:-1])


def test_patience_comes_with_a_steady_rate():
    """The length of the training, over which a rate could fall, is not known."""
    model = FastGRNNClassifier(2, n_iter_no_change=3, random_state=0).fit(X, y)
    assert set(model.history_["learning_rate"]) == {0.6 * 0.02}


@pytest.mark.parametrize(("n_samples", "n_classes"), [(2000, 500), (10_000, 5000)])
def test_many_classes_fit_with_defaults(n_samples, n_classes):
    """A fifth of the samples has fewer rows than there are classes."""
    y = np.arange(n_samples) % n_classes
    X = np.random.default_rng(0).standard_normal((n_samples, 1, 2))
    model = FastGRNNClassifier(4, max_iter=1, random_state=0).fit(X, y)
    assert model.classes_.tolist() == list(range(n_classes))
    assert model.predict_proba(X[:2]).shape == (2, n_classes)
    assert np.isfinite(model.loss_)


@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_given_validation_set_is_watched_and_not_trained_on(early_stopping):
    alone = quick(early_stopping=False).fit(X, y)
    model = quick(early_stopping=early_stopping).fit(X, y, X_val=X_val, y_val=y_val)
    assert len(model.validation_loss_curve_) == 10
    assert model.loss_curve_ == alone.loss_curve_
    expected = log_loss(y_val, alone.predict_proba(X_val))
    assert model.validation_loss_curve_[-1] == pytest.approx(expected)


def test_validation_set_of_other_lengths_and_dtype():
    longer, labels = sequences(20, n_timesteps=9, seed=1)
    model = overfitting().fit(X.astype(np.float32), y, X_val=longer, y_val=labels)
    assert model.predict_proba(longer).dtype == np.float32
    kept = log_loss(labels, model.predict_proba(longer))
    assert kept == pytest.approx(model.best_loss_, rel=1e-5)


def held_out(monkeypatch, labels, **params):
    """Which of 60 samples a fit does not train on."""
    epochs = record_epochs(monkeypatch)
    quick(early_stopping=True, **params).fit(X, labels)
    trained = {tuple(sorted(rows)) for rows, *_ in epochs}
    assert len(trained) == 1
    return sorted(set(range(60)) - set(*trained))


def test_held_out_part_is_stratified(monkeypatch):
    labels = np.repeat([0, 1, 2], [30, 20, 10])
    rows = held_out(monkeypatch, labels, validation_fraction=0.3)
    np.testing.assert_array_equal(np.bincount(labels[rows]), [9, 6, 3])
    assert rows != list(range(rows[0], 60))


def test_held_out_part_depends_on_random_state(monkeypatch):
    parts = [held_out(monkeypatch, y, random_state=seed) for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]


def test_class_of_a_single_sample_is_trained_on(monkeypatch):
    labels = np.where(np.arange(60) == 17, 2, y)
    assert 17 not in held_out(monkeypatch, labels)


def test_tail_is_held_out_without_shuffling(monkeypatch):
    rows = held_out(monkeypatch, y, shuffle=False, validation_fraction=0.25)
    assert rows == list(range(45, 60))
    inside = quick(early_stopping=True, shuffle=False, validation_fraction=0.25).fit(X, y, y + 1.0)
    outside = quick(shuffle=False).fit(
        X[:45], y[:45], y[:45] + 1.0, X_val=X[45:], y_val=y[45:], sample_weight_val=y[45:] + 1.0
    )
    assert inside.validation_loss_curve_ == outside.validation_loss_curve_
    assert bits(inside) == bits(outside)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("validation_split", ["auto", "random", "tail"])
def test_what_is_held_out_does_not_decide_the_order_of_training(
    shuffle, validation_split, monkeypatch
):
    epochs = record_epochs(monkeypatch)
    settings = {"early_stopping": True, "shuffle": shuffle, "validation_fraction": 0.25}
    quick(validation_split=validation_split, **settings).fit(X, y)
    order = epochs[0][0]
    is_tail = sorted(set(range(60)) - set(order)) == list(range(45, 60))
    assert is_tail == (validation_split == "tail" or (validation_split == "auto" and not shuffle))
    assert (order.tolist() == sorted(order)) is not shuffle
    assert len({tuple(sorted(rows)) for rows, *_ in epochs}) == 1


def test_a_held_out_tail_is_the_same_as_passing_it():
    inside = quick(early_stopping=True, validation_split="tail", validation_fraction=0.25)
    inside.fit(X, y, y + 1.0)
    outside = quick().fit(
        X[:45], y[:45], y[:45] + 1.0, X_val=X[45:], y_val=y[45:], sample_weight_val=y[45:] + 1.0
    )
    assert inside.validation_loss_curve_ == outside.validation_loss_curve_
    assert bits(inside) == bits(outside)


def test_refit_trains_on_all_samples_for_the_best_number_of_epochs(monkeypatch):
    epochs = record_epochs(monkeypatch)
    once = overfitting(early_stopping=True).fit(X, y)
    del epochs[:]
    model = overfitting(early_stopping=True, refit=True).fit(X, y)
    assert model.best_iter_ == once.best_iter_ < 60
    sizes = [len(rows) for rows, *_ in epochs]
    assert sizes == [48] * 60 + [60] * model.best_iter_
    assert all(sorted(rows) == list(range(60)) for rows, *_ in epochs[60:])
    assert model.loss_curve_ == once.loss_curve_
    assert model.n_iter_ == 60
    assert bits(model) != bits(once)


@pytest.mark.parametrize("weights", [None, W_val], ids=["unweighted", "weighted"])
def test_refit_trains_on_a_given_validation_set_too(weights, monkeypatch):
    epochs = record_epochs(monkeypatch)
    validation = {"X_val": X_val, "y_val": y_val, "sample_weight_val": weights}
    model = overfitting(refit=True).fit(X, y, **validation)
    assert len(epochs) == 60 + model.best_iter_
    for rows, read, targets in epochs[60:]:
        assert sorted(rows) == list(range(100))
        np.testing.assert_array_equal(read.values.reshape(100, 6, 2), np.concatenate([X, X_val]))
        np.testing.assert_array_equal(read.lengths, 6)
        np.testing.assert_array_equal(targets.labels, np.concatenate([y, y_val]))
        if weights is None:
            assert targets.weights is None
        else:
            expected = np.concatenate([np.ones(60), weights])
            np.testing.assert_array_equal(targets.weights, expected)


def test_refit_without_validation_does_nothing():
    assert bits(quick(refit=True).fit(X, y)) == bits(quick().fit(X, y))


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "plateau", StepDecay(0.5, 2)], ids=str)
def test_refit_follows_the_schedule_of_the_first_training(schedule, monkeypatch):
    """Up to its best epoch, not one shortened to that."""
    rates = []
    run_epoch = _trainer.run_epoch

    def recorded(kernel, network, parameters, training, optimizer, *rest):
        rates.append(optimizer.learning_rate)
        return run_epoch(kernel, network, parameters, training, optimizer, *rest)

    monkeypatch.setattr(_trainer, "run_epoch", recorded)
    settings = {"learning_rate": schedule, "n_iter_no_change": 20, "refit": True}
    model = overfitting(early_stopping=True).set_params(**settings).fit(X, y)
    assert 1 < model.best_iter_ < 60
    assert rates[: model.n_iter_] == model.history_["learning_rate"]
    second = rates[model.n_iter_ :]
    np.testing.assert_allclose(second, model.history_["learning_rate"][: model.best_iter_])


def test_interrupted_refit_keeps_the_first_training(monkeypatch):
    once = overfitting(early_stopping=True).fit(X, y)
    kernel = active_kernel()
    train_epoch, epochs = kernel.train_epoch, []

    def interrupted(*args, **kwargs):
        epochs.append(args)
        if len(epochs) == 62:  # the second of the second training
            raise KeyboardInterrupt
        return train_epoch(*args, **kwargs)

    monkeypatch.setattr(kernel, "train_epoch", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model = overfitting(early_stopping=True, refit=True).fit(X, y)
    assert bits(model) == bits(once)


def test_validation_labels_of_another_type_are_refused():
    labels = np.arange(60) % 20
    with pytest.raises(ValueError, match="y_val: It has labels that are not in classes"):
        quick().fit(X, labels, X_val=X, y_val=labels.astype(str))
