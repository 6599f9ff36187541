"""How the defaults were chosen: candidates by cross-validation inside the training parts.

Stratified folds, on HAR by person; three quarters of the training rows are trained on, and the rest
is a validation set. All are trained for all their epochs, and the accuracy after each of them is
noted, so that one training tells of every rule of stopping. No test row is read. A run takes some
40 minutes.
"""

from collections import defaultdict

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import SequenceStandardScaler

from .datasets import available

#: Minibatches: a share of the rows, within bounds; see `rows_of_minibatch`.
SHARE, LEAST, MOST = 32, 8, 32
BEFORE = {"learning_rate": "constant", "learning_rate_init": 0.012, "least_updates": 0}
CYCLE = {"learning_rate": "one_cycle", "learning_rate_init": 0.02, "least_updates": 2000}
CANDIDATES = {
    "constant 0.012": BEFORE,
    "constant 0.012, 2000 updates": {**BEFORE, "least_updates": 2000},
    "cosine 0.012": {**BEFORE, "learning_rate": "cosine"},
    "cosine 0.02": {**BEFORE, "learning_rate": "cosine", "learning_rate_init": 0.02},
    "one cycle 0.02": {**CYCLE, "least_updates": 0},
    "one cycle 0.02, 2000 updates": CYCLE,
    "one cycle 0.02, 4000 updates": {**CYCLE, "least_updates": 4000},
    "one cycle 0.02, 2000 updates, 150 epochs": {**CYCLE, "epochs": 150},
    "one cycle 0.012, 2000 updates": {**CYCLE, "learning_rate_init": 0.012},
    "one cycle 0.03, 2000 updates": {**CYCLE, "learning_rate_init": 0.03},
    "one cycle 0.02, 2000 updates, batches from 4": {**CYCLE, "bounds": (4, 32)},
    "one cycle 0.02, 2000 updates, batches to 64": {**CYCLE, "bounds": (8, 64)},
    "one cycle 0.02, 2000 updates, clip_norm 1": {**CYCLE, "clip_norm": 1.0},
    "one cycle 0.02, 2000 updates, alpha 1e-3": {**CYCLE, "alpha": 1e-3},
    "one cycle 0.02, 2000 updates, beta_2 0.99": {**CYCLE, "beta_2": 0.99},
}


def patience(n_epochs, tol=1e-4):
    """Stop after so many epochs that did not improve the training loss: the rule of version 0.1."""

    def stop(losses):
        to_beat, waited = np.inf, 0
        for epoch, loss in enumerate(losses, 1):
            to_beat, waited = (loss, 0) if loss < to_beat - tol else (to_beat, waited + 1)
            if waited == n_epochs:
                return epoch
        return len(losses)

    return stop


def below(limit):
    """Stop where the training loss is below a limit."""

    def stop(losses):
        return next((i for i, loss in enumerate(losses, 1) if loss < limit), len(losses))

    return stop


RULES = {
    "never": len,
    "patience 10": patience(10),
    "loss < 1e-3": below(1e-3),
    "loss < 3e-3": below(3e-3),
    "loss < 1e-2": below(1e-2),
}


def run(data):
    """Print the mean accuracy of each candidate under each rule; there is nothing to promise."""
    folds = [fold for split in available(data) for fold in folds_of(split)]
    print(f"{'mean accuracy over the sets':48}" + "".join(f"{name:>14}" for name in RULES))
    for name, settings in CANDIDATES.items():
        scores = {rule: defaultdict(list) for rule in RULES}
        for fold in folds:
            history = trained(*fold, **settings)
            for rule, stop in RULES.items():
                accuracy = history["validation_accuracy"][stop(history["loss"]) - 1]
                scores[rule][fold[0]].append(accuracy)
        means = [np.mean([np.mean(each) for each in of.values()]) for of in scores.values()]
        print(f"{name:48}" + "".join(f"{mean:14.4f}" for mean in means), flush=True)
    return True


def folds_of(split):
    """Yield name, seed, and scaled parts; more of them from smaller sets, which vary more."""
    n_steps = sum(map(len, split.X_train))
    n_repeats = 4 if n_steps <= 12_000 else 2 if n_steps <= 60_000 else 1
    n_folds = 2 if n_steps > 60_000 else 4
    n_splits = 3 if n_steps > 300_000 else 4
    for repeat in range(n_repeats):
        Splitter = StratifiedKFold if split.groups_train is None else StratifiedGroupKFold
        splitter = Splitter(n_splits, shuffle=True, random_state=repeat)
        rows = splitter.split(np.zeros(len(split.y_train)), split.y_train, split.groups_train)
        for fold, (train, test) in enumerate(rows):
            if fold == n_folds:
                break
            X_train, X_test = (part(split.X_train, rows) for rows in (train, test))
            scaler = SequenceStandardScaler().fit(X_train)
            parts = scaler.transform(X_train), split.y_train[train]
            held_out = scaler.transform(X_test), split.y_train[test]
            yield split.name, 1000 + 10 * repeat + fold, *parts, *held_out


def part(X, rows):
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows]


def trained(
    name, seed, X, y, X_val, y_val, *, least_updates, epochs=100, bounds=(LEAST, MOST), **params
):
    """History of a training for all its epochs."""
    least, most = bounds
    batch_size = min(len(y), max(least, min(most, len(y) // SHARE)))
    max_iter = max(epochs, int(np.ceil(least_updates / np.ceil(len(y) / batch_size))))
    model = FastGRNNClassifier(
        batch_size=batch_size,
        max_iter=max_iter,
        n_iter_no_change=np.inf,
        random_state=seed,
        **params,
    )
    return model.fit(X, y, X_val=X_val, y_val=y_val).history_
