"""The fitted estimators that can be compressed."""

from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators._base import BaseFastGRNN
from ..training import Compression


def fitted_network(estimator):
    """An estimator, which must be a fitted one of this package."""
    if not isinstance(estimator, BaseFastGRNN):
        advice = ""
        if isinstance(estimator, Pipeline):
            advice = " Pass the last step of the Pipeline, which reads what the steps before make."
        elif hasattr(estimator, "strip_teacher"):
            advice = " Pass the student, strip_teacher()."
        raise TypeError(
            "The estimator must be a FastGRNNClassifier or FastGRNNRegressor, got "
            f"{type(estimator).__name__}.{advice}"
        )
    check_is_fitted(estimator)
    return estimator


def compression_of(estimator):
    """A new Compression with the parameters of the estimator's."""
    return Compression() if estimator.compression is None else clone(estimator.compression)
