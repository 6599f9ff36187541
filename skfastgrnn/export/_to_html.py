"""to_html: a page in which a fitted model runs."""

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from ._device import device_model
from ._html_page import HTMLPage, page_text, stored_network


def to_html(
    model: Any,
    channels: Any = None,
    labels: Any = None,
    *,
    title: str | None = None,
    rate: float | None = None,
    example: Any = None,
) -> HTMLPage:
    """Make a page in which a model in integers runs, on a phone or a computer.

    The page is one file that loads nothing. Its JavaScript computes the integers that Python and
    the C source compute, to the bit, on numbers that are pasted, drawn or read from the sensors of
    a phone, and shows the channels, the hidden state and the predictions step by step.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted estimator in integers, as :func:`skfastgrnn.compression.quantize` makes it, or a
        Pipeline of a scaler that can be folded into its input and one of them.

    channels : sequence of str, default=None
        Names of the channels. None means those of the DataFrames in `fit`, or "channel 1" and so
        on.

    labels : sequence of str, default=None
        Names of the classes in the order of `classes_`, of the labels of a multilabel model, or of
        the numbers that a regressor predicts. None means `classes_`, or "output 1" and so on.

    title : str, default=None
        Heading of the page. None means the name of the estimator's class.

    rate : float, default=None
        Steps per second of the sequences. Motion sensors and drawn paths are resampled to it, and
        it is the speed of playing. None means that each event of a sensor is a step.

    example : array-like of shape (n_timesteps, n_channels), default=None
        A sequence that the page shows when it is opened.

    Returns
    -------
    HTMLPage
        With the text as `html`, and `save`.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is something else, or computes in floating point: :func:`~skfastgrnn.compression.\
quantize` it first.
    ValueError
        If a step in front of the network cannot be folded into its input; if there are not as many
        `channels` or `labels` as the model has, or some are the same; if `rate` is not positive, or
        `example` is no sequence that the model reads.

    See Also
    --------
    skfastgrnn.compression.quantize : Converts a fitted model to integers.
    to_c : Translates a fitted model to C.

    Notes
    -----
    Browsers read motion sensors only in pages that come by https, from this computer, or, in some
    of them, from a file.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import quantize
    >>> from skfastgrnn.export import to_html
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8)  # 8 steps of 8 pixels
    >>> model = FastGRNNClassifier(16, max_iter=5, random_state=0).fit(X, y)
    >>> page = to_html(quantize(model, X), title="Digits", example=X[0])
    >>> page.html.startswith("<!doctype html>")
    True
    """
    carried = device_model(model, "to_html")
    if not carried.is_integer:
        raise TypeError(
            "to_html needs a model in integers, which the page computes; got "
            f"{type(carried.estimator).__name__}. Pass it through quantize first."
        )
    network = carried.network
    channels = _names(channels, _channels_of(carried), "channels")
    labels = _names(labels, _labels_of(carried), "labels")
    if rate is not None:
        is_rate = isinstance(rate, Real) and not isinstance(rate, bool)
        if not is_rate or not 0 < rate < np.inf:
            raise ValueError(f"rate must be a positive number of steps per second, got {rate!r}.")
        rate = float(rate)
    if example is not None:
        example = _example(example, network.n_channels)
    if title is None:
        title = type(carried.estimator).__name__.removeprefix("Quantized")
    return HTMLPage(
        page_text(
            {
                "title": str(title),
                "about": _about(carried),
                "kind": carried.kind,
                "channels": channels,
                "labels": labels,
                "rate": rate,
                "example": example,
                "network": stored_network(network),
            }
        )
    )


def _channels_of(carried):
    """Names of the channels by default."""
    names = getattr(carried.estimator, "feature_names_in_", ())
    if len(names) == carried.n_channels:
        return [str(name) for name in names]
    return [f"channel {i + 1}" for i in range(carried.n_channels)]


def _labels_of(carried):
    """What the page names predictions by default."""
    if carried.kind != "regressor":
        return [str(label) for label in carried.classes]
    if carried.n_outputs == 1:
        return ["Prediction"]
    return [f"output {i + 1}" for i in range(carried.n_outputs)]


def _names(given, default, argument):
    """The names that were given, of which there must be as many as by default."""
    if given is None:
        return default
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValueError(f"{argument} must be a list of names, got {given!r}.")
    names = [str(name) for name in given]
    if len(names) != len(default):
        raise ValueError(
            f"{argument} has {len(names)} names, but the model has {len(default)}: {default}."
        )
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{argument} has the name {repeated!r} more than once.")
    return names


def _example(example, n_channels):
    """Rows of a sequence, in as few digits as are the same in float32."""
    rows = check_array(example, dtype=np.float64, input_name="example")
    if rows.shape[1] != n_channels:
        raise ValueError(
            f"example has {rows.shape[1]} channels, but the model reads {n_channels}; pass one "
            "sequence of shape (n_timesteps, n_channels)."
        )
    largest = np.finfo(np.float32).max
    single = np.clip(rows, -largest, largest).astype(np.float32)
    return [[float(str(value)) for value in row] for row in single]


def _about(carried):
    """A line on the model's size."""
    network = carried.network
    layers = "" if len(network.cells) == 1 else f"{len(network.cells)} layers of "
    units = "unit" if network.hidden_size == 1 else "units"
    n_bytes = sum(network.bytes_by_part.values())
    return f"FastGRNN of {layers}{network.hidden_size} {units} in {n_bytes} bytes"
