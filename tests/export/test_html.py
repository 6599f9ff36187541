"""to_html: the text of pages, files, and what is refused."""

import base64
import html
import json
import os
import re
from hashlib import sha256

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import QuantizedFastGRNNClassifier, quantize
from skfastgrnn.export import HTMLPage, to_html
from skfastgrnn.preprocessing import SequenceImputer, SequenceStandardScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 6, 3))
y = np.where(X[:, :, 0].sum(axis=1) > 0, "up", "down")
QUICK = {"hidden_size": 4, "max_iter": 2, "n_iter_no_change": np.inf, "random_state": 0}
FITTED = FastGRNNClassifier(**QUICK).fit(X, y)
MODEL = quantize(FITTED, X)


def data_of(page):
    """What the page reads its model from."""
    [text] = re.findall(r'<script type="application/json" id="model">(.*?)</script>', page.html)
    return json.loads(text)


def test_defaults():
    data = data_of(to_html(MODEL))
    assert data["title"] == "FastGRNNClassifier"
    assert data["channels"] == ["channel 1", "channel 2", "channel 3"]
    assert data["labels"] == ["down", "up"]
    assert data["rate"] is data["example"] is None
    assert f"4 units in {MODEL.n_bytes_} bytes" in data["about"]


def test_names_of_columns_are_those_of_channels():
    pandas = pytest.importorskip("pandas")
    frames = [pandas.DataFrame(x, columns=["a", "b", "c"]) for x in X]
    model = quantize(FastGRNNClassifier(**QUICK).fit(frames, y), frames)
    assert data_of(to_html(model))["channels"] == ["a", "b", "c"]


def test_regressors_have_names_of_outputs():
    one, two = (FastGRNNRegressor(**QUICK).fit(X, X[:, 0, :n]) for n in (1, 2))
    assert data_of(to_html(quantize(one, X)))["labels"] == ["Prediction"]
    assert data_of(to_html(quantize(two, X)))["labels"] == ["output 1", "output 2"]
    named = to_html(quantize(two, X), labels=["left", "right"])
    assert data_of(named)["labels"] == ["left", "right"]


def test_a_scaler_is_in_the_input():
    model = QuantizedFastGRNNClassifier(FastGRNNClassifier(**QUICK))
    pipeline = make_pipeline(SequenceStandardScaler(), model).fit(X + 5, y)
    found = data_of(to_html(pipeline))["network"]["input_center"]
    np.testing.assert_allclose(found, (X + 5).mean(axis=(0, 1)), atol=1e-3)


def test_the_example_has_the_digits_of_single_precision():
    page = to_html(MODEL, example=np.full((2, 3), 0.1, dtype=np.float32), rate=50)
    assert data_of(page)["example"] == [[0.1] * 3] * 2
    assert data_of(page)["rate"] == 50.0
    assert data_of(to_html(MODEL, example=[[1e300, 2, 3]]))["example"][0][0] == 3.4028235e38


def test_the_policy_names_the_only_script_and_style():
    text = to_html(MODEL).html
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none';")
    for tag in ("script", "style"):
        [source] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        [given] = re.findall(rf"{tag}-src '(sha256-[^']*)'", policy)
        assert given == f"sha256-{base64.b64encode(sha256(source.encode()).digest()).decode()}"
    assert not re.search(
        r"(https?:)?//[a-z]", re.sub(r"/\*.*?\*/|// .*", "", text, flags=re.DOTALL)
    )


def test_names_cannot_end_the_data():
    names = ["</script>", "<!--", "@script@"]
    page = to_html(MODEL, channels=names, labels=["&amp;", "\u2028é"], title="<b>\ud800@model@")
    assert data_of(page)["channels"] == names
    assert data_of(page)["labels"] == ["&amp;", "\u2028é"]
    assert data_of(page)["title"] == "<b>\ud800@model@"
    assert page.html.count("</script>") == 2
    assert "<title>&lt;b&gt;?@model@</title>" in page.html


def test_notebooks_show_the_page_in_a_frame():
    page = to_html(MODEL)
    [source] = re.findall(r'srcdoc="([^"]*)"', page._repr_html_())
    assert html.unescape(source) == page.html
    assert repr(page) == f"<HTMLPage of {len(page.html.encode())} bytes>"


def test_save(tmp_path):
    page = to_html(MODEL, title="é")
    path = tmp_path / "page.html"
    for given in (path, str(path), os.fsencode(path)):
        path.write_text("old")
        page.save(given)
        assert path.read_text("utf-8") == page.html
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        HTMLPage("new").save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        HTMLPage("new").save(tmp_path / "none" / "page.html")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        HTMLPage("new").save(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": ["a", "b"]}, "channels has 2 names, but the model has 3"),
        ({"channels": "abc"}, "channels must be a list of names, got 'abc'"),
        ({"channels": 3}, "channels must be a list of names, got 3"),
        ({"channels": ["a", "b", "a"]}, "channels has the name 'a' more than once"),
        ({"labels": ["a"]}, r"labels has 1 names, but the model has 2: \['down', 'up'\]"),
        ({"labels": ["a", "a"]}, "labels has the name 'a' more than once"),
        ({"rate": 0}, "rate must be a positive number"),
        ({"rate": np.inf}, "rate must be a positive number"),
        ({"rate": np.nan}, "rate must be a positive number"),
        ({"rate": "50"}, "rate must be a positive number"),
        ({"example": X[0][:, :2]}, "example has 2 channels, but the model reads 3"),
        ({"example": X}, "(?s)dim 3"),
        ({"example": [[1, 2, np.nan]]}, "contains NaN"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        to_html(MODEL, **options)


def test_models_that_no_page_computes():
    with pytest.raises(TypeError, match=r"got FastGRNNClassifier\. Pass it through quantize"):
        to_html(FITTED)
    with pytest.raises(TypeError, match="to_html needs a fitted"):
        to_html("model")
    with pytest.raises(NotFittedError):
        to_html(clone(MODEL))
    both = FastGRNNClassifier(**QUICK, bidirectional=True).fit(X, y)
    with pytest.raises(ValueError, match="bidirectional=False"):
        to_html(both)
    imputed = make_pipeline(SequenceImputer(), FastGRNNClassifier(**QUICK)).fit(X, y)
    with pytest.raises(ValueError, match=r"Step 'sequenceimputer'.*pass to_html the rest"):
        to_html(quantize(imputed, X))
