"""The defaults on all data sets, beside those of before and beside PyTorch's ``nn.GRU``.

Both networks have 32 units, and read sequences scaled by mean and standard deviation of the
training part. The GRU is trained as `gru` says, at two rates, of which the one with the better mean
test accuracy counts. This takes hours, most of them of the GRU: results are added to the file
defaults.jsonl, from which a run that was stopped goes on.
"""

import json
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import SequenceStandardScaler

from .datasets import available
from .promises import at_least

try:
    from . import gru
except ModuleNotFoundError:
    gru = None

RESULTS = "defaults.jsonl"
SEEDS = range(5)
#: Of the GRU on the full sets of HAR, where one takes it five minutes.
FEWER_SEEDS, MANY_STEPS = range(1), 500_000
LEAST_MEAN_GAIN, LEAST_GAIN = 0.01, -0.02
LEAST_SETS = 20


def before(n_rows):
    """The defaults of version 0.1, which held a fifth out from 2000 sequences on."""
    return {
        "learning_rate": "constant",
        "learning_rate_init": 0.012,
        "max_iter": 100,
        "n_iter_no_change": 10,
        "early_stopping": n_rows >= 2000,
    }


def run(data):
    """Print the table and answer whether the promises are kept."""
    done = Results(RESULTS)
    sets = sorted(available(data), key=n_steps)
    for split in sets:
        measure_ours(split, done)
    if gru is None:
        print("No nn.GRU to compare with: PyTorch is not installed")
        return False
    for split in sets:
        measure_gru(split, done)
    return report(sets, done)


def n_steps(split):
    return sum(map(len, split.X_train))


def measure_ours(split, done):
    """Both defaults, in turn, seed by seed."""
    for seed in SEEDS:
        for name, params in (("defaults", {}), ("before", before(len(split.y_train)))):
            if done.has(split.name, name, seed):
                continue
            model = make_pipeline(
                SequenceStandardScaler(), FastGRNNClassifier(random_state=seed, **params)
            )
            started = time.process_time()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(split.X_train, split.y_train)
            done.add(
                split.name,
                name,
                seed,
                seconds=time.process_time() - started,
                accuracy=model.score(split.X_test, split.y_test),
                n_epochs=model[-1].n_iter_,
                warned=sum(issubclass(one.category, ConvergenceWarning) for one in caught),
            )


def measure_gru(split, done):
    """Every rate, seed by seed."""
    scaler = SequenceStandardScaler().fit(split.X_train)
    X_train, X_test = scaler.transform(split.X_train), scaler.transform(split.X_test)
    for seed in FEWER_SEEDS if n_steps(split) > MANY_STEPS else SEEDS:
        for rate in gru.RATES:
            name = f"GRU {rate}"
            if done.has(split.name, name, seed):
                continue
            started = time.process_time()
            module = gru.trained(X_train, split.y_train, split.n_classes, rate=rate, seed=seed)
            seconds = time.process_time() - started
            accuracy = gru.accuracy(module, X_test, split.y_test)
            done.add(split.name, name, seed, seconds=seconds, accuracy=accuracy)


class Results:
    """Rows of a file in JSON lines, one a fit."""

    def __init__(self, path):
        self._path = path
        try:
            with open(path, encoding="utf-8") as file:
                self.rows = [json.loads(line) for line in file]
        except FileNotFoundError:
            self.rows = []

    def has(self, *key):
        return any((row["set"], row["name"], row["seed"]) == key for row in self.rows)

    def add(self, data_set, name, seed, **values):
        row = {"set": data_set, "name": name, "seed": seed, **values}
        self.rows.append(row)
        with open(self._path, "a", encoding="utf-8") as file:
            print(json.dumps(row), file=file)

    def of(self, data_set, name, value):
        """Values of all seeds."""
        return [row[value] for row in self.rows if (row["set"], row["name"]) == (data_set, name)]


def report(sets, done):
    """A line for each set, and the promises."""
    print(f"{'':28}{'shape':>18}  before defaults  GRU (rate)      gain  epochs   time  warned")
    gains = []
    for split in sets:
        rates = {
            rate: np.mean(values)
            for rate in gru.RATES
            if (values := done.of(split.name, f"GRU {rate}", "accuracy"))
        }
        ours = np.mean(done.of(split.name, "defaults", "accuracy"))
        old = np.mean(done.of(split.name, "before", "accuracy"))
        line = f"{split.name:28}{split.shape:>18}  {old:.3f}   {ours:.3f}"
        if len(rates) == len(gru.RATES):
            rate = max(rates, key=rates.get)
            gains.append(ours - rates[rate])
            line += f"     {rates[rate]:.3f} ({rate:g})  {100 * gains[-1]:+5.1f}"
        else:
            line += f"{'':22}"
        epochs = np.mean(done.of(split.name, "defaults", "n_epochs"))
        seconds = [sum(done.of(split.name, name, "seconds")) for name in ("defaults", "before")]
        warned = sum(done.of(split.name, "defaults", "warned"))
        print(f"{line}  {epochs:6.0f}  {seconds[0] / seconds[1]:5.1f}  {warned:6}", flush=True)
    kept = [
        at_least("Sets beside nn.GRU:", len(gains), LEAST_SETS),
        at_least("Defaults less nn.GRU, mean over the sets:", np.mean(gains), LEAST_MEAN_GAIN),
        at_least("Defaults less nn.GRU, worst set:", np.min(gains), LEAST_GAIN),
    ]
    return all(kept)
