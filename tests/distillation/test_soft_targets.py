"""What a student learns from: labels, a teacher's probabilities, and how both are weighed."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from helpers.distillation import (
    BINARY,
    PROBA,
    X,
    assert_same_student,
    distilled,
    student,
    taught_by,
    weights_of,
    y,
)
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier


@pytest.mark.parametrize("labels", [y, BINARY, np.where(y > 1, "up", "down")], ids=str)
@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "refit": True}], ids=str)
def test_without_a_share_of_the_teacher_it_is_the_plain_fit(labels, params):
    """Bit for bit."""
    sample_weight = np.linspace(0.5, 2, len(y))
    plain = student(class_weight="balanced", **params).fit(X, labels, sample_weight=sample_weight)
    model = distilled(pupil=student(class_weight="balanced", **params), alpha=0)
    model.fit(X, labels, sample_weight=sample_weight)
    np.testing.assert_array_equal(weights_of(model), plain._parameters)
    assert model.student_.history_["loss"] == plain.history_["loss"]


@pytest.mark.parametrize("labels", [y, BINARY])
def test_a_teacher_that_answers_the_labels_is_the_plain_fit(labels):
    """At temperature 1; at others, but for the softmax at that temperature."""
    plain = student(max_iter=20).fit(X, labels)
    certain = np.eye(labels.max() + 1)[labels]
    model = distilled(pupil=student(max_iter=20), alpha=1, temperature=1)
    model.fit(X, labels, teacher_proba=certain)
    np.testing.assert_allclose(weights_of(model), plain._parameters, atol=1e-6)
    warm = model.set_params(temperature=3).fit(X, labels, teacher_proba=certain)
    assert warm.score(X, labels) > plain.score(X, labels) - 0.05


def test_the_loss_is_that_of_the_definition():
    """Of one epoch at a rate of nothing: the mean over all samples, by SciPy."""
    from scipy.special import log_softmax, rel_entr, softmax

    pupil = student(max_iter=1, learning_rate_init=1e-300, alpha=0)
    for temperature, alpha in ((1, 0.3), (3, 0.5), (0.5, 1)):
        model = distilled(pupil=pupil, temperature=temperature, alpha=alpha)
        model.fit(X, y, teacher_proba=PROBA)
        o = model.decision_function(X)
        soft = softmax(np.log(PROBA) / temperature, axis=1)
        kl = rel_entr(soft, softmax(o / temperature, axis=1)).sum(axis=1)
        hard = -log_softmax(o, axis=1)[np.arange(len(y)), y]
        expected = np.mean(alpha * temperature**2 * kl + (1 - alpha) * hard)
        np.testing.assert_allclose(model.student_.loss_, expected, rtol=1e-10)


def test_unlabeled_samples_learn_from_the_teacher_alone():
    """They weigh as much, whatever stands in their place; -1 hides the label entirely."""
    hidden = np.where(np.arange(120) % 2, y, -1)
    one = distilled().fit(X, hidden, teacher_proba=PROBA)
    assert one.classes_.tolist() == [0, 1, 2]
    separately = distilled().fit(
        X[1::2], y[1::2], teacher_proba=np.r_[PROBA[1::2], PROBA[::2]], X_unlabeled=X[::2]
    )
    shuffled = np.r_[np.arange(1, 120, 2), np.arange(0, 120, 2)]
    again = distilled().fit(X[shuffled], hidden[shuffled], teacher_proba=PROBA[shuffled])
    np.testing.assert_array_equal(weights_of(separately), weights_of(again))
    assert not np.array_equal(weights_of(one), weights_of(distilled().fit(X, y)))
    names = np.array(["a", "b", "c"], dtype=object)
    strings = np.where(hidden < 0, -1, names[y])
    assert distilled().fit(X, strings, teacher_proba=PROBA).classes_.tolist() == ["a", "b", "c"]


def test_two_labels_one_of_them_minus_one_are_two_classes():
    signs = np.where(BINARY, 1, -1)
    assert distilled().fit(X, signs).classes_.tolist() == [-1, 1]
    ready = LogisticRegression().fit(X, signs)
    assert distilled(ready, cv="prefit").fit(X, signs).classes_.tolist() == [-1, 1]
    soft = np.c_[1 - BINARY, BINARY]
    assert distilled().fit(X, signs, teacher_proba=soft).classes_.tolist() == [-1, 1]


def test_most_labels_are_unknown():
    """With a tenth of the labels, asking about the rest is worth it."""
    images, digits = load_digits(return_X_y=True)
    a, b, c, d = train_test_split(images / 16, digits, random_state=0)
    known = np.where(np.arange(len(c)) < 150, c, -1)
    pupil = FastGRNNClassifier(16, n_timesteps=8, random_state=0)
    alone = clone(pupil).fit(a[:150], c[:150]).score(b, d)
    model = DistilledFastGRNN(ExtraTreesClassifier(random_state=0), pupil).fit(a, known)
    assert model.score(b, d) > alone + 0.02


@pytest.mark.parametrize(
    "labels", [y, np.array(["b", "c", "a"])[y], y + 1], ids=["numbers", "strings", "from 1"]
)
def test_columns_of_a_frame_are_read_by_name(labels):
    proba = LogisticRegression().fit(X, labels).predict_proba(X)
    classes = np.unique(labels)
    expected = taught_by(None).fit(X, labels, teacher_proba=proba)
    frame = pd.DataFrame(proba, columns=classes)
    for named in (frame, frame[classes[[2, 0, 1]]], frame[classes[::-1]].rename(columns=str)):
        assert_same_student(taught_by(None).fit(X, labels, teacher_proba=named), expected)
    polars = pytest.importorskip("polars")
    turned = polars.from_pandas(frame[classes[[1, 2, 0]]].rename(columns=str))
    assert_same_student(taught_by(None).fit(X, labels, teacher_proba=turned), expected)


def test_columns_without_names_of_their_own_are_those_of_the_sorted_labels():
    labels = np.array(["b", "c", "a"])[y]
    proba = LogisticRegression().fit(X, labels).predict_proba(X)
    expected = taught_by(None).fit(X, labels, teacher_proba=proba)
    frame = pd.DataFrame(proba)
    assert_same_student(taught_by(None).fit(X, labels, teacher_proba=frame), expected)
    with pytest.raises(ValueError, match=r"columns \['a', 'b', 'd'\], and y has .*'a', 'b', 'c'"):
        taught_by(None).fit(X, labels, teacher_proba=frame.set_axis(list("abd"), axis=1))


def test_soft_targets_from_outside_with_metadata_routing():
    proba = LogisticRegression().fit(X, y).predict_proba(X)
    expected = taught_by(None).fit(X, y, teacher_proba=proba)
    with sklearn.config_context(enable_metadata_routing=True):
        assert_same_student(taught_by(None).fit(X, y, teacher_proba=proba), expected)


def test_a_masked_probability_is_refused():
    proba = np.ma.array(np.full((120, 3), 1 / 3), mask=False)
    taught_by(None).fit(X, y, teacher_proba=proba)
    proba[4, 1] = np.ma.masked
    with pytest.raises(ValueError, match="teacher_proba contains NaN"):
        taught_by(None).fit(X, y, teacher_proba=proba)
