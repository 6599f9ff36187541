"""What is trained on: a data set, a part of it held out, two of them put together."""

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from ..network import Loss, SequenceBatch, Targets


class DataSet(NamedTuple):
    """Which rows of some sequences to look at, what they should give, and by which loss."""

    sequences: SequenceBatch
    targets: Targets
    loss: Loss
    rows: np.ndarray

    @classmethod
    def of_all(cls, sequences, targets, loss):
        """Every sequence."""
        return cls(sequences, targets, loss, np.arange(len(sequences)))


def hold_out(data, fraction, *, shuffled_by):
    """Split the rows of a data set into a training and a validation part.

    With a generator in `shuffled_by` the validation part is drawn at random, stratified by label
    where there are labels; a class of a single sample then stays in the training part. With None it
    is the tail.

    Parameters
    ----------
    data : DataSet
    fraction : float
        Share of the validation part, in (0, 1).
    shuffled_by : numpy.random.Generator or None

    Returns
    -------
    training, validation : DataSet
    """
    n_rows = len(data.rows)
    n_held_out = int(np.ceil(fraction * n_rows))
    if n_held_out >= n_rows:
        raise ValueError(
            f"validation_fraction={fraction} of {n_rows} samples leaves none to train on; lower "
            "it or set early_stopping=False."
        )
    if shuffled_by is None:
        training, held_out = np.split(data.rows, [n_rows - n_held_out])
    elif data.targets.labels is None:
        held_out, training = np.split(shuffled_by.permutation(data.rows), [n_held_out])
    else:
        training, held_out = stratified_split(data, fraction, n_held_out, shuffled_by)
    weights = data.targets.weights
    for part, what in ((held_out, "held out by"), (training, "left to train on by")):
        if weights is not None and not weights[part].any():
            raise ValueError(
                f"The {len(part)} samples {what} validation_fraction={fraction} all have zero "
                "weight; pass X_val, or set early_stopping=False."
            )
    return data._replace(rows=training), data._replace(rows=held_out)


def stratified_split(data, fraction, n_held_out, rng):
    """Training and held-out rows, every class in both as far as it goes."""
    _, labels = np.unique(data.targets.labels[data.rows], return_inverse=True)
    alone = np.bincount(labels)[labels] == 1
    n_classes, n_trained = len(np.unique(labels[~alone])), np.sum(~alone) - n_held_out
    if n_classes == 0:
        raise ValueError(
            f"{n_held_out} of {len(labels)} samples cannot be held out for validation: none of "
            "their classes has more than one sample. Set early_stopping=False."
        )
    if min(n_held_out, n_trained) < n_classes:
        raise ValueError(
            f"validation_fraction={fraction} splits {len(labels)} samples into {n_held_out} to "
            f"hold out and {len(labels) - n_held_out} to train on; each part must have room for "
            f"all {n_classes} classes of more than one sample. Change it, or set "
            "early_stopping=False."
        )
    training, held_out = train_test_split(
        data.rows[~alone],
        test_size=n_held_out,
        stratify=labels[~alone],
        random_state=int(rng.integers(2**31)),
    )
    return np.sort(np.concatenate([training, data.rows[alone]])), held_out


def concatenated(first, second):
    """All rows of two data sets, one after the other."""
    a, b = first.sequences, second.sequences
    sequences = SequenceBatch(
        np.concatenate([a.values, b.values]),
        np.concatenate([a.starts, len(a.values) + b.starts]),
        np.concatenate([a.lengths, b.lengths]),
    )
    targets = first.targets
    for name in ("labels", "values"):
        if getattr(targets, name) is not None:
            both = [getattr(part.targets, name) for part in (first, second)]
            targets = targets._replace(**{name: np.concatenate(both)})
    if targets.weights is not None or second.targets.weights is not None:
        weights = [
            np.ones(len(part.sequences), a.values.dtype)
            if part.targets.weights is None
            else part.targets.weights
            for part in (first, second)
        ]
        targets = targets._replace(weights=np.concatenate(weights))
    return DataSet.of_all(sequences, targets, first.loss)
