"""Schedules: closed forms, PyTorch's schedulers, and what holds for all of them."""

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
)

N_EPOCHS = 200
EPOCHS = np.arange(N_EPOCHS)

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
