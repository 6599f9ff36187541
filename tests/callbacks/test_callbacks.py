"""Callbacks, scikit-learn's, ours and a user's: alone, in pipelines and in searches."""

import json
import math
import pickle
import re
import sys
import warnings

import numpy as np
import pytest
from helpers.callbacks import (
    AfterEpochs,
    Hooks,
    Pickles,
    Raising,
    StopsAt,
    in_pipeline,
    in_search,
    own_score,
)
from helpers.estimators import bits, flat, quick, record_epochs, sequences, snapshot
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    check_scoring,
    log_loss,
    make_scorer,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfastgrnn import DistilledFastGRNN, DistilledFastGRNNRegressor, FastGRNNRegressor, load
from skfastgrnn.augmentation import Jitter
from skfastgrnn.callbacks import (
    Checkpoint,
    EarlyStoppingOnMetric,
    GradientMonitor,
    JSONLinesLogger,
    LearningRateMonitor,
    TensorBoardLogger,
    TimeLimit,
)
from skfastgrnn.kernels import active_kernel

sklearn_callback = pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")

X, y = sequences(60)
X3, y3 = sequences(60, n_classes=3)
NUMBERS = 100 + 7 * X[:, -1, 0]
N_FITS = 5  # of `in_search`
UNSUPPORTED = "ignore:The estimator SequenceStandardScaler does not support callbacks"


def quick_regressor(**params):
    params = {"hidden_size": 4, "max_iter": 10, "n_iter_no_change": np.inf, **params}
    return FastGRNNRegressor(random_state=0, **params)


BOTH = pytest.mark.parametrize(
    ("model", "target"), [(quick, y), (quick_regressor, NUMBERS)], ids=["classifier", "regressor"]
)


def every_kind(folder):
    """One of each that needs nothing beyond scikit-learn and ends no training."""
    return [
        Checkpoint(folder / "training.safetensors", every=2, best_path=folder / "best.safetensors"),
        EarlyStoppingOnMetric(patience=1000),
        GradientMonitor(),
        JSONLinesLogger(folder / "log.jsonl"),
        LearningRateMonitor(),
        TimeLimit(1000),
        sklearn_callback.ScoringMonitor(scoring=own_score),
        AfterEpochs(lambda estimator, context, fitted: fitted.predict(X)),
    ]


# scikit-learn's own


def test_progress_bar_alone(capsys):
    pytest.importorskip("rich")
    quick().set_callbacks(sklearn_callback.ProgressBar()).fit(X, y)
    assert re.search(r"FastGRNNClassifier - fit .* 100%", capsys.readouterr().out)


def test_progress_bar_ends_with_a_training_that_ends_early(capsys):
    pytest.importorskip("rich")
    model = quick(max_iter=10**6).set_callbacks(sklearn_callback.ProgressBar(), TimeLimit(0))
    assert model.fit(X, y).n_iter_ == 1
    assert "100%" in capsys.readouterr().out


@pytest.mark.filterwarnings(UNSUPPORTED)
def test_progress_bar_in_a_pipeline(capsys):
    pytest.importorskip("rich")
    in_pipeline(quick()).set_callbacks(sklearn_callback.ProgressBar()).fit(X, y)
    assert "| FastGRNNClassifier - fit #1" in capsys.readouterr().out


@pytest.mark.filterwarnings(UNSUPPORTED)
def test_progress_bar_in_a_search(capsys):
    pytest.importorskip("rich")
    bar = sklearn_callback.ProgressBar(max_propagation_depth=None)
    search = in_search(quick()).set_callbacks(bar).fit(X, y)
    assert capsys.readouterr().out.count("| FastGRNNClassifier - fit #1") == N_FITS
    assert bits(search.best_estimator_[-1]) == bits(
        in_pipeline(quick(**{"hidden_size": search.best_params_["network__hidden_size"]})).fit(
            X, y
        )[-1]
    )


@BOTH
def test_scoring_monitor_alone(model, target):
    """The last epoch scores as the fitted model does, if that has the last weights."""
    monitor = sklearn_callback.ScoringMonitor(scoring=own_score)
    model = model().set_callbacks(monitor).fit(X, target)
    assert model.best_iter_ == model.n_iter_
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows] == ["fit", *["epoch"] * 10]
    assert rows[0]["score"] == rows[-1]["score"] == model.score(X, target)
    assert rows[1]["score"] < rows[-1]["score"]


def test_scoring_monitor_in_a_pipeline():
    monitor = sklearn_callback.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    pipeline = in_pipeline(quick().set_callbacks(monitor)).fit(X, y)
    rows = monitor.get_logs().data
    assert len(rows) == 11
    assert {row["task_id_path"][:2] for row in rows} == {(0, 1)}
    assert rows[-1]["neg_log_loss"] == pytest.approx(-log_loss(y, pipeline.predict_proba(X)))


def test_scores_know_the_weights_of_samples():
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    weights = np.linspace(0, 1, 60)
    model = quick().set_callbacks(monitor).fit(X, y, sample_weight=weights)
    expected = accuracy_score(y, model.predict(X), sample_weight=weights)
    assert monitor.get_logs().data[-1]["accuracy"] == pytest.approx(expected)


# all of them in a search


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


# a user's own


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


# what holds for all of ours


@BOTH
def test_weights_are_not_changed(model, target, tmp_path):
    settings = {"dropout": 0.2, "augment": [Jitter()], "early_stopping": True, "refit": True}
    plain = model(**settings).fit(X, target)
    watched = model(**settings).set_callbacks(*every_kind(tmp_path)).fit(X, target)
    assert bits(watched) == bits(plain)
    histories = [{**fit.history_, "seconds": None} for fit in (plain, watched)]
    assert histories[0] == histories[1]
    assert vars(watched).keys() - vars(plain).keys() == {"_skl_callbacks"}


def test_pickle_and_clone(tmp_path):
    """Also while a fit is going on."""
    mine = Pickles(at=5)
    model = quick().set_callbacks(*every_kind(tmp_path)[:-1], mine)
    for ready in (model, pickle.loads(pickle.dumps(model)), clone(model)):
        assert len(ready._skl_callbacks) == 8
        assert bits(ready.fit(X, y)) == bits(quick().fit(X, y))
    assert clone(model)._skl_callbacks[3] is model._skl_callbacks[3]
    again = pickle.loads(mine.pickle)
    assert [vars(callback).get("_fits", {}) for callback in again._skl_callbacks[:2]] == [{}, {}]
    assert bits(again.fit(X, y)) == bits(model)
    assert len(again._skl_callbacks[3].get_logs()) == 10


@pytest.mark.parametrize(
    "callback",
    [
        Checkpoint("a"),
        EarlyStoppingOnMetric(),
        GradientMonitor(),
        JSONLinesLogger("a"),
        LearningRateMonitor(),
        TimeLimit(1),
    ],
    ids=lambda callback: type(callback).__name__,
)
@pytest.mark.parametrize(
    "other",
    [LogisticRegression(), in_pipeline(LogisticRegression()), DistilledFastGRNN(Ridge())],
    ids=["other", "pipeline", "distillation"],
)
def test_other_estimators_are_refused(callback, other):
    with pytest.raises(TypeError, match=r"follows the epochs of a network, and \w+ is none"):
        other.set_callbacks(callback).fit(X[:, 0], y)


@pytest.mark.parametrize("make", [JSONLinesLogger, Checkpoint, lambda p: Checkpoint(best_path=p)])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_unwritable_paths_are_told_before_the_training(make, is_fitted, tmp_path, monkeypatch):
    model = quick(max_iter=1)
    if is_fitted:
        model.fit(X, y)
    was = snapshot(model)
    (tmp_path / "file").write_text("")
    epochs = record_epochs(monkeypatch)
    for path, error, message in (
        (tmp_path / "file" / "log", FileNotFoundError, "There is no folder .*file to write log"),
        (tmp_path / "missing" / "log", FileNotFoundError, "There is no folder .*missing to write"),
        (tmp_path, IsADirectoryError, "is a folder; give it the name of a file"),
    ):
        with pytest.raises(error, match=message):
            model.set_callbacks(make(str(path))).fit(X, y)
        assert snapshot(model.set_callbacks()) == was
    assert epochs == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Checkpoint(), "writes nothing without a path or best_path"),
        (lambda: Checkpoint(3), "'path' parameter of Checkpoint"),
        (lambda: Checkpoint("a", every=0), "'every' parameter"),
        (lambda: TimeLimit(-1), "'seconds' parameter"),
        (lambda: JSONLinesLogger(None), "'path' parameter of JSONLinesLogger"),
        (lambda: GradientMonitor(n_sequences=0), "'n_sequences' parameter"),
        (lambda: GradientMonitor(vanishing=-1), "'vanishing' parameter"),
        (lambda: GradientMonitor(exploding="much"), "'exploding' parameter"),
        (lambda: GradientMonitor(vanishing=2, exploding=1), "vanishing=2 must be below exploding"),
        (lambda: EarlyStoppingOnMetric("accurate"), "'scoring' parameter"),
        (lambda: EarlyStoppingOnMetric(["accuracy"]), "'scoring' parameter"),
        (lambda: EarlyStoppingOnMetric(patience=0), "'patience' parameter"),
        (lambda: EarlyStoppingOnMetric(tol=-0.1), "'tol' parameter"),
        (lambda: EarlyStoppingOnMetric(X_val=X), "X_val is provided, but y_val was not"),
        (lambda: EarlyStoppingOnMetric(y_val=y), "y_val is provided, but X_val was not"),
        (lambda: TensorBoardLogger(None), "'folder' parameter"),
        (lambda: TensorBoardLogger("a", histograms_every=0), "'histograms_every' parameter"),
        (lambda: TensorBoardLogger("a", n_sequences=0), "'n_sequences' parameter"),
    ],
)
def test_parameters_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_missing_tensorboard_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "skfastgrnn.callbacks._event_file", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TensorBoardLogger("a")


# each of ours


def test_checkpoint_every_two_epochs_and_at_the_end(tmp_path):
    path = tmp_path / "training.safetensors"
    mine = AfterEpochs(lambda *_: load(path).n_iter_ if path.exists() else None)
    model = quick(max_iter=5).set_callbacks(Checkpoint(path, every=2), mine).fit(X, y)
    assert mine.answers == [None, 2, 2, 4, 4]
    assert bits(load(path)) == bits(model)
    assert load(path).n_iter_ == 5


def test_checkpoint_of_the_best_weights(tmp_path):
    noise = np.random.default_rng(0).integers(0, 2, 60)
    model = quick(early_stopping=True, learning_rate_init=0.1)
    model.set_callbacks(Checkpoint(best_path=tmp_path / "best")).fit(X, noise)
    assert model.best_iter_ < model.n_iter_
    best = load(tmp_path / "best")
    assert bits(best) == bits(model)
    assert best.best_iter_ == model.best_iter_
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_time_limit(monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("skfastgrnn.callbacks._limits.time.monotonic", lambda: next(clock))
    model = quick(max_iter=1000).set_callbacks(TimeLimit(40))
    assert [model.fit(X, y).n_iter_ for _ in range(2)] == [4, 4]
    assert bits(model) == bits(quick(max_iter=4).fit(X, y))


@BOTH
def test_history_is_written_as_it_grows(model, target, tmp_path):
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    mine = AfterEpochs(lambda *_: writer.get_logs())
    assert writer.get_logs() == []
    model = model(early_stopping=True).set_callbacks(writer, mine).fit(X, target)
    assert [len(logs) for logs in mine.answers] == list(range(1, 11))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == writer.get_logs() == JSONLinesLogger(str(writer.path)).get_logs()
    assert list(lines[0]) == ["run", "begun", "fit", "epoch", *model.history_]
    for name, values in model.history_.items():
        assert [line[name] for line in lines] == values
    assert {len(line["fit"]) for line in lines} == {0}


def test_history_of_a_diverged_training_is_valid_json(tmp_path):
    """The epoch in which it diverges is written, too."""
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    model = quick(learning_rate=lambda epoch: 1.0 if epoch < 3 else 1e300)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.set_callbacks(writer).fit(X, y)

    def refuse(constant):
        raise AssertionError(constant)

    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    last = [json.loads(line, parse_constant=refuse) for line in lines][-1]
    assert last["epoch"] == len(lines) == model.n_iter_
    assert not math.isfinite(model.history_["loss"][-1])
    assert last["loss"] is None
    assert last["learning_rate"] == 0.03 * 1e300


def test_history_goes_on_where_a_training_does(tmp_path):
    path = tmp_path / "training"
    whole = quick().fit(X, y)
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    quick().set_callbacks(writer, Checkpoint(path), StopsAt(0)).fit(X, y)
    assert len(writer.get_logs()) == 1
    (tmp_path / "log.jsonl").unlink()
    quick().set_callbacks(writer).resume(path, X, y)
    assert [line["loss"] for line in writer.get_logs()] == whole.history_["loss"]


def test_logs_are_those_of_the_latest_run(tmp_path):
    """Files that earlier ones have left, and lines that are not complete, are none of it."""
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    network = quick(max_iter=2).set_callbacks(writer)
    in_search(network, n_jobs=None).fit(X, y)
    assert len(writer.get_logs()) == 2 * N_FITS
    in_search(network, n_jobs=None, hidden_sizes=(2,), refit=False).fit(X, y)
    assert [line["fit"] for line in writer.get_logs()] == [[0, 0, 1]] * 2 + [[0, 1, 1]] * 2
    network.set_callbacks(JSONLinesLogger(tmp_path / "log-7.jsonl")).fit(X, y)  # another's file
    assert len(writer.get_logs()) == 4
    with (tmp_path / "log-0-1-1.jsonl").open("a") as file:
        file.write('{"run": "')
    assert len(writer.get_logs()) == 4
    line = {"run": "a", "begun": "b", "fit": [3], "epoch": 1}
    for other in (
        b'["something else"]\n',
        b"[" * 100_000 + b"\n",
        b"\xff\n",
        *(json.dumps({**line, name: None}).encode() + b"\n" for name in line),
    ):
        (tmp_path / "log-3.jsonl").write_bytes(other)
        with pytest.raises(ValueError, match=r"log-3\.jsonl was not written by JSONLinesLogger"):
            writer.get_logs()


def test_learning_rates():
    monitor = LearningRateMonitor()
    model = quick(learning_rate="cosine").set_callbacks(monitor)
    for _ in range(2):
        model.fit(X, y)
    assert len(monitor.get_logs(select="all")) == 2
    rows = monitor.get_logs().data
    assert [row["learning_rate"] for row in rows] == model.history_["learning_rate"]
    assert {row["task_name"] for row in rows} == {"epoch"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_norms(dtype):
    """Of the head they are known: its errors, and the errors times the states."""
    monitor = GradientMonitor(n_sequences=20)
    seen = X3.astype(dtype)[::3]

    def by_hand(estimator, context, fitted):
        errors = (fitted.predict_proba(seen) - np.eye(3)[y3[::3]]).astype(np.float64)
        return {
            "head_bias": np.linalg.norm(errors.mean(axis=0)),
            "head_weight": np.linalg.norm(errors.T @ fitted.hidden_states(seen) / 20),
        }

    mine = AfterEpochs(by_hand)
    model = quick(alpha=1.0, dropout=0.5).set_callbacks(monitor, mine).fit(X3.astype(dtype), y3)
    rows = monitor.get_logs().data
    assert len(rows) == 10
    assert rows[0].keys() >= model.params_.keys()
    for row, expected in zip(rows, mine.answers, strict=True):
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-4 if dtype == np.float32 else 1e-9)


def test_gradients_are_of_sequences_that_have_weight():
    """The first 40 have none."""
    monitor, other = GradientMonitor(n_sequences=20), GradientMonitor(n_sequences=20)
    weights = np.where(np.arange(60) < 40, 0.0, 3.0)
    model = quick(learning_rate_init=1e-300).set_callbacks(monitor)
    model.fit(X, y, sample_weight=weights)
    quick(learning_rate_init=1e-300).set_callbacks(other).fit(X[40:], y[40:])
    for name in model.params_:
        norms = [it.get_logs().data[0][name] for it in (monitor, other)]
        assert norms[0] == pytest.approx(norms[1])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"vanishing": 1e2}, "less than 100: unless all is learned.*Scale the input, shorten"),
        (
            {"exploding": 1e-6},
            "more than 1e-06: the training may diverge. Lower learning",
        ),
    ],
)
def test_gradients_are_warned_about_once_a_fit(settings, text):
    model = quick(frozen=["head", "nu_hat"]).set_callbacks(GradientMonitor(**settings))
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="The gradient of") as caught:
            model.fit(X, y)
        names = [re.match(r"The gradient of (\w+)", str(w.message))[1] for w in caught]
        assert sorted(names) == ["U", "W", "bias_gate", "bias_update", "zeta_hat"]
        for warning in caught:
            assert re.search(rf"has the norm [\d.e-]+ after epoch 1, {text}", str(warning.message))
            assert warning.filename == __file__


def test_gradients_that_are_not_finite_are_warned_about(monkeypatch):
    kernel = active_kernel()
    original = kernel.loss_gradient

    def broken(network, parameters, sequences, targets, loss, rows, *args, **kwargs):
        score, gradient = original(
            network, parameters, sequences, targets, loss, rows, *args, **kwargs
        )
        if len(rows) != 13:  # minibatches of the reference kernel
            return score, gradient
        gradient[-2:] = np.nan, np.inf
        return score, gradient

    monkeypatch.setattr(kernel, "loss_gradient", broken)
    model = quick().set_callbacks(GradientMonitor(n_sequences=13, exploding=np.inf))
    with pytest.warns(RuntimeWarning) as caught:
        model.fit(X, y)
    texts = [str(warning.message) for warning in caught]
    assert ["norm inf" in text or "norm nan" in text for text in texts] == [True] * 2
    assert ["not finite: the training may diverge" in text for text in texts] == [True] * 2


def test_gradients_of_a_good_training_are_not_warned_about():
    digits, labels = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick().set_callbacks(GradientMonitor()).fit(digits[:500].reshape(-1, 8, 8), labels[:500])


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
        (np.nan, ValueError, "has answered NaN after epoch 1"),
        (None, TypeError, "must answer a number, not None"),
        ({"a": 1}, TypeError, "must answer a number"),
        (np.ones(2), TypeError, "must answer a number"),
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
