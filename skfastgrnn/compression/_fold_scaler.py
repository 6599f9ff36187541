"""fold_scaler: a network without the scaler in front of it."""

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ..estimators._fitted import network_of
from ._affine import NotFoldable, affine_of, last_name, network_and_steps, read_like


def fold_scaler(pipeline: Any) -> Any:
    """Move the scaler in front of a network into its weights and biases.

    A scaler that computes ``(x - center) / scale`` in every channel, in front of a cell that
    computes W x, is the same as a cell with W / scale, and with W center / scale less in both
    biases.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; its last steps are a scaler with a center and a scale for each channel and a
        FastGRNNClassifier or FastGRNNRegressor. The scaler is a SequenceStandardScaler,
        SequenceMinMaxScaler without `clip` or SequenceRobustScaler with ``per="channel"``; where a
        step has as many channels as X has columns, one of scikit-learn's.

    Returns
    -------
    FastGRNNClassifier, FastGRNNRegressor or Pipeline
        A copy of the network that reads what the scaler read, behind the steps before the scaler,
        if there are any. Predictions agree with those of `pipeline` up to rounding, which is that
        of float32 if X was in `fit`. Trained further it learns otherwise, since weights of channels
        with small values are large.

    Raises
    ------
    NotFittedError
        If the pipeline is not fitted.
    TypeError
        If it does not end in a network.
    ValueError
        If there is no scaler in front of the network, or one that cannot be folded; or if the
        network was trained with few bits, whose weights are multiples of a step that other channels
        would change (:func:`quantize` folds the scaler of such a network into the input).

    See Also
    --------
    quantize : Folds a scaler, too.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import fold_scaler
    >>> from skfastgrnn.preprocessing import SequenceStandardScaler
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8)
    >>> model = make_pipeline(
    ...     SequenceStandardScaler(), FastGRNNClassifier(8, max_iter=5, random_state=0)
    ... ).fit(X, y)
    >>> folded = fold_scaler(model)
    >>> bool(np.allclose(folded.decision_function(X), model.decision_function(X)))
    True
    """
    estimator, steps = network_and_steps(pipeline, "fold_scaler")
    if not steps:
        raise ValueError(
            "fold_scaler needs a Pipeline with a scaler in front of the network; got "
            f"{type(estimator).__name__} without one."
        )
    *earlier, (name, scaler) = steps
    try:
        center, scale = affine_of(scaler, estimator)
    except NotFoldable as error:
        raise ValueError(f"Step {name!r} of the pipeline cannot be folded: {error}") from error
    if network_of(estimator).bits is not None:
        raise ValueError(
            "fold_scaler would change weights that were trained with few bits, and are multiples "
            "of a step. Use quantize, which folds the scaler into the input."
        )
    folded = deepcopy(estimator)
    fold(folded.params_, center, scale)
    read_like(folded, scaler, estimator)
    if not earlier:
        return folded
    return Pipeline([*earlier, (last_name(pipeline), folded)])


def fold(parts, center, scale):
    """Change parameters by name, in place, to those of a network of unscaled channels."""
    for ending in ("", "_reverse"):  # the cells of the first layer
        reads = "W" if f"W{ending}" in parts else "W2"
        if f"{reads}{ending}" not in parts:
            continue
        matrix = parts[f"{reads}{ending}"]
        scaled = matrix.astype(np.float64) / scale
        shift = scaled @ center
        if reads == "W2":
            shift = parts[f"W1{ending}"].astype(np.float64) @ shift
        matrix[...] = scaled
        for name in ("bias_gate", "bias_update"):
            parts[f"{name}{ending}"] -= shift
