"""What cannot be computed in integers, and what is said of it."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skfastgrnn
from skfastgrnn import (
    DistilledFastGRNN,
    DistilledFastGRNNRegressor,
    FastGRNNClassifier,
    FastGRNNRegressor,
)
from skfastgrnn.compression import (
    Compression,
    QuantizedFastGRNNClassifier,
    QuantizedFastGRNNRegressor,
    low_rank,
    prune,
    quantize,
)
from skfastgrnn.preprocessing import (
    SequenceClipper,
    SequenceImputer,
    SequenceMinMaxScaler,
    SequenceStandardScaler,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 6, 3)) * [1.0, 1e-3, 500.0] + [0.0, 5.0, -300.0]
y = (X[:, :, 0].sum(axis=1) > 0).astype(int)
QUICK = {"hidden_size": 5, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}


def fitted(cls=FastGRNNClassifier, X=X, y=y, **settings):
    return make_pipeline(SequenceStandardScaler(), cls(**{**QUICK, **settings})).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bidirectional": True}, "bidirectional=False"),
        ({"gate_activation": "tanh"}, "gate_activation='tanh' is not supported"),
        ({"gate_activation": "relu"}, r"'sigmoid', 'hard_sigmoid'"),
    ],
)
def test_networks_that_there_are_not_in_integers(settings, message):
    with pytest.raises(ValueError, match=message):
        quantize(fitted(**settings), X)


class Untrained(FastGRNNClassifier):
    def fit(self, X, y, **options):
        raise AssertionError("is trained")


class UntrainedRegressor(FastGRNNRegressor):
    def fit(self, X, y, **options):
        raise AssertionError("is trained")


def behind(*steps, **settings):
    return make_pipeline(*steps, Untrained(**settings))


ROWS = X.reshape(80, 18)
UNTRAINED = {
    "bidirectional": (Untrained(bidirectional=True), X, "bidirectional=False"),
    "gate": (behind(SequenceStandardScaler(), gate_activation="tanh"), X, "gate_activation"),
    "bits": (Untrained(compression=Compression(bits=4)), X, "bits=8 is not what.*pass bits=4"),
    "clipper": (behind(SequenceClipper()), X, "Step 'sequenceclipper'.*in front"),
    "imputer": (behind(SequenceImputer(), SequenceStandardScaler()), X, "Step 'sequenceimputer'"),
    "clip": (behind(SequenceMinMaxScaler(clip=True)), X, "clips.*set clip=False"),
    "per": (behind(SequenceStandardScaler(per="timestep")), X, "Use per='channel'"),
    "columns": (behind(StandardScaler(), n_timesteps=6), ROWS, "18 channels.*network reads 3"),
    "steps": (
        behind(SequenceStandardScaler(n_timesteps=3), n_timesteps=6),
        ROWS,
        "6 channels, and the network reads 3.*same n_timesteps",
    ),
    "search": (
        GridSearchCV(Untrained(), {"hidden_size": [2]}),
        X,
        r"Search outside: GridSearchCV\(QuantizedFastGRNNClassifier.*estimator__hidden_size",
    ),
    "regressor": (UntrainedRegressor(), X, "Use QuantizedFastGRNNRegressor"),
    "targets": (
        TransformedTargetRegressor(UntrainedRegressor()),
        X,
        r"around: TransformedTargetRegressor\(QuantizedFastGRNN",
    ),
    "distilled": (
        DistilledFastGRNN(LogisticRegression(), Untrained(gate_activation="relu")),
        X,
        "gate_activation='relu'",
    ),
    "distilled regressor": (DistilledFastGRNNRegressor(Ridge()), X, "got DistilledFastGRNNReg"),
}


@pytest.mark.parametrize("case", UNTRAINED)
def test_what_cannot_be_converted_is_refused_before_it_is_trained(case):
    estimator, data, message = UNTRAINED[case]
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        QuantizedFastGRNNClassifier(estimator, bits=8).fit(data, y)


@pytest.mark.parametrize("cls", [QuantizedFastGRNNClassifier, QuantizedFastGRNNRegressor])
def test_parameters_of_no_estimator_cannot_be_set(cls):
    estimator = cls.__name__.removeprefix("Quantized")
    with pytest.raises(ValueError, match=rf"is None. Set estimator={estimator}\(\)"):
        cls().set_params(estimator__hidden_size=3)
    given = cls().set_params(estimator=getattr(skfastgrnn, estimator)(), estimator__hidden_size=3)
    assert given.estimator.hidden_size == 3


@pytest.mark.parametrize(
    ("X_calibration", "message"),
    [
        (X[:, :, :2], "X_calibration.*2 channels.*expecting 3"),
        (X[:0], "0 sample"),
        (np.zeros_like(X), "X_calibration is constant"),
        (np.full_like(X, [1.0, 5.0, 2.0]), "X_calibration is constant"),
        (np.where(X[0, 0, 0] == X, np.inf, X), "infinity"),
    ],
)
def test_calibration_data_that_do_not_fit(X_calibration, message):
    with pytest.raises(ValueError, match=message):
        quantize(fitted(), X_calibration)


def test_other_bits_are_refused():
    with pytest.raises(ValueError, match="'bits' parameter"):
        quantize(fitted(), X, bits=5)
    with pytest.raises(ValueError, match="pass bits=4"):
        quantize(fitted(compression=Compression(bits=4)), X, bits=8)


def test_other_models_are_refused():
    with pytest.raises(TypeError, match="quantize needs a fitted FastGRNNClassifier"):
        quantize(SequenceStandardScaler(), X)
    with pytest.raises(NotFittedError):
        quantize(FastGRNNClassifier(), X)
    with pytest.raises(NotFittedError):
        QuantizedFastGRNNClassifier().predict(X)
    with pytest.raises(TypeError, match="as estimator a FastGRNNClassifier"):
        QuantizedFastGRNNClassifier(FastGRNNRegressor(**QUICK)).fit(X, y)
    with pytest.raises(ValueError, match=r"make_pipeline\(sequenceimputer, Quantized"):
        QuantizedFastGRNNClassifier(
            make_pipeline(SequenceImputer(), FastGRNNClassifier(**QUICK))
        ).fit(X, y)


def test_what_to_do_with_other_models_is_said():
    integers = quantize(fitted(), X)
    regressor = TransformedTargetRegressor(FastGRNNRegressor(**QUICK)).fit(X, X[:, 0, 0])
    search = GridSearchCV(FastGRNNClassifier(**QUICK), {"hidden_size": [2]}, cv=2).fit(X, y)
    for function in (
        quantize,
        lambda model, X: low_rank(model, 2),
        lambda model, X: prune(model, 0.5),
    ):
        with pytest.raises(TypeError, match=r"got Quantized.*in integers already"):
            function(integers, X)
        with pytest.raises(TypeError, match=r"pass regressor_.*scales y\.$"):
            function(regressor, X)
        with pytest.raises(TypeError, match="pass best_estimator_"):
            function(search, X)
        with pytest.raises(TypeError, match=r"the class FastGRNNClassifier\. Pass a fitted object"):
            function(FastGRNNClassifier, X)
    with pytest.raises(TypeError, match=r"X_calibration.*got None. Pass.*quantize\(model, X_train"):
        quantize(fitted(), None)


def test_nan_is_refused_as_by_the_estimators():
    with pytest.raises(ValueError, match="NaN"):
        quantize(fitted(), X).predict(np.where(X[0, 0, 0] == X, np.nan, X))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"bidirectional": True}, "bidirectional"), ({"compression": Compression(bits=4)}, "bits=8")],
)
def test_a_failed_fit_changes_nothing(settings, message):
    model = quantize(fitted(), X)
    before = model.decision_function(X)
    model.set_params(estimator=FastGRNNClassifier(**QUICK, **settings), bits=8)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), before)
