"""to_c: a fitted model as C."""

from typing import Any

from ._c_float import float_source
from ._c_integer import integer_source
from ._c_model import CModel
from ._device import device_model
from ._names import check_name


def to_c(model: Any, name: str = "model") -> CModel:
    """Translate a fitted model to C99 that needs nothing but ``<stdint.h>``.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted estimator, which computes in single precision on a device, one in integers, as
        :func:`skfastgrnn.compression.quantize` makes it, or a Pipeline of a scaler that can be
        folded into its input and one of them.

    name : str, default="model"
        What the names of functions and files begin with: an identifier of C, and no header of it
        such as "signal".

    Returns
    -------
    CModel
        Source and header, and predictions of the compiled program.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is something else.
    ValueError
        If a device cannot compute it: it is bidirectional, a step in front of the network cannot
        be folded into its input, or a weight is too large for single precision; or if `name` is no
        identifier of C, a keyword, or the name of one of its headers.

    See Also
    --------
    skfastgrnn.compression.quantize : Converts a fitted model to integers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import quantize
    >>> from skfastgrnn.export import to_c
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8)  # 8 steps of 8 pixels
    >>> model = FastGRNNClassifier(16, max_iter=5, random_state=0).fit(X, y)
    >>> exported = to_c(quantize(model, X), name="digits")
    >>> "void digits_step(digits_state *state" in exported.header
    True
    """
    check_name(name)
    carried = device_model(model)
    make = integer_source if carried.is_integer else float_source
    source, header = make(carried, name)
    return CModel(carried, name, source, header)
