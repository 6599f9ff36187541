"""size_report: the bytes of a model, as a device stores them."""

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.validation import check_is_fitted

from ..estimators._fitted import bytes_of_fitted, network_of
from ..network import FLOAT, bytes_of_state, state_members
from ..preprocessing import (
    SequenceClipper,
    SequenceImputer,
    SequenceMinMaxScaler,
    SequenceReshaper,
    SequenceRobustScaler,
    SequenceStandardScaler,
    TemporalFeatures,
)
from ._affine import NotFoldable, affine_of, last_and_steps
from ._other_models import advice, named
from ._quantized import BaseQuantized

#: Attributes that a transformer computes with; None where a parameter turned one off.
STORED = {
    SequenceClipper: ("lower_", "upper_"),
    SequenceImputer: ("statistics_",),
    SequenceMinMaxScaler: ("scale_", "min_"),
    SequenceReshaper: (),
    SequenceRobustScaler: ("center_", "scale_"),
    SequenceStandardScaler: ("mean_", "scale_"),
    TemporalFeatures: (),
    FunctionTransformer: (),
    MaxAbsScaler: ("scale_",),
    MinMaxScaler: ("scale_", "min_"),
    RobustScaler: ("center_", "scale_"),
    StandardScaler: ("mean_", "scale_"),
}

DESCRIPTIONS = {
    "weights": "W and U of the cells, or their factors",
    "masks": "bitmaps or lists of the weights that are stored",
    "scales": "factors of rounded weights and states",
    "biases": "biases of the cells, ζ and ν",
    "layers": "addresses and sizes of several layers",
    "tables": "activation functions",
    "normaliser": "scaling of the channels",
    "head": "head and pooling: weights, scales, biases",
}
OF_STATE = "bytes of RAM for a sequence"


@dataclass(frozen=True)
class SizeReport:
    """Bytes of a model by what they hold, as :func:`size_report` returns them.

    Printed, it is a table; `to_dict` makes rows of a DataFrame.

    Parameters
    ----------
    weights : int, default=0
        W and U of the cells, or their factors: without those that are left out.

    masks : int, default=0
        Bitmaps or lists of the weights that are stored.

    scales : int, default=0
        Factors of rounded weights and of states.

    biases : int, default=0
        Biases of the cells, ζ and ν.

    layers : int, default=0
        Addresses and sizes of the arrays of several layers in integers, of a 32-bit processor.

    tables : int, default=0
        Activation functions.

    normaliser : int, default=0
        What earlier steps of a Pipeline store, such as mean and deviation of each channel.

    head : int, default=0
        Everything of the linear head and of pooling.

    state : int or None, default=None
        Bytes of RAM that the model in C keeps of a sequence, which are not part of the total; None
        if it needs the whole sequence, as with `bidirectional`.

    Attributes
    ----------
    total : int
        Sum of what is stored: all of them but `state`.

    Examples
    --------
    >>> from skfastgrnn.compression import SizeReport
    >>> report = SizeReport(weights=512, biases=136, head=680)
    >>> report.total
    1328
    >>> print(report)
    weights       512   39 %   W and U of the cells, or their factors
    biases        136   10 %   biases of the cells, ζ and ν
    head          680   51 %   head and pooling: weights, scales, biases
    total        1328          bytes
    """

    weights: int = 0
    masks: int = 0
    scales: int = 0
    biases: int = 0
    layers: int = 0
    tables: int = 0
    normaliser: int = 0
    head: int = 0
    state: int | None = None

    @property
    def total(self):
        """Bytes of the model."""
        return sum(getattr(self, name) for name in DESCRIPTIONS)

    def to_dict(self) -> dict[str, int | None]:
        """Bytes by what they hold, their total, and those of the state.

        Returns
        -------
        dict of str -> int or None
            The names of the fields, and "total". "state" may be None.
        """
        return {**asdict(self), "total": self.total}

    def _rows(self):
        """Name, bytes, share and description of what is not empty."""
        found = [(name, getattr(self, name)) for name in DESCRIPTIONS]
        rows = [
            (name, str(size), f"{size / self.total:.0%}".replace("%", " %"), DESCRIPTIONS[name])
            for name, size in found
            if size
        ]
        rows.append(("total", str(self.total), "", "bytes"))
        if self.state is not None:
            rows.append(("state", str(self.state), "", OF_STATE))
        return rows

    def __str__(self):
        return "\n".join(
            f"{name:<10} {size:>6} {share:>6}   {meaning}"
            for name, size, share, meaning in self._rows()
        )

    def _repr_html_(self):
        rows = "".join(
            "<tr>"
            f"<th style='text-align: left'>{name}</th>"
            f"<td style='text-align: right'>{size}</td>"
            f"<td style='text-align: right'>{share}</td>"
            f"<td style='text-align: left'>{escape(meaning)}</td>"
            "</tr>"
            for name, size, share, meaning in self._rows()
        )
        return f"<table>{rows}</table>"


def size_report(model: Any) -> SizeReport:
    """Count the bytes of a fitted model, as a device stores them.

    A float model is stored in single precision, 4 bytes a parameter, also if it was trained in
    double precision. One that was trained with `bits` is counted in integers, as :func:`quantize`
    makes it, which takes over a scaler in front; networks that it refuses are counted in the same
    way. A matrix with dropped weights, which are 0, is stored as the others and a bitmap, if that
    is shorter. The state is what a model in C keeps between the steps of a sequence. Code and the
    stack depend on the compiler: :func:`skfastgrnn.export.emulate` measures them.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted FastGRNNClassifier or FastGRNNRegressor, one in integers, a distilled one, whose
        student is counted, or a fitted Pipeline that ends in one. Its other steps may be
        transformers of `skfastgrnn.preprocessing`, scalers of scikit-learn, a FunctionTransformer
        of a function of NumPy such as ``np.log1p``, which stores nothing, or transformers that have
        `n_bytes_`, the number of bytes that they store.

    Returns
    -------
    report : SizeReport

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is something else, or has a step whose bytes are unknown.

    See Also
    --------
    neg_n_bytes_scorer : The total as a metric of a search.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import size_report
    >>> from skfastgrnn.preprocessing import SequenceStandardScaler
    >>> X, y = load_digits(return_X_y=True)
    >>> model = make_pipeline(
    ...     SequenceStandardScaler(), FastGRNNClassifier(8, max_iter=5, random_state=0)
    ... )
    >>> print(size_report(model.fit(X.reshape(-1, 8, 8), y)))
    weights       512   51 %   W and U of the cells, or their factors
    biases         72    7 %   biases of the cells, ζ and ν
    normaliser     64    6 %   scaling of the channels
    head          360   36 %   head and pooling: weights, scales, biases
    total        1008          bytes
    state          64          bytes of RAM for a sequence
    """
    last, steps = last_and_steps(model)
    if isinstance(last, type) or not hasattr(type(last), "n_bytes_"):
        raise TypeError(
            "size_report needs a fitted FastGRNNClassifier or FastGRNNRegressor, or a Pipeline "
            f"that ends in one; got {named(last, model)}.{advice(last)}"
        )
    check_is_fitted(last)
    sizes = dict(last.bytes_by_part_) if isinstance(last, BaseQuantized) else bytes_of_fitted(last)
    if steps and not isinstance(last, BaseQuantized) and network_of(last).bits is not None:
        steps = _without_folded(steps, last)
    for name, step in steps:
        sizes["normaliser"] += _bytes_of_step(name, step)
    return SizeReport(**sizes, state=_bytes_of_state(last))


def neg_n_bytes_scorer(
    estimator: Any, X: Any = None, y: Any = None, sample_weight: Any = None
) -> float:
    """Negative number of bytes of a fitted model: a scorer for searches.

    It is negative because scorers of scikit-learn are the greater, the better. With it as the
    metric "neg_n_bytes" of a search, :func:`best_under` knows the size of every candidate.

    Parameters
    ----------
    estimator : estimator or Pipeline
        A fitted model of which `size_report` knows the size.

    X, y, sample_weight : Ignored
        Not used, present because scorers take them.

    Returns
    -------
    float
        Minus the total of `size_report`.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If `size_report` does not know it.

    See Also
    --------
    best_under : Selects the best candidate within a budget.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import best_under, neg_n_bytes_scorer
    >>> X, y = load_digits(return_X_y=True)
    >>> search = GridSearchCV(
    ...     FastGRNNClassifier(max_iter=10, n_timesteps=8, random_state=0),
    ...     {"hidden_size": [4, 8, 16]},
    ...     scoring={"accuracy": "accuracy", "neg_n_bytes": neg_n_bytes_scorer},
    ...     refit=best_under(1024),
    ...     cv=3,
    ... )
    >>> search.fit(X / 16, y).best_params_
    {'hidden_size': 8}
    >>> search.best_estimator_.n_bytes_
    944
    """
    return -float(size_report(estimator).total)


# Searches that are fitted with sample_weight ask this of each of several metrics.
neg_n_bytes_scorer._accept_sample_weight = lambda: True  # type: ignore[attr-defined]


def _bytes_of_state(last):
    """Bytes that a device keeps of a sequence, None if it needs the whole one."""
    if isinstance(last, BaseQuantized):
        return bytes_of_state(last._integers.state_members)
    network = network_of(last)
    return None if network.bidirectional else bytes_of_state(state_members(network))


def _without_folded(steps, network):
    """The steps of a Pipeline but for a scaler that a network in integers takes over."""
    *earlier, (_, scaler) = steps
    try:
        affine_of(scaler, network)
    except NotFoldable:
        return steps
    return earlier


def _bytes_of_step(name, step):
    """Bytes that a fitted transformer stores."""
    if step is None or isinstance(step, str):  # "passthrough"
        return 0
    if isinstance(step, Pipeline):
        return sum(_bytes_of_step(*inner) for inner in step.steps)
    if isinstance(step, FunctionTransformer) and not _stores_nothing(step):
        raise TypeError(
            f"size_report does not know what the function of step {name!r} stores on a device. "
            "Set n_bytes_ of the FunctionTransformer, the number of bytes; 0 if the function has "
            "no numbers of its own, or is not part of the model on the device."
        )
    known = [STORED[kind] for kind in type(step).__mro__ if kind in STORED]
    if hasattr(step, "n_bytes_"):
        return int(step.n_bytes_)
    if not known:
        raise TypeError(
            f"size_report does not know what a device stores of step {name!r}, "
            f"{type(step).__name__}. Give it an attribute n_bytes_, the number of bytes; 0 if it "
            "is not part of the model on the device."
        )
    arrays = [getattr(step, attribute) for attribute in known[0] if _is_used(step, attribute)]
    return FLOAT * sum(np.size(array) for array in arrays if array is not None)


def _stores_nothing(step):
    """Whether a FunctionTransformer is known to have no numbers of its own."""
    is_known = step.func is None or isinstance(step.func, np.ufunc)
    return hasattr(step, "n_bytes_") or (is_known and not step.kw_args)


def _is_used(step, attribute):
    """Whether a transformer computes with a statistic that it has."""
    return attribute != "mean_" or step.with_mean
