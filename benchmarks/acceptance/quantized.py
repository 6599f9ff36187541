"""Test accuracy of integers beside the float models they are made of, on four data sets.

Weights of 8 and 4 bits are rounded after training, calibrated on the training rows; with
`Compression` they are also trained with rounded weights.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import Compression, quantize, size_report
from skfastgrnn.preprocessing import SequenceStandardScaler

from .promises import at_least

SEEDS = range(10)
#: What integers may lose of the mean accuracy, by what was rounded and when.
MOST_LOST = {"int8": 0.003, "int8, trained": 0.001, "int4, trained": 0.005}


def run(data):
    """Plain defaults; the test part is looked at once, after the last fit."""
    kept = [compared(name, *arrays) for name, arrays in data_sets(data)]
    return all(kept)


def data_sets(data):
    """Names, and X_train, y_train, X_test, y_test."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X.reshape(-1, 8, 8).astype(np.float32), y, random_state=0, stratify=y
    )
    yield "digits", (X_train, y_train, X_test, y_test)
    vowels = np.load(data / "JapaneseVowels.npz")
    parts = []
    for part in ("train", "test"):
        ends = np.cumsum(vowels[f"X_{part}_lengths"])[:-1]
        parts += [
            np.split(vowels[f"X_{part}_values"].astype(np.float32), ends),
            vowels[f"y_{part}"],
        ]
    yield "JapaneseVowels", parts
    har = np.load(data / "uci_har.npz")
    for name, target in (("HAR-2", "y2"), ("HAR-6", "y")):
        yield (
            name,
            (har["X_train"], har[f"{target}_train"], har["X_test"], har[f"{target}_test"]),
        )


def compared(name, X_train, y_train, X_test, y_test):
    """Print and judge the mean accuracies over the seeds."""
    scores, sizes = {}, {}

    def fitted(seed, bits):
        compression = None if bits is None else Compression(bits=bits)
        model = make_pipeline(
            SequenceStandardScaler(),
            FastGRNNClassifier(compression=compression, random_state=seed),
        )
        return model.fit(X_train, y_train)

    def add(label, model):
        scores.setdefault(label, []).append(model.score(X_test, y_test))
        sizes[label] = size_report(model).total

    for seed in SEEDS:
        model = fitted(seed, None)
        add("float", model)
        add("int8", quantize(model, X_train, bits=8))
        add("int4", quantize(model, X_train, bits=4))
        for bits in (8, 4):
            add(f"int{bits}, trained", quantize(fitted(seed, bits), X_train))
    kept = []
    for label, found in scores.items():
        detail = f"{100 * np.mean(found):.2f} ± {100 * np.std(found):.2f} in {sizes[label]} bytes"
        lost = np.mean(scores["float"]) - np.mean(found)
        if label in MOST_LOST:
            promise = f"{name}: {label} less float"
            kept.append(at_least(promise, -lost, -MOST_LOST[label], f" ({detail})"))
        else:
            print(f"{name}: {label} {detail}, {-100 * lost:+.2f}")
    return all(kept)
