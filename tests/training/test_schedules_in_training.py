"""Schedules in a training: their length, their names, and factors of a user's own."""

from fractions import Fraction

import numpy as np
import pytest

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
        ValueError, match=r"MySchedule\(.* at epoch 7; it must return a finite"
    ) as e:
        checked_factor(schedule, 7, [1.0] * 7)
    printed = answer.tolist() if isinstance(answer, np.generic | np.ndarray) else answer
    assert f"returned {printed!r} at" in str(e.value)


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
