"""Random misuse of the kernel and the estimators: each call returns or raises, none crashes.

    python tests/hostile_calls.py --seconds 3600 --seed 1
    python tests/hostile_calls.py --seed 1 --only 4711      # what a crash has told to repeat

The calls run in a child process, so that a crash can be told from an error and its call be named.
`make hostile` runs them under the address and undefined-behaviour sanitizers.
"""

import argparse
import faulthandler
import os
import pickle
import subprocess
import sys
import threading
import time
import warnings
from contextlib import suppress

import numpy as np
from sklearn.base import clone

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))

from helpers.hostile_arguments import (
    NUMBERS,
    SIZES,
    any_integer,
    other,
    pick,
    right_arguments,
    right_integers,
)

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.kernels import _bindings as _kernel

#: How long a child may take to end when its time is over.
GRACE = 300


# ---- the compiled functions ---------------------------------------------------------------------


def call_kernel(rng):
    function, right = right_arguments(rng)
    for _ in range(10):
        arguments, n_wrong = dict(right), int(rng.integers(4))
        for name in rng.permutation(list(arguments))[:n_wrong]:
            arguments[name] = other(rng, arguments[name])
            if rng.random() < 0.1:  # one array where another one belongs
                arguments[name] = arguments[pick(rng, list(arguments))]
        try:
            getattr(_kernel, function)(**arguments)
        except (TypeError, ValueError, OverflowError, MemoryError, AttributeError, BufferError):
            if n_wrong == 0:
                raise AssertionError(f"{function} refuses what is right") from sys.exception()


def call_integers(rng):
    model, right = right_integers(rng)
    for _ in range(10):
        arguments, n_wrong = dict(right), int(rng.integers(4))
        for name in rng.permutation(list(arguments))[:n_wrong]:
            arguments[name] = other(rng, arguments[name])
            if rng.random() < 0.1:  # one array where another one belongs
                arguments[name] = arguments[pick(rng, list(arguments))]
        try:
            model.outputs(**arguments)
        except (TypeError, ValueError, OverflowError, MemoryError, AttributeError, BufferError):
            if n_wrong == 0:
                raise AssertionError("outputs refuses what is right") from sys.exception()


def call_integers_while_arrays_change(rng):
    model, arguments = right_integers(rng)
    arrays = [arguments["starts"], arguments["lengths"]]
    with Meddler(np.random.default_rng(int(rng.integers(2**31))), arrays):
        for _ in range(20):
            with suppress(ValueError):
                model.outputs(**arguments)


class Meddler:
    """Another thread, which writes to arrays while a call reads them."""

    def __init__(self, rng, arrays):
        self._rng, self._arrays = rng, arrays
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._meddle)

    def _meddle(self):
        while not self._over.is_set():
            array = pick(self._rng, self._arrays)
            place = int(self._rng.integers(len(array)))
            before = array[place]
            array[place] = any_integer(self._rng, array.dtype)
            if self._rng.random() < 0.9:  # or else every call would find something
                array[place] = before

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()


def call_kernel_while_arrays_change(rng):
    function, arguments = right_arguments(rng)
    names = ("starts", "lengths", "chosen", "labels")
    arrays = [arguments[name] for name in names if arguments.get(name) is not None]
    arrays = [array for array in arrays if array.flags.writeable]
    with Meddler(np.random.default_rng(int(rng.integers(2**31))), arrays):
        for _ in range(20):
            with suppress(ValueError):
                getattr(_kernel, function)(**arguments)


# ---- estimators ----------------------------------------------------------------------------------

SETTINGS = ["hidden_size", "n_layers", "bidirectional", "pooling", "gate_activation", "solver"]
SETTINGS += [
    "batch_size",
    "gradient_accumulation_steps",
    "n_jobs",
    "dropout",
    "alpha",
    "beta_1",
    "clip_norm",
]
SETTINGS += ["learning_rate_init", "n_timesteps", "frozen", "class_weight", "early_stopping"]
SETTINGS += ["update_activation", "bounded_state"]
LEARNED = ["_parameters", "_network_settings", "_moments", "classes_", "history_", "n_channels_"]
LEARNED += ["_reads_sequences", "n_features_in_", "best_iter_", "n_iter_", "_y_scale", "_y_center"]


def quick_estimator(rng):
    kind = pick(rng, [FastGRNNClassifier, FastGRNNRegressor])
    return kind(
        hidden_size=int(rng.integers(1, 6)),
        n_layers=int(rng.integers(1, 3)),
        bidirectional=bool(rng.random() < 0.3),
        max_iter=2,
        early_stopping=False,
        warm_start=bool(rng.random() < 0.5),
        n_jobs=pick(rng, [None, 2]),
        random_state=0,
    )


def data_for(rng, estimator, n_classes=3):
    n, T, D = max(n_classes, 12), int(rng.integers(1, 5)), int(rng.integers(1, 4))
    X = rng.standard_normal((n, T, D)).astype(pick(rng, [np.float32, np.float64]))
    y = np.arange(n) % n_classes if isinstance(estimator, FastGRNNClassifier) else X[:, 0, 0]
    return X, y


def use(rng, estimator, X, y):
    """Call a public method; any exception is an answer, but one that tells of broken internals."""
    calls = {
        "predict": lambda: estimator.predict(X),
        "hidden_states": lambda: estimator.hidden_states(X, all_steps=bool(rng.random() < 0.5)),
        "partial_fit": lambda: estimator.partial_fit(X, y),
        "fit": lambda: estimator.fit(X, y),
        "params_": lambda: estimator.params_,
        "pickle": lambda: pickle.loads(pickle.dumps(estimator)),
        "score": lambda: estimator.score(X, y),
    }
    try:
        calls[pick(rng, list(calls))]()
    except SystemError:
        raise
    except Exception:
        pass


def other_state(rng, estimator):
    """The state of an estimator with another value behind one of its names."""
    state = dict(vars(estimator))
    name = pick(rng, [name for name in LEARNED + SETTINGS if name in state])
    value = state[name]
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = pick(rng, list(value))
        value = {**value, key: other(rng, value[key])}
    else:
        value = other(rng, value)
    state[name] = value
    return state


def misuse_a_state(rng):
    estimator = quick_estimator(rng)
    X, y = data_for(rng, estimator)
    estimator.fit(X, y)
    for _ in range(6):
        broken = type(estimator)()
        broken.__setstate__(other_state(rng, estimator))
        for _ in range(3):
            use(rng, broken, X, y)


def misuse_parameters(rng):
    estimator = quick_estimator(rng)
    X, y = data_for(rng, estimator)
    estimator.fit(X, y)
    for _ in range(4):
        part = pick(rng, list(estimator.params_.values()))
        part[...] = pick(rng, NUMBERS)
        estimator._parameters = other(rng, estimator._parameters)
        use(rng, estimator, X, y)
        estimator = clone(estimator).fit(X, y)


def misuse_by_threads(rng):
    """Several fit and use one estimator, on other data, while one sets what it likes."""
    estimator = quick_estimator(rng)
    sizes = [3, int(rng.choice([3, 40, 700])), 5000 if rng.random() < 0.05 else 3]
    seeds = rng.integers(2**31, size=len(sizes) + 1)
    safe = [value for value in SIZES if not 3 < value < 2**31]  # none that takes all memory

    def work(seed, n_classes):
        own = np.random.default_rng(seed)
        X, y = data_for(own, estimator, n_classes)
        for _ in range(3):
            use(own, estimator, X, y)

    def set_anything(seed):
        own = np.random.default_rng(seed)
        for _ in range(30):
            name = pick(own, SETTINGS + LEARNED)
            value = vars(estimator).get(name)
            is_size = isinstance(value, int) and not isinstance(value, bool)
            setattr(estimator, name, pick(own, safe) if is_size else other(own, value))
            time.sleep(0.001)
            if value is not None:
                setattr(estimator, name, value)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(seeds, sizes, strict=False)]
    threads.append(threading.Thread(target=set_anything, args=(seeds[-1],)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


#: What is done, and how often.
SCENARIOS = [call_kernel] * 60 + [call_kernel_while_arrays_change] * 6
SCENARIOS += [call_integers] * 20 + [call_integers_while_arrays_change] * 4
SCENARIOS += [misuse_a_state] * 3 + [misuse_parameters] * 2 + [misuse_by_threads]


# ---- processes -----------------------------------------------------------------------------------


def scenario(seed, number):
    rng = np.random.default_rng([seed, number])
    pick(rng, SCENARIOS)(rng)


def child(seed, seconds):
    """Call until the time is over; write the number of each scenario before it begins."""
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        os.write(sys.stdout.fileno(), f"{number}\n".encode())
        scenario(seed, number)
        number += 1


def parent(seed, seconds):
    print(f"Hostile calls with --seed {seed} for {seconds:g} s", flush=True)
    command = [sys.executable, __file__, "--child", "--seed", str(seed), "--seconds", str(seconds)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE)
    last = b"-1"
    watchdog = threading.Timer(seconds + GRACE, running.kill)
    watchdog.start()
    for line in running.stdout:
        last = line.strip()
    status = running.wait()
    watchdog.cancel()
    if status:
        print(f"Broken (status {status}): repeat with --seed {seed} --only {last.decode()}")
        return 1
    print(f"{int(last) + 1} scenarios, none crashed")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--only", type=int, help="run the scenario of this number, in this process")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.child and options.only is None:
        return parent(options.seed, options.seconds)
    faulthandler.enable()
    warnings.simplefilter("ignore")
    threading.excepthook = stop
    if options.only is not None:
        return scenario(options.seed, options.only)
    return child(options.seed, options.seconds)


def stop(failure):
    """An exception that a thread did not expect ends the process."""
    threading.__excepthook__(failure)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
