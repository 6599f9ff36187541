"""What distillation refuses, and with which words."""

import numpy as np
import pandas as pd
import pytest
from helpers.distillation import NUMBERS, PROBA, X, numbers_student, student, y
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skfastgrnn import DistilledFastGRNN, DistilledFastGRNNRegressor, FastGRNNRegressor
from skfastgrnn.schedules import ReduceOnPlateau, Stages


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
        "returns 40 rows for 120 samples",
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
        "returned -1 at epoch 0",
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


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (DistilledFastGRNN(SVC()), "FastGRNNClassifier"),
        (DistilledFastGRNNRegressor(Ridge()), "FastGRNNRegressor"),
    ],
)
def test_parameters_of_a_student_that_is_none(model, example):
    with pytest.raises(ValueError, match=f"student is None. Pass an .*student, such as {example}"):
        model.set_params(student__hidden_size=8)
    assert model.student is None
    model.set_params(student=model._student_class(), student__hidden_size=8)
    assert model.student.hidden_size == 8
    with pytest.raises(ValueError, match="student__hidden_size cannot be set"):
        model.set_params(student=None, student__hidden_size=8)
    with pytest.raises(ValueError, match="teacher__C cannot be set, because teacher is None"):
        model.set_params(teacher=None, teacher__C=1)


@pytest.mark.parametrize(
    ("teacher", "kind"),
    [
        (LogisticRegression(), "a classifier"),
        (make_pipeline(StandardScaler(), SVC()), "a classifier"),
        (KMeans(), "a clusterer"),
    ],
)
def test_a_regressor_refuses_teachers_of_other_kinds(teacher, kind):
    with pytest.raises(TypeError, match=f"must be a regressor; .* is {kind}"):
        DistilledFastGRNNRegressor(teacher, numbers_student()).fit(X, NUMBERS)
