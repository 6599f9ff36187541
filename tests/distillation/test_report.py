"""What report_ says of student, teacher and the student alone, and on which samples."""

import pickle

import numpy as np
import pytest
from helpers.distillation import (
    PROBA,
    TARGET,
    X,
    Z,
    distilled,
    numbers_student,
    student,
    weights_of,
    y,
)
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from skfastgrnn import DistilledFastGRNN, DistilledFastGRNNRegressor, FastGRNNClassifier


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
