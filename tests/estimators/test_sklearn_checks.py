"""scikit-learn's own checks of estimators."""

import pytest
import sklearn
from helpers.estimators import run_python
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from skfastgrnn import (
    DistilledFastGRNN,
    DistilledFastGRNNRegressor,
    FastGRNNClassifier,
    FastGRNNRegressor,
)

# Where all samples make one minibatch in a fixed order, nothing is random but the initial weights.
# A low rate keeps the training smooth: at the default one, which learns the checks' random labels
# by heart, differences in rounding grow to 1e-6 within a hundred epochs.
DETERMINISTIC = {
    "shuffle": False,
    "batch_size": 1_000_000,
    "max_iter": 100,
    "learning_rate": "constant",
    "learning_rate_init": 0.003,
    "early_stopping": False,
    "random_state": 0,
}


def expected_failures(estimator):
    """Of default instances, one; of deterministic ones, none.

    A weighted sample is one row of a minibatch, repeated samples are several: they fill more
    minibatches, are shuffled into other ones, and so cause other updates. Only where all samples
    are one minibatch is the gradient of both the same sum.
    """
    if estimator.shuffle:
        return {"check_sample_weight_equivalence_on_dense_data": "minibatches are of rows"}
    return {}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        FastGRNNClassifier(**DETERMINISTIC),
        FastGRNNClassifier(),
        FastGRNNRegressor(**{**DETERMINISTIC, "learning_rate_init": 0.005}),  # to learn enough
        FastGRNNRegressor(),
    ],
    expected_failed_checks=expected_failures,
)
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        DistilledFastGRNN(LogisticRegression(), FastGRNNClassifier(max_iter=40), random_state=0),
        DistilledFastGRNNRegressor(
            LinearRegression(), FastGRNNRegressor(max_iter=40), random_state=0
        ),
    ],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": "minibatches and folds are of rows"
    },
)
def test_sklearn_check_of_distillation(estimator, check):
    check(estimator)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older ones have no such check",
)
def test_sklearn_array_api_check():
    """The one check that is skipped above, for SciPy reads this variable when it is imported."""
    checked = run_python(
        "from sklearn.utils.estimator_checks import estimator_checks_generator\n"
        "from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor\n"
        "for face in (FastGRNNClassifier, FastGRNNRegressor):\n"
        "    for estimator, check in estimator_checks_generator(face()):\n"
        "        if 'array_api' in check.func.__name__:\n"
        "            check(estimator)\n"
        "            print(check.func.__name__)\n",
        SCIPY_ARRAY_API="1",
    )
    assert checked.split() == ["check_array_api_input"] * 2
