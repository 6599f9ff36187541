"""What a training compresses: the ranks, densities and bits of the matrices, and when."""

from numbers import Integral, Real

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Options, StrOptions

from .._validation._dataclasses import Choice, Number, registered
from ..network import BLOCK_SIZES, LEVELS, largest_ranks

POSITIVE_INTEGER = Number(Integral, 1, None, closed="left")
DENSITY = Number(Real, 0, 1, closed="right")
FRACTION = Number(Real, 0, 1, closed="both")


@registered
class Compression(BaseEstimator):
    r"""Low rank, sparsity and rounding of a network, the `compression` of an estimator.

    Each of W and U, of every cell, can be a product of two factors of low rank. Each matrix, or
    factor, can have a given share of weights that are not zero. And all matrices, that of the head
    included, can be rounded to integers of few bits times a step for each row. What is None stays
    as it is; ``Compression()`` changes nothing.

    A fit with sparsity has three phases [1]_: at first all weights are trained; then only the
    largest ones are kept, again and again, while all may still grow (iterative hard thresholding,
    [2]_); at last those that are zero stay zero. With `bits` the last epochs train weights that are
    rounded in every forward pass [3]_. Early stopping and the best weights are judged only when
    support and rounding are final. Where a fit without compression would end since nothing is left
    to learn, the next phase begins; the fit ends where rounding leaves nothing to learn, either.

    Parameters
    ----------
    rank_w, rank_u : int or None, default=None
        Rank of W and of U: ``W = W1 @ W2`` with W1 (hidden_size, rank_w) and W2 (rank_w, inputs),
        ``U = U1 @ U2`` with U1 (hidden_size, rank_u) and U2 (rank_u, hidden_size). A cell that has
        no room for a rank, of few inputs, has the largest that it has room for. `fit` raises
        ValueError for a rank that no cell has room for.
    density_w, density_u : float or None, default=None
        Share of weights of W and of U, in (0, 1], that are kept: the ``round(density * size)``
        largest ones of each matrix, at least one. With a rank, of each of the two factors.
    bits : {4, 8} or None, default=None
        Bits of a weight: integers from -7 to 7 or from -127 to 127, times a step for each row of a
        matrix. Steps begin from the weights at that moment and are trained with them.
    block_size : {1, 2, 4, 8}, default=1
        Number of consecutive weights of a row that are kept or dropped together: those groups with
        the largest sums of squares. A device then stores one bit for each group; the last one of a
        row may be smaller. The densities are those of groups.
    init : {'svd', 'random'}, default='svd'
        What factors begin from. 'svd' fits a dense network first, for as many epochs, with the same
        validation and no callbacks, and takes the best factors of its W and U; it is not in
        `history_`. 'random' draws the factors, which takes half the time.
    dense_fraction : float or None, default=None
        Share of the epochs of a fit, in [0, 1], before the first threshold. None means 0.2, and 0
        where factors begin from a dense fit, which is that phase.
    threshold_fraction : float, default=0.2
        Share of the epochs, in [0, 1], of the second phase. The rest, at least one epoch, trains
        the weights that are left.
    threshold_every : int, default=15
        Number of updates between two thresholds of the second phase; there is one at the end of
        each epoch in any case.
    rounded_fraction : float or None, default=None
        Share of the epochs, in (0, 1], at the end of a fit, that train rounded weights; at least
        one. None means 0.1 with 8 bits and 1/3 with 4.

    See Also
    --------
    low_rank : Factorises the matrices of a fitted estimator.
    prune : Removes the smallest weights of a fitted estimator.

    References
    ----------
    .. [1] A. Kusupati, M. Singh, K. Bhatia, A. Kumar, P. Jain, M. Varma, "FastGRNN: A Fast,
       Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network", NeurIPS 2018.
    .. [2] T. Blumensath, M. E. Davies, "Iterative Hard Thresholding for Compressed Sensing",
       Applied and Computational Harmonic Analysis 27, 2009.
    .. [3] S. K. Esser, J. L. McKinstry, D. Bablani, R. Appuswamy, D. S. Modha, "Learned Step Size
       Quantization", ICLR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import Compression
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8) / 16
    >>> compression = Compression(rank_u=4, density_w=0.5, bits=8)
    >>> model = FastGRNNClassifier(
    ...     hidden_size=16, compression=compression, max_iter=30, random_state=0
    ... ).fit(X, y)
    >>> model.params_["U1"].shape, model.params_["U2"].shape
    ((16, 4), (4, 16))
    >>> float(np.mean(model.params_["W"] != 0))
    0.5
    """

    _parameter_constraints = {
        "rank_w": [POSITIVE_INTEGER, None],
        "rank_u": [POSITIVE_INTEGER, None],
        "density_w": [DENSITY, None],
        "density_u": [DENSITY, None],
        "bits": [Options(Integral, set(LEVELS)), None],
        "block_size": [Choice(Integral, set(BLOCK_SIZES))],
        "init": [StrOptions({"svd", "random"})],
        "dense_fraction": [FRACTION, None],
        "threshold_fraction": [FRACTION],
        "threshold_every": [POSITIVE_INTEGER],
        "rounded_fraction": [Number(Real, 0, 1, closed="right"), None],
    }

    def __init__(
        self,
        rank_w=None,
        rank_u=None,
        density_w=None,
        density_u=None,
        *,
        bits=None,
        block_size=1,
        init="svd",
        dense_fraction=None,
        threshold_fraction=0.2,
        threshold_every=15,
        rounded_fraction=None,
    ):
        self.rank_w = rank_w
        self.rank_u = rank_u
        self.density_w = density_w
        self.density_u = density_u
        self.bits = bits
        self.block_size = block_size
        self.init = init
        self.dense_fraction = dense_fraction
        self.threshold_fraction = threshold_fraction
        self.threshold_every = threshold_every
        self.rounded_fraction = rounded_fraction


# Also where a file is loaded and the public module is not imported yet.
Compression.__module__ = "skfastgrnn.compression"


def check_compression(compression):
    """Refuse parameters that are out of their range, whatever the network."""
    if compression is None:
        return
    compression._validate_params()
    if (compression.dense_fraction or 0) + compression.threshold_fraction > 1:
        raise ValueError(
            f"dense_fraction={compression.dense_fraction} and "
            f"threshold_fraction={compression.threshold_fraction} of Compression are more than all "
            "epochs together; lower one of them."
        )


def begins_dense(compression, network):
    """Whether a network has factors that begin from a dense fit."""
    has_factors = network.rank_w is not None or network.rank_u is not None
    return has_factors and compression.init == "svd"


def dense_fraction(compression, network):
    """The share of epochs before the first threshold."""
    if compression.dense_fraction is not None:
        return compression.dense_fraction
    return 0.0 if begins_dense(compression, network) else 0.2


def rounded_fraction(compression):
    """The share of epochs that train rounded weights."""
    if compression.rounded_fraction is not None:
        return compression.rounded_fraction
    return 0.1 if compression.bits == 8 else 1 / 3


def check_ranks(compression, network):
    """Refuse a rank that no cell of a network has room for."""
    if compression is None:
        return
    for name, largest in largest_ranks(network).items():
        rank = getattr(compression, name)
        if rank is not None and rank > largest:
            raise ValueError(
                f"{name}={rank} of Compression is larger than any rank of "
                f"{name[-1].upper()} with hidden_size={network.hidden_size} and "
                f"{network.n_channels} channel(s): the largest is {largest}. Lower it, or set it "
                "to None for a matrix without factors."
            )
