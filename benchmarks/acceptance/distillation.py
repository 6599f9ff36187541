"""Students of 8 and 16 units with and without teachers, on digits, HAR-6 and JapaneseVowels.

Every teacher is asked out of fold, once; all students of a data set have the same settings, with
and without a teacher. Every cell is printed, also those that the teacher makes worse.
"""

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier
from skfastgrnn.preprocessing import SequenceStandardScaler

from .promises import at_least
from .vowels import part

SEEDS = range(5)
SIZES = (8, 16)
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)
LEAST_GAIN = 0.0
LEAST_SHARE_OF_CELLS = 2 / 3
#: Of students that know a tenth of the labels and ask the teacher for the rest.
LEAST_GAIN_OF_UNLABELED = 0.02


def run(data):
    """The table of all cells, then HAR-6 with a tenth of the labels."""
    gains = [gain for name in DATA_SETS for gain in cells(name, data)]
    kept = [
        at_least("Distilled less alone, mean over all cells:", np.mean(gains), LEAST_GAIN),
        at_least(
            "Share of cells in which distilled beats alone:",
            np.mean(np.array(gains) > 0),
            LEAST_SHARE_OF_CELLS,
        ),
        a_tenth_of_the_labels(data),
    ]
    return all(kept)


def digits(data):
    """8 steps of 8 channels."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X.reshape(-1, 8, 8) / 16, y, stratify=y, random_state=0)


def activities(data):
    """128 steps of 9 channels, scaled."""
    arrays = np.load(data / "uci_har.npz")
    scaler = SequenceStandardScaler().fit(arrays["X_train"])
    X_train, X_test = (
        scaler.transform(arrays[name]).astype(np.float32) for name in ("X_train", "X_test")
    )
    return X_train, X_test, arrays["y_train"], arrays["y_test"]


def vowels(data):
    """7 to 29 steps of 12 channels, scaled."""
    arrays = np.load(data / "JapaneseVowels.npz")
    (X_train, y_train), (X_test, y_test) = part(arrays, "train"), part(arrays, "test")
    scaler = SequenceStandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_test), y_train, y_test


#: How each is read, and the epochs of students and of recurrent teachers: some ten thousand updates
#: of the former.
DATA_SETS = {
    "digits": (digits, 300, 100),
    "HAR-6": (activities, 60, 40),
    "JapaneseVowels": (vowels, 300, 100),
}


def rows(X):
    """Sequences as rows, of all steps; shorter ones end in zeros."""
    if isinstance(X, np.ndarray):
        return X.reshape(len(X), -1)
    padded = np.zeros((len(X), 29, X[0].shape[1]))
    for i, sequence in enumerate(X):
        padded[i, : len(sequence)] = sequence
    return padded.reshape(len(X), -1)


def teachers(max_iter):
    """A forest on flattened rows, a larger network, and five middle-sized ones that vote."""
    networks = [
        (f"seed {seed}", FastGRNNClassifier(32, max_iter=max_iter, random_state=seed))
        for seed in range(5)
    ]
    return {
        "ExtraTrees": make_pipeline(
            FunctionTransformer(rows), ExtraTreesClassifier(200, random_state=0)
        ),
        "FastGRNN of 100": FastGRNNClassifier(100, max_iter=max_iter, random_state=0),
        "five FastGRNN": VotingClassifier(networks, voting="soft"),
    }


def student(size, seed, max_iter):
    """Trained to the end of a falling rate."""
    return FastGRNNClassifier(
        size,
        learning_rate="cosine",
        max_iter=max_iter,
        n_iter_no_change=np.inf,
        early_stopping=False,
        random_state=seed,
    )


def cells(name, data):
    """Print accuracies, mean and standard deviation over the seeds; answer the gains."""
    read, epochs, teacher_epochs = DATA_SETS[name]
    X_train, X_test, y_train, y_test = read(data)
    alone = {
        size: [
            student(size, seed, epochs).fit(X_train, y_train).score(X_test, y_test)
            for seed in SEEDS
        ]
        for size in SIZES
    }
    gains = []
    for who, teacher in teachers(teacher_epochs).items():
        soft = cross_val_predict(teacher, X_train, y_train, cv=FOLDS, method="predict_proba")
        accuracy = clone(teacher).fit(X_train, y_train).score(X_test, y_test)
        for size in SIZES:
            distilled = [
                DistilledFastGRNN(None, student(size, seed, epochs))
                .fit(X_train, y_train, teacher_proba=soft)
                .score(X_test, y_test)
                for seed in SEEDS
            ]
            gains.append(np.mean(distilled) - np.mean(alone[size]))
            print(
                f"{name}, {who} {accuracy:.4f}, {size} units: alone {shown(alone[size])}, "
                f"distilled {shown(distilled)}, {gains[-1]:+.4f}",
                flush=True,
            )
    return gains


def shown(scores):
    """Mean ± standard deviation."""
    return f"{np.mean(scores):.4f} ± {np.std(scores):.4f}"


def a_tenth_of_the_labels(data):
    """The teacher learns from a tenth of HAR-6, the student from its opinion of the rest, too."""
    read, epochs, _ = DATA_SETS["HAR-6"]
    X_train, X_test, y_train, y_test = read(data)
    teacher = make_pipeline(
        FunctionTransformer(summaries), ExtraTreesClassifier(300, random_state=0)
    )
    alone, distilled = [], []
    for seed in SEEDS:
        known, _ = train_test_split(
            np.arange(len(y_train)), train_size=0.1, stratify=y_train, random_state=seed
        )
        y_known = np.full_like(y_train, -1)
        y_known[known] = y_train[known]
        model = student(16, seed, 10 * epochs)  # as many updates
        alone.append(model.fit(X_train[known], y_train[known]).score(X_test, y_test))
        # Temperature 1: what a forest finds improbable is mostly noise.
        model = DistilledFastGRNN(teacher, student(16, seed, epochs), temperature=1)
        distilled.append(model.fit(X_train, y_known).score(X_test, y_test))
    return at_least(
        "HAR-6 with a tenth of the labels, distilled less alone:",
        np.mean(distilled) - np.mean(alone),
        LEAST_GAIN_OF_UNLABELED,
        f" (alone {shown(alone)}, distilled {shown(distilled)})",
    )


def summaries(X):
    """Mean, spread, range, jumps and the lower spectrum of each channel, as rows."""
    X = np.asarray(X, dtype=np.float64)
    centered = X - X.mean(axis=1, keepdims=True)
    spectrum = np.log1p(np.abs(np.fft.rfft(centered, axis=1)[:, 1:17]))
    return np.hstack(
        [
            X.mean(axis=1),
            X.std(axis=1),
            X.min(axis=1),
            X.max(axis=1),
            np.median(X, axis=1),
            np.abs(np.diff(X, axis=1)).mean(axis=1),
            spectrum.reshape(len(X), -1),
        ]
    )
