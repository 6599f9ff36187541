"""Small networks for UCI HAR in integers: how they are trained, on what, and how they are scored.

Every choice was made by cross-validation over the people of the training part: five folds, each of
which holds out a fifth of the people. `docs/accuracy_per_byte.rst` lists what was tried. The test
part is looked at once, after the last fit.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier
from skfastgrnn.compression import Compression, quantize, size_report
from skfastgrnn.preprocessing import SequenceStandardScaler

from .har_inputs import AllSensors
from .har_teacher import Lesson, lesson
from .har_windows import windows

SEEDS = range(5)
#: Weight of the teacher in the loss.
OF_TEACHER = 0.5
#: Passes over the perturbed and the original windows together.
N_EPOCHS = 17
#: Activities of the second class of HAR-2.
SECOND = (1, 3, 5)
#: Every so many windows show the ranges that integers need.
CALIBRATION_STEP = 10
#: Weights are rounded in the last third of the epochs.
FOUR_BITS = Compression(bits=4)


class Data(NamedTuple):
    """Windows to learn from, and test windows."""

    lesson: Lesson
    X_test: np.ndarray
    y_test: np.ndarray


@cache
def data_of(folder):
    """Read the set, and teach; a minute, once in a process."""
    arrays = np.load(folder / "uci_har.npz")
    test = windows(arrays, "test")
    return Data(lesson(windows(arrays, "train")), test.X, test.y)


def with_channels(data, channels):
    """For students of some channels; their teacher has used all of them."""
    return Data(
        data.lesson._replace(X=data.lesson.X[..., channels]),
        data.X_test[..., channels],
        data.y_test,
    )


@cache
def of_all_sensors(folder, hidden_size):
    """Integer models of six activities, one for each of `SEEDS`, which two topics score."""
    learned = data_of(folder).lesson
    return [trained(student(AllSensors(), hidden_size, seed), learned) for seed in SEEDS]


def student(inputs, hidden_size, seed, *, compression=FOUR_BITS, n_epochs=N_EPOCHS):
    """A pipeline to train: what it reads, scaled, and a network."""
    network = FastGRNNClassifier(
        hidden_size, compression=compression, max_iter=n_epochs, random_state=seed
    )
    return make_pipeline(inputs, SequenceStandardScaler(), network)


def fitted(pipeline, learned):
    """The pipeline, fitted to a lesson."""
    distilled = DistilledFastGRNN(None, pipeline, temperature=1.0, alpha=OF_TEACHER)
    return distilled.fit(learned.X, learned.y, teacher_proba=learned.proba).student_


def converted(pipeline, learned):
    """A fitted pipeline in integers."""
    return quantize(pipeline, learned.X[::CALIBRATION_STEP])


def trained(pipeline, learned):
    """Both."""
    return converted(fitted(pipeline, learned), learned)


def six(model, data):
    """Accuracy and macro F1 of six activities."""
    found = model.predict(data.X_test)
    return np.mean(found == data.y_test), f1_score(data.y_test, found, average="macro")


def two(model, data):
    """Accuracy on HAR-2 of a model of six activities."""
    found = model.predict(data.X_test)
    return np.mean(np.isin(found, SECOND) == np.isin(data.y_test, SECOND))


def n_bytes(model):
    """All that a device stores."""
    return size_report(model).total
