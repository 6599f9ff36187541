"""Augmentations as parameters: lists of them, bad values, copies."""

import copy
import pickle
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from helpers.augmentation import EACH, Own, each
from sklearn.base import BaseEstimator, clone

from skfastgrnn import augmentation
from skfastgrnn.augmentation import (
    ChannelDrop,
    Jitter,
    Scaling,
    TimeMask,
    TimeShift,
    checked_augmentations,
)


def test_none_or_a_list():
    for nothing in (None, [], ()):
        assert checked_augmentations(nothing) == ()
    own = Own(np.copy)
    assert checked_augmentations([Jitter(), own]) == (Jitter(), own)
    assert checked_augmentations((own,))[0] is own


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (Jitter(0.5), r"got Jitter: write augment=\[Jitter\(std=0.5, p=1.0\)\]"),
        (Jitter, r"must be None or a list of augmentations.*got type\."),
        ("jitter", r"must be None or a list of augmentations.*got str\."),
        ({Jitter()}, r"must be None or a list of augmentations.*got set\."),
        ([Jitter(), TimeMask], r"augment\[1\] is the class TimeMask; .*: TimeMask\(\.\.\.\)"),
        ([Jitter(), "mask"], r"augment\[1\] is not an augmentation, but 'mask': it needs a method"),
        ([None], r"augment\[0\] is not an augmentation, but None"),
        ([[Jitter()]], r"augment\[0\] is not an augmentation, but \[Jitter\("),
    ],
)
def test_what_is_no_list_of_augmentations(augment, message):
    with pytest.raises(TypeError, match=message):
        checked_augmentations(augment)


OUT_OF_RANGE = {
    "std": [-0.1, np.inf, np.nan, "0.1", None, True],
    "p": [-0.1, 1.1, np.nan, "1", None, True, np.True_],
    "per": ["step", None, 1],
    "fraction": [-0.1, 1.1, np.nan, None, False],
    "n_masks": [0, -1, 1.0, None, True, 10_001],
    "value": [np.inf, -np.inf, np.nan, None, "0"],
    "max_steps": [0, -1, 2.0, None, True],
}
KINDS = [Jitter, Scaling, TimeMask, ChannelDrop, TimeShift]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, f.name, bad) for kind in KINDS for f in fields(kind) for bad in OUT_OF_RANGE[f.name]],
)
def test_bad_parameters(kind, name, value):
    required = {"max_steps": 3} if kind is TimeShift else {}
    message = f"The '{name}' parameter of {kind.__name__} must be "
    with pytest.raises(ValueError, match=message) as error:
        kind(**{**required, name: value})
    assert isinstance(error.value, TypeError)  # as scikit-learn's


@each
def test_small_objects(augment):
    for same in (pickle.loads(pickle.dumps(augment)), copy.deepcopy(augment)):
        assert same == augment
        assert hash(same) == hash(augment)
    assert eval(repr(augment), vars(augmentation).copy()) == augment
    assert sum(augment == other for other in EACH.values()) == 1
    name = fields(augment)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(augment, name, 1)


def test_numbers_of_numpy_become_plain_ones():
    augment = TimeMask(np.float64(0.5), np.int8(2), np.float32(0.5), np.int64(3))
    assert repr(augment) == "TimeMask(fraction=0.5, n_masks=2, p=0.5, value=3.0)"
    assert augment == TimeMask(0.5, 2, 0.5, 3.0)


def test_as_a_parameter_of_an_estimator():
    class Estimator(BaseEstimator):
        def __init__(self, augment=None):
            self.augment = augment

    estimator = Estimator([Jitter(), TimeShift(3)])
    assert clone(estimator).augment == estimator.augment
    assert "Jitter(std=0.05, p=1.0), TimeShift(max_steps=3, p=1.0)" in " ".join(
        repr(estimator).split()
    )
