"""What the compiled functions refuse, whatever Python says: nothing may reach foreign memory."""

import threading
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.kernels import unaligned

from skfastgrnn.kernels import available_kernels, kernel_named
from skfastgrnn.kernels.reference._parametrizations import PARAMETRIZATIONS
from skfastgrnn.network import (
    LOSSES,
    POOLINGS,
    Dropout,
    Loss,
    Network,
    Optimizer,
    SequenceBatch,
    Targets,
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
            "every": np.zeros((S, R)),
            "final": np.zeros((N, CELLS, H)),
        },
        "states_gradient": {
            "h0": np.zeros((N, CELLS, H)),
            "upstream": np.ones((S, R)),
            "gradient": np.zeros(P),
            "values_gradient": np.zeros((S, D)),
            "h0_gradient": np.zeros((N, CELLS, H)),
        },
        "outputs": {"output": np.zeros((N, O)), "n_threads": 2},
        "loss_gradient": {**lost, "gradient": np.zeros(P)},
        "train": {
            **lost,
            "mean_weight": 1.0,
            "optimizer": Optimizer(first, second),
            "parametrization": 1,
            "arrays": (np.ones(P),),
            "first_moment": first,
            "second_moment": second,
            "average": np.zeros(P),
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


def first_of(change):
    """The same change of the first of several arrays."""
    return lambda arrays: (change(arrays[0]), *arrays[1:])


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
        *(another("rank_w", rank) for rank in (-1, 1, LARGEST, 2**64, 1.5)),
        *(another("rank_u", rank) for rank in (-1, 1, LARGEST, -(2**63))),
        *(another("bits", bits) for bits in (-1, 1, 4, 8, 16, 2**32)),
        another("bounded", True),
        coded(5, 0, 0),
        coded(0, -1, 0),
        coded(0, 0, len(POOLINGS)),
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
    "arrays": [
        *(first_of(change) for change in (*FORMS.values(), *FLOATS.values())),
        lambda arrays: (),
        lambda arrays: arrays * 2,
        lambda arrays: arrays * 3,
        lambda arrays: None,
    ],
    "first_moment": [*FORMS.values(), *FLOATS.values(), read_only, lambda array: None],
    "second_moment": [*FORMS.values(), *FLOATS.values(), read_only, lambda array: None],
    "average": [*FORMS.values(), *FLOATS.values(), read_only],
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
        *(optimizing(n_averaged=n) for n in (-1, 2**63 - 1, 2**64)),
        *(optimizing(ema=ema) for ema in (-0.1, 1.0, float("nan"))),
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


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("compression", [{"rank_w": 1}, {"rank_u": 2}, {"bits": 8}], ids=str)
def test_only_training_takes_networks_that_must_be_expanded(compression, function):
    arguments = right(function)
    network = replace(NETWORK, **compression)
    size = n_parameters(network)
    arguments.update(network=network, parameters=np.full(size, 0.1))
    if "gradient" in arguments:
        arguments["gradient"] = np.zeros(size)
    if function == "train":
        first, second = np.zeros((2, size))
        arguments.update(optimizer=Optimizer(first, second), first_moment=first)
        arguments.update(second_moment=second, average=None, parametrization=0, arrays=())
        _kernel.train(**arguments)
        assert np.isfinite(arguments["parameters"]).all()
        return
    with pytest.raises(ValueError, match="Expand the parameters to those of the dense network"):
        getattr(_kernel, function)(**arguments)


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
        with pytest.raises(ValueError, match=r"position 1 .* its label is not a class of"):
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
