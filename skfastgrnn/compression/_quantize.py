"""quantize: a fitted model in integers."""

from typing import Any

from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline

from ._affine import NotFoldable, affine_of, last_name, network_and_steps
from ._quantized import QuantizedFastGRNNClassifier, QuantizedFastGRNNRegressor


def quantize(model: Any, X_calibration: Any, *, bits: int | None = None) -> Any:
    """Convert a fitted model to one that computes in integers only.

    Weights have 8 or 4 bits and a scale for each row, inputs and states 16 bits. The documentation
    (:doc:`/integers`) describes the arithmetic, which is exactly that of the C source for
    microcontrollers.

    Parameters
    ----------
    model : FastGRNNClassifier, FastGRNNRegressor or Pipeline
        A fitted estimator, a distilled one, of which the student is converted, or a Pipeline that
        ends in one. A scaler directly in front of the network that has one center and one scale for
        each channel is folded into the input, see :func:`fold_scaler`.

    X_calibration : array-like
        What `model` predicts, such as the training sequences: inputs, states and products with
        factors of low rank get twice the range that they have here. What lies beyond saturates. A
        UserWarning is given of fewer than 64 time steps, of outliers that leave few integers to all
        else, and of channels in other units than those that the scaler was fitted on.

    bits : {8, 4}, default=None
        Bits of a weight. None means those that the network was trained with, otherwise 8. Weights
        that were trained with few bits are taken over without any loss; others are rounded to the
        nearest multiples of a step of their row, chosen for the least squared error.

    Returns
    -------
    QuantizedFastGRNNClassifier, QuantizedFastGRNNRegressor or Pipeline
        Fitted; behind the steps of the Pipeline that could not be folded, if there are any.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is something else, or X_calibration is None.
    ValueError
        If there is no such network in integers: it is bidirectional, or its gate is not between 0
        and 1, or its weights or states are too large; if `bits` are not those that it was trained
        with; if X_calibration is constant, or is not what the model predicts.

    See Also
    --------
    QuantizedFastGRNNClassifier : Trains and converts in one `fit`.
    size_report : Counts the bytes of either.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import quantize
    >>> from skfastgrnn.preprocessing import SequenceStandardScaler
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8)  # 8 steps of 8 pixels
    >>> model = make_pipeline(
    ...     SequenceStandardScaler(), FastGRNNClassifier(16, max_iter=30, random_state=0)
    ... ).fit(X[:1000], y[:1000])
    >>> quantized = quantize(model, X[:1000])
    >>> type(quantized).__name__, quantized.n_bytes_, model[-1].n_bytes_
    ('QuantizedFastGRNNClassifier', 872, 2352)
    >>> bool(abs(quantized.score(X[1000:], y[1000:]) - model.score(X[1000:], y[1000:])) < 0.01)
    True
    """
    network, steps = network_and_steps(model, "quantize")
    if X_calibration is None:
        raise TypeError(
            "quantize needs sequences as X_calibration, which show the range of inputs and states; "
            "got None. Pass training sequences: quantize(model, X_train)."
        )
    affine, unfitted = None, clone(network)
    if steps:
        name, scaler = steps[-1]
        try:
            affine = affine_of(scaler, network)
        except NotFoldable:
            pass
        else:
            unfitted = Pipeline([(name, clone(scaler)), (last_name(model), unfitted)])
            steps = steps[:-1]
    kind = QuantizedFastGRNNClassifier if is_classifier(network) else QuantizedFastGRNNRegressor
    quantized = kind(unfitted, bits=bits)
    quantized._validate_params()
    for _, step in steps:
        X_calibration = step.transform(X_calibration)
    folded = None if affine is None else scaler
    quantized._convert(network, affine, folded, X_calibration, is_training=False)
    return Pipeline([*steps, (last_name(model), quantized)]) if steps else quantized
