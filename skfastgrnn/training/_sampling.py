"""Which rows an epoch trains on, where it is not each of them once."""

import numpy as np


def balanced_rows(labels, weights, rows, rng):
    """Draw as many rows as there are, every class as often as any other on average.

    A row is drawn by drawing a class, then one of its rows, all with the same probability and with
    replacement: random oversampling of small classes and undersampling of large ones [1]_. Weights
    do not change probabilities, since they still multiply the loss and would count twice. Rows
    of zero weight are left out, and with them classes that have no others: they would take the
    places of rows with weight.

    Parameters
    ----------
    labels : ndarray of shape (n_sequences,), int
        The class of each sequence.
    weights : ndarray of shape (n_sequences,), or None
        At least 0; None means ones.
    rows : ndarray of shape (n_rows,), intp
        Those to draw from.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n_rows,), intp

    Raises
    ------
    ValueError
        If all rows have zero weight.

    References
    ----------
    .. [1] H. He, E. A. Garcia, "Learning from Imbalanced Data", IEEE Transactions on Knowledge and
       Data Engineering 21(9), 2009.
    """
    candidates = rows if weights is None else rows[weights[rows] != 0]
    if len(candidates) == 0:
        raise ValueError(f"All {len(rows)} samples to train on have zero weight.")
    by_class = candidates[np.argsort(labels[candidates], kind="stable")]
    _, first, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    drawn = rng.integers(len(counts), size=len(rows))
    return by_class[first[drawn] + rng.integers(counts[drawn])]
