"""Schedules: closed forms, PyTorch's schedulers, values that can be copied, and bad answers."""

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
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
    schedule_named,
)

N_EPOCHS = 200
EPOCHS = np.arange(N_EPOCHS)

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

fractions = st.floats(0, 1)
positive_fractions = st.floats(0, 1, exclude_min=True)
lengths = st.integers(1, 300)
plateaus = st.builds(
    ReduceOnPlateau,
    factor=st.floats(0, 1, exclude_min=True, exclude_max=True),
    patience=st.integers(0, 6),
    threshold=st.sampled_from([0.0, 1e-4, 0.3]),
    floor=st.sampled_from([0.0, 1e-3, 0.5]) | fractions,
    cooldown=st.integers(0, 5),
)
basic = (
    st.builds(Constant)
    | st.builds(StepDecay, decay=positive_fractions, every=lengths)
    | st.builds(ExponentialDecay, decay=positive_fractions)
    | st.builds(CosineDecay, n_epochs=lengths, floor=fractions)
    | st.builds(LinearDecay, n_epochs=lengths, floor=fractions)
    | st.builds(Stages, n_stages=st.integers(2, 9), start=positive_fractions, n_epochs=lengths)
    | st.builds(
        OneCycle, n_epochs=lengths, warm_up=fractions, start=positive_fractions, end=fractions
    )
    | plateaus
)
all_schedules = st.recursive(
    basic,
    lambda others: st.builds(
        WarmUp, n_epochs=st.integers(0, 50), then=others, start=st.none() | positive_fractions
    ),
    max_leaves=3,
)
losses_of_training = st.lists(st.floats(0, 5), max_size=80)


def factors(schedule, n_epochs=N_EPOCHS, losses=None):
    """Factors of the first epochs (n_epochs,) as the trainer gets them."""
    losses = [1.0] * n_epochs if losses is None else losses
    return np.array([checked_factor(schedule, i, losses[:i]) for i in range(n_epochs)])


# Closed forms


def test_constant():
    np.testing.assert_array_equal(factors(Constant()), 1)


@pytest.mark.parametrize(("decay", "every"), [(0.1, 50), (0.5, 1), (0.9, 7), (1, 3), (0.1, 1000)])
def test_step(decay, every):
    expected = np.repeat(decay ** np.arange(0.0, N_EPOCHS), every)[:N_EPOCHS]
    np.testing.assert_allclose(factors(StepDecay(decay, every)), expected, rtol=1e-13)


@pytest.mark.parametrize("decay", [0.95, 0.5, 1])
def test_exponential(decay):
    expected = np.exp(np.log(decay) * EPOCHS)
    np.testing.assert_allclose(factors(ExponentialDecay(decay)), expected, rtol=1e-12)


@pytest.mark.parametrize("n_epochs", [1, 2, 50, 199, 200, 1000])
@pytest.mark.parametrize("floor", [0, 0.01, 1])
def test_cosine(n_epochs, floor):
    # cos² of half the angle is the same curve.
    angle = np.pi / 2 * EPOCHS / n_epochs
    expected = np.where(n_epochs > EPOCHS, floor + (1 - floor) * np.cos(angle) ** 2, floor)
    answers = factors(CosineDecay(n_epochs, floor))
    np.testing.assert_allclose(answers, expected, atol=1e-15)
    assert answers[0] == 1
    assert (answers[n_epochs:] == floor).all()


@pytest.mark.parametrize("n_epochs", [1, 2, 50, 199, 200, 1000])
@pytest.mark.parametrize("floor", [0, 0.01, 1])
def test_linear(n_epochs, floor):
    expected = np.interp(EPOCHS, [0, n_epochs], [1, floor])
    answers = factors(LinearDecay(n_epochs, floor))
    np.testing.assert_allclose(answers, expected, atol=1e-15)
    assert answers[0] == 1
    assert (answers[n_epochs:] == floor).all()


@pytest.mark.parametrize("n_epochs", [1, 2, 7, 60, 200])
@pytest.mark.parametrize("n_stages", [2, 3, 8])
def test_stages(n_epochs, n_stages):
    shares = np.linspace(0.2, 1, n_stages)
    longest = -(-n_epochs // n_stages)
    answers = factors(Stages(n_stages, 0.2, n_epochs))
    assert (answers[n_epochs:] == 1).all()
    assert (np.diff(answers) >= 0).all()
    if n_epochs >= n_stages:
        np.testing.assert_allclose(np.unique(answers), shares)
        lasted = np.bincount(np.searchsorted(shares, answers[:n_epochs] - 1e-9))
        assert lasted.max() <= longest
        assert lasted.min() >= n_epochs // n_stages


@pytest.mark.parametrize("start", [None, 0.3, 1])
@pytest.mark.parametrize("n_epochs", [0, 1, 10, 300])
def test_warm_up(n_epochs, start):
    first = 1 / (n_epochs + 1) if start is None else start
    rising = np.linspace(first, 1, n_epochs + 1)[:-1]
    falling = 0.9 ** np.arange(0.0, N_EPOCHS)
    expected = np.concatenate([rising, falling])[:N_EPOCHS]
    answers = factors(WarmUp(n_epochs, then=ExponentialDecay(0.9), start=start))
    np.testing.assert_allclose(answers, expected, rtol=1e-12)
    assert answers[0] == (1 if n_epochs == 0 else first)


def test_warm_up_in_equal_steps_from_zero():
    steps = np.diff(factors(WarmUp(9), 11), prepend=0)
    np.testing.assert_allclose(steps, [0.1] * 10 + [0], atol=1e-15)


def test_warm_ups_one_after_the_other():
    answers = factors(WarmUp(2, then=WarmUp(2, then=StepDecay(0.5, 1), start=0.5), start=0.1), 7)
    np.testing.assert_allclose(answers, [0.1, 0.55, 0.5, 0.75, 1, 0.5, 0.25])


@pytest.mark.parametrize("n_epochs", [4, 10, 200, 1000])
@pytest.mark.parametrize("warm_up", [0.3, 0.5, 1])
def test_one_cycle(n_epochs, warm_up):
    peak, last = warm_up * n_epochs - 1, n_epochs - 1
    rising = 0.2 + 0.8 * np.sin(np.pi / 2 * np.minimum(EPOCHS, peak) / peak) ** 2
    fall = max(last - peak, 1)
    falling = 0.01 + 0.99 * np.cos(np.pi / 2 * np.clip(EPOCHS - peak, 0, fall) / fall) ** 2
    expected = np.where(peak >= EPOCHS, rising, np.where(last <= EPOCHS, 0.01, falling))
    answers = factors(OneCycle(n_epochs, warm_up=warm_up, start=0.2, end=0.01))
    np.testing.assert_allclose(answers, expected, atol=1e-14)
    assert answers[0] == 0.2
    if warm_up < 1:
        assert (answers[last:] == 0.01).all()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (OneCycle(1), [1, 1e-4, 1e-4]),
        (OneCycle(2), [1, 1e-4, 1e-4]),
        (OneCycle(3), [1, 0.50005, 1e-4]),
        (OneCycle(10, warm_up=0.1), [1]),
        (OneCycle(3, warm_up=0), [1, 0.50005, 1e-4]),
        (OneCycle(1, warm_up=1), [1, 1e-4]),
        (OneCycle(2, warm_up=1), [0.04, 1, 1e-4]),
    ],
)
def test_one_cycle_without_room(schedule, expected):
    np.testing.assert_allclose(factors(schedule, len(expected)), expected)


@pytest.mark.parametrize(
    ("settings", "losses", "expected"),
    [
        ({"patience": 0}, [2, 2, 2, 1, 1], [1, 1, 0.5, 0.25, 0.25, 0.125]),
        ({"patience": 2}, [1, 1, 1, 0.9, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 0.5]),
        ({"patience": 0, "threshold": 0.1}, [1, 0.95, 0.8], [1, 1, 0.5, 0.5]),
        ({"patience": 0, "cooldown": 2}, [1] * 6, [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]),
        ({"patience": 0, "floor": 0.3}, [1] * 4, [1, 1, 0.5, 0.3, 0.3]),
        # The best loss is that of the last improvement: many small steps add up to one.
        ({"patience": 9, "threshold": 0.1}, [1 - 0.04 * i for i in range(30)], [1] * 31),
        ({"patience": 0}, [np.nan, np.inf, 1], [1, 0.5, 0.25, 0.25]),
    ],
)
def test_plateau(settings, losses, expected):
    schedule = ReduceOnPlateau(0.5, **settings)
    np.testing.assert_allclose(factors(schedule, len(expected), losses), expected)


def test_plateau_after_warm_up_counts_from_its_end():
    losses = [5, 6, 7, 8, 3, 3, 2, 2, 2, 2]
    alone = ReduceOnPlateau(patience=1)
    expected = [1 / 5, 2 / 5, 3 / 5, 4 / 5, *factors(alone, 7, losses[4:])]
    answers = factors(WarmUp(4, then=alone), 11, losses)
    np.testing.assert_allclose(answers, expected, rtol=1e-15)
    assert answers[-1] == 0.1


# PyTorch


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def rates_of_torch(torch, make, n_epochs, losses=None):
    """Learning rates (n_epochs,) by a scheduler of PyTorch, from 1 on."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer, torch.optim.lr_scheduler)
    rates = []
    for epoch in range(n_epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        if epoch == n_epochs - 1:
            break
        optimizer.step()
        scheduler.step(*([] if losses is None else [losses[epoch]]))
    return np.array(rates)


def warm_up_of_torch(then):
    def make(optimizer, lr):
        rising = lr.LinearLR(optimizer, start_factor=0.1, total_iters=20)
        return lr.SequentialLR(optimizer, [rising, then(optimizer, lr)], milestones=[20])

    return make


OF_TORCH = {
    "Step": (StepDecay(0.3, 30), lambda o, lr: lr.StepLR(o, 30, gamma=0.3)),
    "Exponential": (ExponentialDecay(0.97), lambda o, lr: lr.ExponentialLR(o, 0.97)),
    "Linear": (
        LinearDecay(150, 0.05),
        lambda o, lr: lr.LinearLR(o, start_factor=1.0, end_factor=0.05, total_iters=150),
    ),
    "Cosine": (CosineDecay(200, 0.05), lambda o, lr: lr.CosineAnnealingLR(o, 200, eta_min=0.05)),
    "WarmUp": (
        WarmUp(20, start=0.1),
        lambda o, lr: lr.LinearLR(o, start_factor=0.1, total_iters=20),
    ),
    "WarmUp, Step": (
        WarmUp(20, StepDecay(0.3, 30), start=0.1),
        warm_up_of_torch(lambda o, lr: lr.StepLR(o, 30, gamma=0.3)),
    ),
    "WarmUp, Cosine": (
        WarmUp(20, CosineDecay(180, 0.05), start=0.1),
        warm_up_of_torch(lambda o, lr: lr.CosineAnnealingLR(o, 180, eta_min=0.05)),
    ),
}


@pytest.mark.parametrize(("schedule", "make"), OF_TORCH.values(), ids=OF_TORCH)
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
def test_as_torch(torch, schedule, make):
    expected = rates_of_torch(torch, make, N_EPOCHS)
    np.testing.assert_allclose(factors(schedule), expected, rtol=1e-11)


@pytest.mark.parametrize("n_epochs", [4, 5, 10, 37, 200])
@pytest.mark.parametrize(
    "parameters", [{}, {"warm_up": 0.5, "start": 0.1, "end": 0.02}, {"warm_up": 1.0}]
)
def test_one_cycle_as_torch(torch, n_epochs, parameters):
    schedule = OneCycle(n_epochs, **parameters)

    def make(optimizer, lr):
        return lr.OneCycleLR(
            optimizer,
            max_lr=1.0,
            total_steps=n_epochs,
            pct_start=schedule.warm_up,
            anneal_strategy="cos",
            cycle_momentum=False,
            div_factor=1 / schedule.start,
            final_div_factor=schedule.start / schedule.end,
        )

    expected = rates_of_torch(torch, make, n_epochs)
    np.testing.assert_allclose(factors(schedule, n_epochs), expected, rtol=1e-12)


@given(schedule=plateaus, losses=losses_of_training, seed=st.integers(0, 2**32 - 1))
def test_plateau_as_torch(torch, schedule, losses, seed):
    rng = np.random.default_rng(seed)
    losses = [*losses, *np.exp(-0.1 * np.arange(60)) + 0.1 * rng.standard_normal(60), np.nan]

    def make(optimizer, lr):
        return lr.ReduceLROnPlateau(
            optimizer,
            factor=schedule.factor,
            patience=schedule.patience,
            threshold=schedule.threshold,
            threshold_mode="abs",
            cooldown=schedule.cooldown,
            min_lr=schedule.floor,
            eps=0,
        )

    expected = rates_of_torch(torch, make, len(losses), losses)
    np.testing.assert_array_equal(factors(schedule, len(losses), losses), expected)


# Properties


@given(schedule=all_schedules, losses=losses_of_training)
@example(schedule=OneCycle(50, start=1e-20, end=1e-20), losses=[1.0] * 60)
def test_factors_are_from_0_to_1(schedule, losses):
    answers = factors(schedule, len(losses) + 1, losses)
    assert ((answers >= 0) & (answers <= 1)).all()
    assert answers[0] > 0
    assert all(type(schedule(i, losses)) is float for i in range(len(losses) + 1))


@given(
    schedule=all_schedules.filter(
        lambda schedule: not isinstance(schedule, WarmUp | OneCycle | Stages)
    ),
    losses=losses_of_training,
)
def test_never_rises_but_in_a_warm_up(schedule, losses):
    answers = factors(schedule, len(losses) + 1, losses)
    assert answers[0] == 1
    assert (np.diff(answers) <= 0).all()
    assert answers[-1] >= getattr(schedule, "floor", 0)


@given(schedule=all_schedules, losses=losses_of_training, data=st.data())
def test_answers_depend_on_the_arguments_only(schedule, losses, data):
    """So training that is resumed at any epoch, by a copy of the schedule, has the same rates."""
    expected = factors(schedule, len(losses) + 1, losses)
    for epoch in data.draw(st.permutations(range(len(losses) + 1))):
        assert pickle.loads(pickle.dumps(schedule))(epoch, losses[:epoch]) == expected[epoch]
        assert schedule(epoch, np.array(losses)) == expected[epoch]  # those to come do not matter


# Values


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


# Bad input

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
    with pytest.raises(ValueError, match=r"\(n_epochs=None.* say how many n_epochs it has"):
        schedule(5)


@pytest.mark.parametrize("schedule", [ReduceOnPlateau(), WarmUp(2, ReduceOnPlateau())], ids=repr)
def test_losses_are_needed(schedule):
    with pytest.raises(ValueError, match=r"ReduceOnPlateau\(.* needs the losses .* got 0"):
        schedule(5)


# In a training


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (CosineDecay(floor=0.1), CosineDecay(50, 0.1)),
        (CosineDecay(30), CosineDecay(30)),
        (LinearDecay(floor=0.1), LinearDecay(50, 0.1)),
        (Stages(), Stages(n_epochs=50)),
        (OneCycle(), OneCycle(50)),
        (WarmUp(5, CosineDecay()), WarmUp(5, CosineDecay(45))),
        (WarmUp(5, CosineDecay(10)), WarmUp(5, CosineDecay(10))),
        (WarmUp(50, OneCycle()), WarmUp(50, OneCycle(1))),
        (WarmUp(80, CosineDecay(), start=0.1), WarmUp(80, CosineDecay(1), start=0.1)),
        (WarmUp(5, WarmUp(5, CosineDecay())), WarmUp(5, WarmUp(5, CosineDecay(40)))),
        (StepDecay(), StepDecay()),
        (ReduceOnPlateau(), ReduceOnPlateau()),
        (np.exp, np.exp),
        (WarmUp(5, np.exp), WarmUp(5, np.exp)),
    ],
    ids=repr,
)
def test_for_training(schedule, expected):
    assert for_training(schedule, 50) == expected


def test_for_training_refuses_a_class():
    with pytest.raises(ValueError, match="must be an object, not the class CosineDecay"):
        for_training(CosineDecay, 50)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("constant", Constant()),
        ("step", StepDecay(0.5, 7)),
        ("exponential", ExponentialDecay(0.5)),
        ("linear", LinearDecay()),
        ("cosine", CosineDecay()),
        ("one_cycle", OneCycle()),
        ("plateau", ReduceOnPlateau()),
    ],
)
def test_names(name, expected):
    assert schedule_named(name, lr_decay=0.5, lr_decay_step=7) == expected
    assert schedule_named(name) == type(expected)()


def test_every_name_is_tested_here():
    assert list(schedules.NAMES) == [case[0] for case in test_names.pytestmark[0].args[1]]


def test_unknown_names():
    with pytest.raises(ValueError, match="No schedule is called 'cosin'; there are constant, step"):
        schedule_named("cosin")
    with pytest.raises(ValueError, match="'decay' parameter of StepDecay"):
        schedule_named("step", lr_decay=3)


@pytest.mark.parametrize(
    "answer",
    [0, 0.0, 1, 3.5, np.float32(0.5), np.int64(2), np.array(0.5), Fraction(1, 3), 1e300],
    ids=repr,
)
def test_factors_of_any_callable(answer):
    factor = checked_factor(lambda epoch: answer, 3, [1.0] * 3)
    assert type(factor) is float
    assert factor == float(answer)


@pytest.mark.parametrize(
    "answer",
    [
        -0.1,
        np.nan,
        np.inf,
        -np.inf,
        np.float32("nan"),
        None,
        "0.1",
        1j,
        True,
        np.True_,
        [0.1],
        np.array([0.1]),
        np.array("0.1"),
        10**400,
    ],
    ids=lambda answer: f"{type(answer).__name__} {str(answer)[:6]}",
)
@pytest.mark.parametrize("warm_up", [False, True])
def test_bad_factors_are_refused(answer, warm_up):
    schedule = MySchedule(answer)
    if warm_up:
        schedule = WarmUp(2, then=schedule)
    with pytest.raises(
        ValueError, match=r"MySchedule\(.* at epoch 7; it must answer a finite"
    ) as e:
        checked_factor(schedule, 7, [1.0] * 7)
    printed = answer.tolist() if isinstance(answer, np.generic | np.ndarray) else answer
    assert f"answered {printed!r} at" in str(e.value)


class MySchedule:
    def __init__(self, answer):
        self.answer = answer

    def __call__(self, epoch):
        return self.answer

    def __repr__(self):
        return "MySchedule()"


class Watching(MySchedule):
    watches_loss = True

    def __call__(self, epoch, losses):
        return sum(losses) + epoch / 10


def test_user_s_own_schedule_may_watch_the_loss():
    assert checked_factor(Watching(None), 2, [3.0, 4.0]) == 7.2
    assert checked_factor(WarmUp(1, Watching(None)), 2, [3.0, 4.0]) == 4.1
    assert not WarmUp(1, MySchedule(1)).watches_loss


@pytest.mark.parametrize("wrap", [lambda schedule: schedule, lambda schedule: WarmUp(1, schedule)])
def test_errors_of_a_user_s_schedule_go_through(wrap):
    error = KeyError("my own")

    def broken(epoch):
        raise error

    with pytest.raises(KeyError) as raised:
        checked_factor(wrap(broken), 5, [1.0] * 5)
    assert raised.value is error
