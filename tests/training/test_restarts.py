"""Several trainings from different initial weights: which is kept, in threads, and Ctrl-C."""

import os
import signal
import threading

import numpy as np
import pytest
from helpers.estimators import bits, quick, sequences, snapshot
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skfastgrnn import DistilledFastGRNN, FastGRNNRegressor
from skfastgrnn.compression import Compression
from skfastgrnn.kernels import active_kernel
from skfastgrnn.training import best_training
from skfastgrnn.training._trainer import TrainingResult

X, y = sequences(60, n_classes=3)
X_val, y_val = sequences(45, n_classes=3, seed=1)
VALIDATION = {"X_val": X_val, "y_val": y_val}
BRIEF = {"max_iter": 4}


def watch(monkeypatch, look):
    """Call `look(parameters, rows)` before every epoch of the fits to come."""
    kernel = active_kernel()
    train_epoch = kernel.train_epoch

    def watched(network, parameters, sequences, targets, loss, rows, *args, **kwargs):
        look(parameters, rows)
        return train_epoch(network, parameters, sequences, targets, loss, rows, *args, **kwargs)

    monkeypatch.setattr(kernel, "train_epoch", watched)


@pytest.mark.parametrize("validation", [VALIDATION, {}], ids=["validation", "none"])
def test_the_lowest_loss_is_kept(validation):
    """The trainings of n_init=2 are the first two of n_init=3, so that losses can only fall."""
    models = [quick(n_init=n, **BRIEF).fit(X, y, **validation) for n in (1, 2, 3, 4, 5, 6)]
    of = (X_val, y_val) if validation else (X, y)
    losses = [log_loss(of[1], model.predict_proba(of[0])) for model in models]
    assert np.all(np.diff(losses) <= 0)
    assert losses[-1] < losses[0]
    kept = models[-1]
    if validation:
        np.testing.assert_allclose(kept.best_loss_, losses[-1], rtol=1e-9)
        assert kept.best_loss_ == min(kept.validation_loss_curve_)
        assert kept.best_iter_ == np.argmin(kept.validation_loss_curve_) + 1
    assert kept.loss_ == kept.loss_curve_[-1]
    assert len(kept.loss_curve_) == kept.n_iter_ == 4


def test_each_has_its_own_initial_weights_and_order(monkeypatch):
    """And all hold out the same part."""
    seen = []
    watch(monkeypatch, lambda parameters, rows: seen.append((parameters.copy(), rows.copy())))
    quick(n_init=3, early_stopping=True, max_iter=1).fit(X, y)
    quick(early_stopping=True, max_iter=1).fit(X, y)
    assert len({parameters.tobytes() for parameters, _ in seen}) == 3
    assert len({rows.tobytes() for _, rows in seen}) == 3
    assert len({np.sort(rows).tobytes() for _, rows in seen}) == 1
    for ours, alone in zip(seen[0], seen[3], strict=True):  # the first is that of n_init=1
        np.testing.assert_array_equal(ours, alone)


@pytest.mark.parametrize("new", [quick, FastGRNNRegressor], ids=["classifier", "regressor"])
@pytest.mark.parametrize("settings", [{}, {"ema": 0.9}, {"early_stopping": True, "refit": True}])
def test_threads_do_not_change_a_bit(new, settings):
    params = {"hidden_size": 4, "random_state": 0, "dropout": 0.2, "max_iter": 5, **settings}
    target = y if new is quick else X[:, -1, 0]
    alone = new(n_init=5, **params).fit(X, target)
    for n_jobs in (2, 5, 7):
        model = new(n_init=5, n_jobs=n_jobs, **params).fit(X, target)
        assert bits(model) == bits(alone)
        for name in ("loss", "validation_loss", "gradient_norm"):
            assert model.history_[name] == alone.history_[name]


def test_as_many_train_at_once_as_there_are_jobs(monkeypatch):
    meeting = threading.Barrier(2, timeout=20)  # broken where fewer come
    threads = set()

    def meet(parameters, rows):
        threads.add(threading.get_ident())
        meeting.wait()

    watch(monkeypatch, meet)
    quick(n_init=4, n_jobs=2, **BRIEF).fit(X, y)
    assert len(threads) == 2


LOW_RANK = {"compression": Compression(rank_w=1, rank_u=2, density_u=0.5), "early_stopping": True}


def test_compressed_networks_begin_from_dense_ones_of_their_own(monkeypatch):
    """Factors of low rank begin from the dense network of the same training."""
    sizes = []
    watch(monkeypatch, lambda parameters, rows: sizes.append(parameters.size))
    settings = {"refit": True, **LOW_RANK, **BRIEF}
    models = [quick(n_init=n, **settings).fit(X, y) for n in (1, 2, 3, 4)]
    losses = [model.best_loss_ for model in models]
    assert np.all(np.diff(losses) <= 0)
    assert losses[-1] < losses[0]
    dense = max(sizes)
    n_refit = models[-1].best_iter_
    assert sizes[-32 - n_refit : -n_refit].count(dense) == 16  # four epochs of four trainings
    model = quick(n_init=4, n_jobs=3, **settings).fit(X, y)
    assert bits(model) == bits(models[-1])


def test_ctrl_c_in_a_dense_training_ends_the_fit(monkeypatch):
    calls = []

    def press(parameters, rows):
        calls.append(parameters)
        if len(calls) == 3:
            raise KeyboardInterrupt

    watch(monkeypatch, press)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = quick(n_init=4, **LOW_RANK, **BRIEF).fit(X, y)
    assert len(calls) == 3
    assert model.n_iter_ == 0
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_random_state_draws_all_of_them():
    twice = [quick(n_init=3, random_state=np.random.RandomState(1), **BRIEF) for _ in range(2)]
    assert len({bits(model.fit(X, y)) for model in twice}) == 1
    assert len({bits(model.fit(X, y)) for model in twice * 2}) == 2  # which goes on
    assert quick(n_init=3, random_state=None, **BRIEF).fit(X, y).n_iter_ == 4


def test_a_refit_begins_with_the_initial_weights_that_were_best(monkeypatch):
    seen = []
    watch(monkeypatch, lambda parameters, rows: seen.append((parameters.copy(), len(rows))))
    settings = {"n_init": 4, "early_stopping": True, "random_state": 2, "max_iter": 1}
    quick(refit=True, **settings).fit(X, y)
    initial, n_rows = zip(*seen, strict=True)
    assert n_rows == (48, 48, 48, 48, 60)
    model = quick(**settings).fit(X, y)
    kept = [bits(quick(**{**settings, "n_init": n}).fit(X, y)) for n in (1, 2, 3, 4)]
    best = kept.index(bits(model))
    np.testing.assert_array_equal(initial[4], initial[best])
    assert len({parameters.tobytes() for parameters in initial}) == 4


def test_the_best_of_some_is_kept_with_its_warnings_only():
    """A loss that is not a number is the worst one, and the first of equal ones is kept."""
    from skfastgrnn.training import warn

    losses = [np.nan, 2.0, 1.0, 1.0]

    def train_one(number, ending):
        warn(f"number {number}")
        return TrainingResult(np.zeros(1), number), losses[number]

    for n_at_once in (1, 2, 4):
        with pytest.warns(UserWarning, match="number 2") as caught:
            number, result = best_training(train_one, 4, n_at_once)
        assert [str(warning.message) for warning in caught] == ["number 2"]
        assert (number, result.best_iter, result.completed) == (2, 2, True)


def test_a_warning_is_about_the_line_that_fits():
    settings = {"n_iter_no_change": 3, "max_iter": 4, "n_init": 3}
    for n_jobs in (1, 3):
        with pytest.warns(ConvergenceWarning, match="Maximum iterations") as caught:
            quick(n_jobs=n_jobs, **settings).fit(X, y)
        assert len(caught) == 1
        assert caught[0].filename == __file__


def test_ctrl_c_ends_the_training_that_runs_and_the_fit(monkeypatch):
    """The best so far is kept: of two whole trainings and a third one of two epochs."""
    expected = quick(n_init=2).fit(X, y)
    calls = []

    def press(parameters, rows):
        calls.append(parameters)
        if len(calls) == 23:
            raise KeyboardInterrupt

    watch(monkeypatch, press)
    with pytest.warns(UserWarning, match="interrupted by user") as caught:
        model = quick(n_init=5).fit(X, y)
    assert len(caught) == 1
    assert len(calls) == 23
    assert bits(model) == bits(expected)


def test_ctrl_c_in_the_first_training_keeps_what_it_has(monkeypatch):
    calls = []

    def press(parameters, rows):
        calls.append(parameters)
        if len(calls) == 4:
            raise KeyboardInterrupt

    watch(monkeypatch, press)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = quick(n_init=5, early_stopping=True, refit=True).fit(X, y)
    assert model.n_iter_ == 3
    assert len(calls) == 4  # and no refit


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C raise KeyboardInterrupt, which a background job ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_all_threads_after_their_epochs(monkeypatch):
    calls, lock = [], threading.Lock()

    def press(parameters, rows):
        with lock:
            calls.append(parameters)
            if len(calls) == 9:
                os.kill(os.getpid(), signal.SIGINT)

    watch(monkeypatch, press)
    with pytest.warns(UserWarning, match="interrupted by user") as caught:
        model = quick(n_init=6, n_jobs=2, max_iter=100_000).fit(X, y)
    assert len(caught) == 1
    assert 0 < model.n_iter_ < 100_000
    assert model.predict(X).shape == (60,)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_error_in_one_training_ends_the_fit(n_jobs):
    calls = []

    def breaks(epoch):
        calls.append(epoch)
        return 1.0 if len(calls) < 8 else np.nan

    model = quick(n_init=3, n_jobs=n_jobs, learning_rate=breaks, max_iter=100_000)
    before = snapshot(model.set_params(learning_rate="constant"))
    with pytest.raises(ValueError, match="returned nan"):
        model.set_params(learning_rate=breaks).fit(X, y)
    assert snapshot(model.set_params(learning_rate="constant")) == before
    assert len(calls) < 100


def test_a_warm_start_takes_several_in_its_first_fit_only():
    model = quick(n_init=3, warm_start=True, **BRIEF).fit(X, y)
    assert bits(model) == bits(quick(n_init=3, **BRIEF).fit(X, y))
    before = snapshot(model)
    with pytest.raises(ValueError, match="warm_start=True continues one training, and n_init=3"):
        model.fit(X, y)
    assert snapshot(model) == before
    again = model.set_params(n_init=1).fit(X, y)
    assert again.loss_ < quick(**BRIEF).fit(X, y).loss_


def test_a_stream_is_one_training():
    with pytest.raises(ValueError, match="partial_fit continues one training, and n_init=2"):
        quick(n_init=2).partial_fit(X, y, classes=range(3))


def test_a_student_of_a_teacher():
    student = quick(n_timesteps=6, early_stopping=True, random_state=1, **BRIEF)
    flat = X.reshape(60, -1)
    losses = []
    for n in (1, 4):
        distilled = DistilledFastGRNN(LogisticRegression(), student.set_params(n_init=n))
        losses.append(distilled.fit(flat, y).student_.best_loss_)
    assert losses[1] < losses[0]


def test_lines_of_an_epoch_say_of_which_training(capsys):
    quick(n_init=2, verbose=1, max_iter=2).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(", loss")[0] for line in lines] == [
        "Initialization 1/2, Epoch 1/2",
        "Initialization 1/2, Epoch 2/2",
        "Initialization 2/2, Epoch 1/2",
        "Initialization 2/2, Epoch 2/2",
    ]


class Look:
    """A callback of a user: counts epochs, notes losses, and ends the training after some."""

    def __init__(self, last=np.inf):
        self.losses, self.last = [], last

    def setup(self, estimator, context):
        self.context = context

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.losses.append(fitted_estimator.loss_)
            return len(self.losses) >= self.last
        return None

    def teardown(self, estimator, context):
        self.n_epochs = context.max_subtasks


def test_callbacks_of_users_follow_one_after_the_other():
    pytest.importorskip("sklearn.callback")
    look = Look()
    model = quick(n_init=3, n_jobs=3, **BRIEF).set_callbacks(look).fit(X, y)
    assert bits(model) == bits(quick(n_init=3, **BRIEF).fit(X, y))
    assert len(look.losses) == look.n_epochs == 12
    assert look.losses[:4] == quick(**BRIEF).fit(X, y).loss_curve_
    assert model.loss_curve_ in (look.losses[:4], look.losses[4:8], look.losses[8:])
    look = Look(last=6)
    quick(n_init=3, **BRIEF).set_callbacks(look).fit(X, y)
    assert len(look.losses) == 6


def test_callbacks_of_this_package_follow_one_training(tmp_path):
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import Checkpoint, LearningRateMonitor, TimeLimit

    path = tmp_path / "training.safetensors"
    for callback in (Checkpoint(path), TimeLimit(1.0), LearningRateMonitor()):
        model = quick(n_init=2).set_callbacks(callback)
        with pytest.raises(ValueError, match="follows one training, and n_init=2 asks for several"):
            model.fit(X, y)
    quick(**BRIEF).set_callbacks(Checkpoint(path)).fit(X, y)
    with pytest.raises(ValueError, match="resume continues one training, and n_init=2"):
        quick(n_init=2, **BRIEF).resume(path, X, y)
