"""scikit-learn's own checks of estimators."""

import pytest
import sklearn
from estimator_cases import run_python
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from skfastgrnn import FastGRNNClassifier

# Where all samples make one minibatch in a fixed order, nothing is random but the initial weights.
DETERMINISTIC = FastGRNNClassifier(
    shuffle=False, batch_size=1_000_000, early_stopping=False, random_state=0
)


# Nothing is exempt, not even the equivalence of sample weights and repeated rows. It does not hold
# for minibatches in general (repeated rows fill more of them than weighted rows do, so they cause
# more updates), but the check's 27 repeated rows fit into one minibatch of the default size.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([DETERMINISTIC, FastGRNNClassifier()])
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older ones have no such check",
)
def test_sklearn_array_api_check():
    """The one check that is skipped above, for SciPy reads this variable when it is imported."""
    checked = run_python(
        "from sklearn.utils.estimator_checks import estimator_checks_generator\n"
        "from skfastgrnn import FastGRNNClassifier\n"
        "for estimator, check in estimator_checks_generator(FastGRNNClassifier()):\n"
        "    if 'array_api' in check.func.__name__:\n"
        "        check(estimator)\n"
        "        print(check.func.__name__)\n",
        SCIPY_ARRAY_API="1",
    )
    assert checked.split() == ["check_array_api_input"]
