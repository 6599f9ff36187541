"""Indicator matrices as targets: any number of labels for each sequence."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers.estimators import bits, quick, sequences, snapshot
from scipy.sparse import coo_array, csc_array, csr_array
from scipy.special import expit
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neural_network import MLPClassifier

from skfastgrnn import DistilledFastGRNN, load, save
from skfastgrnn.callbacks import EarlyStoppingOnMetric

X, _ = sequences(60)
Y = np.column_stack([X.mean(axis=1) > 0, X[:, -1, :1] > 0]).astype(int)  # (60, 3)


def test_forms_of_y_are_read_as_the_same_labels():
    model = quick().fit(X, Y)
    nullable = pd.DataFrame(Y).astype("Int64")
    for same in (Y.tolist(), Y.astype(bool), Y.astype(float), csr_array(Y), nullable):
        assert bits(quick().fit(X, same)) == bits(model)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.params_["head_bias"].shape == (3,)


def test_predictions_are_of_each_label_by_itself():
    model = quick().fit(X, Y)
    logits = model.decision_function(X)
    assert logits.shape == (60, 3)
    np.testing.assert_array_equal(model.predict(X), logits > 0)
    assert model.predict(X).dtype.kind == "i"
    np.testing.assert_allclose(model.predict_proba(X), expit(logits))
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(expit(logits)))
    assert model.score(X, Y) == accuracy_score(Y, model.predict(X))


def test_the_loss_is_that_of_mlp_classifier():
    """The sum over labels of the binary cross-entropies."""
    model = quick(alpha=0, learning_rate_init=1e-300, max_iter=1).fit(X, Y)
    p = model.predict_proba(X)
    expected = sum(log_loss(Y[:, k], p[:, k]) for k in range(3))
    np.testing.assert_allclose(model.loss_, expected, rtol=1e-12)
    subset = accuracy_score(Y, p > 0.5)
    np.testing.assert_allclose(model.history_["accuracy"], [subset])


def test_each_label_is_learned():
    model = quick(max_iter=60).fit(X, Y)
    assert (model.predict(X) == Y).mean(axis=0).min() > 0.9


def test_weights_count_as_repetitions():
    """With whole batches, in which no sample is cut off."""
    weights = np.arange(60) % 3
    settings = {"batch_size": 1000, "shuffle": False, "alpha": 0}
    weighted = quick(**settings).fit(X, Y, weights)
    repeated = quick(**settings).fit(np.repeat(X, weights, axis=0), np.repeat(Y, weights, axis=0))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-8)


def test_validation_sets_and_early_stopping():
    model = quick(early_stopping=True).fit(X, Y)
    assert len(model.validation_scores_) == 10
    outside = quick().fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:])
    assert outside.validation_scores_[outside.best_iter_ - 1] == outside.score(X[40:], Y[40:])


def test_streams_warm_starts_and_files(tmp_path):
    stream = quick()
    for begin in range(0, 60, 20):
        stream.partial_fit(X[begin : begin + 20], Y[begin : begin + 20])
    assert stream.n_iter_ == 3
    with pytest.raises(ValueError, match=r"y: It has 2 label\(s\), the network has 3"):
        stream.partial_fit(X, Y[:, :2])
    with pytest.raises(ValueError, match="must be an indicator matrix"):
        stream.partial_fit(X, Y[:, 0])
    path = tmp_path / "model.safetensors"
    save(stream, path)
    for copy in (load(path), pickle.loads(pickle.dumps(stream))):
        np.testing.assert_array_equal(copy.predict_proba(X), stream.predict_proba(X))
        copy.partial_fit(X, Y)
    warm = quick(warm_start=True).fit(X, Y)
    before = warm.predict_proba(X)
    warm.set_params(learning_rate_init=1e-300).fit(X, Y)
    np.testing.assert_allclose(warm.predict_proba(X), before)


def test_classes_of_a_first_piece_may_be_left_out():
    quick().partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"classes must be 0 to 2 .* can be left out"):
        quick().partial_fit(X, Y, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="class_weight='balanced' needs one class for each"):
        quick(class_weight="balanced").partial_fit(X, Y)


def test_from_one_class_a_sample_to_several_labels_and_back():
    """The cell goes on; the head means something else."""
    model = quick(warm_start=True).fit(X, Y[:, 0])
    cell = model.params_["W"].copy()
    model.set_params(max_iter=1, learning_rate_init=1e-300).fit(X, Y)
    np.testing.assert_allclose(model.params_["W"], cell)
    assert model.predict(X).shape == (60, 3)
    model.fit(X, Y[:, 0])
    assert model.predict(X).shape == (60,)


def test_what_was_set_for_labels_does_not_matter_to_what_was_fitted_to_several():
    model = quick().fit(X, Y).set_params(loss="focal", warm_start=True)
    assert model.predict(X).shape == (60, 3)
    assert model.fit(X, Y[:, 0]).predict(X).shape == (60,)


@pytest.mark.parametrize("form", [coo_array, csc_array])
def test_any_sparse_format_is_scored(form):
    pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9")
    model = quick(early_stopping=True).set_callbacks(EarlyStoppingOnMetric(patience=100))
    assert bits(model.fit(X, form(Y.astype(float)))) == bits(quick(early_stopping=True).fit(X, Y))


def test_masked_labels_are_refused():
    masked = np.ma.masked_array(Y, mask=np.arange(180).reshape(60, 3) == 5)
    with pytest.raises(ValueError, match="a masked entry: sample 1, column 2 has no label"):
        quick().fit(X, masked)


def test_searches_and_cross_validation():
    search = GridSearchCV(quick(), {"hidden_size": [2, 6]}, cv=3).fit(X, Y)
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    assert cross_val_predict(quick(), X, Y, cv=3, method="predict_proba").shape == (60, 3)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"class_weight": "balanced"}, "class_weight='balanced' needs one class for each sample"),
        ({"class_weight": {0: 1}}, "class_weight={0: 1} needs one class for each sample"),
        ({"sampling": "balanced"}, "sampling='balanced' needs one class for each sample"),
        ({"loss": "focal"}, "loss='focal' needs one class for each sample"),
    ],
)
def test_parameters_for_one_class_a_sample_are_refused(params, words):
    model = quick().fit(X, Y)
    before = snapshot(model.set_params(**params))
    with pytest.raises(ValueError, match=words):
        model.fit(X, Y)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (Y * 2, r"1d array of labels, or an indicator matrix.*sample [0-9]+, column [0-9] is 2"),
        (Y[:-1], "inconsistent numbers of samples"),
        (np.where(Y == 1, np.nan, 0.0), "Input y contains NaN: sample [0-9]+, column [0-9]"),
        ([[1, None, 0], *Y[1:].tolist()], "Input y contains None: sample 0, column 1"),
        (pd.DataFrame(Y).astype("Int64").mask(Y == 1), "Input y contains <NA>: sample"),
        (np.arange(180).reshape(60, 3), "sample 0, column 2 is 2.*MultiOutputClassifier"),
        ([["a"], ["a", "b"]] * 30, "several labels for a sample.*MultiLabelBinarizer"),
        ([{"a"}, {"a", "b"}] * 30, "several labels for a sample.*MultiLabelBinarizer"),
        (np.where(Y == 1, "a", "b"), r"1d array of labels.*shape \(60, 3\)"),
        (np.full((60, 3), 0.5), "sample 0, column 0 is 0.5"),
    ],
)
def test_what_is_no_indicator_matrix_is_refused(y, words):
    with pytest.raises(ValueError, match=words):
        quick().fit(X, y)


def test_a_distillation_is_of_one_class_a_sample():
    with pytest.raises(ValueError, match="1d array"):
        DistilledFastGRNN(MLPClassifier(), quick()).fit(X.reshape(60, -1), Y)
