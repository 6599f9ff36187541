"""Students of 8 and 16 units with and without teachers, on ten data sets.

All of them have the defaults of their estimators, behind `SequenceStandardScaler`. A cell is a
data set, a size, a teacher and a share of labels: the mean accuracy of five seeds on the test part,
less that of the same students alone. With a tenth of the labels (at least two of each class), the
student alone learns from those, and the distilled one from the other rows, too. Every cell is
printed.

Each teacher is asked out of fold and calibrated once, as `DistilledFastGRNN` does in every fit; its
students get the result as probabilities from outside.
"""

from functools import partial

import numpy as np
from scipy.special import softmax
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier
from skfastgrnn.distillation._folds import splits_by_class
from skfastgrnn.distillation._soft_targets import calibration_of, soft_targets_out_of_fold
from skfastgrnn.distillation._teachers import Teacher
from skfastgrnn.preprocessing import SequenceStandardScaler

from .datasets import Split, available
from .promises import at_least, less_than

SETS = (
    "JapaneseVowels",
    "digits",
    "breast cancer",
    "MNIST, 1000 rows",
    "Crop",
    "DistalPhalanxTW",
    "DistalPhalanxOutlineCorrect",
    "digits, pixels",
    "FaceAll",
    "ECG5000",
)
#: So many training and test rows are drawn of each: it takes minutes, and a tenth is few labels.
N_TRAIN, N_TEST = 250, 1000
SEEDS = range(5)
SIZES = (8, 16)
#: Least mean gain in points with all labels, and with a tenth of them.
LEAST_GAIN = {1.0: 1.0, 0.1: 3.0}
#: No cell may lose so many points.
LARGEST_LOSS = 3.0
#: No more than this share of the cells may lose half a point.
MOST_LOSING = 0.2


def run(data):
    """Print all cells, then what is promised of them."""
    gains = {share: [] for share in LEAST_GAIN}
    for split in map(smaller, available(data, SETS)):
        for share, found in gains.items():
            found += cells(split, share)
    kept = []
    for share, found in gains.items():
        what = f"Distilled less alone, {share:.0%} of the labels, {len(found)} cells"
        losing = np.mean(np.array(found) < -0.5)
        kept += [
            at_least(f"{what}, mean points", np.mean(found), LEAST_GAIN[share]),
            at_least(f"{what}, the worst", np.min(found), -LARGEST_LOSS),
            less_than(f"{what}, share below -0.5 points", losing, MOST_LOSING + 1e-9),
        ]
    return all(kept)


def teachers():
    """A large network, five middle-sized ones that vote, and a forest of summaries."""
    networks = [(str(seed), FastGRNNClassifier(32, random_state=seed)) for seed in range(5)]
    return {
        "FastGRNN of 100": FastGRNNClassifier(100, random_state=0),
        "five FastGRNN": VotingClassifier(networks, voting="soft"),
        "forest": make_pipeline(
            FunctionTransformer(summaries), RandomForestClassifier(300, random_state=0)
        ),
    }


def cells(split, share):
    """Print accuracies, mean and standard deviation over the seeds; return the gains in points."""
    scaler = SequenceStandardScaler().fit(split.X_train)
    X_train, X_test = scaler.transform(split.X_train), scaler.transform(split.X_test)
    known = rows_with_labels(split.y_train, share)
    hidden = np.full_like(split.y_train, -1)
    hidden[known] = split.y_train[known]
    X_known, y_known = rows_of(X_train, known), split.y_train[known]
    score = partial(accuracy, X_test, split.y_test)
    alone = {
        size: [
            score(FastGRNNClassifier(size, random_state=seed).fit(X_known, y_known))
            for seed in SEEDS
        ]
        for size in SIZES
    }
    gains = []
    for who, teacher in teachers().items():
        teacher.fit(X_known, y_known)
        soft, temperature = soft_targets(teacher, X_train, hidden, known)
        for size in SIZES:
            distilled = [
                score(
                    DistilledFastGRNN(
                        None, FastGRNNClassifier(size, random_state=seed), temperature=1
                    ).fit(X_train, hidden, teacher_proba=soft)
                )
                for seed in SEEDS
            ]
            gains.append(100 * (np.mean(distilled) - np.mean(alone[size])))
            print(
                f"{split.name} ({split.shape}), {len(known)} labels, {who} {score(teacher):.3f} at "
                f"temperature {temperature:.2f}, {size} units: alone {shown(alone[size])}, "
                f"distilled {shown(distilled)}, {gains[-1]:+.1f}",
                flush=True,
            )
    return gains


def soft_targets(teacher, X, labels, known):
    """Calibrated probabilities (n_samples, n_classes) of a fitted teacher, and the temperature."""
    asked = Teacher(teacher, "predict_proba", np.unique(labels[known]))
    splits = splits_by_class(None, None, None, labels[known], {})
    soft = soft_targets_out_of_fold(asked, X, labels, known, splits, params={}, n_jobs=None)
    calibration = calibration_of(soft, labels, None)
    return softmax(calibration.of(soft.logits), axis=1), calibration.temperature


def smaller(split):
    """The same set with `N_TRAIN` and `N_TEST` rows at most, drawn by class where it trains."""
    X_train, y_train, X_test, y_test = split.X_train, split.y_train, split.X_test, split.y_test
    if len(y_train) > N_TRAIN:
        kept, _ = train_test_split(
            np.arange(len(y_train)), train_size=N_TRAIN, stratify=y_train, random_state=0
        )
        X_train, y_train = rows_of(X_train, kept), y_train[kept]
    kept = np.random.default_rng(0).permutation(len(y_test))[:N_TEST]
    return Split(split.name, X_train, y_train, rows_of(X_test, kept), y_test[kept])


def rows_with_labels(y, share):
    """Rows of every class, drawn at random, at least two of each."""
    rng = np.random.default_rng(0)
    rows = [rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y)]
    return np.sort(np.concatenate([r[: max(2, round(share * len(r)))] for r in rows]))


def rows_of(X, rows):
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows]


def accuracy(X, y, model):
    return np.mean(model.predict(X) == y)


def shown(scores):
    """Mean ± standard deviation."""
    return f"{np.mean(scores):.3f} ± {np.std(scores):.3f}"


def summaries(X):
    """Moments, range, quartiles and jumps of each channel, and the moments of eighths, as rows."""
    return np.array([summary(np.asarray(x, dtype=np.float64)) for x in X])


def summary(x):
    """Those of one sequence (n_timesteps, n_channels)."""
    jumps = np.abs(np.diff(x, axis=0, append=x[-1:]))
    whole = [x.mean(0), x.std(0), x.min(0), x.max(0), *np.quantile(x, [0.25, 0.5, 0.75], axis=0)]
    starts = np.arange(8) * len(x) // 8
    ends = np.maximum(starts + 1, [*starts[1:], len(x)])
    parts = [x[start:end] for start, end in zip(starts, ends, strict=True)]
    return np.concatenate([*whole, jumps.mean(0), *(f(0) for p in parts for f in (p.mean, p.std))])
