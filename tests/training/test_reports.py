"""What a training says: which weights it keeps, what an error is about, where a warning points."""

import inspect
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from helpers.estimators import environment, quick, sequences
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from skfastgrnn import FastGRNNRegressor
from skfastgrnn._validation._errors import named
from skfastgrnn.network import Loss, Targets
from skfastgrnn.training import DataSet, warn
from skfastgrnn.training._metrics import r2_of

X, y = sequences(60)
X_val, y_val = sequences(20, seed=1)


def regressor(**params):
    return FastGRNNRegressor(4, max_iter=2, n_iter_no_change=np.inf, random_state=0, **params)


@pytest.mark.parametrize(
    ("message", "argument", "expected"),
    [
        ("y should be a 1d array", "y", "y should be a 1d array"),
        ("y should be a 1d array", "y_val", "y_val should be a 1d array"),
        ("Input X contains NaN", "X_val", "Input X_val contains NaN"),
        ("sample_weight.shape == (4,)", "sample_weight_val", "sample_weight_val.shape == (4,)"),
        ("It has 2 outputs", "y", "y: It has 2 outputs"),
        ("too far from the values of y.", "y_val", "y_val: too far from the values of y."),
        ("yes is no number", "y", "y: yes is no number"),
        ("Unknown label type: continuous", "y_val", "y_val: Unknown label type: continuous"),
    ],
)
def test_errors_name_the_argument_once(message, argument, expected):
    assert named(message, argument) == expected


def test_errors_of_checks_have_no_doubled_prefix():
    with pytest.raises(ValueError, match=r"^y should be a 1d array"):
        quick().fit(X, np.c_[y, y + 1])
    with pytest.raises(ValueError, match=r"^y_val should be a 1d array"):
        quick().fit(X, y, X_val=X_val, y_val=np.c_[y_val, y_val + 1])
    with pytest.raises(ValueError, match=r"^X_val has 1 channels, but FastGRNNClassifier"):
        quick().fit(X, y, X_val=X_val[:, :, :1], y_val=y_val)
    with pytest.raises(ValueError, match=r"^sample_weight_val\.shape == \(3,\)"):
        quick().fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=np.ones(3))


def test_classes_without_weight_are_named_and_nothing_is_said_of_a_held_out_part():
    with pytest.raises(ValueError, match=r"class\(es\) \[0\]: all their samples .* zero") as caught:
        quick().fit(X, y, sample_weight=(y == 1) * 1.0)
    assert "held out" not in str(caught.value)
    assert "shuffle" not in str(caught.value)
    with pytest.raises(ValueError, match=r"class\(es\) \[1\]: their class_weight is zero"):
        quick(class_weight={0: 1, 1: 0}).fit(X, y)


def test_a_divergence_says_which_weights_are_kept():
    with pytest.warns(ConvergenceWarning, match="the initial weights are kept"):
        model = quick(learning_rate_init=1e6).fit(X, y)
    assert model.best_iter_ == 0

    def jumping(epoch):
        return 1.0 if epoch < 3 else 1e8

    with pytest.warns(ConvergenceWarning, match=r"weights of its best epoch \(3\) are kept"):
        model = quick(learning_rate=jumping, batch_size=60, shuffle=False).fit(X, y)
    assert model.best_iter_ == 3
    model = quick(warm_start=True).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="the weights that it began with are kept"):
        model.set_params(learning_rate_init=1e300).fit(X, y)
    assert model.best_iter_ == 0


def test_r2_of_one_validation_sample_is_nan_as_in_scikit_learn():
    with pytest.warns(UndefinedMetricWarning, match="one sample") as caught:
        model = regressor().fit(X, X[:, -1, 0], X_val=X[:1], y_val=[1.0])
    assert [warning.filename for warning in caught] == [__file__]
    assert np.isnan(model.validation_scores_).all()
    assert np.isfinite(model.validation_loss_curve_).all()
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(r2_score([1.0], [2.0]))


@pytest.mark.filterwarnings("error")
def test_r2_of_a_constant_is_that_of_scikit_learn():
    model = regressor().fit(X, X[:, -1, 0], X_val=X[:4], y_val=np.full(4, 0.5))
    assert model.validation_scores_ == [0.0, 0.0]
    assert r2_score(np.full(4, 0.5), model.predict(X[:4])) == 0
    constant = Targets(values=np.full((4, 1), 0.5))
    r2 = r2_of(DataSet(None, constant, Loss("huber"), np.arange(4)))
    for error in (0.0, 0.3):
        assert r2(error**2) == r2_score(np.full(4, 0.5), np.full(4, 0.5 + error))


def test_warnings_of_a_search_in_threads_point_to_this_package():
    """The line that called the search is on the stack of another thread."""
    search = GridSearchCV(quick(n_iter_no_change=9), {"alpha": [0, 1]}, cv=2, refit=False)
    with ThreadPoolExecutor(1) as pool, pytest.warns(ConvergenceWarning) as caught:
        pool.submit(search.fit, X, y).result()
    fit = inspect.unwrap(type(quick()).fit)
    assert {warning.filename for warning in caught} == {fit.__code__.co_filename}


def warned_at(queue):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        quick(n_iter_no_change=9).fit(X, y)
    queue.put([warning.filename for warning in caught])


def test_warnings_of_a_call_in_a_forked_process_point_to_it():
    context = get_context("fork")
    queue = context.Queue()
    process = context.Process(target=warned_at, args=(queue,))
    process.start()
    assert queue.get(timeout=60) == [__file__]
    process.join()


def test_a_module_of_joblib_that_runs_as_main_is_not_the_caller(tmp_path):
    """As in the workers of loky, whose first frame is a module run by ``python -m``."""
    package = tmp_path / "joblib"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "worker.py").write_text("from skfastgrnn.training import warn\nwarn('slow')\n")
    code = (
        "import runpy, sys, sklearn, skfastgrnn.training\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "[sys.modules.pop(name) for name in list(sys.modules) if name.startswith('joblib')]\n"
        "runpy.run_module('joblib.worker', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert "<string>:4: UserWarning: slow" in done.stderr, done.stderr


def test_a_warning_points_to_the_line_itself_where_nothing_is_between():
    with pytest.warns(UserWarning, match="here") as caught:
        warn("here")
    assert caught[0].filename == __file__
