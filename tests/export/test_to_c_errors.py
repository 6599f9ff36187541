"""What to_c refuses, and how it says so."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import quantize
from skfastgrnn.export import to_c
from skfastgrnn.preprocessing import SequenceClipper, SequenceMinMaxScaler, SequenceStandardScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 6, 2))
y = rng.integers(0, 2, 40)
SMALL = {"hidden_size": 3, "max_iter": 2, "n_iter_no_change": np.inf, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return quantize(FastGRNNClassifier(**SMALL).fit(X, y), X)


@pytest.mark.parametrize("name", ["", "2fast", "a-b", "a b", "größe", "_hidden", "a.c", "x\n"])
def test_a_name_that_is_no_identifier(model, name):
    with pytest.raises(ValueError, match=r"is no identifier of C: it must begin with a letter"):
        to_c(model, name=name)


@pytest.mark.parametrize("name", ["int", "while", "class", "restrict", "typeof"])
def test_a_keyword(model, name):
    with pytest.raises(ValueError, match="is a keyword of C or C"):
        to_c(model, name=name)


@pytest.mark.parametrize("name", ["signal", "stdint", "time", "Math"])
def test_a_header_of_c(model, name):
    with pytest.raises(ValueError, match=f"makes a file {name}.h.*such as {name}_model"):
        to_c(model, name=name)


@pytest.mark.parametrize("name", [None, 3, b"model"])
def test_a_name_that_is_no_text(model, name):
    with pytest.raises(TypeError, match="name must be a str"):
        to_c(model, name=name)


@pytest.mark.parametrize("name", ["BIGNAME", "name", "big_NAME", "main", "cells", "sigmoid", "I"])
def test_names_that_look_like_others_are_fine(model, name):
    exported = to_c(model, name=name)
    assert f"void {name}_reset({name}_state *state)" in exported.header
    assert f"#define {name.upper()}_N_CHANNELS 2\n" in exported.header


def test_what_is_no_model():
    with pytest.raises(TypeError, match=r"to_c needs a fitted .* got LogisticRegression"):
        to_c(LogisticRegression())
    with pytest.raises(
        TypeError, match=r"the class FastGRNNClassifier\. Pass a fitted object of it"
    ):
        to_c(FastGRNNClassifier)
    with pytest.raises(TypeError, match=r"GridSearchCV\. Of a search pass best_estimator_"):
        to_c(GridSearchCV(FastGRNNClassifier(), {"hidden_size": [2]}))
    with pytest.raises(TypeError, match=r"TransformedTargetRegressor.*pass regressor_"):
        to_c(TransformedTargetRegressor(FastGRNNRegressor()))
    with pytest.raises(NotFittedError):
        to_c(FastGRNNClassifier())


def test_a_bidirectional_network():
    network = FastGRNNClassifier(bidirectional=True, **SMALL).fit(X, y)
    with pytest.raises(ValueError, match="train with bidirectional=False"):
        to_c(network)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((SequenceClipper(),), r"'sequenceclipper'.*SequenceClipper is not a scaler that can be"),
        ((SequenceMinMaxScaler(clip=True),), "'sequenceminmaxscaler'.*set clip=False"),
        ((SequenceClipper(), SequenceStandardScaler()), "'sequenceclipper' of the pipeline is not"),
    ],
)
def test_steps_that_cannot_be_folded_are_named(steps, message):
    pipeline = make_pipeline(*steps, FastGRNNClassifier(**SMALL)).fit(X, y)
    for model in (pipeline, quantize(pipeline, X)):
        if len(steps) == 1 or model is pipeline:
            with pytest.raises(ValueError, match=message):
                to_c(model)
