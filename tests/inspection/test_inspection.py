"""The displays: what they draw is what was trained and computed, and they say what they cannot."""

import numpy as np
import pytest
from helpers.estimators import quick, run_python, sequences
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.inspection import GateDisplay, LossCurveDisplay
from skfastgrnn.network import ACTIVATIONS
from skfastgrnn.preprocessing import SequenceClipper, SequenceStandardScaler

X, y = sequences(40, n_timesteps=6, n_channels=2)

BLOCKED = """
import sys
sys.modules["matplotlib"] = None  # as if it were not installed
from skfastgrnn.inspection import GateDisplay, LossCurveDisplay
from helpers.estimators import quick, sequences

X, y = sequences()
model = quick().fit(X, y)
for call in (
    lambda: LossCurveDisplay.from_estimator(model),
    lambda: LossCurveDisplay(loss=[1.0]).plot(),
    lambda: GateDisplay.from_estimator(model, X),
    lambda: GateDisplay(gates=X[0], states=X[0]).plot(),
):
    try:
        call()
    except ImportError as error:
        print(error)
"""


def test_without_matplotlib_the_import_works_and_plots_say_what_is_missing():
    callers = [
        "LossCurveDisplay.from_estimator",
        "LossCurveDisplay.plot",
        "GateDisplay.from_estimator",
        "GateDisplay.plot",
    ]
    lines = run_python(BLOCKED).splitlines()
    assert len(lines) == 4
    for line, caller in zip(lines, callers, strict=True):
        assert line.startswith(f"{caller} requires matplotlib. You can install matplotlib with")


def test_the_import_does_not_load_matplotlib():
    loaded = run_python("import sys, skfastgrnn.inspection\nprint('matplotlib' in sys.modules)")
    assert loaded.strip() == "False"


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    before = matplotlib.get_backend()
    matplotlib.use("Agg", force=True)
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")
    matplotlib.use(before, force=True)


def cell_by_hand(model, x, ending="", backward=False):
    """z and h of one cell, unit by unit, from the equations of the paper."""
    functions = {
        "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
        "tanh": np.tanh,
        "relu": lambda a: max(a, 0.0),
        "hard_sigmoid": lambda a: min(max((a + 1) / 2, 0.0), 1.0),
        "hard_tanh": lambda a: min(max(a, -1.0), 1.0),
    }
    gate, update = functions[model.gate_activation], functions[model.update_activation]
    p = {
        name: model.params_[name + ending]
        for name in ("W", "U", "bias_gate", "bias_update", "zeta_hat", "nu_hat")
    }
    T, H = len(x), len(p["U"])
    zeta, nu = float(expit(p["zeta_hat"][0])), float(expit(p["nu_hat"][0]))
    z, h, before = np.zeros((T, H)), np.zeros((T, H)), np.zeros(H)
    for t in reversed(range(T)) if backward else range(T):
        for i in range(H):
            a = p["W"][i] @ x[t] + p["U"][i] @ before
            z[t, i] = gate(a + p["bias_gate"][i])
            candidate = update(a + p["bias_update"][i])
            h[t, i] = (zeta * (1 - z[t, i]) + nu) * candidate + z[t, i] * before[i]
        before = h[t]
    return z, h


def assert_drawn(display, gates, states):
    """The heat maps hold these values, hidden units from top to bottom."""
    for image, stored, expected in zip(
        display.images_, (display.gates, display.states), (gates, states), strict=True
    ):
        np.testing.assert_array_equal(image.get_array(), stored.T)
        np.testing.assert_allclose(stored, expected, rtol=1e-10, atol=1e-12)


# LossCurveDisplay


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_curves_are_those_of_the_history(plt, early_stopping):
    model = quick(early_stopping=early_stopping, learning_rate="cosine").fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    names = ["loss", "validation_loss"][: 1 + early_stopping]
    assert [line.get_label() for line in display.lines_] == [
        "Training loss",
        "Validation loss",
    ][: 1 + early_stopping]
    for line, name in zip(display.lines_, names, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 11))
        np.testing.assert_array_equal(line.get_ydata(), model.history_[name])
    np.testing.assert_array_equal(
        display.learning_rate_line_.get_ydata(), model.history_["learning_rate"]
    )
    assert display.learning_rate_line_.axes is display.learning_rate_ax_
    np.testing.assert_array_equal(display.best_iter_line_.get_xdata(), [model.best_iter_] * 2)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Epoch", "Loss")
    assert display.figure_ is display.ax_.figure
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert f"Best epoch: {model.best_iter_}" in labels
    assert labels[-1] == "Learning rate"
    display.figure_.canvas.draw()


def test_a_regressor_at_the_end_of_a_pipeline_on_given_axes(plt):
    regressor = FastGRNNRegressor(hidden_size=3, max_iter=3, n_iter_no_change=np.inf)
    model = make_pipeline(SequenceStandardScaler(), regressor).fit(X, X[:, -1, 0])
    figure, ax = plt.subplots()
    display = LossCurveDisplay.from_estimator(model, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), model[-1].history_["loss"])
    again = display.plot(plot_learning_rate=False, line_kw={"color": "k", "label": "again"})
    assert again is display
    assert display.ax_ is not ax
    assert display.learning_rate_ax_ is None
    assert display.learning_rate_line_ is None
    assert (display.lines_[0].get_color(), display.lines_[0].get_label()) == ("k", "again")


@pytest.mark.parametrize("best_iter", [None, 0])
@pytest.mark.parametrize("loss", [[], [0.7], [0.7, np.inf]])
def test_short_and_diverged_trainings_are_drawn(plt, loss, best_iter):
    rate = [0.1] * len(loss)
    display = LossCurveDisplay(loss=loss, learning_rate=rate, best_iter=best_iter).plot()
    assert display.best_iter_line_ is None
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), loss)
    display.figure_.canvas.draw()


def test_epochs_that_partial_fit_adds_have_no_validation_loss(plt):
    model = quick().fit(X, y, X_val=X, y_val=y).partial_fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), np.arange(1, 12))
    np.testing.assert_array_equal(display.lines_[1].get_xdata(), np.arange(1, 11))
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), model.validation_loss_curve_)


# GateDisplay


@pytest.mark.parametrize("gate", ACTIVATIONS)
@pytest.mark.parametrize("update", ACTIVATIONS)
def test_gates_and_states_of_one_layer(plt, gate, update):
    model = quick(gate_activation=gate, update_activation=update, max_iter=3).fit(X, y)
    display = GateDisplay.from_estimator(model, X, sample=7)
    assert_drawn(display, *cell_by_hand(model, X[7]))
    states = model.hidden_states(X, all_steps=True)[7]
    np.testing.assert_allclose(display.states, states, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_gates_and_states_of_layers_and_directions(plt, reverse):
    model = quick(n_layers=2, bidirectional=True, max_iter=3).fit(X, y)
    ending = "_reverse" if reverse else ""
    first = GateDisplay.from_estimator(model, X, sample=5, reverse=reverse)
    assert_drawn(first, *cell_by_hand(model, X[5], ending, reverse))
    second = GateDisplay.from_estimator(model, X, sample=5, layer=2, reverse=reverse)
    both = [cell_by_hand(model, X[5])[1], cell_by_hand(model, X[5], "_reverse", True)[1]]
    below = np.hstack(both)
    assert_drawn(second, *cell_by_hand(model, below, "_2" + ending, reverse))
    states = model.hidden_states(X, all_steps=True)[5]  # both directions side by side
    own = states[:, 4:] if reverse else states[:, :4]
    np.testing.assert_allclose(second.states, own, rtol=1e-10, atol=1e-12)
    direction = "reverse" if reverse else "forward"
    assert second.axes_[0].get_title() == f"Gate z (layer 2, {direction})"


def test_padded_ragged_two_dimensional_and_float32(plt):
    padded = X.copy()
    padded[3, 4:] = np.nan
    model = quick(max_iter=3).fit(padded, y)
    expected = cell_by_hand(model, X[3, :4])
    assert_drawn(GateDisplay.from_estimator(model, padded, sample=3), *expected)
    ragged = [*X[:3], X[3, :4]]
    assert_drawn(GateDisplay.from_estimator(model, ragged, sample=3), *expected)

    rows = X.reshape(40, 12)
    model = quick(max_iter=3, n_timesteps=6).fit(rows, y)
    assert_drawn(GateDisplay.from_estimator(model, rows, sample=2), *cell_by_hand(model, X[2]))

    single = X.astype(np.float32)
    model = quick(max_iter=3).fit(single, y)
    display = GateDisplay.from_estimator(model, single)
    assert display.gates.dtype == display.states.dtype == np.float32
    np.testing.assert_allclose(
        display.states, model.hidden_states(single, all_steps=True)[0], rtol=1e-4, atol=1e-5
    )


def test_a_single_step_and_a_single_unit(plt):
    model = quick(hidden_size=1, max_iter=2).fit(X[:, :1], y)
    display = GateDisplay.from_estimator(model, X[:, :1])
    assert_drawn(display, *cell_by_hand(model, X[0, :1]))
    display.figure_.canvas.draw()


def test_what_was_fitted_counts_and_not_what_was_set_since(plt):
    model = quick(max_iter=2).fit(X, y)
    expected = GateDisplay.from_estimator(model, X)
    model.set_params(gate_activation="relu", n_layers=3, bidirectional=True)
    display = GateDisplay.from_estimator(model, X)
    np.testing.assert_array_equal(display.gates, expected.gates)
    with pytest.raises(ValueError, match="layer must be from 1 to 1"):
        GateDisplay.from_estimator(model, X, layer=2)


@pytest.mark.parametrize("steps", [[], [SequenceStandardScaler(), SequenceClipper()]])
def test_a_pipeline_transforms_what_its_network_reads(plt, steps):
    model = make_pipeline(*steps, quick(max_iter=3)).fit(X, y)
    read = X
    for step in model[:-1] if steps else []:
        read = step.transform(read)
    display = GateDisplay.from_estimator(model, X, sample=4)
    assert_drawn(display, *cell_by_hand(model[-1], read[4]))


def test_given_axes_and_how_they_are_drawn(plt):
    model = quick(max_iter=2).fit(X, y)
    figure, axes = plt.subplots(2, 1)
    display = GateDisplay.from_estimator(model, X, ax=axes, state_kw={"cmap": "PiYG", "vmax": 3})
    assert list(display.axes_) == list(axes)
    assert display.figure_ is figure
    assert display.images_[0].get_clim() == (0, 1)
    assert display.images_[1].get_cmap().name == "PiYG"
    assert display.images_[1].get_clim()[1] == 3
    for ax in axes:
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("Step", "Hidden unit")
    assert [bar.ax.get_ylabel() for bar in display.colorbars_] == ["z (1 keeps the state)", "h"]
    display.figure_.canvas.draw()
    for wrong, count in ((axes[0], 1), ([*axes, *axes], 4)):
        with pytest.raises(ValueError, match=f"ax must hold two axes.*got {count}"):
            display.plot(wrong)


def test_colours_are_even_about_zero_where_values_have_signs(plt):
    values = np.array([[-0.5, 2.0], [np.nan, np.inf]])
    display = GateDisplay(gates=np.array([[0.2, 3.0]]), states=values).plot()
    assert display.images_[0].get_clim() == (0, 3)
    assert display.images_[1].get_clim() == (-2, 2)
    assert display.plot() is display


# Errors


def draw(display, estimator):
    return display.from_estimator(estimator, *([X] if display is GateDisplay else []))


DISPLAYS = pytest.mark.parametrize("display", [LossCurveDisplay, GateDisplay])


@DISPLAYS
@pytest.mark.parametrize("model", [quick(), make_pipeline(SequenceStandardScaler(), quick())])
def test_an_unfitted_estimator_is_refused(plt, display, model):
    with pytest.raises(NotFittedError, match="FastGRNNClassifier instance is not fitted yet"):
        draw(display, model)
    assert plt.get_fignums() == []


@DISPLAYS
@pytest.mark.parametrize(
    ("model", "named"),
    [
        (MLPClassifier(max_iter=1), "got MLPClassifier"),
        (GridSearchCV(quick(), {"hidden_size": [2]}), "got GridSearchCV.*best_estimator_"),
        (make_pipeline(LogisticRegression()), "a Pipeline that ends in LogisticRegression"),
        (type(quick()), "got the class FastGRNNClassifier"),
        (None, "got NoneType"),
    ],
    ids=["other", "search", "pipeline", "class", "none"],
)
def test_another_estimator_is_refused(plt, display, model, named):
    with pytest.raises(TypeError, match=f"^{display.__name__} needs a fitted.*{named}"):
        draw(display, model)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sample": 40}, ValueError, r"sample must be from 0 to 39.*40 sequence.*got 40"),
        ({"sample": -1}, ValueError, r"sample must be from 0 to 39.*got -1"),
        ({"sample": 1.0}, TypeError, r"sample must be an integer; got 1\.0"),
        ({"layer": 0}, ValueError, r"layer must be from 1 to 2.*2 layer.*got 0"),
        ({"layer": 3}, ValueError, r"layer must be from 1 to 2.*got 3"),
        ({"layer": True}, TypeError, r"layer must be an integer; got True"),
        ({"reverse": True}, ValueError, "reverse=True needs .* bidirectional=True"),
    ],
)
def test_a_cell_or_sequence_that_is_not_there(plt, arguments, error, message):
    model = quick(n_layers=2, max_iter=1).fit(X, y)
    with pytest.raises(error, match=message):
        GateDisplay.from_estimator(model, X, **arguments)
    assert plt.get_fignums() == []


def test_sequences_that_predict_refuses(plt):
    model = quick(max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 channels, but FastGRNNClassifier is expecting 2"):
        GateDisplay.from_estimator(model, np.zeros((2, 6, 3)))
    assert plt.get_fignums() == []
