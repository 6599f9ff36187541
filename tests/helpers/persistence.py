"""Data and a small network for the tests of files."""

import numpy as np

from skfastgrnn import FastGRNNClassifier

X = np.random.default_rng(0).standard_normal((40, 5, 3))
y = (X[:, -1, 0] > 0).astype(int)


def quick(cls=FastGRNNClassifier, **params):
    params = {"hidden_size": 3, "max_iter": 2, "n_iter_no_change": np.inf, **params}
    return cls(**{"random_state": 0, **params})


def a_function(epoch):
    return 1.0
