"""MNIST by rows, 28 steps of 28 pixels, in 8 KB of integers.

Size, number of perturbed sets and epochs were chosen with 10 000 of the training images held out.
"""

import numpy as np

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import Compression, quantize, size_report

from .mnist_images import images, perturbed
from .promises import at_least, less_than

SEEDS = range(3)
N_UNITS = 64
MOST_BYTES = 8000
LEAST_ACCURACY = 0.985
#: Sets of perturbed images beside the original ones.
N_PERTURBED = 2
N_EPOCHS = 8
BATCH_SIZE = 64
N_CALIBRATION = 2000


def run(data):
    """Mean over the seeds."""
    arrays = np.load(data / "mnist.npz")
    train, test = images(arrays, "train"), images(arrays, "test")
    rng = np.random.default_rng(0)
    X = np.concatenate([train.X, *(perturbed(train.X, rng) for _ in range(N_PERTURBED))])
    y = np.tile(train.y, 1 + N_PERTURBED)
    models = [quantize(network(seed).fit(X, y), X[:N_CALIBRATION]) for seed in SEEDS]
    scores = [model.score(test.X, test.y) for model in models]
    details = f" ({', '.join(f'{score:.4f}' for score in scores)})"
    return all(
        [
            at_least("MNIST by rows: mean test accuracy", np.mean(scores), LEAST_ACCURACY, details),
            less_than("MNIST by rows: bytes", size_report(models[0]).total, MOST_BYTES + 1),
        ]
    )


def network(seed):
    """With rounded weights in the last third of the epochs."""
    return FastGRNNClassifier(
        N_UNITS,
        batch_size=BATCH_SIZE,
        max_iter=N_EPOCHS,
        compression=Compression(bits=8, rounded_fraction=1 / 3),
        random_state=seed,
    )
