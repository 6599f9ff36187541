"""Students of a distillation: networks, alone or at the end of a pipeline, and their samples."""

from contextlib import contextmanager
from inspect import signature
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse, vstack
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.metadata_routing import _routing_enabled, process_routing
from sklearn.utils.validation import _num_samples, has_fit_parameter

from .._validation._numbers import as_numbers, unmasked
from ..training import warn

#: Names of what belongs to a validation set.
VALIDATION = ("X_val", "y_val", "sample_weight_val")


def network_in(student, kind):
    """The network that a student is or ends in, which must be of a kind of ours."""
    network = last_step(student)
    if not isinstance(network, kind):
        raise TypeError(
            f"The student must be a {kind.__name__}, or a Pipeline that ends in one; got "
            f"{student!r}."
        )
    return network


def last_step(student):
    """What a pipeline ends in; anything else is its own end."""
    return student.steps[-1][1] if isinstance(student, Pipeline) else student


def weights_for(estimator, sample_weight):
    """What passes sample weights to the fit of an estimator, if it takes any."""
    if sample_weight is None:
        return {}
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return {f"{name}__{key}": value for key, value in weights_for(last, sample_weight).items()}
    return {"sample_weight": sample_weight} if has_fit_parameter(estimator, "sample_weight") else {}


def fit_param(estimator, name, value):
    """What passes a parameter to the fit of a network, alone or at the end of a Pipeline."""
    if isinstance(estimator, Pipeline) and not _routing_enabled():
        step, last = estimator.steps[-1]
        return {f"{step}__{key}": value for key, value in fit_param(last, name, value).items()}
    return {name: value}


def takes_parameter(method, name):
    """Whether a method has a parameter of that name, or takes any."""
    parameters = signature(method).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


class Routed(NamedTuple):
    """What the fits of teacher and student, and the splitter, are called with besides X and y."""

    teacher: dict
    student: dict
    splitter: dict


def routed(estimator, student, sample_weight, metadata):
    """`Routed` for the parts of an estimator.

    metadata : dict of X_val, y_val, sample_weight_val and groups, as far as they are given
    """
    if _routing_enabled():
        given = {"sample_weight": sample_weight, **metadata}
        given = {name: value for name, value in given.items() if value is not None}
        found = process_routing(estimator, "fit", **given)
        for_teacher = {} if estimator.teacher is None else found.teacher.fit
        return Routed(for_teacher, found.student.fit, found.splitter.split)
    validation = {name: value for name, value in metadata.items() if name in VALIDATION}
    if validation and isinstance(student, Pipeline):
        raise ValueError(
            f"{', '.join(validation)} cannot be passed to a Pipeline as student, which would have "
            "to transform it: enable metadata routing, and use transform_input=['X_val'] in the "
            "Pipeline and set_fit_request(X_val=True, y_val=True) of the network."
        )
    return Routed(
        weights_for(estimator.teacher, sample_weight),
        {**weights_for(student, sample_weight), **validation},
        {name: value for name, value in metadata.items() if name == "groups"},
    )


def with_more_groups(metadata, n_more):
    """The same for some more samples, which have no label and so are in no split."""
    if "groups" not in metadata:
        return metadata
    groups = np.asarray(metadata["groups"])
    return {**metadata, "groups": np.append(groups, np.repeat(groups[:1], n_more))}


def in_order(order, X, sample_weight, metadata):
    """X, weights and metadata of all samples, in another order."""
    if (np.diff(order) > 0).all():
        return X, sample_weight, metadata
    if sample_weight is not None:
        sample_weight = sample_weight[order]
    if "groups" in metadata:
        metadata = {**metadata, "groups": metadata["groups"][order]}
    return _safe_indexing(X, order), sample_weight, metadata


def of_rows(parameters, rows, n_samples):
    """Parameters of a fit for some of its samples; those of validation stay as they are."""
    return {
        name: rows_of(value, rows)
        if name.rpartition("__")[2] not in VALIDATION and _num_samples(value) == n_samples
        else value
        for name, value in parameters.items()
    }


def rows_of(X, rows):
    """Some of the samples; X itself if these are all of them, in order."""
    return X if len(rows) == _num_samples(X) else _safe_indexing(X, rows)


def cloned(estimator, rng=None):
    """An unfitted copy; parameters called random_state that are None are drawn from `rng`."""
    copy = clone(estimator)
    if rng is not None:
        seeds = {
            name: int(rng.integers(2**31))
            for name, value in sorted(copy.get_params(deep=True).items())
            if (name == "random_state" or name.endswith("__random_state")) and value is None
        }
        copy.set_params(**seeds)
    return copy


@contextmanager
def baseline_or_warning(student):
    """Train a student without a teacher, or warn that this failed.

    It may have too few samples, which must not discard the distilled student. Its network does not
    call callbacks.
    """
    network = last_step(student)
    if getattr(network, "_skl_callbacks", ()):
        network.set_callbacks()
    try:
        yield
    except ValueError as error:
        warn(f"The student could not be trained without its teacher, to compare: {error}")


def check_given(estimator, y):
    """Refuse a y of None in scikit-learn's words."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )


def indexable_each(*collections):
    """Collections of samples whose rows can be taken; their sizes may differ."""
    return [indexable(collection)[0] for collection in collections]


def joined(X, X_more):
    """All samples of two collections of the same form, one after the other.

    What a mask hides is missing.
    """
    X, X_more = without_mask(X, "X"), without_mask(X_more, "X_unlabeled")
    if hasattr(X, "columns") and hasattr(X_more, "columns"):
        if list(X.columns) != list(X_more.columns):
            raise ValueError(
                f"X_unlabeled has the columns {list(X_more.columns)}, and X has {list(X.columns)}; "
                "they must be the same, in the same order."
            )
        return concatenated_frames(X, X_more)
    if type(X) is type(X_more) and hasattr(X, "iloc"):  # Series, of texts for instance
        return concatenated_frames(X, X_more)
    if issparse(X) and issparse(X_more):
        return vstack([X, X_more], format="csr")
    if is_array(X) and is_array(X_more) and X.shape[1:] == X_more.shape[1:]:
        return np.concatenate([X, X_more])
    lists = (list, tuple, np.ndarray)
    if not (isinstance(X, lists) and isinstance(X_more, lists)) or np.ndim(X[0]) != np.ndim(
        X_more[0]
    ):
        raise TypeError(
            f"X_unlabeled ({type(X_more).__name__}) and X ({type(X).__name__}) must have the same "
            "form: both arrays of as many dimensions, lists, DataFrames or sparse matrices."
        )
    return [*X, *X_more]


def without_mask(X, name):
    """A masked array as a plain one, in which NaN, or None, stands for what is masked."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    if X.dtype.kind in "OUS":  # texts, or sequences
        return unmasked(X)
    axes = ("sample", "column") if X.ndim == 2 else ("sample", "step", "channel")
    return as_numbers(X, axes, name=name)


def concatenated_frames(X, X_more):
    """Rows of one DataFrame, or Series of pandas, after those of another."""
    if hasattr(X, "iter_columns"):
        import polars as pl

        return pl.concat([X, X_more], how="vertical_relaxed")
    import pandas as pd

    return pd.concat([X, X_more])


def is_array(X):
    """Whether it is an array of numbers or strings, not of sequences."""
    return isinstance(X, np.ndarray) and X.dtype != object
