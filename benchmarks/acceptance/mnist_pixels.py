"""Pixel-MNIST, 784 steps of one pixel, in 6 KB of integers; the paper has 98.20 % in 6 KB.

By name only, as it takes minutes. Size, epochs and the bound of gradients were chosen with 10 000
of the training images held out.
"""

import numpy as np

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import Compression, quantize

from .mnist_images import images
from .promises import at_least, less_than

N_UNITS = 68
MOST_BYTES = 6144
LEAST_ACCURACY = 0.98
N_EPOCHS = 30
BATCH_SIZE = 64
#: A single gradient of a large norm undid half of a training with the default bound, 5.
CLIP_NORM = 1.0
N_CALIBRATION = 500


def run(data):
    """One seed."""
    arrays = np.load(data / "mnist.npz")
    train, test = images(arrays, "train"), images(arrays, "test")
    network = FastGRNNClassifier(
        N_UNITS,
        batch_size=BATCH_SIZE,
        max_iter=N_EPOCHS,
        clip_norm=CLIP_NORM,
        compression=Compression(bits=8, rounded_fraction=1 / 3),
        random_state=0,
    )
    model = quantize(network.fit(pixels(train.X), train.y), pixels(train.X[:N_CALIBRATION]))
    accuracy = model.score(pixels(test.X), test.y)
    return all(
        [
            at_least("Pixel-MNIST: test accuracy", accuracy, LEAST_ACCURACY),
            less_than("Pixel-MNIST: bytes", model.n_bytes_, MOST_BYTES + 1),
        ]
    )


def pixels(X):
    """Images (n, 28, 28) as sequences (n, 784, 1), with a deviation near 1."""
    return X.reshape(len(X), -1, 1) * np.float32(2)
