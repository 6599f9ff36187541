"""Scalers that are one affine function for each channel."""

from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from ..estimators import FastGRNNClassifier, FastGRNNRegressor
from ..preprocessing import SequenceMinMaxScaler, SequenceRobustScaler, SequenceStandardScaler
from ._other_models import advice, named

OURS = (SequenceMinMaxScaler, SequenceRobustScaler, SequenceStandardScaler)
SKLEARNS = (MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler)


class NotFoldable(ValueError):
    """A step that is not one affine function for each channel; the message says why."""


class Affine(NamedTuple):
    """``(x - center) / scale`` of each channel, float64 (n_channels,)."""

    center: np.ndarray
    scale: np.ndarray


#: Of any number of channels.
IDENTITY = Affine(np.zeros(1), np.ones(1))


def check_scaler(scaler):
    """Refuse a step that is no affine scaler, whatever it is fitted on."""
    name = type(scaler).__name__
    if not isinstance(scaler, (*OURS, *SKLEARNS)):
        known = ", ".join(sorted(cls.__name__ for cls in (*OURS, *SKLEARNS)))
        raise NotFoldable(f"{name} is not a scaler that can be folded: these are {known}.")
    if getattr(scaler, "clip", False):
        raise NotFoldable(f"{name} clips, which is not affine; set clip=False.")
    if getattr(scaler, "per", "channel") != "channel":
        raise NotFoldable(f"{name} has other statistics in each time step. Use per='channel'.")


def affine_of(scaler, network):
    """What a fitted scaler in front of a fitted estimator does to each channel.

    Raises
    ------
    NotFoldable
        If that is not the same function in every step, or not an affine one.
    """
    name = type(scaler).__name__
    check_scaler(scaler)
    check_is_fitted(scaler)
    fitted = getattr(scaler, "scaler_", scaler)  # scikit-learn's, with the statistics
    if getattr(fitted, "clip", False):
        raise NotFoldable(f"{name} clips, which is not affine; set clip=False.")
    n_values, n_channels = fitted.n_features_in_, network.n_channels_
    if isinstance(scaler, OURS):
        is_per_channel = scaler.n_channels_ == n_channels == n_values
    else:
        is_per_channel = n_values == n_channels
    if not is_per_channel:
        raise NotFoldable(
            f"{name} has {n_values} statistics for {n_channels} channels, which are not one for "
            "each channel in all time steps. Use a scaler of skfastgrnn.preprocessing with "
            "per='channel', and the same n_timesteps as the network."
        )
    return checked(*center_and_scale(fitted, n_channels), name)


def center_and_scale(fitted, n_channels):
    """Of scikit-learn's fitted scaler."""
    center, scale = np.zeros(n_channels), np.ones(n_channels)
    if isinstance(fitted, MinMaxScaler):
        return -fitted.min_ / fitted.scale_, 1 / fitted.scale_
    if fitted.scale_ is not None and getattr(fitted, "with_std", True):
        scale = fitted.scale_
    if isinstance(fitted, StandardScaler) and fitted.with_mean:
        center = fitted.mean_
    if isinstance(fitted, RobustScaler) and fitted.with_centering:
        center = fitted.center_
    return np.asarray(center, np.float64), np.asarray(scale, np.float64)


def checked(center, scale, name):
    """An Affine of finite numbers."""
    bad = ~(np.isfinite(center) & np.isfinite(scale) & (scale != 0))
    if bad.any():
        raise NotFoldable(
            f"{name} has no finite center and scale of channel {np.flatnonzero(bad)[0]}."
        )
    return Affine(center, scale)


def last_and_steps(model):
    """What a model ends in, and the steps in front of it as (name, step) pairs.

    A distilled model is its student, which may be a Pipeline.
    """
    steps = []
    while not isinstance(model, type):
        if isinstance(model, Pipeline):
            steps += [pair for pair in model.steps[:-1] if pair[1] not in (None, "passthrough")]
            model = model.steps[-1][1]
        elif hasattr(model, "strip_teacher"):
            model = model.strip_teacher()
        else:
            break
    return model, steps


def network_and_steps(model, function):
    """The fitted network of a model, and the fitted steps in front of it as (name, step) pairs.

    `function` is the name that a TypeError begins with.
    """
    last, steps = last_and_steps(model)
    if isinstance(last, type) or not isinstance(last, FastGRNNClassifier | FastGRNNRegressor):
        raise TypeError(
            f"{function} needs a fitted FastGRNNClassifier or FastGRNNRegressor, or a Pipeline "
            f"that ends in one; got {named(last, model)}.{advice(last)}"
        )
    check_is_fitted(last)
    return last, steps


def last_name(model):
    """The name of the last step of a Pipeline, or of a network that gets into one."""
    return model.steps[-1][0] if isinstance(model, Pipeline) else "network"


#: What an estimator knows of the form of X.
READING = ("n_features_in_", "n_channels_", "_reads_sequences", "feature_names_in_")


def read_like(estimator, scaler, network):
    """Let an estimator read what a fitted scaler, or None, in front of a fitted network reads."""
    first = network if scaler is None else scaler
    for name in READING:
        vars(estimator).pop(name, None)
        if hasattr(first, name):
            setattr(estimator, name, getattr(first, name))
        elif name != "feature_names_in_":  # scikit-learn's scalers know of columns only
            setattr(estimator, name, getattr(network, name))
