"""Which column of a teacher's output is which class, and what contradicts its predictions."""

import numpy as np
import pytest
from helpers.distillation import BINARY, X, asked_by_hand, assert_same_student, taught_by, y
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skfastgrnn.distillation._teachers import METHODS, check_predictions

ANSWERS = np.where(y > 0, "ja", "nein")


class Wrapped(ClassifierMixin, BaseEstimator):
    """A classifier whose classes_ are the other way round, and its columns, too, if `honest`."""

    def __init__(self, method="predict_proba", honest=True):
        self.method = method
        self.honest = honest

    def fit(self, X, y):
        self.inside_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inside_.classes_[::-1]
        return self

    def predict(self, X):
        return self.inside_.predict(X)

    def __getattr__(self, name):
        if name in METHODS and name == self.__dict__.get("method"):
            return lambda X: self._turned(getattr(self.inside_, name)(X))
        raise AttributeError(name)

    def _turned(self, values):
        if not self.honest:
            return values
        return -values if values.ndim == 1 else values[:, ::-1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labels", [y, BINARY, ANSWERS], ids=["three", "two", "strings"])
def test_columns_are_read_by_the_classes_of_each_fold(labels, method):
    straight = taught_by(LogisticRegression(), teacher_method=method).fit(X, labels)
    model = taught_by(Wrapped(method), teacher_method=method).fit(X, labels)
    assert_same_student(model, straight)


@pytest.mark.parametrize(
    "teacher",
    [
        LogisticRegression(class_weight={"ja": 1, "nein": 3}),
        GridSearchCV(
            LogisticRegression(), {"C": [0.1]}, cv=2, scoring=make_scorer(f1_score, pos_label="ja")
        ),
    ],
    ids=["class_weight", "pos_label"],
)
def test_teachers_out_of_fold_see_the_labels_of_the_user(teacher):
    splits = StratifiedKFold(5).split(X, ANSWERS)
    by_hand = asked_by_hand(teacher, ANSWERS, splits)
    outside = taught_by(None).fit(X, ANSWERS, teacher_proba=by_hand)
    assert_same_student(taught_by(teacher).fit(X, ANSWERS), outside)


@pytest.mark.parametrize("cv", [None, "prefit"])
@pytest.mark.parametrize("n_classes", [3, 4])
def test_decisions_of_pairs_are_refused(n_classes, cv):
    labels = np.where(np.arange(120) % 8 == 0, 3, y) if n_classes == 4 else y
    teacher = SVC(decision_function_shape="ovo").fit(X, labels)
    n_pairs = n_classes * (n_classes - 1) // 2
    message = f"{n_pairs} columns for {n_classes} classes, one for each pair.*'ovr'"
    for each in (teacher, make_pipeline(StandardScaler(), teacher).fit(X, labels)):
        with pytest.raises(ValueError, match=message):
            taught_by(each, cv=cv).fit(X, labels)
    with pytest.raises(ValueError, match=message):
        taught_by(GridSearchCV(teacher, {"C": [1.0]}, cv=2)).fit(X, labels)
    ready = CalibratedClassifierCV(teacher, cv=2, ensemble=False)  # has predict_proba
    assert taught_by(ready).fit(X, labels).predict(X).shape == (120,)
    assert taught_by(SVC(decision_function_shape="ovo")).fit(X, BINARY).score(X, BINARY) > 0.5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labels", [y, BINARY], ids=["three", "two"])
@pytest.mark.parametrize("cv", [None, "prefit"])
def test_columns_that_contradict_the_predictions_are_refused(labels, method, cv):
    teacher = Wrapped(method, honest=False).fit(X, labels)
    with pytest.raises(ValueError, match=f"{method} of the teacher Wrapped contradicts its pred"):
        taught_by(teacher, teacher_method=method, cv=cv).fit(X, labels)


@pytest.mark.parametrize(
    "teacher",
    [
        FixedThresholdClassifier(LogisticRegression(), threshold=0.02, response_method="auto"),
        FixedThresholdClassifier(LogisticRegression(), threshold=0.98, response_method="auto"),
        DummyClassifier(),
    ],
    ids=["low", "high", "constant"],
)
def test_thresholds_and_ties_contradict_nothing(teacher):
    assert taught_by(teacher).fit(X, BINARY).classes_.tolist() == [0, 1]


def test_a_teacher_that_confuses_some_classes_is_not_refused():
    """Probabilities that a classifier estimates beside its decisions may differ from these."""
    logits = np.log(np.full((60, 3), 0.3))
    predicted = np.repeat([0, 1, 2], 20)
    logits[np.arange(60), np.where(np.arange(60) % 3 == 0, 2, predicted)] += 1
    teacher = LogisticRegression(), "predict_proba", np.array(["a", "b", "c"])
    check_predictions(*teacher, logits, predicted)
    logits[predicted == 1] = [0, 0, 1]  # never the class that is predicted
    with pytest.raises(ValueError, match="where it predicts 'b', the column"):
        check_predictions(*teacher, logits, predicted)
