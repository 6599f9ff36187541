"""Callbacks in searches: what comes back of every fit, from processes and threads."""

import math

import pytest
from helpers.callbacks import N_FITS, NUMBERS, X, every_kind, in_search, quick_regressor, y
from helpers.estimators import bits, quick
from joblib import parallel_config
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfastgrnn import DistilledFastGRNNRegressor, load
from skfastgrnn.callbacks import EarlyStoppingOnMetric, JSONLinesLogger, LearningRateMonitor

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search of two processes with every kind of callback on the network."""
    folder = tmp_path_factory.mktemp("search")
    network = quick(early_stopping=True).set_callbacks(*every_kind(folder)[:-1])
    return in_search(network).fit(X, y), network._skl_callbacks, folder


def test_search_brings_the_history_of_every_fit(searched):
    search, callbacks, _ = searched
    lines = callbacks[3].get_logs()
    fits = [[0, 0, 1], [0, 1, 1], [0, 2, 1], [0, 3, 1], [1, 1]]
    assert [line["fit"] for line in lines] == [fit for fit in fits for _ in range(10)]
    assert [line["epoch"] for line in lines] == list(range(1, 11)) * N_FITS
    assert len({line["run"] for line in lines}) == 1
    last = [line for line in lines if line["fit"] == [1, 1]]
    for name, values in search.best_estimator_[-1].history_.items():
        assert [line[name] for line in last] == values


def test_search_brings_the_logs_of_every_monitor(searched):
    search, callbacks, _ = searched
    gradients, rates, scores = callbacks[2], callbacks[4], callbacks[6]
    for monitor, n_rows, names in (
        (gradients, 10, search.best_estimator_[-1].params_),
        (rates, 10, ["learning_rate"]),
        (scores, 11, ["score"]),
    ):
        rows = monitor.get_logs().data
        assert len(rows) == n_rows * N_FITS
        assert all(math.isfinite(row[name]) for row in rows for name in names)


def test_search_has_a_file_for_every_fit(searched):
    search, _, folder = searched
    numbers = ["0-0-1", "0-1-1", "0-2-1", "0-3-1", "1-1"]
    for stem in ("training", "best"):
        found = sorted(path.name for path in folder.glob(f"{stem}*"))
        assert found == [f"{stem}-{number}.safetensors" for number in numbers]
    assert bits(load(folder / "best-1-1.safetensors")) == bits(search.best_estimator_[-1])
    sizes = [load(folder / f"training-{n}.safetensors").hidden_size for n in numbers]
    assert sizes == [2, 2, 3, 3, search.best_params_["network__hidden_size"]]


def test_search_is_not_changed(searched):
    plain = in_search(quick(early_stopping=True), n_jobs=1).fit(X, y)
    assert bits(plain.best_estimator_[-1]) == bits(searched[0].best_estimator_[-1])


def test_fits_in_threads_share_callbacks(tmp_path):
    """They keep their fits apart, and forget them."""
    callbacks = every_kind(tmp_path)
    with parallel_config("threading"):
        in_search(quick().set_callbacks(*callbacks)).fit(X, y)
    assert len(callbacks[3].get_logs()) == len(callbacks[4].get_logs().data) == 10 * N_FITS
    assert [vars(callback).get("_fits", {}) for callback in callbacks] == [{}] * len(callbacks)


def test_students_in_a_search_have_files_of_their_own(tmp_path):
    """Though what is between them and the search has no callbacks."""
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    teacher = make_pipeline(FunctionTransformer(lambda X: X.reshape(len(X), -1)), Ridge())
    model = DistilledFastGRNNRegressor(teacher, quick_regressor(max_iter=2).set_callbacks(writer))
    GridSearchCV(model, {"alpha": [0.2, 0.5]}, cv=2, error_score="raise").fit(X, NUMBERS)
    lines = writer.get_logs()
    assert len({tuple(line["fit"]) for line in lines}) == len(list(tmp_path.iterdir())) == N_FITS
    assert len(lines) == 2 * N_FITS


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_early_stopping_in_a_search():
    """It ends each fit by itself, in other processes too."""
    stopping = EarlyStoppingOnMetric("accuracy", patience=2, tol=1.0)
    monitor = LearningRateMonitor()
    search = in_search(quick().set_callbacks(stopping, monitor)).fit(X, y)
    assert search.best_estimator_[-1].n_iter_ == 3
    assert len(monitor.get_logs().data) == 3 * N_FITS
