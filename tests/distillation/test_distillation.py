"""Distillation: what the student learns from, whom the teacher is asked about, what it costs."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_classification
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from skfastgrnn import (
    DistilledFastGRNN,
    DistilledFastGRNNRegressor,
    FastGRNNClassifier,
    FastGRNNRegressor,
    load,
    save,
)
from skfastgrnn.distillation import _teachers
from skfastgrnn.distillation._soft_targets import as_outputs
from skfastgrnn.preprocessing import SequenceReshaper, SequenceStandardScaler
from skfastgrnn.schedules import Constant, CosineDecay, LinearDecay, ReduceOnPlateau, Stages

X, y = make_classification(
    120, 6, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
)
BINARY = (y > 0).astype(int)
PROBA = LogisticRegression().fit(X, y).predict_proba(X)


def student(**params):
    settings = {"hidden_size": 4, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}
    rate = {"learning_rate": "constant", "learning_rate_init": 0.012}
    return FastGRNNClassifier(**{**settings, **rate, **params})


def distilled(teacher=None, pupil=None, **params):
    teacher = LogisticRegression() if teacher is None else teacher
    return DistilledFastGRNN(teacher, student() if pupil is None else pupil, **params)


def flat(X):
    return np.asarray(X).reshape(len(X), -1)


def weights_of(model):
    return model.student_._parameters


# What the student learns from


@pytest.mark.parametrize("labels", [y, BINARY, np.where(y > 1, "up", "down")], ids=str)
@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "refit": True}], ids=str)
def test_without_a_share_of_the_teacher_it_is_the_plain_fit(labels, params):
    """Must show 1: bit for bit."""
    sample_weight = np.linspace(0.5, 2, len(y))
    plain = student(class_weight="balanced", **params).fit(X, labels, sample_weight=sample_weight)
    model = distilled(pupil=student(class_weight="balanced", **params), alpha=0)
    model.fit(X, labels, sample_weight=sample_weight)
    np.testing.assert_array_equal(weights_of(model), plain._parameters)
    assert model.student_.history_["loss"] == plain.history_["loss"]


@pytest.mark.parametrize("labels", [y, BINARY])
def test_a_teacher_that_answers_the_labels_is_the_plain_fit(labels):
    """Must show 1: at temperature 1; at others, but for the softmax at that temperature."""
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


# Whom the teacher is asked about


class Recorder(ClassifierMixin, BaseEstimator):
    """A teacher that writes down what it was fitted on and asked about."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.inside_ = {tuple(row) for row in np.asarray(X)}
        self.seen.append(("fit", len(X), None if sample_weight is None else len(sample_weight)))
        return self

    def predict_proba(self, X):
        known = sum(tuple(row) in self.inside_ for row in np.asarray(X))
        self.seen.append(("asked", len(X), known))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_the_teacher_is_asked_about_samples_that_it_was_not_fitted_on():
    Recorder.seen.clear()
    distilled(Recorder()).fit(X, y, sample_weight=np.ones(120))
    fits = [entry for entry in Recorder.seen if entry[0] == "fit"]
    asked = [entry for entry in Recorder.seen if entry[0] == "asked" and entry[1] > 1]
    assert fits == [("fit", 120, 120)] + 5 * [("fit", 96, 96)]
    assert asked == 5 * [("asked", 24, 0)]

    Recorder.seen.clear()
    hidden = np.where(np.arange(120) < 60, y, -1)
    distilled(Recorder(), cv=3).fit(X, hidden, X_unlabeled=X[:7])
    fits = [entry for entry in Recorder.seen if entry[0] == "fit"]
    asked = [entry for entry in Recorder.seen if entry[0] == "asked" and entry[1] > 1]
    assert fits == [("fit", 60, None)] + 3 * [("fit", 40, None)]
    # Those without a label are asked of all four; of 7 of them, one or more know a copy.
    assert [entry for entry in asked if entry[1] == 20] == 3 * [("asked", 20, 0)]
    assert [entry[1] for entry in asked if entry[1] != 20] == 4 * [67]


@pytest.mark.parametrize("ready", [False, True])
def test_a_prefit_teacher_is_used_as_it_is(ready):
    Recorder.seen.clear()
    teacher = Recorder().fit(X, y)
    model = distilled(FrozenEstimator(teacher)) if ready else distilled(teacher, cv="prefit")
    model.fit(X, y)
    assert [entry for entry in Recorder.seen if entry[0] == "fit"] == [("fit", 120, None)]
    assert model.teacher_ is model.teacher


def test_out_of_fold_soft_targets_hide_what_a_teacher_knows_by_heart():
    noisy = np.random.default_rng(0).permutation(y)  # nothing to learn
    forest = ExtraTreesClassifier(20, random_state=0)
    by_heart = distilled(forest.fit(X, noisy), cv="prefit", alpha=1).fit(X, noisy)
    honest = distilled(forest, alpha=1).fit(X, noisy)
    assert by_heart.student_.loss_ > 2 * honest.student_.loss_  # certainty is hard to imitate


LOGITS = {
    "logistic": (LogisticRegression(), y),
    "two classes": (LogisticRegression(), BINARY),
    "SVC": (SVC(), y),
    "LinearSVC": (LinearSVC(), BINARY),
    "hinge": (SGDClassifier(random_state=0), y),
    "neighbours": (KNeighborsClassifier(), y),
    "network": (student(max_iter=20), y),
    "pipeline": (make_pipeline(StandardScaler(), LogisticRegression()), BINARY),
    "search": (GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3), y),
    "votes": (VotingClassifier([("a", student()), ("b", student())], voting="soft"), y),
}


@pytest.mark.parametrize("case", LOGITS)
@pytest.mark.parametrize("method", ["auto", *_teachers.METHODS])
def test_logits_of_teachers(case, method):
    """Softmax of logits is what the teacher finds probable, or its decisions are the logits."""
    from scipy.special import expit, softmax

    teacher, labels = LOGITS[case]
    teacher = clone(teacher).fit(X, labels)
    if method != "auto" and not hasattr(teacher, method):
        with pytest.raises(ValueError, match=f"has no {method}; a classifier with one of them"):
            _teachers.method_of(teacher, method)
        return
    asked = _teachers.Teacher(teacher, _teachers.method_of(teacher, method))
    logits = as_outputs(asked.checked_logits(X))
    assert logits.shape == (120, 1 if labels is BINARY else 3)
    if asked.method == "decision_function":
        np.testing.assert_array_equal(logits.squeeze(), teacher.decision_function(X))
    else:
        p = np.hstack([1 - expit(logits), expit(logits)]) if labels is BINARY else None
        p = softmax(logits, axis=1) if p is None else p
        np.testing.assert_allclose(p, teacher.predict_proba(X), atol=1e-12)


class Reversed(ClassifierMixin, BaseEstimator):
    """Answers its classes in another order."""

    def __init__(self, teacher, method="predict_proba"):
        self.teacher = teacher
        self.method = method

    def fit(self, X, y):
        self.teacher_ = clone(self.teacher).fit(X, y)
        self.classes_ = self.teacher_.classes_[::-1]
        return self

    def predict(self, X):
        return self.teacher_.predict(X)

    def __getattr__(self, name):
        if name in _teachers.METHODS and name == self.__dict__.get("method"):
            return lambda X: self._turned(getattr(self.teacher_, name)(X))
        raise AttributeError(name)

    def _turned(self, answers):
        return -answers if answers.ndim == 1 else answers[:, ::-1]


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
@pytest.mark.parametrize("labels", [y, BINARY])
def test_class_orders_are_aligned_by_label(labels, method):
    teacher = LogisticRegression().fit(X, labels)
    straight = distilled(teacher, cv="prefit", teacher_method=method).fit(X, labels)
    turned = Reversed(LogisticRegression(), method).fit(X, labels)
    model = distilled(turned, cv="prefit", teacher_method=method).fit(X, labels)
    np.testing.assert_allclose(weights_of(model), weights_of(straight), atol=1e-9)


def test_a_teacher_whose_methods_come_with_its_fit():
    stack = StackingClassifier([("forest", ExtraTreesClassifier(5, random_state=0))])
    assert distilled(stack).fit(X, y).predict(X).shape == (120,)


def test_few_samples_of_a_class_do_not_make_fewer_folds():
    few = np.r_[np.flatnonzero(y == 0)[:20], np.flatnonzero(y == 1)[:3], np.flatnonzero(y == 2)]
    Recorder.seen.clear()
    distilled(Recorder()).fit(X[few], y[few])
    assert len([entry for entry in Recorder.seen if entry[0] == "fit"]) == 5 + 1


# Schedules of the temperature, and curricula


def test_a_constant_schedule_changes_nothing():
    plain = distilled(temperature=3).fit(X, y)
    for params in (
        {"temperature_schedule": Constant()},
        {"temperature_schedule": "constant"},
        {"curriculum": Stages(2, start=1.0)},
        {"curriculum": lambda epoch: 1},
    ):
        model = distilled(temperature=3, **params).fit(X, y)
        np.testing.assert_array_equal(weights_of(model), weights_of(plain))


def test_temperatures_of_epochs(monkeypatch):
    from skfastgrnn.training import _trainer

    seen, run_epoch = [], _trainer.run_epoch

    def recorded(kernel, network, parameters, training, *rest):
        seen.append((training.loss.temperature, len(training.rows)))
        return run_epoch(kernel, network, parameters, training, *rest)

    monkeypatch.setattr(_trainer, "run_epoch", recorded)
    for schedule, expected in (
        (LinearDecay(), [3, 2.6, 2.2, 1.8, 1.4]),
        ("linear", [3, 2.6, 2.2, 1.8, 1.4]),
        (CosineDecay(2), [3, 2, 1, 1, 1]),
        (lambda epoch: 2.0**-epoch, [3, 2, 1.5, 1.25, 1.125]),
    ):
        seen.clear()
        distilled(temperature=3, temperature_schedule=schedule).fit(X, y)
        np.testing.assert_allclose([temperature for temperature, _ in seen], expected)
    seen.clear()
    distilled(curriculum=Stages(3, start=0.25, n_epochs=3)).fit(X, y)
    assert [rows for _, rows in seen] == [30, 75, 120, 120, 120]


def test_a_curriculum_begins_with_what_the_teacher_finds_easy(monkeypatch):
    from skfastgrnn.training import _trainer

    seen, run_epoch = [], _trainer.run_epoch

    def recorded(kernel, network, parameters, training, *rest):
        seen.append(training.rows)
        return run_epoch(kernel, network, parameters, training, *rest)

    monkeypatch.setattr(_trainer, "run_epoch", recorded)
    distilled(temperature=1, curriculum=lambda epoch: 0.5).fit(X, y, teacher_proba=PROBA)
    of_label = PROBA[np.arange(120), y]
    assert of_label[seen[0]].min() >= np.sort(of_label)[60]


@pytest.mark.filterwarnings("ignore:Maximum iterations")  # the last fit has no time to converge
def test_training_does_not_end_before_the_curriculum():
    pupil = student(max_iter=60, n_iter_no_change=2, tol=10.0)  # nothing improves by so much
    assert distilled(pupil=pupil).fit(X, y).student_.n_iter_ == 3
    model = distilled(pupil=pupil, curriculum=Stages(3, n_epochs=30)).fit(X, y)
    assert 20 < model.student_.n_iter_ <= 30
    model = distilled(pupil=pupil, temperature=3, temperature_schedule=LinearDecay(30)).fit(X, y)
    assert 30 < model.student_.n_iter_ <= 40
    model = distilled(pupil=pupil, temperature=3, temperature_schedule="exponential").fit(X, y)
    assert model.student_.n_iter_ == 60


# The whole


def test_the_report():
    forest = ExtraTreesClassifier(30, random_state=0)
    model = distilled(forest, student(max_iter=30), compare=True)
    model.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    report = model.report_
    assert (report["scored_on"], report["n_scored"]) == ("X_val", 40)
    assert report["student_score"] == model.score(X[80:], y[80:])
    assert report["teacher_score"] == model.teacher_.score(X[80:], y[80:])
    alone = student(max_iter=30).fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert report["baseline_score"] == alone.score(X[80:], y[80:])
    same = model.predict(X[80:]) == model.teacher_.predict(X[80:])
    np.testing.assert_allclose(report["agreement"], same.mean(), atol=0.03)  # ties of the forest
    assert report["kl"] > 0
    assert report["teacher_bytes"] == len(pickle.dumps(model.teacher_))
    assert report["student_bytes"] == len(pickle.dumps(model.student_)) < report["teacher_bytes"]
    assert 0 < report["student_latency"] < report["teacher_latency"]


def test_a_comparison_that_fails_does_not_lose_the_fit():
    teacher = LogisticRegression().fit(X, y)
    unknown, no_two = np.full(120, -1), np.where(y == 2, -1, y)
    pupil = student(early_stopping=True, max_iter=10)
    held_out = {"X_val": X[80:], "y_val": y[80:]}
    for labels, more in ((unknown, {}), (unknown, held_out), (no_two, held_out)):
        with pytest.warns(UserWarning, match="could not be trained without its teacher") as caught:
            model = distilled(teacher, pupil, cv="prefit", compare=True).fit(X, labels, **more)
        told = [warning for warning in caught if "without its teacher" in str(warning.message)]
        assert [warning.filename for warning in told] == [__file__]
        assert model.report_["baseline_score"] is None
        assert model.predict(X).shape == (120,)
        if more:
            assert model.report_["student_score"] == model.score(X[80:], y[80:])


def test_a_teacher_that_cannot_be_pickled_has_no_size():
    class Stubborn(LogisticRegression):
        def __getstate__(self):
            raise RuntimeError

    teacher = Stubborn().fit(X, y)
    assert distilled(FrozenEstimator(teacher)).fit(X, y).report_["teacher_bytes"] is None


@pytest.mark.parametrize("hidden", [False, True])
def test_the_report_on_what_the_student_holds_out(hidden):
    labels = np.where(np.arange(120) % 3, y, -1) if hidden else y
    pupil = student(max_iter=30, early_stopping=True)
    model = distilled(KNeighborsClassifier(), pupil, compare=True).fit(X, labels)
    report = model.report_
    assert report["scored_on"] == "held out"
    assert report["n_scored"] == (16 if hidden else 24)  # of 24 those with a label
    if not hidden:
        scores = model.student_.validation_scores_
        np.testing.assert_allclose(report["student_score"], scores[model.student_.best_iter_ - 1])
    outside = distilled(KNeighborsClassifier(), pupil).fit(X, y, teacher_proba=PROBA)
    assert outside.teacher_ is None
    assert outside.report_["teacher_bytes"] is None
    assert outside.report_["teacher_score"] > 0.5


TAILS = [{"validation_split": "tail"}, {"shuffle": False}]


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("tail", TAILS, ids=["tail", "shuffle"])
@pytest.mark.parametrize("model", [DistilledFastGRNN, DistilledFastGRNNRegressor])
def test_more_samples_leave_labels_in_the_tail_that_is_held_out(model, tail, outside):
    is_classifier = model is DistilledFastGRNN
    samples, target = (X, y) if is_classifier else (Z[:120], TARGET[:120])
    teacher = LogisticRegression() if is_classifier else Ridge()
    soft = PROBA if is_classifier else Ridge().fit(samples, target).predict(samples)
    pupil = student if is_classifier else numbers_student
    pupil = pupil(early_stopping=True, validation_fraction=0.2, **tail)
    weights = np.where(np.arange(40) < 10, 2.0, 1.0)
    fitted = model(None if outside else teacher, pupil, compare=True)
    name = "teacher_proba" if is_classifier else "teacher_prediction"
    given = {name: soft} if outside else {}
    fitted.fit(samples[:40], target[:40], weights, X_unlabeled=samples[40:], **given)
    report = fitted.report_
    assert (report["scored_on"], report["n_scored"]) == ("held out", 8)  # a fifth of 40
    expected = fitted.student_.score(samples[32:40], target[32:40])
    np.testing.assert_allclose(report["student_score"], expected)
    order = np.r_[:32, 40:120, 32:40]
    unknown = -1 if is_classifier else np.nan
    labels = np.where(np.arange(120) < 40, target, unknown)[order]
    given = {name: soft[order]} if outside else {}
    by_hand = model(fitted.teacher, pupil).fit(
        samples[order], labels, np.r_[weights, np.ones(80)][order], **given
    )
    np.testing.assert_array_equal(weights_of(fitted), weights_of(by_hand))


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize("model", [DistilledFastGRNN, DistilledFastGRNNRegressor])
def test_the_student_alone_learns_nothing_of_what_is_held_out(model, seed, monkeypatch):
    kind = model._student_class
    samples, target = (X, y) if kind is FastGRNNClassifier else (Z, TARGET)
    told, learned_from, fit = [], [], kind.fit
    train = model._train

    def noted_fit(self, X, y, **more):
        learned_from.append(X)
        return fit(self, X, y, **more)

    def noted_train(self, *args, **more):
        told.append(train(self, *args, **more))
        return told[-1]

    monkeypatch.setattr(kind, "fit", noted_fit)
    monkeypatch.setattr(model, "_train", noted_train)
    pupil = kind(hidden_size=4, max_iter=5, early_stopping=True, random_state=seed)
    teacher = LogisticRegression() if kind is FastGRNNClassifier else Ridge()
    fitted = model(teacher, pupil, compare=True).fit(samples, target)
    assert fitted.report_["baseline_score"] is not None
    _, of_alone = learned_from
    rest = np.setdiff1d(np.arange(len(samples)), told[0])
    assert 0 < len(told[0]) < len(samples)
    np.testing.assert_array_equal(of_alone, samples[rest])
    if seed is not None:
        alone = clone(pupil).fit(samples[rest], target[rest])
        expected = alone.score(samples[told[0]], target[told[0]])
        np.testing.assert_allclose(fitted.report_["baseline_score"], expected)


@pytest.mark.parametrize("hidden", [False, True])
def test_the_report_out_of_fold_where_nothing_is_held_out(hidden):
    labels, known = y, np.arange(120)
    if hidden:
        labels, known = np.where(known % 3, y, -1), np.flatnonzero(known % 3)
    pupil = student(max_iter=20)
    model = distilled(KNeighborsClassifier(), pupil, cv=3, compare=True).fit(X, labels)
    report = model.report_
    assert (report["scored_on"], report["n_scored"]) == ("out of fold", len(known))
    for name, estimator in (("teacher", KNeighborsClassifier()), ("baseline", pupil)):
        predicted = cross_val_predict(estimator, X[known], y[known], cv=3)
        np.testing.assert_allclose(report[f"{name}_score"], np.mean(predicted == y[known]))
    assert [report[name] for name in ("student_score", "agreement", "kl")] == [None] * 3
    plain = distilled(KNeighborsClassifier(), pupil, cv=3).fit(X, labels)
    assert plain.report_["baseline_score"] is None
    assert plain.report_["teacher_score"] == report["teacher_score"]
    np.testing.assert_array_equal(weights_of(plain), weights_of(model))


def test_what_a_teacher_was_fitted_on_is_not_known():
    teacher = LogisticRegression().fit(X, y)
    for report in (
        distilled(teacher, cv="prefit", compare=True).fit(X, y).report_,
        distilled(compare=True).fit(X, y, teacher_proba=PROBA).report_,
    ):
        assert (report["scored_on"], report["n_scored"]) == (None, 0)
        names = ("teacher_score", "student_score", "baseline_score", "agreement", "kl")
        assert [report[name] for name in names] == [None] * 5


@pytest.mark.parametrize("held_out", [False, True])
def test_a_teacher_that_is_worse_than_the_student_is_warned_about(held_out, recwarn):
    pupil = student(max_iter=40, hidden_size=8)
    arguments = {"X_val": X[80:], "y_val": y[80:]} if held_out else {}
    weak = make_pipeline(FunctionTransformer(lambda X: X[:, :1]), KNeighborsClassifier(1))
    with pytest.warns(UserWarning, match="student alone has a score of .* its teacher one of"):
        distilled(weak, pupil, compare=True).fit(X[:80], y[:80], **arguments)
    recwarn.clear()
    distilled(weak, pupil).fit(X[:80], y[:80], **arguments)
    distilled(SVC(), student(max_iter=1), compare=True).fit(X[:80], y[:80], **arguments)
    assert not [w for w in recwarn if "its teacher one of" in str(w.message)]


def test_a_second_student_is_trained_only_if_that_is_wanted(monkeypatch):
    fits, fit = [], FastGRNNClassifier.fit
    monkeypatch.setattr(
        FastGRNNClassifier, "fit", lambda self, *a, **k: fits.append(1) or fit(self, *a, **k)
    )
    held_out = {"X_val": X[80:], "y_val": y[80:]}
    for compare, arguments, expected in (
        (False, {}, 1),
        (False, held_out, 1),
        (True, held_out, 2),
        (True, {}, 1 + 4),
    ):
        fits.clear()
        distilled(SVC(), compare=compare, cv=4).fit(X[:80], y[:80], **arguments)
        assert len(fits) == expected


@pytest.mark.parametrize(
    "strip", [lambda model: model, lambda model: model.strip_teacher()], ids=["whole", "student"]
)
def test_pickles(strip, tmp_path):
    model = distilled(ExtraTreesClassifier(50, random_state=0)).fit(X, y)
    expected = model.predict_proba(X)
    stream = io.BytesIO()
    joblib.dump(strip(model), stream)
    is_student = isinstance(strip(model), FastGRNNClassifier)
    assert (stream.tell() < 8000) == is_student
    stream.seek(0)
    np.testing.assert_array_equal(joblib.load(stream).predict_proba(X), expected)
    save(model.strip_teacher(), tmp_path / "student.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "student.safetensors").predict_proba(X), expected)


def test_an_ordinary_student_is_left():
    model = distilled().fit(X, y)
    plain = student().fit(X, y)
    assert vars(model.strip_teacher()).keys() == vars(plain).keys()
    model.strip_teacher().fit(X, y)  # and learns without a teacher
    np.testing.assert_array_equal(weights_of(model), plain._parameters)


def test_predictions_are_the_students():
    model = distilled().fit(X, y)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(distilled(), method)(X)
        np.testing.assert_array_equal(getattr(model, method)(X), getattr(model.student_, method)(X))
    with pytest.raises(NotFittedError):
        distilled().strip_teacher()


def test_in_a_grid_search():
    grid = {"student__hidden_size": [2, 4], "temperature": [1, 3], "teacher__C": [0.1, 1.0]}
    search = GridSearchCV(distilled(), grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_.keys() == grid.keys()
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert cross_val_score(distilled(), X, y, cv=2).shape == (2,)


def test_sequences_pipelines_frames_and_text():
    sequences = X.reshape(120, 3, 2)
    teacher = make_pipeline(SequenceReshaper(to="2d"), LogisticRegression())
    pupil = make_pipeline(SequenceStandardScaler(), student())
    model = distilled(teacher, pupil).fit(sequences, y)
    assert model.n_features_in_ == 2
    assert model.predict(sequences).shape == (120,)
    ragged = [x[: 2 + i % 2] for i, x in enumerate(sequences)]
    teacher = make_pipeline(FunctionTransformer(lambda X: [x[:2].ravel() for x in X]), SVC())
    assert distilled(teacher).fit(ragged, y, X_unlabeled=ragged[:5]).predict(ragged).shape == (120,)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    pupil = make_pipeline(StandardScaler(), student()).set_output(transform="pandas")
    model = distilled(make_pipeline(StandardScaler(), SVC()), pupil).fit(frame, y)
    assert model.feature_names_in_.tolist() == list("abcdef")
    assert distilled().fit(frame, y, X_unlabeled=frame[:3]).feature_names_in_.tolist() == list(
        "abcdef"
    )
    pupil = make_pipeline(TruncatedSVD(4, random_state=0), student())
    sparse = csr_matrix(np.abs(X))
    assert distilled(pupil=pupil).fit(sparse, y, X_unlabeled=sparse[:5]).score(sparse, y) > 0.3
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("badcef")])
    texts = ["red green" if label else "blue violet" for label in BINARY]
    dense = FunctionTransformer(lambda X: X.toarray(), accept_sparse=True)
    pupil = make_pipeline(HashingVectorizer(n_features=16), dense, student(n_timesteps=4))
    teacher = make_pipeline(TfidfVectorizer(), LogisticRegression())
    assert distilled(teacher, pupil).fit(texts, BINARY).score(texts, BINARY) > 0.5
    assert distilled(teacher, pupil).fit(texts, BINARY, X_unlabeled=["red"]).classes_.tolist() == [
        0,
        1,
    ]


def test_random_state_seeds_what_has_no_seed():
    def model(**params):
        pupil = make_pipeline(StandardScaler(), student(random_state=None))
        return DistilledFastGRNN(ExtraTreesClassifier(10), pupil, **params).fit(X, y)

    one, two = model(random_state=0), model(random_state=0)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert not np.array_equal(one.predict_proba(X), model(random_state=1).predict_proba(X))
    assert one.student_[-1].random_state is not None
    assert one.student[-1].random_state is None
    assert distilled(random_state=5).fit(X, y).student_.random_state == 0  # it had one


def test_weights_reach_teacher_and_student():
    weights = np.where(y == 2, 0.0, 1.0)
    Recorder.seen.clear()
    model = distilled(Recorder(), alpha=0.1).fit(X, y, sample_weight=weights)
    assert all(entry[2] == entry[1] for entry in Recorder.seen if entry[0] == "fit")
    assert (model.predict(X) == 2).mean() < 0.1
    pupil = make_pipeline(StandardScaler(), student())
    same = distilled(make_pipeline(LogisticRegression()), pupil).fit(X, y, sample_weight=weights)
    assert (same.predict(X) == 2).mean() < 0.3


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        pupil = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            student(early_stopping=True, max_iter=30).set_fit_request(
                X_val=True, y_val=True, sample_weight=True
            ),
            transform_input=["X_val"],
        )
        teacher = LogisticRegression().set_fit_request(sample_weight=True)
        model = DistilledFastGRNN(teacher, pupil)
        weights = np.linspace(0.5, 1, 80)
        model.fit(X[:80], y[:80], sample_weight=weights, X_val=X[80:], y_val=y[80:])
        assert model.report_["n_scored"] == 40
        assert len(model.student_[-1].validation_loss_curve_) == model.student_[-1].n_iter_
        with pytest.raises(ValueError, match="sample_weight"):
            distilled(LogisticRegression()).fit(X, y, sample_weight=np.ones(120))
        default = DistilledFastGRNN(teacher).fit(X, y, sample_weight=np.ones(120))
        assert default.student_.n_iter_ > 1


def test_validation_does_not_wait_for_the_temperature():
    pupil = student(max_iter=60, n_iter_no_change=2, tol=10.0, early_stopping=True)
    model = distilled(pupil=pupil, temperature=3, temperature_schedule="linear").fit(X, y)
    assert model.student_.n_iter_ == 3


def test_schedules_are_asked_once_for_each_epoch():
    asked = []

    def table(epoch):
        asked.append(epoch)
        return [1, 0.5, 0.4, 0.3, 0.2][epoch]

    distilled(temperature=3, temperature_schedule=table).fit(X, y)
    assert asked == [0, 1, 2, 3, 4]


def test_a_curriculum_without_a_share_of_the_teacher():
    model = distilled(alpha=0, curriculum=Stages()).fit(X, y)
    assert model.student_.n_iter_ == 5


def test_classes_keep_their_type():
    for labels in (y.astype(np.int8), np.array(["a", "b", "c"], dtype=object)[y]):
        plain = student().fit(X, labels)
        assert distilled().fit(X, labels).classes_.dtype == plain.classes_.dtype


def test_early_stopping_scores_what_has_a_label():
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import EarlyStoppingOnMetric

    asked = []

    def scorer(estimator, X, y):
        asked.append(set(np.unique(y).tolist()))
        return estimator.score(X, y)

    hidden = np.where(np.arange(120) % 3, y, -1)
    for early_stopping in (True, False):
        pupil = student(early_stopping=early_stopping)
        distilled(pupil=pupil.set_callbacks(EarlyStoppingOnMetric(scorer))).fit(X, hidden)
    assert len(asked) == 10
    assert all(labels == {0, 1, 2} for labels in asked)


def test_verbose(capsys):
    distilled(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Fitting the teacher.",
        "Asking the teacher out of fold.",
        "Training the student.",
    ]


# Bad input


class NoClassifier(BaseEstimator):
    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Few(NoClassifier):
    """Answers too few rows."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((40, 3), 1 / 3)


HALVING = make_pipeline(FunctionTransformer(lambda X: X[: len(X) // 2]), student())
DOUBLING = make_pipeline(FunctionTransformer(lambda X: np.vstack([X, X])), student())
OTHER = LogisticRegression().fit(X, y + 5)
NARROW = LogisticRegression().fit(X[:, :3], y)
REFUSED = {
    "no probabilities": (
        {"teacher": NoClassifier()},
        {},
        "has no predict_proba or",
    ),
    "no teacher": ({"teacher": None}, {}, "no soft targets"),
    "unfitted": ({"cv": "prefit"}, {}, "not fitted.*FrozenEstimator"),
    "a regressor": ({"teacher": Ridge()}, {}, "must be a classifier; Ridge is a regressor"),
    "a search for a regressor": (
        {"teacher": GridSearchCV(Ridge(), {"alpha": [1]})},
        {},
        "must be a classifier; GridSearchCV is a regressor",
    ),
    "an outlier detector": (
        {"teacher": make_pipeline(StandardScaler(), IsolationForest())},
        {},
        "must be a classifier; Pipeline is an outlier detector",
    ),
    "a clusterer": ({"teacher": KMeans()}, {}, "must be a classifier; KMeans is a clusterer"),
    "a schedule without a number": (
        {"temperature_schedule": "linear"},
        {},
        "temperature is 'auto': pass one to begin with",
    ),
    "other classes": (
        {"teacher": OTHER, "cv": "prefit"},
        {},
        r"classes \[5, 6, 7\], and y has \[0",
    ),
    "other columns": ({"teacher": NARROW, "cv": "prefit"}, {}, "X has 6 features, but"),
    "rows of a teacher": (
        {"teacher": Few().fit(X, y), "cv": "prefit"},
        {},
        "answers 40 rows for 120 samples",
    ),
    "halved": ({"student": HALVING}, {}, "inconsistent numbers of samples"),
    "doubled": ({"student": DOUBLING}, {}, "inconsistent numbers of samples"),
    "strings": ({}, {"y": np.where(np.arange(120) % 2, "a", "-1")}, "the string '-1'"),
    "refit": (
        {"student": student(refit=True)},
        {"teacher_proba": PROBA, "X_val": X, "y_val": y},
        "^refit=True .* no soft targets",
    ),
    "names": (
        {},
        {"X": pd.DataFrame(X), "X_unlabeled": pd.DataFrame(X, columns=list("abcdef"))},
        "X_unlabeled has the columns",
    ),
    "forms": ({}, {"X_unlabeled": X.reshape(120, 3, 2)}, "must have the same form"),
    "negative share": ({"curriculum": lambda epoch: -1}, {}, "curriculum: The schedule"),
    "rows": ({}, {"teacher_proba": PROBA[:9]}, "has 9 rows, and there are 120 samples"),
    "columns": (
        {},
        {"teacher_proba": PROBA[:, :2] / PROBA[:, :2].sum(1)[:, None]},
        "2 columns, and y has 3",
    ),
    "one column": ({}, {"teacher_proba": np.ones((120, 1))}, "a column for each of"),
    "three dimensions": ({}, {"teacher_proba": np.ones((120, 1, 1))}, "dim"),
    "negative": ({}, {"teacher_proba": PROBA - 0.5}, "of sample 0 is negative"),
    "logits": ({}, {"teacher_proba": np.exp(PROBA)}, "sums to .* probabilities sum to 1"),
    "NaN": (
        {},
        {"teacher_proba": np.where(PROBA > 0.9, np.nan, PROBA)},
        "teacher_proba contains NaN",
    ),
    "temperature": ({"temperature": 0}, {}, "'temperature' parameter"),
    "negative temperature": ({"temperature": -1.0}, {}, "'temperature' parameter"),
    "alpha": ({"alpha": 1.5}, {}, "'alpha' parameter"),
    "unlabeled": (
        {"alpha": 0},
        {"y": np.where(y == 1, -1, np.arange(120) % 2 * 2)},
        "samples have no label",
    ),
    "no label": ({}, {"y": np.full(120, -1)}, "no label but -1"),
    "weights": ({}, {"sample_weight": np.ones(7)}, r"inconsistent numbers of samples: .*7"),
    "one class": ({}, {"y": np.zeros(120, int)}, "only one class"),
    "continuous": ({}, {"y": X[:, 0]}, "Unknown label type: continuous"),
    "lengths": ({}, {"y": y[:9]}, "inconsistent numbers of samples"),
    "student": ({"student": LogisticRegression()}, {}, "student must be a FastGRNNClassifier"),
    "regressor": ({"student": FastGRNNRegressor()}, {}, "student must be a FastGRNNClassifier"),
    "student's X": ({"student": student(n_timesteps=4)}, {}, "not a multiple of n_timesteps=4"),
    "X_val": ({"student": make_pipeline(student())}, {"X_val": X, "y_val": y}, "metadata routing"),
    "balanced": (
        {"student": student(sampling="balanced")},
        {"y": np.where(np.arange(120) % 2, y, -1)},
        "sampling='balanced' draws by class",
    ),
    "plateau": (
        {"temperature": 3, "temperature_schedule": ReduceOnPlateau()},
        {},
        "cannot be one that watches losses",
    ),
    "schedule": ({"temperature_schedule": "plateau"}, {}, "'temperature_schedule' parameter"),
    "factor": (
        {"temperature": 3, "temperature_schedule": lambda epoch: -1},
        {},
        "answered -1 at epoch 0",
    ),
    "freezing": (
        {"temperature": 0.5, "temperature_schedule": lambda epoch: 2},
        {},
        "makes the temperature 0.0; it must be above 0",
    ),
    "share": ({"curriculum": lambda epoch: 0}, {}, "a share of the sequences, above 0"),
    "class": ({"curriculum": Stages}, {}, "not the class Stages"),
    "method": ({"teacher_method": "transform"}, {}, "'teacher_method' parameter"),
    "cv": ({"cv": "prefitted"}, {}, "'cv' parameter"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    params, arguments, message = REFUSED[case]
    settings = {"teacher": LogisticRegression(), "student": student(), **params}
    model = DistilledFastGRNN(**settings)
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        model.fit(**{"X": X, "y": y, **arguments})
    assert vars(model).keys() == model.get_params(deep=False).keys()


# Regressors

Z = np.random.default_rng(0).standard_normal((150, 6))
TARGET = 100 + 30 * np.sin(Z[:, 0]) + 10 * Z[:, -1] * Z[:, 1]


def numbers_student(**params):
    settings = {"hidden_size": 4, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}
    return FastGRNNRegressor(**{**settings, **params})


@pytest.mark.parametrize("target", [TARGET, np.c_[TARGET, Z[:, 1]]], ids=["one", "two"])
def test_a_regressor_learns_the_mixture(target):
    teacher = LinearRegression()
    soft = cross_val_predict(teacher, Z, target, cv=5)
    for alpha in (0, 0.3, 1):
        model = DistilledFastGRNNRegressor(teacher, numbers_student(), alpha=alpha).fit(Z, target)
        plain = numbers_student().fit(Z, target + alpha * (soft - target))
        np.testing.assert_allclose(weights_of(model), plain._parameters, rtol=1e-9, atol=1e-12)
        assert model.predict(Z).shape == target.shape
    outside = DistilledFastGRNNRegressor(None, numbers_student()).fit(
        Z, target, teacher_prediction=soft
    )
    assert outside.teacher_ is None


def test_a_regressor_and_unknown_targets():
    hidden = np.where(np.arange(150) % 3 == 0, TARGET, np.nan)
    model = DistilledFastGRNNRegressor(LinearRegression(), numbers_student(), alpha=0.4)
    model.fit(Z, hidden)
    teacher = LinearRegression().fit(Z[::3], TARGET[::3])
    soft = teacher.predict(Z)
    soft[::3] = cross_val_predict(LinearRegression(), Z[::3], TARGET[::3], cv=5)
    mixed = np.where(np.isnan(hidden), soft, hidden + 0.4 * (soft - hidden))
    weights = np.where(np.isnan(hidden), 0.4, 1.0)
    plain = numbers_student().fit(Z, mixed, sample_weight=weights)
    np.testing.assert_allclose(weights_of(model), plain._parameters, rtol=1e-9, atol=1e-12)
    more = DistilledFastGRNNRegressor(LinearRegression(), numbers_student())
    more.fit(Z[:50], TARGET[:50], X_unlabeled=Z[50:])
    assert more.predict(Z).shape == (150,)


def test_a_regressor_routes_only_weights_that_were_given():
    with sklearn.config_context(enable_metadata_routing=True):
        hidden = np.where(np.arange(150) % 3 == 0, TARGET, np.nan)
        model = DistilledFastGRNNRegressor(Ridge(), numbers_student()).fit(Z, hidden)
    plain = DistilledFastGRNNRegressor(Ridge(), numbers_student()).fit(Z, hidden)
    np.testing.assert_array_equal(weights_of(model), weights_of(plain))


def test_the_report_of_a_regressor():
    teacher = ExtraTreesRegressor(20, random_state=0)
    model = DistilledFastGRNNRegressor(teacher, numbers_student(max_iter=40), compare=True)
    model.fit(Z[:100], TARGET[:100], X_val=Z[100:], y_val=TARGET[100:])
    report = model.report_
    assert (report["scored_on"], report["n_scored"]) == ("X_val", 50)
    np.testing.assert_allclose(report["student_score"], model.score(Z[100:], TARGET[100:]))
    np.testing.assert_allclose(
        report["teacher_score"], r2_score(TARGET[100:], model.teacher_.predict(Z[100:]))
    )
    alone = numbers_student(max_iter=40).fit(
        Z[:100], TARGET[:100], X_val=Z[100:], y_val=TARGET[100:]
    )
    np.testing.assert_allclose(report["baseline_score"], alone.score(Z[100:], TARGET[100:]))
    pupil = numbers_student(early_stopping=True)
    assert DistilledFastGRNNRegressor(teacher, pupil).fit(Z, TARGET).report_["n_scored"] == 30


@pytest.mark.parametrize("target", [TARGET, np.c_[TARGET, Z[:, 1]]], ids=["one", "two"])
def test_the_report_of_a_regressor_out_of_fold(target):
    pupil, hidden = numbers_student(max_iter=20), target.copy()
    hidden[::3] = np.nan
    known = np.flatnonzero(np.arange(150) % 3)
    model = DistilledFastGRNNRegressor(Ridge(), pupil, cv=3, compare=True)
    with pytest.warns(UserWarning, match="student alone has a score of .* its teacher one of"):
        report = model.set_params(teacher=KNeighborsRegressor(1)).fit(Z, hidden).report_
    report = model.set_params(teacher=Ridge()).fit(Z, hidden).report_
    assert (report["scored_on"], report["n_scored"]) == ("out of fold", 100)
    for name, estimator in (("teacher", Ridge()), ("baseline", pupil)):
        predicted = cross_val_predict(estimator, Z[known], target[known], cv=3)
        np.testing.assert_allclose(report[f"{name}_score"], r2_score(target[known], predicted))
    assert report["student_score"] is report["rmse_to_teacher"] is None
    plain = DistilledFastGRNNRegressor(Ridge(), pupil).fit(Z, hidden)
    assert plain.report_["baseline_score"] is None


@pytest.mark.parametrize(
    ("params", "arguments", "message"),
    [
        ({"teacher": None}, {}, "There is no teacher"),
        ({"alpha": 0}, {"y": np.where(TARGET > 100, TARGET, np.nan)}, "samples have no target"),
        ({"student": student()}, {}, "must be a FastGRNNRegressor"),
        ({}, {"teacher_prediction": TARGET[:9]}, r"shape \(9,\), y \(150,\)"),
        ({"cv": "prefit"}, {}, "not fitted"),
        (
            {},
            {"y": np.c_[np.where(TARGET > 100, TARGET, np.nan), TARGET]},
            "is NaN in some outputs",
        ),
        ({}, {"y": np.where(TARGET > 100, TARGET, np.inf)}, "Input y contains infinity"),
    ],
)
def test_a_regressor_refuses(params, arguments, message):
    settings = {"teacher": LinearRegression(), "student": numbers_student(), **params}
    model = DistilledFastGRNNRegressor(**settings)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(**{"X": Z, "y": TARGET, **arguments})
    assert vars(model).keys() == model.get_params(deep=False).keys()


# Callbacks


@pytest.mark.filterwarnings("ignore:The estimator (SVC|StandardScaler) does not support callbacks")
def test_callbacks_follow_the_fits_of_teacher_and_student():
    callbacks = pytest.importorskip("sklearn.callback")
    names = []

    class Follower:
        max_propagation_depth = None

        def setup(self, estimator, context):
            names.append("setup")

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            names.append((context.estimator_name, context.task_name, context.task_id))

        def teardown(self, estimator, context):
            names.append("teardown")

    monitor = callbacks.ScoringMonitor(scoring="accuracy")
    pupil = student(max_iter=3).set_callbacks(monitor)
    teacher = make_pipeline(StandardScaler(), SVC())
    model = distilled(teacher, make_pipeline(StandardScaler(), pupil)).set_callbacks(Follower())
    model.fit(X, y)
    assert names[0] == "setup"
    assert names[-1] == "teardown"
    assert names[-2] == ("DistilledFastGRNN", "fit", 0)
    epochs = [name for name in names if name[1] == "epoch"]
    assert epochs == [("FastGRNNClassifier", "epoch", i) for i in range(3)]
    assert ("Pipeline", "fit", 0) in names  # of the teacher
    assert ("Pipeline", "fit", 1) in names
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 3
    assert scores[-1] == model.score(X, y)
    # The student that is trained without a teacher, for the report, tells nobody.
    names.clear()
    model.set_params(student=pupil, compare=True)
    model.fit(X[:90], y[:90], X_val=X[90:], y_val=y[90:])
    assert len([name for name in names if name[1] == "epoch"]) == 3
    model.set_callbacks()  # in a search, those that are propagated belong to the search
    search = GridSearchCV(model, {"temperature": [1, 2]}, cv=2, n_jobs=2).fit(X, y)
    assert search.best_estimator_.student_.n_iter_ == 3
