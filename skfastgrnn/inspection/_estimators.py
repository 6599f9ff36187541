"""The network of a display: a fitted estimator, or the one at the end of a Pipeline."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def fitted_network(estimator, display):
    """The given FastGRNN estimator, or the one at the end of a Pipeline.

    Raises
    ------
    TypeError
        If it is something else; the error names `display`.
    NotFittedError
        If it is not fitted.
    """
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if isinstance(last, type) or not hasattr(last, "hidden_states"):
        name = f"the class {last.__name__}" if isinstance(last, type) else type(last).__name__
        where = "a Pipeline that ends in " if last is not estimator else ""
        raise TypeError(
            f"{display} needs a fitted FastGRNNClassifier or FastGRNNRegressor, or a Pipeline that "
            f"ends in one; got {where}{name}. Of a search pass best_estimator_."
        )
    check_is_fitted(last)
    return last


def network_input(estimator, X):
    """X transformed by the steps before the estimator at the end of a Pipeline."""
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        return estimator[:-1].transform(X)
    return X
