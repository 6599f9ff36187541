"""Fits of estimators in integers: validation data, callbacks, and models from files."""

import json

import numpy as np
import pytest
import sklearn
from helpers.estimators import run_python
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfastgrnn import (
    DistilledFastGRNN,
    FastGRNNClassifier,
    FastGRNNRegressor,
    load,
    save,
)
from skfastgrnn.callbacks import JSONLinesLogger
from skfastgrnn.compression import (
    Compression,
    QuantizedFastGRNNClassifier,
    QuantizedFastGRNNRegressor,
    quantize,
)
from skfastgrnn.persistence._safetensors import as_bytes, content_of
from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
)
from skfastgrnn.schedules import CosineDecay

rng = np.random.default_rng(0)
X = 50 + 10 * rng.normal(size=(80, 6, 3))
y = (X[:, :, 0].mean(axis=1) > 50).astype(int)
X_val = 50 + 10 * rng.normal(size=(30, 6, 3))
y_val = (X_val[:, :, 0].mean(axis=1) > 50).astype(int)
weights, weights_val = rng.uniform(size=80), rng.uniform(size=30)
QUICK = {"hidden_size": 5, "max_iter": 8, "random_state": 0}


@pytest.mark.parametrize("routing", [False, True])
def test_validation_data_are_scaled_and_used(routing):
    scaler = SequenceStandardScaler().fit(X)
    settings = {**QUICK, "early_stopping": True, "n_iter_no_change": np.inf}
    network = FastGRNNClassifier(**settings).fit(
        scaler.transform(X),
        y,
        weights,
        X_val=scaler.transform(X_val),
        y_val=y_val,
        sample_weight_val=weights_val,
    )
    expected = quantize(make_pipeline(scaler, network), X)
    model = QuantizedFastGRNNClassifier(
        make_pipeline(SequenceStandardScaler(), "passthrough", FastGRNNClassifier(**settings))
    )
    with sklearn.config_context(enable_metadata_routing=routing):
        model.fit(X, y, weights, X_val=X_val, y_val=y_val, sample_weight_val=weights_val)
    np.testing.assert_array_equal(model.decision_function(X), expected.decision_function(X))
    alone = QuantizedFastGRNNRegressor(FastGRNNRegressor(**settings))
    alone.fit(X, X[:, 0, 0], X_val=X_val, y_val=X_val[:, 0, 0])
    other = clone(alone).fit(X, X[:, 0, 0])
    assert (alone.predict(X) != other.predict(X)).any()


def test_callbacks_are_those_of_the_network(tmp_path):
    pytest.importorskip("sklearn.callback")
    network = FastGRNNClassifier(**QUICK)
    network.set_callbacks(JSONLinesLogger(tmp_path / "log.jsonl"))
    QuantizedFastGRNNClassifier(make_pipeline(SequenceStandardScaler(), network)).fit(X, y)
    (log,) = tmp_path.glob("log*.jsonl")
    lines = log.read_text().splitlines()
    assert sum("loss" in json.loads(line) for line in lines) == QUICK["max_iter"]


SAVED = {
    "network": FastGRNNClassifier(
        **QUICK,
        compression=Compression(rank_u=2, bits=8),
        learning_rate=CosineDecay(floor=0.1),
        class_weight={0: 1.0, 1: 2.0},
    ),
    "standard": make_pipeline(SequenceStandardScaler(with_mean=False), FastGRNNClassifier(**QUICK)),
    "range": make_pipeline(SequenceMinMaxScaler((-1, 1)), FastGRNNClassifier(**QUICK)),
    "quantiles": make_pipeline(
        "passthrough", SequenceRobustScaler(quantile_range=(10, 90)), FastGRNNClassifier(**QUICK)
    ),
    "of steps": make_pipeline(
        StandardScaler(with_std=False), FastGRNNClassifier(**QUICK, n_timesteps=1)
    ),
}


@pytest.mark.parametrize("case", SAVED)
@pytest.mark.parametrize("converted", [False, True])
def test_a_clone_of_a_model_from_a_file_trains_the_same(case, converted, tmp_path):
    data = X[:, 0] if case == "of steps" else X
    if converted:
        model = quantize(clone(SAVED[case]).fit(data, y), data)
    else:
        model = QuantizedFastGRNNClassifier(SAVED[case]).fit(data, y)
    path = tmp_path / "model.safetensors"
    save(model, path)
    loaded = load(path)
    assert repr(loaded) == repr(model)
    again = clone(loaded).fit(data, y)
    np.testing.assert_array_equal(again.decision_function(data), model.decision_function(data))
    save(loaded, path)
    assert repr(load(path)) == repr(model)


def test_the_default_is_kept(tmp_path):
    model = QuantizedFastGRNNRegressor().set_params(bits=4).fit(X, X[:, 0, 0])
    save(model, tmp_path / "model.safetensors")
    assert load(tmp_path / "model.safetensors").get_params() == {"bits": 4, "estimator": None}


def halved(epoch):
    return 0.01 / 2**epoch


NOT_SAVED = {
    "function": FastGRNNClassifier(**QUICK, learning_rate=halved),
    "random state": make_pipeline(
        SequenceStandardScaler(),
        FastGRNNClassifier(4, max_iter=2, random_state=np.random.RandomState(0)),
    ),
    "teacher": DistilledFastGRNN(LogisticRegression(), FastGRNNClassifier(**QUICK)),
}


@pytest.mark.parametrize("case", NOT_SAVED)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_only_code_could_restore_is_not_trained(case, tmp_path):
    data = X[:, 0] if case == "teacher" else X
    model = QuantizedFastGRNNClassifier(NOT_SAVED[case]).fit(data, y)
    path = tmp_path / "model.safetensors"
    save(model, path)
    loaded = load(path)
    np.testing.assert_array_equal(loaded.predict(data), model.predict(data))
    save(loaded, path)
    for estimator in (loaded, clone(loaded), load(path)):
        with pytest.raises(ValueError, match=r"does not hold what was trained\. Set `estimator`"):
            estimator.fit(data, y)
    np.testing.assert_array_equal(loaded.predict(data), model.predict(data))
    loaded.set_params(estimator=FastGRNNClassifier(**QUICK)).fit(data, y)


def test_a_file_from_before_estimators_were_kept(tmp_path):
    """It has the name of a class in the place of the parameter."""
    model = QuantizedFastGRNNClassifier(FastGRNNClassifier(**QUICK)).fit(X, y)
    content, tensors = content_of(model)
    content["parameters"]["estimator"] = {"unwritable": "skfastgrnn.FastGRNNClassifier"}
    (tmp_path / "old.safetensors").write_bytes(as_bytes(content, tensors))
    loaded = load(tmp_path / "old.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="Set `estimator`"):
        clone(loaded).fit(X, y)


def value(kind, **settings):
    return {"value": kind, "settings": settings}


def steps(*estimators):
    return [{"tuple": [f"step{i}", estimator]} for i, estimator in enumerate(estimators)]


NETWORK = value("FastGRNNClassifier", hidden_size=3)
FORGED = {
    "no estimator": value("Jitter", std=0.1),
    "scaler": value("StandardScaler"),
    "another kind": value("FastGRNNRegressor"),
    "bidirectional": value("FastGRNNClassifier", bidirectional=True),
    "unknown parameter": value("FastGRNNClassifier", units=3),
    "out of range": value("FastGRNNClassifier", hidden_size=-1),
    "unknown class": value("GridSearchCV"),
    "no steps": value("Pipeline", steps=[]),
    "no pairs": value("Pipeline", steps=[3]),
    "no network": value("Pipeline", steps=steps(value("StandardScaler"))),
    "two scalers": value(
        "Pipeline", steps=steps(value("StandardScaler"), value("MinMaxScaler"), NETWORK)
    ),
    "a scaler's parameter": value(
        "Pipeline", steps=steps(value("StandardScaler", with_mean="yes"), NETWORK)
    ),
    "number": 3,
    "bits": value("FastGRNNClassifier", compression=value("Compression", bits=4)),
}


@pytest.mark.parametrize("case", FORGED)
def test_estimators_that_could_not_be_trained_are_refused(case, tmp_path):
    model = QuantizedFastGRNNClassifier(FastGRNNClassifier(**QUICK), bits=8).fit(X, y)
    content, tensors = content_of(model)
    content["parameters"]["estimator"] = FORGED[case]
    (tmp_path / "forged.safetensors").write_bytes(as_bytes(content, tensors))
    with pytest.raises(ValueError, match="cannot be read"):
        load(tmp_path / "forged.safetensors")


def test_a_file_cannot_name_a_folder_to_load_code_from(tmp_path):
    pipeline = make_pipeline(SequenceStandardScaler(), FastGRNNClassifier(**QUICK))
    pipeline.set_params(memory=str(tmp_path / "cache"))
    save(QuantizedFastGRNNClassifier(pipeline).fit(X, y), tmp_path / "model.safetensors")
    assert load(tmp_path / "model.safetensors").estimator.memory is None


def test_a_file_is_read_in_another_process(tmp_path):
    path = tmp_path / "model.safetensors"
    save(quantize(clone(SAVED["range"]).fit(X, y), X), path)
    printed = run_python(f"import skfastgrnn\nprint(skfastgrnn.load({str(path)!r}).estimator[0])")
    assert printed.strip() == "SequenceMinMaxScaler(feature_range=(-1, 1))"
