"""The exported C of models in integers beside Python, to the bit, by gcc and by clang.

All windows of UCI HAR (10 299) and as many adversarial ones, through the networks of `integers`.
"""

import os
import shutil

import numpy as np

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import quantize
from skfastgrnn.export import to_c

from .integers import MODELS
from .promises import less_than


def run(data):
    """Print how many windows differ, by model, compiler and kind of windows."""
    har = np.load(data / "uci_har.npz")
    X = np.concatenate([har["X_train"], har["X_test"]])
    rows = slice(None, None, 10)
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    kept = [less_than("compilers that are missing", 2 - len(compilers), 1)]
    before = os.environ.get("CC")
    for settings in MODELS:
        network = FastGRNNClassifier(24, max_iter=3, random_state=0, **settings)
        network.fit(har["X_train"][rows], har["y_train"][rows])
        model = quantize(network, har["X_train"][rows])
        for kind, windows in (("real", X), ("adversarial", adversarial(model, X.shape))):
            expected = model.decision_function(windows), model.predict(windows)
            for compiler in compilers:
                os.environ["CC"] = compiler
                exported = to_c(model)
                found = exported.decision_function(windows), exported.predict(windows)
                differs = (found[0] != expected[0]).any(axis=1) | (found[1] != expected[1])
                what = f"{settings or 'one dense layer'}, {compiler}, {len(X)} {kind} windows"
                kept.append(less_than(f"{what}: that differ", np.count_nonzero(differs), 1))
    os.environ.pop("CC", None)
    if before is not None:
        os.environ["CC"] = before
    return all(kept)


def adversarial(model, shape):
    """Windows at and beyond the ends of the range, next to halves, and of tiny and huge numbers.

    Some hold for several steps, so that states reach their ends.
    """
    rng, network = np.random.default_rng(0), model._integers
    integers = rng.choice([-99999, -32768, -32767, -1, 0, 1, 32766, 32767, 99999], shape)
    values = integers + rng.choice([0, 0.5, -0.5, 0.4999, 1e-6], shape)
    X = (network.input_center + values / network.input_factor).astype(np.float32)
    X[::3, 1:64] = X[::3, :1]
    X[1::4] = rng.choice(np.array([3e38, -3e38, 1e-45, 0, -0.0], np.float32), X[1::4].shape)
    return X
