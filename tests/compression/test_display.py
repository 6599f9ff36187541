"""CompressionDisplay: what it draws is what the search found."""

from itertools import pairwise

import numpy as np
import pytest
from helpers.estimators import quick, run_python, sequences
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, ParameterGrid
from sklearn.neighbors import KNeighborsClassifier

from skfastgrnn.compression import Compression, CompressionDisplay, best_under, neg_n_bytes_scorer
from skfastgrnn.compression._display import pareto_front

X, y = sequences(24, n_timesteps=4, n_channels=2)
SCORING = {"accuracy": "accuracy", "neg_n_bytes": neg_n_bytes_scorer}
GRID = {"hidden_size": [2, 3, 5], "n_layers": [1, 2]}


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    before = matplotlib.get_backend()
    matplotlib.use("Agg", force=True)
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")
    matplotlib.use(before, force=True)


@pytest.fixture(scope="module")
def search():
    searched = GridSearchCV(
        quick(max_iter=3), GRID, scoring=SCORING, refit=best_under(200), cv=3, error_score="raise"
    )
    return searched.fit(X, y)


VALUES = st.one_of(st.sampled_from([0.0, 0.5, 1.0, np.nan]), st.floats(0, 1))


@given(st.lists(st.tuples(st.integers(1, 9), VALUES), max_size=12))
def test_the_front_is_that_of_its_definition(candidates):
    finite = [(size, score) for size, score in candidates if score == score]
    expected = {
        index
        for index, (size, score) in enumerate(candidates)
        if score == score
        and not any(
            other <= size and better >= score and (other < size or better > score)
            for other, better in finite
        )
    }
    sizes, scores = np.array(candidates).T if candidates else (np.array([]), np.array([]))
    front = pareto_front(sizes, scores)
    assert set(front) == expected
    assert len(front) == len(expected)
    assert list(sizes[front]) == sorted(sizes[front])


def points(display):
    """All candidates drawn, as (size, score), sorted."""
    drawn = [bars.lines[0].get_xydata() for bars in display.errorbars_]
    return sorted(map(tuple, np.vstack(drawn)))


def bars_of(display):
    """All error bars drawn, as (size, low, high), sorted."""
    segments = [
        (segment[0][0], segment[0][1], segment[1][1])
        for bars in display.errorbars_
        for segment in bars.lines[2][0].get_segments()
    ]
    return sorted(segments)


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_all_candidates_of_a_search(plt, search):
    display = CompressionDisplay.from_search(search)
    results = search.cv_results_
    sizes, scores = -results["mean_test_neg_n_bytes"], results["mean_test_accuracy"]
    errors = results["std_test_accuracy"]
    assert points(display) == sorted(zip(sizes, scores, strict=True))
    expected = sorted(zip(sizes, scores - errors, scores + errors, strict=True))
    np.testing.assert_allclose(bars_of(display), expected)
    front = display.pareto_front_
    np.testing.assert_array_equal(
        display.front_line_.get_xydata(), np.transpose([sizes[front], scores[front]])
    )
    assert display.front_line_.get_drawstyle() == "steps-post"
    np.testing.assert_array_equal(display.budget_line_.get_xdata(), [200, 200])
    assert display.best_index == search.best_index_
    best = sizes[search.best_index_], scores[search.best_index_]
    np.testing.assert_array_equal(display.best_marker_.get_xydata(), [best])
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_xlabel() == "Size of the model in bytes"
    assert display.ax_.get_ylabel() == "Mean test accuracy"
    assert legend_of(display) == ["Candidates", "Pareto front", "Budget: 200 bytes", "Selected"]
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    ("sizes", "are_powers"), [([900, 1300], False), ([300, 3000], True), ([1e4, 5e6], True)]
)
def test_ticks_are_plain_numbers_that_do_not_overlap(plt, sizes, are_powers):
    display = CompressionDisplay(sizes=sizes, scores=[1, 2]).plot()
    display.figure_.canvas.draw()
    low, high = display.ax_.get_xlim()
    labels = [
        label
        for label, place in zip(
            display.ax_.get_xticklabels(), display.ax_.get_xticks(), strict=True
        )
        if low <= place <= high
    ]
    numbers = [int(label.get_text()) for label in labels]
    assert len(numbers) >= 2
    assert all(number & (number - 1) == 0 for number in numbers) == are_powers
    boxes = [label.get_window_extent() for label in labels]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_a_color_for_each_value_of_a_parameter(plt, search):
    figure, ax = plt.subplots()
    display = CompressionDisplay.from_search(
        search, color_by="hidden_size", max_bytes=300, ax=ax, errorbar_kw={"marker": "s"}
    )
    assert display.ax_ is ax
    assert display.figure_ is figure
    labels = ["hidden_size = 2", "hidden_size = 3", "hidden_size = 5"]
    assert [bars.get_label() for bars in display.errorbars_] == labels
    assert legend_of(display)[3:] == ["Pareto front", "Budget: 300 bytes", "Selected"]
    colors = {bars.lines[0].get_color() for bars in display.errorbars_}
    assert len(colors) == 3
    sizes = -search.cv_results_["mean_test_neg_n_bytes"]
    for bars, hidden_size in zip(display.errorbars_, GRID["hidden_size"], strict=True):
        rows = [params["hidden_size"] == hidden_size for params in search.cv_results_["params"]]
        np.testing.assert_array_equal(bars.lines[0].get_xdata(), sizes[rows])
        assert bars.lines[0].get_marker() == "s"


def test_metrics_by_name_and_no_refit(plt):
    model = KNeighborsClassifier()
    scoring = {"accuracy": "accuracy", "f1": "f1_macro", "minus": lambda m, X, y: -m.n_neighbors}
    options = {"scoring": scoring, "cv": 2, "refit": False}
    search = GridSearchCV(model, {"n_neighbors": [1, 3]}, **options).fit(X[:, 0], y)
    display = CompressionDisplay.from_search(search, score="f1", n_bytes="minus")
    assert points(display) == sorted(zip([1, 3], search.cv_results_["mean_test_f1"], strict=True))
    assert display.budget_line_ is display.best_marker_ is None
    assert display.ax_.get_ylabel() == "Mean test f1"
    assert legend_of(display) == ["Candidates", "Pareto front"]


def test_metrics_of_best_under_are_taken(plt):
    scoring = {"f1": "f1_macro", "accuracy": "accuracy", "bytes": neg_n_bytes_scorer}
    refit = best_under(500, score="f1", n_bytes="bytes")
    search = GridSearchCV(quick(max_iter=1), {"hidden_size": [2]}, scoring=scoring, refit=refit)
    display = CompressionDisplay.from_search(search.fit(X, y))
    assert display.ax_.get_ylabel() == "Mean test f1"
    assert display.max_bytes == 500


def test_failed_fits_are_left_out(plt):
    search = GridSearchCV(
        quick(max_iter=1), {"hidden_size": [2, -1, 3]}, scoring=SCORING, refit=best_under(500), cv=2
    )
    with pytest.warns(match="fits failed|non-finite"):
        search.fit(X, y)
    display = CompressionDisplay.from_search(search, color_by="hidden_size")
    assert [size for size, _ in points(display)] == [68, 108]
    assert legend_of(display)[:2] == ["hidden_size = 2", "hidden_size = 3"]


def test_the_last_iteration_of_a_halving_search(plt):
    def both(model, X, y):
        return {"score": model.score(X, y), "neg_n_bytes": neg_n_bytes_scorer(model)}

    search = HalvingGridSearchCV(
        quick(),
        {"hidden_size": [2, 3, 4, 5]},
        scoring=both,
        refit=best_under(1),  # scikit-learn does not call it
        resource="max_iter",
        max_resources=3,
        cv=2,
    ).fit(X, y)
    display = CompressionDisplay.from_search(search)
    last = search.cv_results_["iter"] == search.cv_results_["iter"].max()
    assert 0 < last.sum() < len(last)
    assert len(points(display)) == last.sum()
    best = -search.cv_results_["mean_test_neg_n_bytes"][search.best_index_]
    assert display.best_marker_.get_xdata()[0] == best


def test_values_from_elsewhere(plt):
    display = CompressionDisplay(
        sizes=[100, 300, 200, 250],
        scores=[0.5, 0.9, np.nan, 0.5],
        groups=[None, 8, 8, 4],
        group_name="model__bits",
    ).plot(front_kw={"color": "r"})
    assert points(display) == [(100, 0.5), (250, 0.5), (300, 0.9)]
    assert legend_of(display) == ["bits = None", "bits = 4", "bits = 8", "Pareto front"]
    np.testing.assert_array_equal(display.pareto_front_, [0, 1])
    assert display.front_line_.get_color() == "r"
    assert display.plot() is display


def test_a_legend_of_long_values_fits_into_the_figure(plt):
    """Objects as values, whose texts are long and have line breaks."""
    values = [None, Compression(bits=4, density_u=0.25, rank_w=3), Compression(rank_u=2)]
    display = CompressionDisplay(
        sizes=[100, 200, 300],
        scores=[0.5, 0.6, 0.7],
        groups=[str(value).replace(", ", ",\n   ") for value in values],
        group_name="compression",
        max_bytes=250,
    ).plot()
    display.figure_.canvas.draw()
    legend, axes = display.ax_.get_legend().get_window_extent(), display.ax_.get_window_extent()
    width = display.figure_.bbox.width
    assert legend.x0 >= 0
    assert legend.x1 <= width
    assert axes.width > 0.7 * width
    assert "compression = Compression(bits=4, density_u=0.25, rank_w=3)" in legend_of(display)


BLOCKED = """
import sys
sys.modules["matplotlib"] = None  # as if it were not installed
from skfastgrnn.compression import CompressionDisplay
for call in (
    lambda: CompressionDisplay.from_search(None),
    lambda: CompressionDisplay(sizes=[1], scores=[1]).plot(),
):
    try:
        call()
    except ImportError as error:
        print(error)
"""


def test_without_matplotlib_the_import_works_and_plots_say_what_is_missing():
    lines = run_python(BLOCKED).splitlines()
    assert len(lines) == 2
    for line, caller in zip(lines, ("from_search", "plot"), strict=True):
        assert line.startswith(f"CompressionDisplay.{caller} requires matplotlib.")


def test_the_import_does_not_load_matplotlib():
    loaded = run_python("import sys, skfastgrnn.compression\nprint('matplotlib' in sys.modules)")
    assert loaded.strip() == "False"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": [1], "scores": [1, 2]}, "There are 2 scores, but 1 sizes"),
        ({"sizes": [1], "scores": [1], "errors": []}, "There are 0 errors, but 1 sizes"),
        ({"sizes": [1], "scores": [1], "groups": [1, 2]}, "There are 2 groups"),
        ({"sizes": [0, 1], "scores": [1, 2]}, "sizes must be above 0; got 0"),
        ({"sizes": [], "scores": []}, "no candidate with a size and a score"),
        ({"sizes": [1, 2], "scores": [np.nan] * 2}, "no candidate with a size and a score"),
        (
            {"sizes": [1] * 11, "scores": [1] * 11, "groups": range(11), "group_name": "alpha"},
            "alpha has 11 different values; at most 10",
        ),
    ],
)
def test_values_that_cannot_be_drawn(plt, arguments, message):
    with pytest.raises(ValueError, match=message):
        CompressionDisplay(**arguments).plot()
    assert plt.get_fignums() == []


def test_a_budget_that_is_no_number_is_refused(plt):
    with pytest.raises(TypeError, match="max_bytes must be a number of bytes; got '1k'"):
        CompressionDisplay(sizes=[1], scores=[1], max_bytes="1k").plot()
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score": "f1"}, r"CompressionDisplay finds no metric score='f1'.*has 'accuracy'"),
        ({"n_bytes": "bytes"}, r"CompressionDisplay finds no metric 'bytes'.*neg_n_bytes_scorer"),
        ({"color_by": "alpha"}, r"color_by='alpha' is no parameter.*'hidden_size', 'n_layers'"),
    ],
)
def test_names_that_the_search_has_not(plt, search, arguments, message):
    with pytest.raises(ValueError, match=message):
        CompressionDisplay.from_search(search, **arguments)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (quick(), r"got FastGRNNClassifier\("),
        (GridSearchCV, "got the class GridSearchCV"),
        (list(ParameterGrid(GRID)), r"got \[\{"),
        (None, "got None"),
    ],
)
def test_what_is_no_search_is_refused(plt, value, named):
    with pytest.raises(TypeError, match=f"CompressionDisplay needs a fitted search.*{named}"):
        CompressionDisplay.from_search(value)


def test_an_unfitted_search_is_refused(plt):
    with pytest.raises(NotFittedError):
        CompressionDisplay.from_search(GridSearchCV(quick(), GRID))
