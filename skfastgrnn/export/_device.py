"""device_model: what of a fitted model is carried to a device."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..compression import QuantizedFastGRNNClassifier, QuantizedFastGRNNRegressor
from ..compression._affine import IDENTITY, NotFoldable, affine_of, last_and_steps, read_like
from ..compression._other_models import advice, named
from ..estimators import FastGRNNClassifier, FastGRNNRegressor
from ..estimators._fitted import network_of
from ..network import IntegerNetwork, Network
from ._float_network import FloatNetwork, float_network

QUANTIZED = (QuantizedFastGRNNClassifier, QuantizedFastGRNNRegressor)
FLOAT = (FastGRNNClassifier, FastGRNNRegressor)


@dataclass(frozen=True, eq=False)
class DeviceModel:
    """A network and what its outputs mean.

    estimator : a fitted estimator that reads X as the model does, a scaler in front of it included
    network : IntegerNetwork or Network
    floats : FloatNetwork, the numbers of a Network that is computed in floats; None in integers
    kind : "classifier", "multilabel" or "regressor"
    classes : ndarray of the labels that outputs stand for; None for a regressor
    is_1d : whether a regressor predicts one number for each sequence, and not a row
    folded : name of the scaler's class that the network took over, or None
    """

    estimator: Any
    network: IntegerNetwork | Network
    floats: FloatNetwork | None
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
        return (self.network if self.is_integer else self.floats).bytes_by_part

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
        raise TypeError(
            f"{function} needs a fitted FastGRNNClassifier or FastGRNNRegressor, one in integers, "
            f"or a Pipeline that ends in one; got {named(last, model)}.{advice(last)}"
        )
    check_is_fitted(last)
    is_integer = isinstance(last, QUANTIZED)
    if not is_integer and network_of(last).bidirectional:
        raise ValueError(
            f"{function} needs a network that reads its steps in order, as a device gets them; "
            "train with bidirectional=False."
        )
    folded, affine = None, IDENTITY
    if steps:
        folded = type(steps[-1][1]).__name__
        affine = _affine(last, steps, function)
        last = _folded(last, steps[-1][1], affine)
    network = last._integers if is_integer else network_of(last)
    return DeviceModel(
        estimator=last,
        network=network,
        floats=None if is_integer else float_network(last, affine),
        kind=_kind(last),
        classes=getattr(last, "classes_", None),
        is_1d=getattr(last, "_y_is_1d", False),
        folded=folded,
    )


def _kind(estimator):
    if not hasattr(estimator, "classes_"):
        return "regressor"
    return "multilabel" if estimator._is_multilabel else "classifier"


def _affine(network, steps, function):
    """What the steps in front of a fitted estimator compute, of which only a scaler can be folded.

    steps : (name, step) pairs
    """
    name, scaler = steps[-1]
    try:
        affine = affine_of(scaler, network)
    except NotFoldable as error:
        raise ValueError(f"{_not_on_device(name, function)} {error}") from error
    if len(steps) > 1:
        raise ValueError(_not_on_device(steps[-2][0], function))
    return affine


def _folded(network, scaler, affine):
    """A copy of a fitted estimator that reads what the scaler in front of it reads.

    Its integers have the scaler in their input.
    """
    copied = deepcopy(network)
    if isinstance(network, QUANTIZED):
        integers = network._integers
        center, factor = (
            v.astype(np.float64) for v in (integers.input_center, integers.input_factor)
        )
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
