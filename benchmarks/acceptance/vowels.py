"""JapaneseVowels, sequences of 7 to 29 steps: accuracy, and time beside a packed ``nn.GRU``."""

import os
import time
from contextlib import contextmanager
from statistics import median

import numpy as np
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import SequenceStandardScaler

from ..workloads import Workload
from .promises import at_least

try:
    import torch

    from .. import peer_torch, peer_torch_ragged
except ModuleNotFoundError:
    torch = None

SEEDS = range(5)
LEAST_ACCURACY = 0.97
#: How many times as long the GRU takes for the same number of epochs.
LEAST_RATIO = 20
#: Of the classifier and of the GRU. The default, "auto", is 8 for so few sequences.
BATCH_SIZES = {"auto": 8, 32: 32}


def run(data):
    """Plain defaults and an explicit batch size of 32, each beside the GRU of the same size."""
    arrays = np.load(data / "JapaneseVowels.npz")
    train, test = part(arrays, "train"), part(arrays, "test")
    with one_core():
        kept = [trained(train, test, batch_size) for batch_size in BATCH_SIZES]
    return all(kept)


def part(arrays, name):
    """Sequences as a list of arrays (length, 12), and their speakers."""
    ends = np.cumsum(arrays[f"X_{name}_lengths"])
    return np.split(arrays[f"X_{name}_values"], ends[:-1]), arrays[f"y_{name}"]


def trained(train, test, batch_size):
    """Both train in turn, seed by seed, on one thread.

    The time of the classifier is that of the pipeline, scaling included; that of the GRU is its
    training alone, on sequences that are scaled and padded already.
    """
    title = f"JapaneseVowels, batch_size={batch_size!r}:"
    models, times, grus, gru_times = [], [], [], []
    for seed in SEEDS:
        model = make_pipeline(
            SequenceStandardScaler(), FastGRNNClassifier(batch_size=batch_size, random_state=seed)
        )
        times.append(seconds(model.fit, *train))
        models.append(model)
        if torch is not None:
            grus.append(GRU(model, *train, BATCH_SIZES[batch_size], seed))
            gru_times.append(seconds(grus[-1].train))
    kept = accurate(title, [model.score(*test) for model in models], promised=batch_size == "auto")
    n_epochs = median(model[-1].n_iter_ for model in models)
    print(f"{title} one fit, {n_epochs} epochs: {median(times):.3g} s on one thread")
    if torch is None:
        print(f"{title} no GRU to compare with: PyTorch is not installed")
        return kept
    accuracy = np.mean([gru.score(*test) for gru in grus])
    print(f"{title} packed nn.GRU: {median(gru_times):.3g} s, mean test accuracy {accuracy:.4f}")
    return faster(title, gru_times, times) and kept


def accurate(title, scores, promised):
    """Report the mean test accuracy; the promise is about plain defaults."""
    what, each = f"{title} mean test accuracy", ", ".join(f"{score:.4f}" for score in scores)
    if promised:
        return at_least(what, np.mean(scores), LEAST_ACCURACY, f" ({each})")
    print(f"{what} {np.mean(scores):.4g} ({each})")
    return True


def faster(title, gru_times, times):
    """Compare the times of each seed."""
    ratios = [gru_time / time for gru_time, time in zip(gru_times, times, strict=True)]
    return at_least(
        f"{title} time of the GRU over ours",
        median(ratios),
        LEAST_RATIO,
        f" ({min(ratios):.0f} to {max(ratios):.0f})",
    )


class GRU:
    """A packed ``nn.GRU`` of the size and number of epochs of a fitted pipeline."""

    def __init__(self, pipeline, X, y, batch_size, seed):
        torch.set_num_threads(1)
        self.scaler, model = pipeline
        workload = Workload(
            "vowels",
            n_timesteps=max(map(len, X)),
            n_channels=model.n_channels_,
            hidden_size=model.hidden_size,
            n_classes=len(model.classes_),
            batch_size=batch_size,
            n_samples=len(X),
        )
        self.module = peer_torch_ragged.PackedGRU(workload, seed)
        self.data = peer_torch_ragged.Ragged(self.scaler.transform(X), y)
        self.batch_size, self.n_epochs = batch_size, model.n_iter_

    def train(self):
        """Train as in the benchmarks."""
        peer_torch.train(self.module, lambda: self.data.epoch(self.batch_size), self.n_epochs)

    def score(self, X, y):
        """Accuracy."""
        data = peer_torch_ragged.Ragged(self.scaler.transform(X), y)
        inputs, labels = data.rows(data.lengths.argsort(descending=True))
        with torch.inference_mode():
            return (self.module(*inputs).argmax(1) == labels).double().mean().item()


def seconds(function, *arguments):
    """Processor time of a call: what it takes on a core of its own."""
    started = time.process_time()
    function(*arguments)
    return time.process_time() - started


@contextmanager
def one_core():
    """Pin this process to one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
