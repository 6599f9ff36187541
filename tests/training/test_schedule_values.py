"""Schedules as values: copies, parameters of estimators and of searches, bad parameters."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import GridSearchCV, ParameterGrid

from skfastgrnn import schedules
from skfastgrnn.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    OneCycle,
    ReduceOnPlateau,
    Stages,
    StepDecay,
    WarmUp,
    checked_factor,
    for_training,
)

DIFFERENT = [
    Constant(),
    StepDecay(),
    StepDecay(0.5, 7),
    StepDecay(0.5, 8),
    ExponentialDecay(),
    ExponentialDecay(0.9),
    CosineDecay(),
    CosineDecay(100),
    CosineDecay(100, 0.1),
    LinearDecay(),
    LinearDecay(100, 0.1),
    Stages(),
    Stages(4, 0.1, 60),
    WarmUp(5),
    WarmUp(5, start=0.5),
    WarmUp(5, CosineDecay()),
    WarmUp(5, ReduceOnPlateau()),
    WarmUp(3, WarmUp(4, StepDecay())),
    OneCycle(),
    OneCycle(100, warm_up=0.2),
    ReduceOnPlateau(),
    ReduceOnPlateau(0.5, 3, 0.01, 0.001, 2),
]


@pytest.mark.parametrize("schedule", DIFFERENT, ids=repr)
def test_is_a_value(schedule):
    copies = [
        pickle.loads(pickle.dumps(schedule)),
        copy.copy(schedule),
        copy.deepcopy(schedule),
        clone(schedule, safe=False),
        eval(repr(schedule), vars(schedules).copy()),
    ]
    for other in copies:
        assert other == schedule
        assert hash(other) == hash(schedule)
        assert repr(other) == repr(schedule)
    with pytest.raises(AttributeError):
        schedule.n_epochs = 3


def test_others_are_not_equal():
    assert len(set(DIFFERENT)) == len(DIFFERENT)
    assert all(a == b if a is b else a != b for a in DIFFERENT for b in DIFFERENT)


def test_numbers_of_numpy_are_plain():
    schedule = StepDecay(np.float64(0.5), np.int32(4))
    assert schedule == StepDecay(0.5, 4)
    assert repr(schedule) == "StepDecay(decay=0.5, every=4)"
    assert repr(WarmUp(np.int8(2), start=1)) == "WarmUp(n_epochs=2, then=Constant(), start=1.0)"


@pytest.mark.parametrize("schedule", DIFFERENT, ids=repr)
def test_says_whether_it_watches_the_loss(schedule):
    assert schedule.watches_loss is ("ReduceOnPlateau" in repr(schedule))


class Rated(RegressorMixin, BaseEstimator):
    """Predicts the factor of epoch 10."""

    def __init__(self, schedule=Constant()):  # noqa: B008
        self.schedule = schedule

    def fit(self, X, y):
        self.factor_ = checked_factor(for_training(self.schedule, 20), 10, [1.0] * 10)
        return self

    def predict(self, X):
        return np.full(len(X), self.factor_)


def test_is_a_parameter_of_estimators():
    model = Rated(WarmUp(5, CosineDecay()))
    assert clone(model).schedule == model.schedule
    assert "WarmUp(n_epochs=5" in repr(model)


def test_grid_search():
    candidates = [
        Constant(),
        StepDecay(0.5, 10),
        WarmUp(15),
        ReduceOnPlateau(patience=3),
        CosineDecay(),
    ]
    assert [point["schedule"] for point in ParameterGrid({"schedule": candidates})] == candidates
    X, y = np.zeros((12, 1)), np.full(12, 11 / 16)
    search = GridSearchCV(Rated(), {"schedule": candidates}, cv=3, scoring="neg_mean_squared_error")
    search.fit(X, y)
    assert search.best_params_ == {"schedule": WarmUp(15)}
    assert list(search.cv_results_["param_schedule"]) == candidates
    assert search.best_score_ == 0


BAD = {
    StepDecay: {
        "decay": [0, -0.1, 1.1, np.nan, "0.1", None, True],
        "every": [0, -1, 2.5, None, True],
    },
    ExponentialDecay: {"decay": [0, 2, np.nan]},
    CosineDecay: {"n_epochs": [0, 10.0, "10", True], "floor": [-0.1, 1.5, np.nan, None]},
    LinearDecay: {"n_epochs": [0, 10.0], "floor": [-0.1, 1.5, np.nan]},
    Stages: {"n_stages": [1, 2.5], "start": [0, 1.1, np.nan], "n_epochs": [0, 1.5]},
    OneCycle: {
        "n_epochs": [0, 1.5],
        "warm_up": [-0.1, 1.1],
        "start": [0, 1.1, np.nan],
        "end": [-1e-9, 2],
    },
    ReduceOnPlateau: {
        "factor": [0, 1, np.nan],
        "patience": [-1, 1.5],
        "threshold": [-1e-4, np.inf, np.nan],
        "floor": [-1, 1.1],
        "cooldown": [-1, None],
    },
}
CASES = [(kind, name, value) for kind in BAD for name in BAD[kind] for value in BAD[kind][name]]


@pytest.mark.parametrize(("kind", "name", "value"), CASES)
def test_bad_parameters_are_named(kind, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of {kind.__name__} must be"):
        kind(**{name: value})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_epochs": -1}, "'n_epochs' parameter of WarmUp must be an int"),
        ({"n_epochs": 2.0}, "'n_epochs' parameter of WarmUp must be an int"),
        ({"n_epochs": 5, "start": 0}, "'start' parameter of WarmUp must be"),
        ({"n_epochs": 5, "start": 1.5}, "'start' parameter of WarmUp must be"),
        ({"n_epochs": 5, "then": "cosine"}, "'then' parameter of WarmUp must be a callable"),
        ({"n_epochs": 5, "then": CosineDecay}, r"not the class CosineDecay: write CosineDecay\("),
    ],
)
def test_bad_warm_up(parameters, message):
    with pytest.raises(ValueError, match=message):
        WarmUp(**parameters)


@pytest.mark.parametrize(
    "schedule", [CosineDecay(), OneCycle(), WarmUp(2, CosineDecay())], ids=repr
)
def test_length_of_a_training_is_unknown_outside_of_one(schedule):
    with pytest.raises(ValueError, match=r"\(n_epochs=None.* to call it directly, set n_epochs"):
        schedule(5)


@pytest.mark.parametrize("schedule", [ReduceOnPlateau(), WarmUp(2, ReduceOnPlateau())], ids=repr)
def test_losses_are_needed(schedule):
    with pytest.raises(ValueError, match=r"ReduceOnPlateau\(.* needs the losses .* got 0"):
        schedule(5)
