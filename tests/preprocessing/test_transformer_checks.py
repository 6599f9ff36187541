"""scikit-learn's own checks of transformers, for every transformer of the package."""

import inspect

import pytest
import sklearn
from helpers.estimators import run_python
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from skfastgrnn import preprocessing

TRANSFORMERS = [
    member
    for member in (getattr(preprocessing, name) for name in preprocessing.__all__)
    if inspect.isclass(member)
]

# Beside the defaults, and those with a single step a row: the checks' X has between 1 and 20
# columns, which no larger n_timesteps divides.
CONFIGURATIONS = {
    "SequenceStandardScaler": [
        {"per": "timestep"},
        {"per": "timestep", "n_timesteps": 1},
        {"with_mean": False},
        {"with_std": False},
        {"with_mean": False, "with_std": False},
    ],
    "SequenceMinMaxScaler": [
        {"per": "timestep"},
        {"feature_range": (-1, 1), "clip": True},
    ],
    "SequenceRobustScaler": [
        {"per": "timestep", "unit_variance": True},
        {"with_centering": False},
        {"with_scaling": False},
        {"quantile_range": (10.0, 90.0)},
    ],
    "SequenceReshaper": [{"to": "2d"}, {"to": "2d", "n_timesteps": 1}],
    "SequenceImputer": [
        {"strategy": "linear"},
        {"strategy": "mean"},
        {"strategy": "mean", "add_indicator": True, "n_timesteps": 1},
    ],
    "SequenceClipper": [
        {"by": "std"},
        {"by": "quantile", "limits": "causal"},
        {"by": "std", "limits": "causal", "n_timesteps": 1},
    ],
    "TemporalFeatures": [
        {"keep_original": False, "lags": (), "differences": (1, 2)},
        {"rolling_windows": (2, 3), "rolling_statistics": ("mean", "std", "min", "max")},
        {"rates": (1,), "spans": (3,), "rolling_windows": (2,), "n_timesteps": 1},
    ],
}

ESTIMATORS = [
    transformer(**parameters)
    for transformer in TRANSFORMERS
    for parameters in [{}, {"n_timesteps": 1}, *CONFIGURATIONS.get(transformer.__name__, [])]
]


def test_every_transformer_is_checked():
    assert {type(estimator) for estimator in ESTIMATORS} == set(TRANSFORMERS)
    assert len(TRANSFORMERS) == 7
    assert CONFIGURATIONS.keys() == {transformer.__name__ for transformer in TRANSFORMERS}


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_check(estimator, check):
    check(estimator)


# What scikit-learn checks of its own transformers only.
OWN_CHECKS = [
    "check_n_features_in_after_fitting",
    "check_param_validation",
    "check_inplace_ensure_writeable",
    "check_set_output_transform",
]
CHECKS_OF_COLUMNS = [
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]
# SequenceReshaper(to="3d") answers sequences, also to the 2-D X of the checks: they have no columns
# that names or DataFrames could be made of.
WITH_COLUMNS = [estimator for estimator in ESTIMATORS if getattr(estimator, "to", "2d") == "2d"]
OF_THE_OWN = [
    *((estimator, check) for estimator in ESTIMATORS for check in OWN_CHECKS),
    *((estimator, check) for estimator in WITH_COLUMNS for check in CHECKS_OF_COLUMNS),
]


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
@pytest.mark.parametrize(("estimator", "check"), OF_THE_OWN, ids=str)
def test_sklearn_check_of_its_own(estimator, check):
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older ones have no such check",
)
def test_sklearn_array_api_check():
    """The one check that is skipped above, for SciPy reads this variable when it is imported."""
    checked = run_python(
        "from sklearn.utils.estimator_checks import estimator_checks_generator\n"
        "from test_transformer_checks import ESTIMATORS\n"
        "for transformer in ESTIMATORS:\n"
        "    for estimator, check in estimator_checks_generator(transformer):\n"
        "        if 'array_api' in check.func.__name__:\n"
        "            check(estimator)\n"
        "            print(check.func.__name__)\n",
        SCIPY_ARRAY_API="1",
    )
    assert checked.split() == ["check_array_api_input"] * len(ESTIMATORS)
