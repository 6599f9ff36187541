"""Exported models of every kind: predictions of the compiled program beside Python's."""

import pickle
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.exported import STRICT, needs_gcc
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import (
    Compression,
    QuantizedFastGRNNClassifier,
    QuantizedFastGRNNRegressor,
    quantize,
)
from skfastgrnn.export import to_c
from skfastgrnn.network import SequenceBatch
from skfastgrnn.preprocessing import SequenceStandardScaler

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a C compiler"
)
PIXELS, DIGITS = load_digits(return_X_y=True)
PIXELS = PIXELS.reshape(-1, 8, 8)[:600]
PIXELS += np.random.default_rng(0).uniform(-2, 2, PIXELS.shape)  # so that every channel varies
DIGITS = DIGITS[:600]
NETWORK = {"hidden_size": 6, "max_iter": 4, "n_iter_no_change": np.inf, "random_state": 0}
FEW = {"rank_w": 2, "rank_u": 3, "density_w": 0.5, "density_u": 0.5, "bits": 4}


def classifier(**settings):
    return FastGRNNClassifier(**{**NETWORK, **settings})


def scaled(network, y):
    return make_pipeline(SequenceStandardScaler(), network).fit(PIXELS, y)


LABELS = np.stack([DIGITS % 2, DIGITS > 4, DIGITS % 3 == 0], axis=1).astype(int)
CLASSIFIERS = {
    "quantized": lambda: quantize(classifier().fit(PIXELS, DIGITS), PIXELS),
    "two classes": lambda: quantize(classifier().fit(PIXELS, DIGITS > 4), PIXELS),
    "multilabel": lambda: quantize(classifier(pooling="max").fit(PIXELS, LABELS), PIXELS),
    "texts": lambda: quantize(classifier().fit(PIXELS, np.array([*"abcdefghij"])[DIGITS]), PIXELS),
    "scaler and network": lambda: quantize(scaled(classifier(), DIGITS), PIXELS),
    "four bits": lambda: QuantizedFastGRNNClassifier(
        classifier(compression=Compression(**FEW), pooling="attention"), bits=4
    ).fit(PIXELS, DIGITS),
    "student": lambda: quantize(
        DistilledFastGRNN(
            LogisticRegression(max_iter=500), classifier(n_timesteps=8), random_state=0
        ).fit(PIXELS.reshape(-1, 64), DIGITS),
        PIXELS.reshape(-1, 64),
    ),
}


@pytest.mark.filterwarnings("ignore:The student alone has a score")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("made", CLASSIFIERS)
def test_classifiers(made):
    model = CLASSIFIERS[made]()
    exported = to_c(model)
    X = PIXELS if model._reads_sequences else PIXELS.reshape(-1, 64)
    np.testing.assert_array_equal(
        exported.decision_function(X), model.decision_function(X), strict=True
    )
    np.testing.assert_array_equal(exported.predict(X), model.predict(X), strict=True)
    proba = exported.predict_proba(X)
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_regressors(n_outputs):
    y = 1000 + 5.0 * np.stack([DIGITS, DIGITS % 4, DIGITS % 3], axis=1)[:, :n_outputs]
    y = y[:, 0] if n_outputs == 1 else y
    model = QuantizedFastGRNNRegressor(FastGRNNRegressor(**NETWORK)).fit(PIXELS, y)
    exported = to_c(model)
    predicted = model.predict(PIXELS)
    np.testing.assert_array_equal(exported.predict(PIXELS), predicted, strict=True)
    on_device = exported._results(PIXELS)["values"].reshape(predicted.shape)
    np.testing.assert_allclose(on_device, predicted, rtol=3e-7)
    assert not hasattr(exported, "predict_proba")
    assert not hasattr(exported, "decision_function")


def test_a_scaler_in_front_of_integers_is_folded():
    """Rounding at the input may differ by one: the outputs of the network with it are exact."""
    X = PIXELS
    pipeline = make_pipeline(
        SequenceStandardScaler(), QuantizedFastGRNNClassifier(classifier())
    ).fit(X, DIGITS)
    exported = to_c(pipeline)
    assert "SequenceStandardScaler" in exported.header
    folded = exported._carried.estimator
    np.testing.assert_array_equal(exported.decision_function(X), folded.decision_function(X))
    np.testing.assert_allclose(
        exported.decision_function(X), pipeline.decision_function(X), atol=0.02
    )
    assert (exported.predict(X) == pipeline.predict(X)).mean() > 0.99


def test_sequences_of_every_form():
    model = CLASSIFIERS["quantized"]()
    exported = to_c(model)
    ragged = [x[: 1 + i % 8] for i, x in enumerate(PIXELS[:50])]
    padded = PIXELS[:50].copy()
    padded[::2, 5:] = np.nan
    for X in (ragged, padded, PIXELS[:3].astype(np.float32), PIXELS[:3] * 1e300):
        np.testing.assert_array_equal(exported.decision_function(X), model.decision_function(X))
    with pytest.raises(ValueError, match="channels"):
        exported.predict(PIXELS[:, :, :7])
    with pytest.raises(ValueError, match="2 dimensions"):
        exported.predict(PIXELS.reshape(-1, 64))


@needs_gcc
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_inputs_that_are_no_numbers_on_a_device(value):
    """Integers take the largest number of a sign; bounded floats stay finite."""
    network = classifier(pooling="attention").fit(PIXELS, DIGITS)
    wrong = PIXELS[0].astype(np.float32)
    wrong[2, 1:3] = value
    batch = SequenceBatch(wrong, np.array([0]), np.array([len(wrong)]))
    for model in (network, quantize(network, PIXELS)):
        exported = to_c(model)
        exported.predict(PIXELS[:1])
        found = exported._program.run(batch)
        assert np.isfinite(found["logits"]).all()
        assert np.isfinite(found["proba"]).all()
    of_signs = [
        model._integer_outputs(np.where(np.isfinite(wrong), wrong, limit)[None])
        for limit in (3e38, -3e38)
        if np.isnan(value) or limit * value > 0
    ]
    assert any(np.array_equal(found["logits"], outputs) for outputs in of_signs)


def test_pickles_have_no_program():
    model = CLASSIFIERS["quantized"]()
    exported = to_c(model)
    expected = exported.predict(PIXELS[:9])
    folder = exported._program.path.parent
    copied = pickle.loads(pickle.dumps(exported))
    assert copied._program is None
    np.testing.assert_array_equal(copied.predict(PIXELS[:9]), expected)
    assert folder.exists()
    del exported
    assert not folder.exists(), "the program has been removed with the model"


def test_to_c_takes_under_a_second():
    model = quantize(classifier(hidden_size=96, n_layers=2).fit(PIXELS, DIGITS), PIXELS)
    begin = time.perf_counter()
    to_c(model)
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize("named", ["no-such-compiler", "no-such-compiler -m32"])
def test_without_a_compiler_the_package_is_named(monkeypatch, named):
    monkeypatch.setenv("CC", named)
    exported = to_c(CLASSIFIERS["quantized"]())
    with pytest.raises(RuntimeError, match=r"CC='no-such-compiler' is not found. .* gcc"):
        exported.predict(PIXELS)
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RuntimeError, match="none of cc, gcc and clang"):
        exported.predict(PIXELS)


def test_a_compiler_that_does_nothing_but_fail(monkeypatch):
    exported = to_c(CLASSIFIERS["quantized"]())
    monkeypatch.setenv("CC", "gcc '")
    with pytest.raises(RuntimeError, match=r'CC="gcc \'" is no command: No closing quotation'):
        exported.predict(PIXELS)
    if shutil.which("false"):
        monkeypatch.setenv("CC", "false")
        with pytest.raises(RuntimeError, match=r"false cannot compile the model \(status 1\)"):
            exported.predict(PIXELS)


@needs_gcc
def test_a_compiler_in_this_folder(tmp_path, monkeypatch):
    (tmp_path / "mine").symlink_to(shutil.which("gcc"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CC", "./mine -O1")
    model = CLASSIFIERS["quantized"]()
    np.testing.assert_array_equal(to_c(model).predict(PIXELS[:9]), model.predict(PIXELS[:9]))


HOSTILE = [
    'quote " and \\ backslash',
    "what??/ a ??' trigraph",
    "*/ end of a comment /*/ *//* **/",
    "???/",
    "naïve Größe 走る 🏃",
    "line\nfeed\tand \0 none",
    "\\x41 %s 123\\",
    "",
]


@needs_gcc
def test_labels_are_escaped_and_read_back(tmp_path):
    """By a program that prints them, with every warning an error, trigraphs on."""
    labels = np.array(HOSTILE, dtype=object)
    model = quantize(classifier().fit(PIXELS, labels[DIGITS % len(labels)]), PIXELS)
    exported = to_c(model, name="hostile")
    exported.save(tmp_path)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "hostile.h"\n'
        "int main(void) { return fwrite(hostile_labels, sizeof hostile_labels, 1, stdout) != 1; }\n"
    )
    for flags in ([], ["-trigraphs"]):
        command = ["gcc", *STRICT, "-O1", *flags, "main.c", "hostile.c", "-o", "program"]
        subprocess.run(command, cwd=tmp_path, check=True)
        printed = subprocess.run([tmp_path / "program"], capture_output=True, check=True).stdout
        size = len(printed) // len(model.classes_)
        found = [printed[i : i + size] for i in range(0, len(printed), size)]
        assert found == [label.encode().ljust(size, b"\0") for label in model.classes_]
    assert exported.header.isascii()
    assert exported.source.isascii()
    assert exported.predict(PIXELS[:50]).tolist() == model.predict(PIXELS[:50]).tolist()


@needs_gcc
@pytest.mark.skipif(not shutil.which("nm"), reason="needs nm")
@pytest.mark.parametrize("made", ["quantized", "multilabel", "four bits"])
def test_no_library_is_called_and_no_memory_is_static(made, tmp_path):
    exported = to_c(CLASSIFIERS[made]())
    included = [line for line in exported.source.splitlines() if line.startswith("#include")]
    assert included == ['#include "model.h"']
    assert [x for x in exported.header.splitlines() if x.startswith("#inc")] == [
        "#include <stdint.h>"
    ]
    exported.save(tmp_path)
    # Code that can be anywhere has its constant pointers in memory that is made read-only later.
    command = ["gcc", *STRICT, "-O2", "-fno-pie", "-c", "model.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run(
        ["nm", "model.o"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    kinds = {line.split()[-2] for line in printed.splitlines()}
    assert kinds <= {"T", "t", "r", "R"}, "neither undefined symbols nor variables"
    assert Path(tmp_path, "model.h").read_text() == exported.header


def test_floats_read_back_exactly():
    model = quantize(scaled(classifier(), DIGITS), PIXELS)
    source = to_c(model).source
    for name in ("input_center", "input_factor"):
        text = source.split(f"float {name}[8] = {{")[1].split("}")[0]
        found = np.array([np.float32(number.strip("f \n")) for number in text.split(",")[:-1]])
        np.testing.assert_array_equal(found, getattr(model._integers, name))
