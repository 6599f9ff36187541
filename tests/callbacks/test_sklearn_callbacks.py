"""Callbacks of scikit-learn: progress bars and scores of epochs."""

import re

import numpy as np
import pytest
from helpers.callbacks import BOTH, N_FITS, UNSUPPORTED, X, in_pipeline, in_search, own_score, y
from helpers.estimators import bits, quick
from sklearn.metrics import accuracy_score, log_loss

from skfastgrnn.callbacks import TimeLimit

sklearn_callback = pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")


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
