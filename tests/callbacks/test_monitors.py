"""Logs of monitors: the rows of every fit, in whichever process or copy it ran."""

import copy
import gc
import os
import pickle
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

pytest.importorskip("sklearn.callback")

from skfastgrnn.callbacks import GradientMonitor, LearningRateMonitor

X, y = sequences(40)


def epochs(monitor):
    return len(monitor.get_logs().data)


@pytest.mark.parametrize("make", [LearningRateMonitor, GradientMonitor])
def test_rows_of_forked_processes_arrive(make):
    monitor = make()
    network = quick(max_iter=3).set_callbacks(monitor)
    search = GridSearchCV(network, {"alpha": [0.0, 0.1]}, cv=2, n_jobs=2)
    with parallel_config("multiprocessing"):
        search.fit(X, y)
    rows = monitor.get_logs().data
    assert len(rows) == 5 * 3  # 2 candidates in 2 folds, and the best of them on all data
    assert len({row["task_id_path"] for row in rows}) == 15
    assert len(monitor.get_logs(select="all")) == 1


def test_copies_in_one_process_log_to_the_first_of_them():
    """As dask makes them of what it is about to send."""
    monitor = LearningRateMonitor()
    for copied in (pickle.loads(pickle.dumps(monitor)), copy.deepcopy(monitor)):
        quick(max_iter=3).set_callbacks(copied).fit(X, y)
        assert epochs(monitor) == epochs(copied) == 3
    twice = pickle.loads(pickle.dumps(copied))
    quick(max_iter=4).set_callbacks(twice).fit(X, y)
    assert epochs(monitor) == 4
    assert len(monitor.get_logs(select="all")) == 3


def test_a_copy_goes_on_without_the_first():
    monitor = LearningRateMonitor()
    copied = pickle.loads(pickle.dumps(monitor))
    del monitor
    gc.collect()
    quick(max_iter=3).set_callbacks(copied).fit(X, y)
    assert epochs(copied) == 3


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_copy_out_of_reach_warns_in_the_fit_that_it_was_sent_to():
    monitor = LearningRateMonitor()
    payload = pickle.dumps(monitor)
    begun = datetime.now(UTC)
    del monitor  # closes what the copy would send its rows to
    copied = pickle.loads(payload)
    network = quick()
    root = SimpleNamespace(parent=None, init_time=begun)
    with pytest.warns(RuntimeWarning, match="cannot reach the process"):
        copied.setup(network, SimpleNamespace(parent=root, init_time=begun))
    copied.teardown(network, root)
    network.set_callbacks(copied).fit(X, y)  # a fit of its own
    assert epochs(copied) == 10
    again = pickle.loads(pickle.dumps(copied))
    again.setup(network, SimpleNamespace(parent=root, init_time=begun))


@pytest.mark.parametrize("unpickles", [True, False])
def test_rows_of_a_forked_process_arrive(unpickles):
    """It has inherited the parent's tables of listeners."""
    monitor = LearningRateMonitor()
    network = quick(max_iter=3).set_callbacks(monitor)
    payload = pickle.dumps(network)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            (pickle.loads(payload) if unpickles else network).fit(X, y)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_allclose([r["learning_rate"] for r in monitor.get_logs().data], [0.03] * 3)
