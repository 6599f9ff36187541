"""low_rank: the matrices of a fitted estimator as products of factors."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, validate_params

from ..estimators._fitted import computed_parts, network_of, with_compression
from ..network import by_kind
from ._fitted import compression_of, fitted_network

RANK = [Interval(Integral, 1, None, closed="left"), None]


@validate_params(
    {
        "estimator": "no_validation",
        "rank_w": RANK,
        "rank_u": RANK,
        "energy": [Interval(Real, 0, 1, closed="right"), None],
    },
    prefer_skip_nested_validation=True,
)
def low_rank(
    estimator: Any,
    rank_w: int | None = None,
    rank_u: int | None = None,
    energy: float | None = None,
) -> Any:
    """Factorise W and U of a fitted estimator.

    Each matrix becomes the product of two factors, of its singular value decomposition: the nearest
    matrix of that rank. The predictions change; to train the factors, fit the result with
    ``warm_start=True``.

    Parameters
    ----------
    estimator : FastGRNNClassifier or FastGRNNRegressor
        Fitted; it is not changed.
    rank_w, rank_u : int or None, default=None
        Rank of W and of U, in every cell that has room for it. None: as `energy` says, or without
        that the matrix stays as it is.
    energy : float or None, default=None
        Share of the sum of squared singular values, in (0, 1], that a rank must keep: of a matrix
        without a rank, the lowest one that does so in every cell. Where factors of that rank take
        as many bytes as there are, or more, the matrix stays as it is. A rank that is given is
        taken, whatever it costs.

    Returns
    -------
    FastGRNNClassifier or FastGRNNRegressor
        A fitted estimator, whose `compression` has the ranks, or a copy where no matrix was
        factorised. A matrix that has been factorised has
        no zeros any more, so the density of it is None.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is not one of these two.
    ValueError
        If neither a rank nor `energy` is given, or no cell has room for the rank.

    See Also
    --------
    Compression : Trains factors from the start.
    prune : Removes the smallest weights.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import low_rank
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8) / 16
    >>> model = FastGRNNClassifier(16, max_iter=30, random_state=0).fit(X, y)
    >>> smaller = low_rank(model, rank_u=4)
    >>> smaller.params_["U1"].shape, smaller.params_["U2"].shape
    ((16, 4), (4, 16))
    >>> tuned = smaller.set_params(warm_start=True).fit(X, y)
    >>> tuned.score(X, y) > 0.9
    True
    """
    fitted_network(estimator)
    ranks = {"rank_w": rank_w, "rank_u": rank_u}
    if energy is None and rank_w is None and rank_u is None:
        raise ValueError("low_rank needs rank_w, rank_u or energy; pass one of them.")
    if energy is not None:
        for name, rank in ranks.items():
            if rank is None:
                found = rank_of_energy(estimator, name[-1].upper(), energy)
                if with_ranks(estimator, {name: found}).n_bytes_ < estimator.n_bytes_:
                    ranks[name] = found
    return with_ranks(estimator, ranks)


def with_ranks(estimator, ranks):
    """A copy of a fitted estimator with other ranks, by name; None leaves a matrix as it is."""
    compression = compression_of(estimator)
    for name, rank in ranks.items():
        if rank is not None and rank != getattr(compression, name):
            compression.set_params(**{name: rank, f"density_{name[-1]}": None})
    return with_compression(estimator, compression)


def rank_of_energy(estimator, kind, energy):
    """The lowest rank that keeps a share of the squared singular values of W or U in every cell."""
    parts = computed_parts(estimator)
    ranks = []
    for (name, _), tensor in by_kind(network_of(estimator).dense).items():
        if name == kind:
            matrix = parts[tensor.name].astype(np.float64)
            squares = np.square(np.linalg.svd(matrix, compute_uv=False))
            kept = np.cumsum(squares)
            ranks.append(1 + int(np.argmax(kept >= energy * kept[-1])))
    return max(ranks)
