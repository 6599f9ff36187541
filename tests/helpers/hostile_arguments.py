"""Right arguments of the compiled functions, and what may come in place of one, at random."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from helpers.integers import ragged, random_network
from helpers.kernels import random_case

from skfastgrnn.kernels import _bindings as _kernel
from skfastgrnn.kernels import _integer_bindings as _integers
from skfastgrnn.network import (
    ACTIVATIONS,
    INTEGER_GATES,
    INTEGER_POOLINGS,
    Dropout,
    Loss,
    Network,
    Optimizer,
    initial,
)

SIZES = [-(2**63), -(2**31) - 1, -7, -1, 0, 1, 2, 3, 17, 65, 2**31 - 1, 2**31, 2**40, 2**62]
SIZES += [2**63 - 1, 2**63, 2**64, 10**30]
NUMBERS = [float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 0.5, 1.0, 1e-320, 1e308, -1e308]
NONSENSE = [None, "no", b"", [], (), {}, object(), 1j, True, np.float32(1), np.int8(-1), [[1.0]]]


def pick(rng, options):
    return options[int(rng.integers(len(options)))]


def other_array(rng, array):
    """An array that differs from a right one in form, type or content."""
    kind = int(rng.integers(15))
    if kind == 0:
        return array.astype(pick(rng, [np.float32, np.float64, np.int32, np.int64, np.uint64, "O"]))
    if kind == 1:
        return array[: int(rng.integers(len(array) + 1))]
    if kind == 2:
        return np.concatenate([array, array[:1]])
    if kind == 3:
        return array[..., :-1]
    if kind == 4:
        return array[::-1]
    if kind == 5:
        return np.repeat(array, 2, axis=0)[::2]
    if kind == 6:
        return np.asfortranarray(array)
    if kind == 7:
        return array.reshape(-1) if array.ndim > 1 else array[:, None]
    if kind == 8:
        return unaligned(array)
    if kind == 9:
        return array.astype(array.dtype.newbyteorder())
    if kind == 10:
        changed = array.copy()
        changed.flags.writeable = False
        return changed
    if kind == 11:
        return np.broadcast_to(array[:1], array.shape)
    if kind == 12:
        return np.empty((0, *array.shape[1:]), array.dtype)
    return other_content(rng, array)


def unaligned(array):
    memory = np.empty(array.nbytes + 1, np.uint8)[1:]
    copied = np.frombuffer(memory, array.dtype).reshape(array.shape)
    copied[...] = array
    return copied


def other_content(rng, array):
    changed = array.copy()
    flat = changed.reshape(-1)
    for place in rng.integers(flat.size, size=int(rng.integers(1, 4))) if flat.size else ():
        if changed.dtype.kind == "f":
            with np.errstate(over="ignore"):
                flat[place] = pick(rng, NUMBERS)
        else:
            flat[place] = any_integer(rng, changed.dtype)
    return changed


def any_integer(rng, dtype):
    limits = np.iinfo(dtype)
    near = int(rng.integers(-3, 100))
    return pick(rng, [limits.min, limits.max, limits.max - 1, limits.max // 8, near, near, near])


def other(rng, value):
    """Something else than a right argument."""
    if rng.random() < 0.08:
        return pick(rng, NONSENSE)
    if isinstance(value, np.ndarray) and value.size:
        return other_array(rng, value)
    if isinstance(value, Network):
        return other_network(rng, value)
    if isinstance(value, Optimizer | Loss):
        return other_settings(rng, value)
    if isinstance(value, Dropout):
        return (pick(rng, NUMBERS), pick(rng, SIZES))
    if isinstance(value, float):
        return pick(rng, NUMBERS)
    if isinstance(value, int):
        return pick(rng, SIZES)
    return np.zeros(3)


def other_network(rng, network):
    """One that says something else, also what `Network` itself would refuse."""
    changed = replace(network)
    name = pick(rng, [*vars(network), "codes"])
    if name == "codes":
        codes = tuple(pick(rng, [-1, 0, 1, 2, 4, 5, 2**31 - 1]) for _ in range(3))
        return SimpleNamespace(**vars(network), codes=codes)
    value = getattr(network, name)
    if isinstance(value, int) and rng.random() < 0.5:
        value += int(rng.integers(-2, 3))
    elif isinstance(value, int) or value is None:
        value = pick(rng, SIZES)
    object.__setattr__(changed, name, value)
    return changed


def compressed(rng, network):
    """The same of a low rank or few bits."""
    rank_w, rank_u = (pick(rng, [None, 1, 3, 2**40]) for _ in range(2))
    return replace(network, rank_w=rank_w, rank_u=rank_u, bits=pick(rng, [None, 4, 8]))


def other_settings(rng, given):
    """An optimizer or a loss that says something else."""
    changed = SimpleNamespace(**vars(given), code=given.code)
    name = pick(rng, list(vars(changed)))
    value = getattr(changed, name)
    setattr(changed, name, pick(rng, NUMBERS if isinstance(value, float) else SIZES))
    return changed


def right_arguments(rng):
    """The name of a compiled function, and arguments that it accepts, by name."""
    dtype = pick(rng, [np.float32, np.float64])
    case = random_case(int(rng.integers(2**31)), dtype, most=(12, 6, 20, 150))
    net, p, sequences, targets = case.network, case.parameters, case.sequences, case.targets
    loss = case.loss
    R, S, N = net.n_states, len(sequences.values), len(sequences)
    rows = rng.permutation(N)[: int(rng.integers(1, N + 1))]
    batch_size = int(rng.integers(1, len(rows) + 1))
    function = pick(rng, ["states", "states_gradient", "outputs", "loss_gradient", "train"])
    if function == "train" and rng.random() < 0.5:
        net = compressed(rng, net)
        p = initial(net, 5, rng, dtype)
    rows = sequences.longest_first(rows, batch_size if function == "train" else None)
    if rng.random() < 0.2:
        labels = rng.integers(-1, max(2, net.n_outputs), N).astype(np.int32)
        logits = rng.standard_normal((N, net.n_outputs)).astype(dtype)
        targets = targets._replace(labels=labels, values=logits)
        loss = Loss("distillation", temperature=2.0, alpha=0.5)
    elif targets.labels is not None and rng.random() < 0.3:
        loss = Loss("info_nce", temperature=0.5)
    common = {
        "isa": pick(rng, list(_kernel.instruction_sets().values())),
        "network": net,
        "parameters": p,
        "values": sequences.values,
        "starts": sequences.starts,
        "lengths": sequences.lengths if sequences.is_ragged else None,
        "longest": sequences.longest,
        "chosen": rows,
    }
    lost = {
        "labels": targets.labels,
        "target_values": targets.values,
        "weights": targets.weights,
        "loss": loss,
    }
    h0 = case.h0[: len(rows)].copy() if rng.random() < 0.5 else None
    n_threads = int(rng.integers(1, 4))
    dropout = Dropout(float(rng.choice([0.0, 0.3])), int(rng.integers(2**63)))
    moments = np.zeros((2, len(p)), dtype)
    whole = {"parametrization": 0, "arrays": ()}
    trained = np.ones_like(p) * (rng.random(len(p)) < rng.random())
    some = {"parametrization": 1, "arrays": (trained,)}
    n_batches = -(-len(rows) // batch_size)
    first = int(rng.integers(n_batches))
    own = {
        "states": {
            "h0": h0,
            "every": np.empty((S, R), dtype),
            "final": np.empty((len(rows), net.n_cells, net.hidden_size), dtype),
        },
        "states_gradient": {
            "h0": h0,
            "upstream": case.upstream,
            "gradient": np.empty_like(p),
            "values_gradient": np.zeros_like(sequences.values),
            "h0_gradient": np.empty((len(rows), net.n_cells, net.hidden_size), dtype),
        },
        "outputs": {"output": np.empty((len(rows), net.n_outputs), dtype), "n_threads": n_threads},
        "loss_gradient": {
            **lost,
            "dropout": dropout,
            "gradient": np.empty_like(p),
            "n_threads": n_threads,
        },
        "train": {
            **lost,
            "mean_weight": 1.0,
            "dropout": dropout,
            "optimizer": Optimizer(*moments, solver=pick(rng, ["adam", "adamw", "sgd", "adagrad"])),
            **pick(rng, [whole, some]),
            "first_moment": moments[0],
            "second_moment": moments[1],
            "average": p.copy() if rng.random() < 0.5 else None,
            "batch_size": batch_size,
            "first": first,
            "end": int(rng.integers(first, n_batches + 1)),
            "n_threads": n_threads,
        },
    }
    return function, {**common, **own[function]}


def right_integers(rng):
    """A network in integers for the compiled source, and arguments that `outputs` accepts."""
    channels = int(rng.integers(1, 12))
    network = random_network(
        rng,
        channels,
        hidden=int(rng.integers(1, 40)),
        outputs=int(rng.integers(1, 20)),
        gate=pick(rng, INTEGER_GATES),
        update=pick(rng, ACTIVATIONS),
        pooling=pick(rng, INTEGER_POOLINGS),
        layers=int(rng.integers(1, 4)),
        rank_w=pick(rng, [None, 1, 3]),
        rank_u=pick(rng, [None, 2, 5]),
        bits=pick(rng, [4, 8]),
        density=pick(rng, [1.0, 0.3, 0.0]),
        state_bits=int(rng.integers(0, 16)),
    )
    values = rng.integers(-(2**15), 2**15, (int(rng.integers(1, 150)), channels))
    sequences = ragged(
        rng, values.astype(pick(rng, [np.int16, np.float32, np.float64])), int(rng.integers(1, 80))
    )
    return _integers.Model(network, bool(rng.random() < 0.3)), {
        "isa": pick(rng, list(_integers.instruction_sets().values())),
        "values": sequences.values,
        "starts": sequences.starts,
        "lengths": sequences.lengths,
    }
