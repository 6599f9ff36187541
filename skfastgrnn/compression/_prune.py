"""prune: a fitted estimator without its smallest weights."""

from functools import partial
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, validate_params

from .._validation._dataclasses import Choice
from ..estimators._fitted import with_compression
from ..network import BLOCK_SIZES, named_views
from ..training import Phases, n_nonzero, number_kept
from ._fitted import compression_of, fitted_network

DENSITY = [Interval(Real, 0, 1, closed="right"), None]


@validate_params(
    {
        "estimator": "no_validation",
        "density_w": DENSITY,
        "density_u": DENSITY,
        "block_size": [Choice(Integral, set(BLOCK_SIZES)), None],
    },
    prefer_skip_nested_validation=True,
)
def prune(
    estimator: Any,
    density_w: float | None = None,
    density_u: float | None = None,
    *,
    block_size: int | None = None,
) -> Any:
    """Set the smallest weights of W and U of a fitted estimator to zero.

    The predictions change; to train the weights that are left, fit the result with
    ``warm_start=True``: those that are zero stay zero.

    Parameters
    ----------
    estimator : FastGRNNClassifier or FastGRNNRegressor
        Fitted; it is not changed.
    density_w, density_u : float or None, default=None
        Share of weights, in (0, 1], that are kept: the largest ones of each matrix, or of each of
        its factors. None leaves the matrix as it is.
    block_size : {1, 2, 4, 8} or None, default=None
        Number of consecutive weights of a row that are kept or dropped together. None is that of
        the estimator's `compression`, or 1.

    Returns
    -------
    FastGRNNClassifier or FastGRNNRegressor
        A fitted estimator, whose `compression` has the densities.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is not one of these two.
    ValueError
        If no density is given, or more weights of a matrix are zero already than the density says.

    See Also
    --------
    Compression : Chooses the weights to keep in training, which finds better ones.
    low_rank : Factorises the matrices.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import prune
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8) / 16
    >>> model = FastGRNNClassifier(16, max_iter=30, random_state=0).fit(X, y)
    >>> sparse = prune(model, density_u=0.25)
    >>> float(np.mean(sparse.params_["U"] != 0))
    0.25
    >>> tuned = sparse.set_params(warm_start=True).fit(X, y)
    >>> float(np.mean(tuned.params_["U"] != 0))
    0.25
    """
    fitted_network(estimator)
    given = {"density_w": density_w, "density_u": density_u, "block_size": block_size}
    given = {name: value for name, value in given.items() if value is not None}
    if given.keys() <= {"block_size"}:
        raise ValueError("prune needs density_w or density_u; pass one of them.")
    compression = compression_of(estimator).set_params(**given)
    return with_compression(estimator, compression, change=partial(pruned, compression))


def pruned(compression, network, parameters):
    """Parameters (P,) of a network with as many zeros as its compression says."""
    phases = Phases.of(compression, network, None)
    parts, size = named_views(network, parameters), compression.block_size
    for tensor, density in phases.densities:
        matrix = parts[tensor.name]
        wanted, there = number_kept(matrix, density, size), n_nonzero(matrix, size)
        if there < wanted:
            raise ValueError(
                f"{tensor.name} has only {there} groups of weights that are not zero, fewer than "
                f"the {wanted} of a density of {density}. Lower the density, or fit with "
                "Compression, which lets weights grow again."
            )
    return phases.completed(parameters, has_steps=False)
