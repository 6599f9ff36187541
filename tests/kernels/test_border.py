"""What the compiled functions refuse, whatever Python says: nothing may reach foreign memory."""

import threading
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.estimators import quick, sequences, snapshot

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.network import (
    LOSSES,
    PARAMETRIZATIONS,
    Dropout,
    Loss,
    Network,
    Optimizer,
    SequenceBatch,
    Targets,
    initial,
    n_parameters,
)

_kernel = pytest.importorskip("skfastgrnn.kernels._bindings", reason="the compiled kernel's border")

LENGTHS = np.array([4, 3, 2, 2, 1])  # of sequences that lie one after the other
N, S, D, H, O = len(LENGTHS), int(LENGTHS.sum()), 2, 3, 3  # noqa: E741
NETWORK = Network(D, H, O, n_layers=2, bidirectional=True)
P, R, CELLS = n_parameters(NETWORK), 2 * H, 4
LARGEST = np.iinfo(np.intp).max
FUNCTIONS = ["states", "states_gradient", "outputs", "loss_gradient", "train"]


def right(function):
    """Arguments that a compiled function accepts, by name."""
    rng = np.random.default_rng(0)
    arguments = {
        "isa": 0,
        "network": NETWORK,
        "parameters": 0.1 * rng.standard_normal(P),
        "values": rng.standard_normal((S, D)),
        "starts": np.cumsum(LENGTHS) - LENGTHS,
        "lengths": LENGTHS.copy(),
        "longest": 4,
        "chosen": np.arange(N),
    }
    lost = {
        "labels": np.arange(N, dtype=np.int32) % O,
        "target_values": None,
        "weights": np.ones(N),
        "loss": Loss(),
        "dropout": Dropout(0.2, 1),
        "n_threads": 2,
    }
    first, second = np.zeros((2, P))
    own = {
        "states": {
            "h0": np.zeros((N, CELLS, H)),
            "every": np.empty((S, R)),
            "final": np.empty((N, CELLS, H)),
        },
        "states_gradient": {
            "h0": np.zeros((N, CELLS, H)),
            "upstream": np.ones((S, R)),
            "gradient": np.empty(P),
            "values_gradient": np.zeros((S, D)),
            "h0_gradient": np.empty((N, CELLS, H)),
        },
        "outputs": {"output": np.empty((N, O)), "n_threads": 2},
        "loss_gradient": {**lost, "gradient": np.empty(P)},
        "train": {
            **lost,
            "mean_weight": 1.0,
            "optimizer": Optimizer(first, second),
            "parametrization": PARAMETRIZATIONS.index("frozen"),
            "trained": np.ones(P),
            "first_moment": first,
            "second_moment": second,
            "batch_size": 2,
            "first": 0,
            "end": 3,
        },
    }
    return {**arguments, **own[function]}


def written(place, value):
    """A change of an array: another content at one place."""

    def change(array):
        array = array.copy()
        array[place] = value
        return array

    return change


def unaligned(array):
    copied = np.frombuffer(bytearray(array.nbytes + 1), array.dtype, array.size, offset=1)
    copied = copied.reshape(array.shape)
    copied[...] = array
    return copied


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def another(name, value):
    """A change of a network, which `Network` itself would refuse."""

    def change(network):
        changed = Network(**vars(network))
        object.__setattr__(changed, name, value)
        return changed

    return change


def coded(*codes):
    return lambda network: SimpleNamespace(**vars(network), codes=codes)


def optimizing(**settings):
    return lambda optimizer: Optimizer(optimizer.first, optimizer.second, **settings)


def losing(**settings):
    return lambda loss: SimpleNamespace(**{**vars(loss), "code": loss.code, **settings})


FORMS = {
    "shorter": lambda array: array[:-1].copy(),
    "longer": lambda array: np.concatenate([array, array[:1]]),
    "empty": lambda array: array[:0].copy(),
    "reversed": lambda array: array[::-1],
    "with gaps": lambda array: np.repeat(array, 2, axis=0)[::2],
    "of another dimension": lambda array: array[None],
    "unaligned": unaligned,
    "in the other byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "of objects": lambda array: array.astype(object),
    "of integers": lambda array: array.astype(np.int16),
}
FLOATS = {"of another precision": lambda array: array.astype(np.float32)}
MATRIX = {"narrower": lambda array: array[..., :-1].copy()}

INPUTS = {
    "isa": [-1, 99, LARGEST],
    "network": [
        *(another("hidden_size", size) for size in (-1, 0, 2, 4, LARGEST, 2**62, 2**32, 2**64)),
        *(another("n_channels", size) for size in (-1, 0, 1, 3, LARGEST)),
        *(another("n_outputs", size) for size in (-1, 0, 2, 4, LARGEST)),
        *(another("n_layers", size) for size in (-1, 0, 1, 3, 17, LARGEST)),
        another("bidirectional", False),
        coded(5, 0, 0),
        coded(0, -1, 0),
        coded(0, 0, 2),
        lambda network: None,
    ],
    "parameters": [*FORMS.values(), *FLOATS.values(), lambda array: None],
    "values": [
        *(change for name, change in {**FORMS, **FLOATS, **MATRIX}.items() if name != "longer"),
        lambda array: None,
    ],
    "starts": [
        *(change for name, change in FORMS.items() if name != "reversed"),
        *(written(-1, start) for start in (-1, S, LARGEST, -LARGEST)),
        lambda array: None,
    ],
    "lengths": [
        *FORMS.values(),
        *(written(-1, length) for length in (-1, 0, 3, 5, LARGEST, -LARGEST)),
        written(0, LARGEST),
    ],
    "longest": [-1, 0, 3, S + 1, LARGEST, 2**64, 1.5, None],
    "chosen": [
        *(written(2, row) for row in (-1, N, LARGEST, -LARGEST)),
        *(FORMS[name] for name in ("empty", "with gaps", "unaligned", "of objects", "of integers")),
        lambda array: None,
    ],
}
STATES = {
    "h0": [*FORMS.values(), *FLOATS.values(), *MATRIX.values()],
    "every": [*FORMS.values(), *FLOATS.values(), *MATRIX.values(), read_only],
    "final": [
        *FORMS.values(),
        *FLOATS.values(),
        *MATRIX.values(),
        read_only,
        lambda array: None,
    ],
}
GRADIENTS = {
    "h0": STATES["h0"],
    "upstream": [*FORMS.values(), *FLOATS.values(), *MATRIX.values(), lambda array: None],
    "gradient": [*FORMS.values(), *FLOATS.values(), read_only, lambda array: None],
    "values_gradient": STATES["every"],
    "h0_gradient": STATES["every"],
}
THREADS = {"n_threads": [-1, 0, -(2**31), 2**40]}
LOSS = {
    **THREADS,
    "loss": [
        *(losing(code=code) for code in (-1, len(LOSSES), LARGEST)),
        *(lambda loss, kind=kind: Loss(kind) for kind in ("huber", "distillation", "multilabel")),
        *(losing(delta=delta) for delta in (0.0, -1.0, float("nan"))),
        *(losing(temperature=T) for T in (0.0, -1.0, float("nan"), float("inf"))),
        *(losing(alpha=alpha) for alpha in (-0.1, 1.1, float("nan"))),
        *(losing(gamma=gamma) for gamma in (-0.1, float("nan"), float("inf"))),
        0,
        None,
    ],
    "labels": [
        *FORMS.values(),
        *(written(1, label) for label in (-1, O, 2**31 - 1, -(2**31))),
        lambda array: None,
    ],
    "weights": [*FORMS.values(), *FLOATS.values()],
    "target_values": [np.zeros((N, O))],  # beside labels
    "dropout": [(1.0, 0), (-0.1, 0), (float("nan"), 0), (0.1, -1), (0.1, 2**64), None],
}
TRAINING = {
    **LOSS,
    "mean_weight": [float("nan"), float("inf")],
    "parametrization": [-1, 0, len(PARAMETRIZATIONS), LARGEST],
    "trained": [*FORMS.values(), *FLOATS.values(), lambda array: None],
    "first_moment": [*FORMS.values(), *FLOATS.values(), read_only, lambda array: None],
    "second_moment": [*FORMS.values(), *FLOATS.values(), read_only, lambda array: None],
    "batch_size": [-1, 0, 5, LARGEST, 2**64],  # with 5 there are not three minibatches
    "first": [-1, 4, LARGEST],
    "end": [-1, 4, LARGEST],
    "optimizer": [
        *(optimizing(learning_rate=rate) for rate in (float("nan"), float("inf"))),
        *(optimizing(**{name: float("nan")}) for name in ("beta_1", "beta_2", "epsilon")),
        *(optimizing(**{name: float("nan")}) for name in ("momentum", "alpha")),
        *(optimizing(**{name: float("nan")}) for name in ("clip_value", "clip_norm")),
        *(optimizing(**{name: -1.0}) for name in ("clip_value", "clip_norm")),
        *(optimizing(step=step) for step in (-1, 2**63 - 1, 2**64)),
        optimizing(solver="none"),
        lambda optimizer: SimpleNamespace(**vars(optimizer), code=5),
        lambda optimizer: SimpleNamespace(**vars(optimizer), code=-1),
        lambda optimizer: None,
    ],
}
OWN = {
    "states": STATES,
    "states_gradient": GRADIENTS,
    "outputs": {"output": [*GRADIENTS["upstream"], read_only], **THREADS},
    "loss_gradient": {**LOSS, "gradient": [*GRADIENTS["gradient"][:-1]]},
    "train": TRAINING,
}
WRONG = [
    pytest.param(function, name, change, id=f"{function}-{name}-{number}")
    for function in FUNCTIONS
    for name, changes in {**INPUTS, **OWN[function]}.items()
    for number, change in enumerate(changes)
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("isa", _kernel.instruction_sets().values())
def test_right_arguments_are_accepted(function, isa):
    getattr(_kernel, function)(**{**right(function), "isa": isa})


@pytest.mark.parametrize(("function", "name", "change"), WRONG)
def test_a_wrong_argument_is_refused(function, name, change):
    arguments = right(function)
    arguments[name] = change(arguments[name]) if callable(change) else change
    given = [part.copy() for part in arguments.values() if isinstance(part, np.ndarray)]
    with pytest.raises((ValueError, TypeError, OverflowError, AttributeError)):
        getattr(_kernel, function)(**arguments)
    if function == "train":  # the others fill arrays that nobody reads after an error
        kept = [part for part in arguments.values() if isinstance(part, np.ndarray)]
        for before, after in zip(given, kept, strict=True):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("labels", "n_outputs", "loss", "is_right"),
    [
        ([0, 1], 1, "cross_entropy", True),
        ([0, 2], 1, "cross_entropy", False),
        ([0, -1], 1, "cross_entropy", False),
        ([0, 2], 3, "cross_entropy", True),
        ([0, 3], 3, "cross_entropy", False),
        ([0, -1], 3, "cross_entropy", False),
        ([0, -1], 3, "distillation", True),
        ([0, -1], 1, "distillation", True),
        ([0, -2], 3, "distillation", False),
        ([0, 2], 1, "distillation", False),
        ([0, 3], 3, "distillation", False),
    ],
)
def test_labels_are_classes_or_where_a_teacher_knows_them_minus_one(
    labels, n_outputs, loss, is_right
):
    network = Network(1, 2, n_outputs)
    batch = SequenceBatch.of_equal_length(np.ones((4, 1)), 2, 2)
    values = np.zeros((2, n_outputs)) if loss == "distillation" else None
    targets = Targets(np.array(labels, np.int32), values)
    kernel = kernel_named(available_kernels()[-1])
    arguments = network, np.zeros(n_parameters(network)), batch, targets, Loss(loss), np.arange(2)
    if is_right:
        assert np.isfinite(kernel.loss(*arguments).loss)
    else:
        with pytest.raises(ValueError, match=r"position 1 .* its label is none of"):
            kernel.loss(*arguments)


def test_only_labels_of_chosen_sequences_count():
    arguments = right("loss_gradient")
    arguments["labels"][3] = 77
    arguments["chosen"] = np.array([0, 1, 2, 4])
    assert np.isfinite(_kernel.loss_gradient(**arguments)).all()


def test_sequences_may_overlap_and_leave_values_out():
    arguments = right("outputs")
    arguments.update(starts=np.array([0, 0, 1, 9, 10]))
    _kernel.outputs(**arguments)
    first = arguments["output"].copy()
    arguments["values"][[5, 6, 7, 8, 11]] = np.nan  # of no sequence
    _kernel.outputs(**arguments)
    np.testing.assert_array_equal(arguments["output"], first)


def test_arrays_that_another_thread_writes_to_break_nothing():
    """What is computed is anyone's guess; memory is not."""
    arguments = right("train")
    copies = 400
    arguments["chosen"] = np.tile(np.arange(N), copies)
    arguments.update(batch_size=N, end=copies)
    indices = [arguments[name] for name in ("starts", "lengths", "chosen", "labels")]
    over = threading.Event()

    def meddle():
        rng = np.random.default_rng(0)
        while not over.is_set():
            array = indices[rng.integers(4)]
            place = rng.integers(len(array))
            before = array[place]
            array[place] = rng.choice([-1, 1000, 2**31 - 1])
            array[place] = before

    thread = threading.Thread(target=meddle)
    thread.start()
    for _ in range(20):
        with suppress(ValueError):
            _kernel.train(**arguments)
    over.set()
    thread.join()
    assert np.isfinite(arguments["parameters"]).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": -1},
        {"hidden_size": 0},
        {"n_channels": 0},
        {"n_outputs": -(2**63)},
        {"n_layers": 0},
        {"n_layers": 17},
    ],
)
def test_a_network_of_impossible_sizes_is_refused(settings):
    with pytest.raises(ValueError, match="A network"):
        Network(**{"n_channels": 1, "hidden_size": 1, "n_outputs": 1, **settings})


@pytest.mark.parametrize("name", ["n_channels", "hidden_size", "n_outputs", "n_layers"])
@pytest.mark.parametrize("size", [True, 1.0, np.True_, None, "1"])
def test_a_network_of_sizes_that_are_no_integers_is_refused(name, size):
    """They may equal one, and would poison what is remembered of a network of that size."""
    with pytest.raises(TypeError, match=f"{name} of a network must be an int"):
        Network(**{"n_channels": 1, "hidden_size": 1, "n_outputs": 1, name: size})


def test_sizes_of_numpy_make_the_same_network():
    network = Network(np.int64(2), np.int32(3), np.uint8(1), n_layers=np.int64(2))
    assert {type(value) for value in vars(network).values()} == {int, str, bool}
    assert network == Network(2, 3, 1, n_layers=2)


@pytest.mark.parametrize("hidden_size", [2**31, 2**40, 2**63 - 1, 2**63, 10**30])
def test_a_network_too_large_for_memory_is_refused(hidden_size):
    with pytest.raises(MemoryError, match="lower hidden_size or n_layers"):
        initial(Network(1, hidden_size, 1), 5, np.random.default_rng(0), np.float32)


@pytest.mark.parametrize("hidden_size", [2**40, 2**63 - 1])
@pytest.mark.parametrize("estimator", [FastGRNNClassifier, FastGRNNRegressor])
def test_a_fit_too_large_for_memory_leaves_the_estimator_as_it_was(estimator, hidden_size):
    X, y = sequences(12)
    model = estimator(hidden_size=hidden_size)
    before = snapshot(model)
    with pytest.raises(MemoryError, match=f"hidden_size={hidden_size}"):
        model.fit(X, y)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("_parameters", lambda flat: flat[:-1]),
        ("_parameters", lambda flat: flat[::-1]),
        ("_parameters", lambda flat: flat.astype(np.float32)[:3]),
        ("_parameters", lambda flat: flat.reshape(1, -1)),
        ("_network_settings", lambda kept: {**kept, "hidden_size": -1}),
        ("_network_settings", lambda kept: {**kept, "hidden_size": 2**63 - 1}),
        ("_network_settings", lambda kept: {**kept, "n_layers": 2}),
        ("_network_settings", lambda kept: {**kept, "n_channels": 3}),
        ("_network_settings", lambda kept: {**kept, "gate_activation": "none"}),
    ],
)
@pytest.mark.parametrize("method", ["predict", "hidden_states"])
def test_a_broken_pickle_raises_an_error(name, change, method):
    X, y = sequences(12)
    model = quick(max_iter=1).fit(X, y)
    state = model.__getstate__()
    state[name] = change(state[name])
    broken = quick()
    broken.__setstate__(state)
    with pytest.raises((ValueError, TypeError)):
        getattr(broken, method)(X)


def test_unaligned_data_are_copied():
    """As of a file that is mapped into memory behind a header of any size."""
    X, y = sequences(12)
    weights = np.linspace(1, 2, 12)
    expected = quick(max_iter=1).fit(X, y, weights)
    model = quick(max_iter=1).fit(unaligned(X), y, unaligned(weights))
    np.testing.assert_array_equal(model.predict_proba(unaligned(X)), expected.predict_proba(X))
    rows = X.reshape(12, -1)
    expected = quick(max_iter=1).fit(rows, y)
    model = quick(max_iter=1).fit(unaligned(rows), y)
    np.testing.assert_array_equal(
        model.predict_proba(unaligned(rows)), expected.predict_proba(rows)
    )


@pytest.mark.parametrize("name", ["first", "second"])
def test_moments_of_another_size_are_refused(name):
    X, y = sequences(12)
    model = quick(max_iter=1, warm_start=True).fit(X, y)
    model._moments[name] = model._moments[name][:-3]
    with pytest.raises(ValueError, match="shape"):
        model.fit(X, y)


def test_threads_that_fit_one_estimator_on_other_classes_break_nothing():
    """Once in a while the labels of one fit met the network of another."""
    model = quick(max_iter=2, early_stopping=False)
    problems = []

    def fit(n_classes):
        X, y = sequences(3 * n_classes, n_timesteps=2, n_classes=n_classes)
        for _ in range(5):
            try:
                model.fit(X, y)
            except Exception as error:
                problems.append(error)

    threads = [threading.Thread(target=fit, args=(n,)) for n in (3, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(model.classes_) in (3, 400)


def test_predictions_take_network_and_parameters_of_one_moment():
    """Between the two another fit may come to its end."""
    X, y = sequences(12)
    small, large = (quick(max_iter=1, hidden_size=size).fit(X, y) for size in (3, 7))
    expected = [model.predict_proba(X) for model in (small, large)]
    shared = quick(hidden_size=3)
    vars(shared).update(vars(small))
    over = threading.Event()

    def refit():
        while not over.is_set():
            vars(shared).update(vars(large))
            vars(shared).update(vars(small))

    thread = threading.Thread(target=refit)
    thread.start()
    for _ in range(200):
        actual = shared.predict_proba(X)
        assert any(np.array_equal(actual, one) for one in expected)
    over.set()
    thread.join()
