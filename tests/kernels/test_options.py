"""What the options of the estimators do: depth, dropout, optimizers, schedules, augmentation."""

import pickle

import numpy as np
import pytest
from helpers.estimators import bits, flat, initial, quick, record_epochs, sequences
from sklearn.model_selection import GridSearchCV, cross_val_score

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.augmentation import Jitter, Scaling, TimeShift
from skfastgrnn.kernels import active_kernel
from skfastgrnn.network import SOLVERS, Dropout, Loss, Network, SequenceBatch, Targets, n_parameters
from skfastgrnn.schedules import CosineDecay, ExponentialDecay, ReduceOnPlateau, StepDecay, WarmUp

X, y = sequences(60, n_timesteps=6, n_channels=2)
LONG_X, LONG_y = sequences(200, n_timesteps=10, n_channels=3, n_classes=3)


# Layers and directions


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_shapes(n_layers, bidirectional):
    model = quick(n_layers=n_layers, bidirectional=bidirectional).fit(X, y)
    n_states = 8 if bidirectional else 4
    assert model.params_["head_weight"].shape == (1, n_states)
    assert model.hidden_states(X).shape == (60, n_states)
    assert model.hidden_states(X, all_steps=True).shape == (60, 6, n_states)
    assert ("W_reverse" in model.params_) is bidirectional
    assert ("U_2" in model.params_) is (n_layers > 1)
    if n_layers > 1:
        assert model.params_["W_2"].shape == (4, n_states)
    n_cells = n_layers * (1 + bidirectional)
    assert len(model.params_) == 6 * n_cells + 2
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_the_second_layer_reads_the_states_of_the_first():
    """Its states are those of a single cell with its parameters that reads those states."""
    model = quick(n_layers=2, max_iter=1).fit(X, y)
    first, second = quick(max_iter=1).fit(X, y), None
    for name, part in first.params_.items():
        if not name.startswith("head"):
            part[...] = model.params_[name]
    states = first.hidden_states(X, all_steps=True)
    second = quick(max_iter=1).fit(states, y)
    for name, part in second.params_.items():
        if not name.startswith("head"):
            part[...] = model.params_[name + "_2"]
    np.testing.assert_allclose(second.hidden_states(states), model.hidden_states(X), rtol=1e-12)


def test_the_reverse_cell_reads_from_the_end():
    model = quick(bidirectional=True, max_iter=1).fit(X, y)
    back = quick(max_iter=1).fit(X[:, ::-1], y)
    for name, part in back.params_.items():
        if not name.startswith("head"):
            part[...] = model.params_[name + "_reverse"]
    every = model.hidden_states(X, all_steps=True)
    expected = back.hidden_states(X[:, ::-1], all_steps=True)[:, ::-1]
    np.testing.assert_allclose(every[..., 4:], expected, rtol=1e-12)
    np.testing.assert_allclose(model.hidden_states(X)[:, 4:], expected[:, 0], rtol=1e-12)


def test_both_directions_help_where_the_clue_is_at_the_start():
    """It is 200 steps of noise away from one end, and right at the other."""
    rng = np.random.default_rng(0)
    clue = rng.integers(0, 2, 200)
    noise = rng.standard_normal((200, 200, 1))
    noise[:, 0, 0] = 3 * (2 * clue - 1)
    one, both = (quick(bidirectional=b, max_iter=4).fit(noise, clue) for b in (False, True))
    assert both.loss_curve_[-1] < 0.5 * one.loss_curve_[-1]


# Dropout


def test_dropout_is_for_training_only():
    """And draws anew in every epoch; the same seed draws the same."""
    settings = {"learning_rate_init": 1e-300, "shuffle": False, "max_iter": 5, "alpha": 0}
    model = quick(dropout=0.5, **settings).fit(X, y)
    assert len(set(model.loss_curve_)) == 5
    assert quick(dropout=0.5, **settings).fit(X, y).loss_curve_ == model.loss_curve_
    plain = quick(**settings).fit(X, y)
    assert len(set(plain.loss_curve_)) == 1
    np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X), rtol=1e-12)
    assert bits(quick(dropout=0.0).fit(X, y)) == bits(quick().fit(X, y))


def test_dropout_is_unbiased():
    """Of the head, behind which nothing is nonlinear: the mean over many draws is the output."""
    kernel, rng = active_kernel(), np.random.default_rng(0)
    network = Network(2, 4, 1)
    parameters = rng.standard_normal(n_parameters(network))
    batch = SequenceBatch.of_equal_length(rng.standard_normal((300, 2)), 6, 50)
    # Far above every output Huber's loss is linear in it.
    targets, loss = Targets(values=np.full((50, 1), 1e3)), Loss("huber", delta=1.0)
    arguments = network, parameters, batch, targets, loss, np.arange(50)
    plain = kernel.loss(*arguments).loss
    losses = [
        kernel.loss_gradient(*arguments, dropout=Dropout(0.3, seed))[0].loss for seed in range(500)
    ]
    uncertainty = np.std(losses) / np.sqrt(500)
    assert uncertainty > 0
    assert abs(np.mean(losses) - plain) < 4 * uncertainty


def test_dropout_does_not_depend_on_threads():
    model = quick(dropout=0.3, n_layers=2, batch_size=60).fit(X, y)
    assert bits(quick(dropout=0.3, n_layers=2, batch_size=60, n_jobs=3).fit(X, y)) == bits(model)


# Optimizers


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_learns(solver):
    rates = {"sgd": 0.1, "adagrad": 0.1}
    model = quick(
        solver=solver, max_iter=60, hidden_size=8, learning_rate_init=rates.get(solver, 0.01)
    ).fit(LONG_X, LONG_y)
    assert model.score(LONG_X, LONG_y) > 0.8
    assert model.loss_curve_[-1] < 0.7 * model.loss_curve_[0]


def test_settings_reach_the_solver():
    plain = bits(quick(solver="sgd").fit(X, y))
    assert bits(quick(solver="sgd", momentum=0.5).fit(X, y)) != plain
    assert bits(quick(solver="sgd", nesterovs_momentum=False).fit(X, y)) != plain
    assert bits(quick(solver="sgd", momentum=0.0).fit(X, y)) == bits(
        quick(solver="sgd", momentum=0.0, nesterovs_momentum=False).fit(X, y)
    )


@pytest.mark.parametrize(("solver", "name"), [("rmsprop", "RMSprop"), ("adam", "Adam")])
def test_decay_rates_are_those_of_pytorch_by_default(solver, name):
    torch = pytest.importorskip("torch")
    defaults = getattr(torch.optim, name)([torch.zeros(1)]).defaults
    expected = defaults["alpha"] if solver == "rmsprop" else defaults["betas"][1]
    default = quick(solver=solver).fit(X, y)
    assert bits(default) == bits(quick(solver=solver, beta_2=expected).fit(X, y))
    assert bits(default) != bits(quick(solver=solver, beta_2=0.9).fit(X, y))


def test_decoupled_decay_shrinks_weights_alone():
    """In a step too small for anything else, by the factor 1 - rate * alpha."""
    before = initial(X, y).params_
    model = quick(
        solver="adamw", learning_rate_init=1e-9, alpha=1e6, batch_size=60, max_iter=1
    ).fit(X, y)
    for name, part in model.params_.items():
        shrunk = 1 - 1e-3 if part.ndim == 2 else 1
        np.testing.assert_allclose(part, shrunk * before[name], atol=1e-8)


@pytest.mark.parametrize("k", [2, 3, 7])
def test_accumulated_minibatches_equal_one_as_large(k):
    assert bits(quick(batch_size=8, gradient_accumulation_steps=k).fit(X, y)) == bits(
        quick(batch_size=8 * k).fit(X, y)
    )


# Schedules


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1.0] * 10),
        ("step", [1.0] * 10),
        (StepDecay(decay=0.5, every=3), [0.5 ** (epoch // 3) for epoch in range(10)]),
        ("exponential", [0.95**epoch for epoch in range(10)]),
        (ExponentialDecay(0.7), [0.7**epoch for epoch in range(10)]),
        ("cosine", [(1 + np.cos(np.pi * epoch / 10)) / 2 for epoch in range(10)]),
        (WarmUp(4, then=StepDecay(0.5, 2)), [0.2, 0.4, 0.6, 0.8, 1, 1, 0.5, 0.5, 0.25, 0.25]),
        (lambda epoch: 1 / (1 + epoch), [1 / (1 + epoch) for epoch in range(10)]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rates_of_the_history(schedule, factors):
    model = quick(learning_rate=schedule).fit(X, y)
    np.testing.assert_allclose(model.history_["learning_rate"], 0.03 * np.array(factors))


def test_plateau_watches_the_validation_loss():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2, 60)
    model = quick(
        learning_rate=ReduceOnPlateau(patience=2, factor=0.5),
        max_iter=40,
        hidden_size=16,
        early_stopping=True,
    ).fit(X, noise, X_val=X, y_val=1 - noise)
    rates = model.history_["learning_rate"]
    schedule = ReduceOnPlateau(patience=2, factor=0.5)
    losses = model.validation_loss_curve_
    assert rates == [0.03 * schedule(epoch, losses[:epoch]) for epoch in range(40)]
    assert rates[-1] < 0.01


def test_plateau_by_name_acts_before_early_stopping():
    noise = np.random.default_rng(0).integers(0, 2, 60)
    model = quick(
        learning_rate="plateau", n_iter_no_change=10, max_iter=300, early_stopping=True
    ).fit(X, noise, X_val=X, y_val=1 - noise)
    assert model.n_iter_ < 300
    assert model.history_["learning_rate"][-1] < 0.03


def test_settings_of_named_schedules():
    model = quick(learning_rate="step", lr_decay=0.5, lr_decay_step=4).fit(X, y)
    expected = [0.03 * 0.5 ** (epoch // 4) for epoch in range(10)]
    np.testing.assert_allclose(model.history_["learning_rate"], expected)


def test_schedules_in_a_grid_search():
    grid = {"learning_rate": ["constant", CosineDecay(), WarmUp(3, then=CosineDecay(floor=0.1))]}
    search = GridSearchCV(quick(), grid, cv=2, n_jobs=2).fit(X, y)
    expected = [
        cross_val_score(quick(learning_rate=schedule), X, y, cv=2).mean()
        for schedule in grid["learning_rate"]
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], expected)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert again.learning_rate == search.best_params_["learning_rate"]


# Augmentation and sampling


def test_augmentation_is_seeded_and_new_in_every_epoch(monkeypatch):
    epochs = record_epochs(monkeypatch)
    settings = {"augment": [Jitter(0.1), Scaling(0.2), TimeShift(2)], "max_iter": 3}
    model = quick(**settings).fit(X, y)
    first, second, _ = (part.values.copy() for _, part, _ in epochs)
    assert first.shape == (360, 2)
    assert not np.array_equal(np.sort(first, axis=0), np.sort(second, axis=0))
    assert bits(quick(**settings).fit(X, y)) == bits(model)
    assert bits(quick(max_iter=3).fit(X, y)) != bits(model)


def test_augmented_sequences_keep_their_targets(monkeypatch):
    """And their weights; without a change in the values the training is the plain one."""
    epochs = record_epochs(monkeypatch)
    weights = np.arange(60) % 5 + 1.0
    nothing = quick(augment=[Jitter(0.0)], max_iter=1).fit(X, y, sample_weight=weights)
    rows, read, targets = epochs[0]
    read = read.values.reshape(60, 6, 2)[rows]
    for sequence, label, weight in zip(read, targets.labels, targets.weights, strict=True):
        i = int(np.flatnonzero((sequence == X).all(axis=(1, 2)))[0])
        assert (label, weight) == (y[i], weights[i])
    plain = quick(max_iter=1).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(flat(nothing), flat(plain), rtol=1e-9)


def test_augmentation_leaves_the_data_alone():
    given = X.copy()
    given.flags.writeable = False
    quick(augment=[Jitter(1.0), TimeShift(3)]).fit(given, y)
    np.testing.assert_array_equal(given, X)


def test_large_sets_are_augmented_in_parts(monkeypatch):
    monkeypatch.setattr("skfastgrnn.training._epoch.CHUNK", 200)
    epochs = record_epochs(monkeypatch)
    weights = np.arange(60) % 5 + 1.0
    quick(augment=[Jitter(0.0)], max_iter=1).fit(X, y, sample_weight=weights)
    assert [len(rows) for rows, _, _ in epochs] == [16, 16, 16, 12]
    monkeypatch.undo()
    in_parts = quick(augment=[Jitter(0.0)], max_iter=1).fit(X, y, sample_weight=weights)
    monkeypatch.setattr("skfastgrnn.training._epoch.CHUNK", 200)
    again = quick(augment=[Jitter(0.0)], max_iter=1).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(flat(again), flat(in_parts), rtol=1e-9)


def test_regressors_augment_too():
    model = FastGRNNRegressor(4, augment=[Jitter(0.1)], dropout=0.1, n_layers=2, max_iter=20)
    assert cross_val_score(model, X, X[:, :, 0].mean(axis=1), cv=2).mean() > 0


def test_balanced_sampling(monkeypatch):
    epochs = record_epochs(monkeypatch)
    rare = (np.arange(60) % 10 == 0).astype(int)
    quick(sampling="balanced", max_iter=50).fit(X, rare)
    shares = [rare[rows].mean() for rows, _, _ in epochs]
    assert abs(np.mean(shares) - 0.5) < 0.03
    assert all(len(rows) == 60 for rows, _, _ in epochs)


def test_balanced_sampling_finds_the_rare_class():
    rng = np.random.default_rng(0)
    rare = (rng.random(400) < 0.06).astype(int)
    noisy = rng.standard_normal((400, 6, 2))
    noisy[:, :, 0] += 0.8 * rare[:, None]
    settings = {"hidden_size": 8, "max_iter": 30}
    scores = {
        sampling: cross_val_score(
            quick(sampling=sampling, **settings), noisy, rare, cv=3, scoring="balanced_accuracy"
        ).mean()
        for sampling in (None, "balanced")
    }
    assert scores["balanced"] > scores[None]
