"""Whether a change of the code changes what is computed, to the last bit.

::

    python -m benchmarks.same_bits record before.json     # of the code as it was
    python -m benchmarks.same_bits compare before.json    # of the code as it is

Each of the cases is a small fit, of which the parameters, the training losses and the predictions
are kept as one checksum. The bits depend on the processor and on the versions of NumPy and its
BLAS: both commands have to run on one machine, in one environment.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import make_pipeline

from skfastgrnn import (
    DistilledFastGRNN,
    DistilledFastGRNNRegressor,
    FastGRNNClassifier,
    FastGRNNRegressor,
)
from skfastgrnn.augmentation import ChannelDrop, Jitter, Scaling, TimeMask, TimeShift
from skfastgrnn.callbacks import Checkpoint
from skfastgrnn.preprocessing import SequenceReshaper, SequenceStandardScaler

N_SAMPLES, N_TIMESTEPS, N_CHANNELS = 70, 12, 3


def cases():
    """Yield (name, function without arguments that returns arrays)."""
    for dtype in (np.float32, np.float64):
        for name, params in NETWORKS.items():
            yield f"{name}, {dtype.__name__}", lambda p=params, d=dtype: classified(d, **p)
    for name, params in TRAININGS.items():
        yield name, lambda p=params: classified(np.float32, **p)
        yield f"{name}, two classes", lambda p=params: classified(np.float32, n_classes=2, **p)
    for name, params in REGRESSIONS.items():
        for n_outputs in (1, 2):
            yield f"{name}, {n_outputs} outputs", lambda p=params, n=n_outputs: regressed(n, **p)
    for function in PROCEDURES:
        yield function.__name__, function


def reference_cases():
    """The same of the reference kernel, which a process of its own has to run."""
    for name, params in {**NETWORKS, **TRAININGS}.items():
        if name != "two threads":
            yield (
                f"{name}, reference",
                lambda p=params: classified(np.float64, **{**p, "max_iter": 5}),
            )
    for name, params in REGRESSIONS.items():
        yield f"{name}, reference", lambda p=params: regressed(2, **{**p, "max_iter": 5})
    for function in (of_lists, of_lists_in_both_directions, weighted, distilled_of_two_classes):
        yield f"{function.__name__}, reference", function


NETWORKS = {
    "default": {},
    "hard_sigmoid": {"gate_activation": "hard_sigmoid", "update_activation": "hard_tanh"},
    "relu": {"gate_activation": "tanh", "update_activation": "relu"},
    "sigmoid": {"update_activation": "sigmoid"},
    "mean of states": {"pooling": "mean"},
    "max of states": {"pooling": "max"},
    "attention": {"pooling": "attention"},
    "bounded states": {"bounded_state": True},
    "two layers": {"n_layers": 2},
    "both directions": {"bidirectional": True},
    "three layers, both directions, mean": {
        "n_layers": 3,
        "bidirectional": True,
        "pooling": "mean",
    },
}
TRAININGS = {
    "dropout": {"dropout": 0.3, "n_layers": 2},
    "sgd": {"solver": "sgd", "learning_rate": "constant", "learning_rate_init": 0.1},
    "sgd without Nesterov": {"solver": "sgd", "nesterovs_momentum": False},
    "adamw": {"solver": "adamw", "alpha": 0.01},
    "rmsprop": {"solver": "rmsprop"},
    "adagrad": {"solver": "adagrad"},
    "constant": {"learning_rate": "constant", "n_iter_no_change": 3},
    "exponential": {"learning_rate": "exponential"},
    "step": {"learning_rate": "step", "lr_decay_step": 3, "lr_decay": 0.5},
    "linear": {"learning_rate": "linear"},
    "cosine": {"learning_rate": "cosine"},
    "plateau": {"learning_rate": "plateau", "tol": 0.1},
    "accumulate": {"gradient_accumulation_steps": 3, "batch_size": 5},
    "clip": {"clip_norm": 0.1, "clip_value": 0.05},
    "alpha": {"alpha": 0.1},
    "augment": {
        "augment": [Jitter(0.1), Scaling(0.1), TimeMask(), ChannelDrop(0.2), TimeShift(2)],
    },
    "balanced": {"sampling": "balanced"},
    "class_weight": {"class_weight": "balanced"},
    "held out": {"early_stopping": True, "n_iter_no_change": 4},
    "held out, refit": {"early_stopping": True, "refit": True},
    "held out, tail": {"early_stopping": True, "validation_split": "tail"},
    "not shuffled": {"shuffle": False},
    "frozen cell": {"frozen": "cell"},
    "frozen parts": {"frozen": ["W", "head_bias"]},
    "two threads": {"n_jobs": 2, "batch_size": 64},
    "diverged": {"learning_rate_init": 1e4, "clip_norm": None, "solver": "sgd"},
}
REGRESSIONS = {
    "squared error": {},
    "huber": {"loss": "huber"},
    "huber of a small delta": {"loss": "huber", "huber_delta": 0.2, "learning_rate": "cosine"},
    "mean of both directions": {"pooling": "mean", "bidirectional": True},
    "regressor, held out": {"early_stopping": True},
    "regressor, dropout": {"dropout": 0.2},
}


def sequences(dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N_SAMPLES, N_TIMESTEPS, N_CHANNELS)).cumsum(axis=1)
    return X.astype(dtype)


def labels(X, n_classes=3):
    level = X[:, -4:, 0].mean(axis=1)
    return np.digitize(level, np.quantile(level, np.linspace(0, 1, n_classes + 1)[1:-1]))


def ragged(dtype=np.float32):
    return [x[: 3 + i % (N_TIMESTEPS - 2)] for i, x in enumerate(sequences(dtype))]


def classifier(**params):
    return FastGRNNClassifier(**{"hidden_size": 9, "max_iter": 8, "random_state": 3, **params})


def regressor(**params):
    return FastGRNNRegressor(**{"hidden_size": 9, "max_iter": 8, "random_state": 3, **params})


def traces(network, *predictions):
    """What a fitted network has come to."""
    curves = [network.loss_curve_, network.validation_loss_curve_]
    return [*network.params_.values(), *map(np.asarray, curves), *predictions]


def classified(dtype, n_classes=3, **params):
    X = sequences(dtype)
    model = classifier(**params).fit(X, labels(X, n_classes))
    return traces(model, model.predict_proba(X), model.predict(X), model.hidden_states(X))


def regressed(n_outputs, **params):
    X = sequences()
    y = X[:, -3:, :n_outputs].sum(axis=1).squeeze() * 7 + 100
    model = regressor(**params).fit(X, y)
    return traces(model, model.predict(X))


def of_lists():
    X = ragged()
    model = classifier().fit(X, labels(sequences()))
    states = model.hidden_states(X, all_steps=True)
    return traces(model, model.predict_proba(X), model.hidden_states(X), *states)


def of_lists_in_both_directions():
    X = ragged(np.float64)
    model = classifier(n_layers=2, bidirectional=True, pooling="mean", dropout=0.2)
    model.fit(X, labels(sequences()))
    return traces(model, model.predict_proba(X))


def of_rows():
    X = sequences().reshape(N_SAMPLES, -1)
    model = classifier(n_timesteps=N_TIMESTEPS).fit(X, labels(sequences()))
    return traces(model, model.predict_log_proba(X), model.decision_function(X))


def weighted():
    X = sequences()
    weights = np.random.default_rng(1).uniform(0, 3, N_SAMPLES)
    model = classifier().fit(X, labels(X), weights)
    number = regressor().fit(X, X[:, -1, 0], weights)
    return [*traces(model, model.predict_proba(X)), *traces(number, number.predict(X))]


def with_validation_set():
    X, held_out = sequences(), sequences(seed=5)
    model = classifier(early_stopping=True)
    model.fit(X, labels(X), X_val=held_out, y_val=labels(held_out))
    return traces(model, model.predict_proba(X))


def in_pieces():
    X = sequences()
    y = labels(X)
    model, number = classifier(), regressor()
    for begin in range(0, N_SAMPLES, 20):
        piece = slice(begin, begin + 20)
        model.partial_fit(X[piece], y[piece], classes=[0, 1, 2])
        number.partial_fit(X[piece], X[piece, -1, 0])
    return [*traces(model, model.predict_proba(X)), *traces(number, number.predict(X))]


def warm_start():
    X = sequences()
    model = classifier(warm_start=True).fit(X, labels(X, 2))
    model.fit(X, labels(X, 3)).fit(X[:40], labels(X)[:40])
    return traces(model, model.predict_proba(X))


def fine_tuned():
    X = sequences()
    model = classifier(warm_start=True).fit(X, labels(X))
    model.set_params(frozen="cell", random_state=4).fit(X[:30], labels(X)[:30])
    return traces(model, model.predict_proba(X))


def resumed():
    X = sequences()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fit.ckpt")
        model = classifier(dropout=0.1, early_stopping=True, max_iter=6)
        model.set_callbacks(Checkpoint(path, every=4)).fit(X, labels(X))
        again = classifier(dropout=0.1, early_stopping=True, max_iter=6)
        again.resume(path, X, labels(X))
    return traces(again, again.predict_proba(X))


def in_a_pipeline():
    X = sequences().reshape(N_SAMPLES, -1)
    model = make_pipeline(
        SequenceReshaper(n_timesteps=N_TIMESTEPS), SequenceStandardScaler(), classifier()
    )
    model.fit(X, labels(sequences()))
    return traces(model[-1], model.predict_proba(X))


def forest():
    return RandomForestClassifier(10, random_state=0, max_depth=4)


def distilled():
    X = sequences().reshape(N_SAMPLES, -1)
    student = classifier(n_timesteps=N_TIMESTEPS)
    model = DistilledFastGRNN(forest(), student, random_state=0).fit(X, labels(sequences()))
    return traces(model.student_, model.predict_proba(X))


def distilled_with_schedules():
    X = sequences().reshape(N_SAMPLES, -1)
    student = classifier(n_timesteps=N_TIMESTEPS, early_stopping=True, n_iter_no_change=5)
    model = DistilledFastGRNN(
        forest(),
        student,
        temperature=3,
        alpha=0.7,
        temperature_schedule=lambda epoch: 1 / (1 + epoch),
        curriculum=lambda epoch: min(1, 0.5 + 0.1 * epoch),
        compare=True,
        random_state=0,
    )
    model.fit(X, labels(sequences()))
    return traces(model.student_, model.predict_proba(X))


def distilled_without_all_labels():
    X = sequences()
    y = labels(X)
    y[::3] = -1
    model = DistilledFastGRNN(classifier(hidden_size=20), classifier(), random_state=0)
    model.fit(X, y, X_unlabeled=sequences(seed=8))
    return traces(model.student_, model.predict_proba(X))


def distilled_of_two_classes():
    X = sequences()
    model = DistilledFastGRNN(classifier(hidden_size=20), classifier(), random_state=0)
    model.fit(X, labels(X, 2), sample_weight=np.linspace(0, 1, N_SAMPLES))
    return traces(model.student_, model.predict_proba(X))


def distilled_regression():
    X = sequences().reshape(N_SAMPLES, -1)
    teacher = RandomForestRegressor(10, random_state=0)
    student = regressor(n_timesteps=N_TIMESTEPS)
    model = DistilledFastGRNNRegressor(teacher, student, random_state=0)
    model.fit(X, X[:, -1], X_unlabeled=X[:20] + 1)
    return traces(model.student_, model.predict(X))


PROCEDURES = (
    of_lists,
    of_lists_in_both_directions,
    of_rows,
    weighted,
    with_validation_set,
    in_pieces,
    warm_start,
    fine_tuned,
    resumed,
    in_a_pipeline,
    distilled,
    distilled_with_schedules,
    distilled_without_all_labels,
    distilled_of_two_classes,
    distilled_regression,
)


def checksum(arrays):
    """Of bytes, dtypes and shapes."""
    total = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array)
        total.update(f"{array.dtype.str} {array.shape} ".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def checksums(cases):
    """Checksums by name of the case."""
    sums = {}
    for name, compute in cases:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sums[name] = checksum(compute())
    return sums


def checksums_of_reference():
    """Those of the reference kernel."""
    command = [sys.executable, "-m", "benchmarks.same_bits", "reference"]
    environment = {**os.environ, "SKFASTGRNN_KERNEL": "reference"}
    return json.loads(subprocess.check_output(command, env=environment))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=("record", "compare", "reference"))
    parser.add_argument("path", type=Path, nargs="?", default="same_bits.json")
    arguments = parser.parse_args()
    if arguments.command == "reference":
        print(json.dumps(checksums(reference_cases())))
        return 0
    now = {**checksums(cases()), **checksums_of_reference()}
    if arguments.command == "record":
        arguments.path.write_text(json.dumps(now, indent=1), encoding="utf-8")
        print(f"{len(now)} cases recorded")
        return 0
    before = json.loads(arguments.path.read_text(encoding="utf-8"))
    changed = sorted(name for name in before if now.get(name) != before[name])
    print("\n".join([*changed, f"{len(before) - len(changed)} of {len(before)} cases are equal"]))
    return len(changed) > 0


if __name__ == "__main__":
    sys.exit(main())
