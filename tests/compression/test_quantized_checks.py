"""scikit-learn's own checks of the estimators that compute in integers."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import QuantizedFastGRNNClassifier, QuantizedFastGRNNRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        QuantizedFastGRNNClassifier(FastGRNNClassifier(max_iter=40, random_state=0)),
        QuantizedFastGRNNRegressor(FastGRNNRegressor(max_iter=40, random_state=0), bits=4),
    ],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": "minibatches are of rows"
    },
)
def test_sklearn_check_of_integers(estimator, check):
    check(estimator)
