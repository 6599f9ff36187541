"""The fitted estimators that can be compressed."""

from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators._base import BaseFastGRNN
from ..training import Compression
from ._other_models import advice, named


def fitted_network(estimator):
    """An estimator, which must be a fitted one of this package."""
    if not isinstance(estimator, BaseFastGRNN):
        what_to_do = advice(estimator)
        if isinstance(estimator, Pipeline):
            what_to_do = (
                " Pass the last step of the Pipeline, which reads what the steps before make."
            )
        elif hasattr(estimator, "strip_teacher") and not isinstance(estimator, type):
            what_to_do = " Pass the student, strip_teacher()."
        raise TypeError(
            "The estimator must be a FastGRNNClassifier or FastGRNNRegressor, got "
            f"{named(estimator, estimator)}.{what_to_do}"
        )
    check_is_fitted(estimator)
    return estimator


def compression_of(estimator):
    """A new Compression with the parameters of the estimator's."""
    return Compression() if estimator.compression is None else clone(estimator.compression)
