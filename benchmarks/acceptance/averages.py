"""What averages of weights, several initializations and label smoothing gain at default settings.

Three quarters of the training rows are trained on and the others scored, in four folds; of HAR the
rows of some persons and of others, once. Every random state has its own folds and initial weights.
Every setting is compared with another one (`SETTINGS`) in the same folds. No test row is read. A
run takes some 5 minutes.
"""

import numpy as np
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import SequenceStandardScaler

from .choice import part
from .datasets import available

NAMES = ("digits", "JapaneseVowels", "BasicMotions", "ItalyPowerDemand", "HAR-6")
#: Trained on and scored, of HAR.
PERSONS = 2, 3
RANDOM_STATES = 5
CONSTANT = {"learning_rate": "constant", "learning_rate_init": 0.012}
HELD_OUT = {"early_stopping": True}
#: Name: (parameters, the name of what they are compared with).
SETTINGS = {
    "defaults": ({}, None),
    "ema=0.99": ({"ema": 0.99}, "defaults"),
    "ema=0.999": ({"ema": 0.999}, "defaults"),
    "n_init=3": ({"n_init": 3}, "defaults"),
    "label_smoothing=0.05": ({"label_smoothing": 0.05}, "defaults"),
    "label_smoothing=0.1": ({"label_smoothing": 0.1}, "defaults"),
    "constant rate": (CONSTANT, "defaults"),
    "constant rate, ema=0.99": ({**CONSTANT, "ema": 0.99}, "constant rate"),
    "constant rate, ema=0.999": ({**CONSTANT, "ema": 0.999}, "constant rate"),
    "held out": (HELD_OUT, "defaults"),
    "held out, ema=0.99": ({**HELD_OUT, "ema": 0.99}, "held out"),
    "held out, n_init=3": ({**HELD_OUT, "n_init": 3}, "held out"),
    "refit": ({**HELD_OUT, "refit": True}, "defaults"),
    "refit, ema=0.99": ({**HELD_OUT, "refit": True, "ema": 0.99}, "refit"),
    "refit, n_init=3": ({**HELD_OUT, "refit": True, "n_init": 3}, "refit"),
}


def run(data):
    """Print accuracies, and differences with their standard errors; there is nothing to promise."""
    for split in available(data, NAMES):
        found = {name: [] for name in SETTINGS}
        for seed in range(RANDOM_STATES):
            for rows, scored in rows_of(split, seed):
                scaler = SequenceStandardScaler().fit(part(split.X_train, rows))
                X, X_scored = (
                    scaler.transform(part(split.X_train, some)) for some in (rows, scored)
                )
                for name, (params, _) in SETTINGS.items():
                    model = FastGRNNClassifier(random_state=seed, **params)
                    model.fit(X, split.y_train[rows])
                    found[name].append(scores(model, X_scored, split.y_train[scored]))
        report(split.name, {name: np.array(each) for name, each in found.items()})
    return True


def report(name, found):
    print(f"{name:28}{'accuracy':>10}{'gain':>8}{'error':>8}{'worst':>8}{'log loss':>10}")
    for setting, (_, other) in SETTINGS.items():
        of_setting = found[setting]
        line = f"  {setting:26}{of_setting[:, 0].mean():10.2f}"
        gains = of_setting[:, 0] - found[other or setting][:, 0]
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        line += f"{gains.mean():+8.2f}{error:8.2f}" if other else 16 * " "
        print(f"{line}{of_setting[:, 0].min():8.2f}{of_setting[:, 1].mean():10.3f}", flush=True)


def scores(model, X, y):
    """Accuracy in percent, and the mean cross-entropy."""
    proba = model.predict_proba(X).astype(np.float64)
    proba /= proba.sum(axis=1, keepdims=True)
    return 100 * np.mean(model.predict(X) == y), log_loss(y, proba, labels=model.classes_)


def rows_of(split, seed):
    """Yield the rows to train on, and those to score."""
    groups = split.groups_train
    if groups is None:
        folds = StratifiedKFold(4, shuffle=True, random_state=seed)
        yield from folds.split(np.zeros(len(split.y_train)), split.y_train)
        return
    persons = np.random.default_rng(seed).permutation(np.unique(groups))
    n_trained, n_scored = PERSONS
    yield tuple(
        np.flatnonzero(np.isin(groups, some))
        for some in (persons[:n_trained], persons[n_trained : n_trained + n_scored])
    )
