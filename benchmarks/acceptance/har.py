"""Accuracy on the activity windows of UCI HAR: two classes, as in the FastGRNN paper, and six.

And of a deep network beside a flat one that has as many parameters.
"""

import time

import numpy as np
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import SequenceStandardScaler

from .promises import at_least

SEEDS = range(5)
#: Least mean test accuracy over the seeds: HAR-2 and HAR-6.
LEAST_ACCURACY = {"y2": 0.94, "y": 0.91}
#: 2670 and 2692 parameters.
DEEP_AND_FLAT = {
    "deep": {"hidden_size": 16, "n_layers": 2, "bidirectional": True},
    "flat": {"hidden_size": 44},
}
#: The flat one is the better; a point of accuracy is about the spread of the seeds.
LEAST_GAIN_OF_DEPTH = -0.01


def run(data):
    """Plain defaults; the test part is looked at once, after the last fit."""
    arrays = np.load(data / "uci_har.npz")
    kept = [accuracy(arrays, target, least) for target, least in LEAST_ACCURACY.items()]
    return all([*kept, depth(arrays)])


def accuracy(arrays, target, least):
    """Mean over the seeds."""
    X_train, y_train = arrays["X_train"], arrays[f"{target}_train"]
    started = time.perf_counter()
    models = [
        make_pipeline(SequenceStandardScaler(), FastGRNNClassifier(random_state=seed)).fit(
            X_train, y_train
        )
        for seed in SEEDS
    ]
    seconds = time.perf_counter() - started
    scores = [model.score(arrays["X_test"], arrays[f"{target}_test"]) for model in models]
    return at_least(
        f"HAR-{len(models[0].classes_)}: mean test accuracy",
        np.mean(scores),
        least,
        f" ({', '.join(f'{s:.4f}' for s in scores)}; {len(SEEDS)} fits in {seconds:.0f} s)",
    )


def depth(arrays):
    """Two layers in both directions less one layer of as many parameters, mean over the seeds."""
    scores, sizes = {}, {}
    for name, settings in DEEP_AND_FLAT.items():
        models = [
            make_pipeline(
                SequenceStandardScaler(), FastGRNNClassifier(**settings, random_state=seed)
            ).fit(arrays["X_train"], arrays["y_train"])
            for seed in SEEDS
        ]
        scores[name] = [model.score(arrays["X_test"], arrays["y_test"]) for model in models]
        sizes[name] = sum(part.size for part in models[0][-1].params_.values())
    details = "; ".join(
        f"{name} {np.mean(scores[name]):.4f}, {sizes[name]} parameters" for name in scores
    )
    difference = np.mean(scores["deep"]) - np.mean(scores["flat"])
    return at_least("HAR-6: deep less flat", difference, LEAST_GAIN_OF_DEPTH, f" ({details})")
