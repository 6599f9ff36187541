"""device_model: what of a fitted model is carried to a device."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..compression import (
    QuantizedFastGRNNClassifier,
    QuantizedFastGRNNRegressor,
    fold_scaler,
)
from ..compression._affine import NotFoldable, affine_of, last_and_steps, read_like
from ..estimators import FastGRNNClassifier, FastGRNNRegressor
from ..estimators._fitted import bytes_of_fitted, computed_parts, network_of
from ..network import IntegerNetwork, Network

QUANTIZED = (QuantizedFastGRNNClassifier, QuantizedFastGRNNRegressor)
FLOAT = (FastGRNNClassifier, FastGRNNRegressor)


@dataclass(frozen=True, eq=False)
class DeviceModel:
    """A network and what its outputs mean.

    estimator : the fitted estimator that predicts the same and reads X, a scaler folded in
    network : IntegerNetwork or Network
    parts : dict of str -> float32 ndarray, the parameters of a Network that is computed in floats,
        whole matrices; None in integers
    kind : "classifier", "multilabel" or "regressor"
    classes : ndarray of the labels that outputs stand for; None for a regressor
    is_1d : whether a regressor predicts one number for each sequence, and not a row
    folded : name of the scaler's class that the network took over, or None
    """

    estimator: Any
    network: IntegerNetwork | Network
    parts: dict | None
    kind: str
    classes: np.ndarray | None
    is_1d: bool
    folded: str | None

    @property
    def is_integer(self):
        """Whether the network computes in integers."""
        return isinstance(self.network, IntegerNetwork)

    @property
    def bytes_by_part(self):
        """Bytes of all constants by what they hold: see `network.SIZE_PARTS`."""
        if self.is_integer:
            return self.network.bytes_by_part
        return bytes_of_fitted(self.estimator)

    @property
    def n_channels(self):
        """Of a step."""
        return self.network.n_channels

    @property
    def n_outputs(self):
        """Of the head: 1 for two classes."""
        return self.network.n_outputs


def device_model(model, function="to_c"):
    """The `DeviceModel` of a fitted estimator or Pipeline.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is something else; the message begins with the name of the `function`.
    ValueError
        If a device cannot compute it, or a step in front of the network cannot be folded.
    """
    last, steps = last_and_steps(model)
    if isinstance(last, type) or not isinstance(last, (*QUANTIZED, *FLOAT)):
        named = f"the class {last.__name__}" if isinstance(last, type) else type(last).__name__
        where = "" if last is model else "a Pipeline that ends in "
        raise TypeError(
            f"{function} needs a fitted FastGRNNClassifier or FastGRNNRegressor, one in integers, "
            f"or a Pipeline that ends in one; got {where}{named}. Of a search pass best_estimator_."
        )
    check_is_fitted(last)
    is_integer = isinstance(last, QUANTIZED)
    if not is_integer and network_of(last).bidirectional:
        raise ValueError(
            f"{function} needs a network that reads its steps in order, as a device gets them; "
            "train with bidirectional=False."
        )
    folded = None
    if steps:
        folded = type(steps[-1][1]).__name__
        last = _folded(last, steps, function)
    network = last._integers if is_integer else network_of(last)
    return DeviceModel(
        estimator=last,
        network=network,
        parts=None if is_integer else _single_precision(last),
        kind=_kind(last),
        classes=getattr(last, "classes_", None),
        is_1d=getattr(last, "_y_is_1d", False),
        folded=folded,
    )


def _kind(estimator):
    if not hasattr(estimator, "classes_"):
        return "regressor"
    return "multilabel" if estimator._is_multilabel else "classifier"


def _single_precision(estimator):
    """The parameters by name that a fitted estimator computes with."""
    return {name: part.astype(np.float32) for name, part in computed_parts(estimator).items()}


def _folded(network, steps, function):
    """A copy of a fitted estimator that reads what the scaler in front of it reads.

    steps : (name, step) pairs in front of the network, of which only a scaler can be folded
    """
    name, scaler = steps[-1]
    try:
        affine = affine_of(scaler, network)
    except NotFoldable as error:
        raise ValueError(f"{_not_on_device(name, function)} {error}") from error
    if len(steps) > 1:
        raise ValueError(_not_on_device(steps[-2][0], function))
    if isinstance(network, FLOAT):
        return fold_scaler(Pipeline([(name, scaler), ("network", network)]))
    copied = deepcopy(network)
    integers = network._integers
    center, factor = (v.astype(np.float64) for v in (integers.input_center, integers.input_factor))
    copied._integers = replace(
        integers,
        input_center=(affine.center + affine.scale * center).astype(np.float32),
        input_factor=(factor / affine.scale).astype(np.float32),
    )
    read_like(copied, scaler, network)
    return copied


def _not_on_device(name, function):
    return (
        f"Step {name!r} of the pipeline is not computed on a device. Compute it there before the "
        f"network gets its input, and pass {function} the rest of the pipeline."
    )
