"""best_under: the best candidate of a search within a budget of bytes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from .._validation._printing import plain


@dataclass(frozen=True)
class BestUnder:
    """What `best_under` returns: a `refit` callable."""

    max_bytes: float
    score: str | None = None
    n_bytes: str = "neg_n_bytes"

    def __post_init__(self):
        for name in ("score", "n_bytes"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (name == "score" and value is None):
                raise TypeError(f"{name} must be the name of a metric; got {plain(value)!r}.")
        number = self.max_bytes
        if not isinstance(number, Real) or isinstance(number, bool | np.bool_):
            raise TypeError(f"max_bytes must be a number of bytes; got {plain(number)!r}.")
        if not number > 0:
            raise ValueError(f"max_bytes must be above 0; got {plain(number)!r}.")

    def __reduce__(self):
        """Pickles name the public function."""
        return partial(best_under, score=self.score, n_bytes=self.n_bytes), (self.max_bytes,)

    def __call__(self, cv_results):
        """Index of the best candidate of `cv_results_` that is small enough."""
        _, scores, sizes = scores_and_sizes(cv_results, self.score, self.n_bytes, "best_under")
        usable = np.isfinite(scores) & np.isfinite(sizes)
        if not usable.any():
            raise ValueError(
                "best_under found no candidate with a score and a size that are finite: every fit "
                "or its scoring failed. Set error_score='raise' to see the error."
            )
        small = usable & (sizes <= self.max_bytes)
        if not small.any():
            smallest = np.argmin(np.where(usable, sizes, np.inf))
            raise ValueError(
                f"No candidate has at most {self.max_bytes:g} bytes: the smallest has "
                f"{sizes[smallest]:g}, with the parameters {_params(cv_results, smallest)}. Allow "
                "more bytes, or search smaller models."
            )
        if "iter" in cv_results:  # of a halving search: scores of different resources differ
            iteration = np.asarray(cv_results["iter"])
            small &= iteration == iteration[small].max()
        best = small & (scores == scores[small].max())
        return int(np.argmin(np.where(best, sizes, np.inf)))


def best_under(max_bytes: float, *, score: str | None = None, n_bytes: str = "neg_n_bytes") -> Any:
    """Make a `refit` callable that selects the best candidate of at most `max_bytes` bytes.

    For :class:`~sklearn.model_selection.GridSearchCV` and
    :class:`~sklearn.model_selection.RandomizedSearchCV`. Among the candidates whose models are
    small enough in every split, it selects that with the highest mean test score, and of equally
    good ones the smallest.

    scikit-learn passes only `cv_results_` to such a callable, so the search has to measure sizes as
    a metric beside the score: see :func:`neg_n_bytes_scorer`.

    Parameters
    ----------
    max_bytes : float
        Largest size of a model, in bytes.

    score : str, default=None
        Name of the metric to maximise. None: the only one beside the size.

    n_bytes : str, default="neg_n_bytes"
        Name of the metric that holds the negative size.

    Returns
    -------
    refit : callable
        Takes `cv_results_` and returns the `best_index_`. It can be pickled and compared.

    Raises
    ------
    TypeError
        If `max_bytes` is not a number, or `score` or `n_bytes` is not a string.
    ValueError
        If `max_bytes` is not above 0. The returned callable raises it if a metric is missing, and
        if no candidate is small enough; the error then gives the size of the smallest.

    See Also
    --------
    neg_n_bytes_scorer : Measures sizes in a search.

    Notes
    -----
    A search with several metrics and a `refit` callable has no score of its own in scikit-learn:
    ``search.score`` raises a KeyError. Use ``search.best_estimator_.score``.

    The halving searches of scikit-learn ignore a `refit` callable. Their `cv_results_` can be
    passed to the callable afterwards; it then compares the small candidates of the last iteration
    that has any.

    Examples
    --------
    >>> from skfastgrnn.compression import best_under
    >>> cv_results = {
    ...     "params": [{"hidden_size": 4}, {"hidden_size": 8}, {"hidden_size": 16}],
    ...     "mean_test_score": [0.81, 0.93, 0.97],
    ...     "mean_test_neg_n_bytes": [-424, -1000, -2536],
    ... }
    >>> best_under(2000)(cv_results)
    1
    """
    return BestUnder(max_bytes, score, n_bytes)


def scores_and_sizes(cv_results, score, n_bytes, caller):
    """Name of the score, mean test scores and sizes in bytes of all candidates.

    The size of a candidate is the largest of its splits.

    Raises
    ------
    TypeError
        If `cv_results` is not a mapping of columns.
    ValueError
        If a metric is missing, or it is not clear which one is the score.
    """
    if not isinstance(cv_results, Mapping):
        raise TypeError(
            f"{caller} needs cv_results_ of a search, a dict of arrays; got "
            f"{type(cv_results).__name__}."
        )
    prefix = "mean_test_"
    metrics = [name.removeprefix(prefix) for name in cv_results if name.startswith(prefix)]
    if n_bytes not in metrics:
        raise ValueError(
            f"{caller} finds no metric {n_bytes!r} among those of the search "
            f"({', '.join(map(repr, metrics)) or 'none'}). Measure sizes in the search: "
            f"scoring={{'score': 'accuracy', {n_bytes!r}: "
            "skfastgrnn.compression.neg_n_bytes_scorer}, with your own metric in place of "
            "'accuracy'."
        )
    others = [name for name in metrics if name != n_bytes]
    if score is None and len(others) != 1:
        raise ValueError(
            f"{caller} needs the name of the score: the search has "
            f"{', '.join(map(repr, others)) or 'no metric'} beside {n_bytes!r}. "
            + (f"Pass score={others[0]!r}, for example." if others else "Add one to scoring.")
        )
    score = others[0] if score is None else score
    if score not in others:
        raise ValueError(
            f"{caller} finds no metric score={score!r} beside {n_bytes!r}; the search has "
            f"{', '.join(map(repr, others)) or 'no other'}."
        )
    splits = [
        cv_results[name]
        for name in cv_results
        if re.fullmatch(rf"split\d+_test_{re.escape(n_bytes)}", name)
    ]
    columns = splits or [cv_results[prefix + n_bytes]]
    sizes = -np.min([np.asarray(column, dtype=float) for column in columns], axis=0)
    if (sizes < 0).any():
        raise ValueError(
            f"The metric {n_bytes!r} has values above 0, so it is not the negative size that "
            "skfastgrnn.compression.neg_n_bytes_scorer returns."
        )
    return score, np.asarray(cv_results[prefix + score], dtype=float), sizes


def _params(cv_results, index):
    """Parameters of a candidate, as text."""
    return plain(cv_results["params"][index]) if "params" in cv_results else f"of row {index}"
