"""Streams: partial_fit for any number of calls, its rate, its history and its divergence."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

import skfastgrnn
from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.schedules import CosineDecay, LinearDecay, ReduceOnPlateau, StepDecay, WarmUp
from skfastgrnn.training import _stream

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 5, 3))
y = np.arange(60) % 3
FIRST = {"classes": [0, 1, 2]}


def quick(cls=FastGRNNClassifier, **params):
    params = {"hidden_size": 4, "max_iter": 3, "n_iter_no_change": np.inf, **params}
    settings = {"learning_rate": "constant", "learning_rate_init": 0.012}
    settings = {"random_state": 0, "batch_size": 8, **settings}
    return cls(**{**settings, **params})


def stream(model, n_calls, **labels):
    for _ in range(n_calls):
        model.partial_fit(X, y, **labels)
    return model


# The learning rate


@pytest.mark.parametrize(
    "schedule",
    [
        "constant",
        "cosine",
        "linear",
        "one_cycle",
        "plateau",
        CosineDecay(),
        ReduceOnPlateau(patience=1),
    ],
    ids=str,
)
def test_schedules_with_an_end_or_an_eye_on_losses_are_constant_in_a_stream(schedule):
    model = stream(quick(learning_rate=schedule), 8, **FIRST)  # max_iter is 3
    assert model.history_["learning_rate"] == [0.012] * 8
    constant = stream(quick(), 8, **FIRST)
    assert model._parameters.tobytes() == constant._parameters.tobytes()


def test_the_default_rate_of_a_stream_is_that_of_a_training_without_a_known_length():
    model = stream(FastGRNNClassifier(4, random_state=0), 3, **FIRST)
    assert np.allclose(model.history_["learning_rate"], 0.6 * model.learning_rate_init)


def test_schedules_of_their_own_length_go_on_from_call_to_call():
    for schedule, factors in (
        (WarmUp(3, then=CosineDecay()), [0.25, 0.5, 0.75, 1, 1, 1]),
        (StepDecay(decay=0.5, every=2), [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (CosineDecay(n_epochs=2, floor=0.1), [1, 0.55, 0.1, 0.1, 0.1, 0.1]),
        ("step", [1, 1, 1, 1, 1, 1]),
    ):
        model = stream(quick(learning_rate=schedule), 6, **FIRST)
        np.testing.assert_allclose(model.history_["learning_rate"], 0.012 * np.array(factors))


@pytest.mark.parametrize("name", ["cosine", "linear", "one_cycle"])
def test_a_stream_learns_on_after_a_fit_that_has_ended_its_schedule(name):
    model = quick(learning_rate=name).fit(X, y)
    before = model._parameters.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X, y)
    assert model.history_["learning_rate"][-1] == 0.012
    assert np.abs(model._parameters - before).max() > 1e-3


def test_a_rate_of_next_to_nothing_is_warned_about():
    model = stream(quick(learning_rate=LinearDecay(n_epochs=2)), 2, **FIRST)
    with pytest.warns(
        UserWarning, match=r"0 times learning_rate_init.*LinearDecay\(n_epochs=2"
    ) as w:
        model.partial_fit(X, y)
    assert w[0].filename == __file__
    with pytest.warns(UserWarning, match="1e-10 times learning_rate_init"):
        quick(learning_rate=lambda epoch: 1e-10).partial_fit(X, y, **FIRST)


def test_defaults_learn_in_a_long_stream():
    """Many calls, each of one image."""
    images, labels = load_digits(n_class=3, return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16
    model = FastGRNNClassifier(8, random_state=0)
    for i in range(400):
        model.partial_fit(images[i : i + 1], labels[i : i + 1], classes=[0, 1, 2])
    assert model.n_iter_ == 400
    assert len(set(model.history_["learning_rate"])) == 1
    assert model.score(images[400:], labels[400:]) > 0.8


# The history


@pytest.fixture
def short_history(monkeypatch):
    monkeypatch.setattr(_stream, "LONGEST_HISTORY", 5)


def test_the_history_is_that_of_the_last_calls(monkeypatch):
    whole = stream(quick(), 12, **FIRST)
    monkeypatch.setattr(_stream, "LONGEST_HISTORY", 5)
    model = stream(quick(), 12, **FIRST)
    assert model.n_iter_ == model.best_iter_ == 12
    for name in ("loss", "accuracy", "learning_rate", "gradient_norm"):
        assert model.history_[name] == whole.history_[name][-5:]
    assert len(model.history_["seconds"]) == 5
    assert model.loss_curve_ == whole.loss_curve_[-5:]
    assert model.loss_ == whole.loss_
    assert model.best_loss_ == whole.best_loss_ == min(whole.loss_curve_)
    assert model._parameters.tobytes() == whole._parameters.tobytes()


def test_the_lowest_loss_is_remembered_beyond_the_history(short_history):
    model = stream(quick(), 6, **FIRST)
    lowest = min(model.loss_curve_)
    model.set_params(learning_rate_init=1e-300)
    for _ in range(6):
        model.partial_fit(X, (y + 1) % 3)  # at which the model is bad
    assert min(model.loss_curve_) > lowest == model.best_loss_


def test_validation_entries_go_with_their_epochs(short_history):
    model = quick(max_iter=4).fit(X, y, X_val=X[:9], y_val=y[:9])
    validation = model.validation_loss_curve_
    training = model.loss_curve_
    stream(model, 2)  # epochs 5 and 6: epoch 1 is forgotten
    assert model.validation_loss_curve_ == validation[1:]
    assert model.loss_curve_[:3] == training[1:]
    assert model.best_loss_ == min(training + model.loss_curve_)
    stream(model, 3)
    assert model.validation_loss_curve_ == []
    assert model.n_iter_ == 9


def test_a_fit_keeps_all_of_its_history(short_history):
    assert len(quick(max_iter=8).fit(X, y).loss_curve_) == 8


def test_a_model_does_not_grow_with_its_calls(short_history):
    model = stream(quick(), 6, **FIRST)
    size = len(pickle.dumps(model))
    assert abs(len(pickle.dumps(stream(model, 30))) - size) < 64


def test_a_long_stream_is_saved_and_goes_on(short_history, tmp_path):
    model = stream(quick(), 9, **FIRST)
    skfastgrnn.save(model, tmp_path / "stream.safetensors")
    loaded = skfastgrnn.load(tmp_path / "stream.safetensors")
    assert loaded.n_iter_ == 9
    stream(model, 2)
    stream(loaded, 2)
    assert loaded._parameters.tobytes() == model._parameters.tobytes()
    assert loaded.n_iter_ == 11
    assert loaded.loss_curve_ == model.loss_curve_


def test_the_loss_curve_begins_at_the_first_epoch_of_the_history(short_history):
    pytest.importorskip("matplotlib").use("agg")
    from skfastgrnn.inspection import LossCurveDisplay

    display = LossCurveDisplay.from_estimator(stream(quick(), 7, **FIRST))
    assert display.lines_[0].get_xdata().tolist() == [3, 4, 5, 6, 7]


def test_verbose_counts_all_calls(short_history, capsys):
    stream(quick(verbose=1), 7, **FIRST)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines] == [f"Epoch {i}/{i}" for i in range(1, 8)]


# Divergence


def jumped(model):
    """A model that learned with a good rate and goes on with an absurd one, without clipping."""
    return model.set_params(learning_rate_init=300.0)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("cls", "target"), [(FastGRNNClassifier, y), (FastGRNNRegressor, X[:, -1, 0] * 7 + 3)]
)
def test_a_piece_that_makes_its_own_loss_far_worse_is_not_kept(cls, target, solver):
    labels = FIRST if cls is FastGRNNClassifier else {}
    settings = {"clip_norm": None, "solver": solver, "learning_rate_init": 0.02}
    model = quick(cls, **settings)
    for _ in range(10):
        model.partial_fit(X, target, **labels)
    before, moments = model.predict(X), model._moments
    with pytest.warns(ConvergenceWarning, match=r"epoch 11 has raised the loss .*now 300\)") as w:
        jumped(model).partial_fit(X, target)
    assert w[0].filename == __file__
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-9)
    assert (model.n_iter_, model.best_iter_, len(model.loss_curve_)) == (11, 10, 11)
    for name, kept in model._moments.items():
        np.testing.assert_array_equal(kept, moments[name])
    model.set_params(learning_rate_init=0.02).partial_fit(X, target)
    assert model.best_iter_ == 12


def test_a_first_piece_that_diverges_keeps_the_initial_weights():
    model = jumped(quick(clip_norm=None, solver="sgd", warm_start=True))
    with pytest.warns(ConvergenceWarning, match="epoch 1 has raised"):
        model.partial_fit(X, y, **FIRST)
    assert model.best_iter_ == 0
    assert not hasattr(model, "_moments")
    fresh = quick(learning_rate_init=1e-300).partial_fit(X, y, **FIRST)
    np.testing.assert_allclose(model._parameters, fresh._parameters, rtol=0, atol=1e-290)


@pytest.mark.filterwarnings("error")
def test_new_classes_and_far_targets_are_no_divergence():
    """Their loss is far above that of guessing, until they are learned."""
    images, labels = load_digits(n_class=4, return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16
    model = FastGRNNClassifier(8, random_state=0)
    for new in (labels < 2, labels >= 2):
        for _ in range(10):
            model.partial_fit(images[new], labels[new], classes=range(4))
    assert model.loss_curve_[10] > 20 * model.loss_curve_[9]
    assert model.score(images[labels >= 2], labels[labels >= 2]) > 0.9
    model = quick(FastGRNNRegressor).partial_fit(X, X[:, -1, 0])
    for _ in range(10):
        model.partial_fit(X, X[:, -1, 0] + 30)
    assert model.best_iter_ == 11


def test_weights_of_a_piece_count_in_its_loss():
    """Samples without weight say nothing about divergence: partial_fit does not warn of it."""
    model = stream(quick(), 20, **FIRST)
    wrong = np.where(np.arange(60) < 30, y, (y + 1) % 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X, wrong, sample_weight=(np.arange(60) < 30) * 1.0)


# What is refused or not done


def test_callbacks_are_said_to_be_left_out():
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import TimeLimit

    model = quick().set_callbacks(TimeLimit(0))
    with pytest.warns(UserWarning, match="partial_fit calls no callbacks") as caught:
        model.partial_fit(X, y, **FIRST)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_callbacks().partial_fit(X, y)


def test_an_unknown_class_is_told_of_warm_start():
    model = quick().partial_fit(X, y, **FIRST)
    for given in ({"y": y + 1}, {"y": y, "classes": [0, 1, 2, 3]}):
        with pytest.raises(ValueError, match=r"cannot add classes: with warm_start=True, fit"):
            model.partial_fit(X, **given)
    with pytest.raises(ValueError, match="not in classes") as caught:
        model.fit(X, y, X_val=X, y_val=y + 1)
    assert "partial_fit" not in str(caught.value)
    tuned = model.set_params(warm_start=True).fit(X, y + 1)  # the way out
    assert tuned.classes_.tolist() == [1, 2, 3]
