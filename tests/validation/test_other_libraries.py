"""The forms in which other libraries keep sequences: read, or refused with the line to write."""

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.estimators import bits, quick, sequences, snapshot

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.preprocessing import SequenceStandardScaler

X, y = sequences(30, n_timesteps=5, n_channels=3)
channels_first = X.transpose(0, 2, 1)
TRANSPOSE_ARRAY = r"as in aeon and sktime, write X\.transpose\(0, 2, 1\)\."
TRANSPOSE_LIST = r"all have 3 row\(s\): .* as in aeon and sktime, write \[x\.T for x in X\]\."


# Channels first


def test_ragged_channels_first_are_explained():
    given = [x[:, : 3 + i % 3] for i, x in enumerate(channels_first)]
    with pytest.raises(
        ValueError, match=rf"sample 1 has 4 .*, sample 0 has 3\..* {TRANSPOSE_LIST}"
    ):
        quick().fit(given, y)
    assert quick().fit([x.T for x in given], y).n_channels_ == 3


def test_no_transposition_is_proposed_where_it_would_not_help():
    with pytest.raises(ValueError, match=r"sample 29 has 2 channel\(s\), sample 0 has 3\.$"):
        quick().fit([*X[:28], X[28, :3], X[29, :, :2]], y)
    model = quick().fit(X, y)
    with pytest.raises(ValueError, match=r"sample 1 has 2 channel\(s\), sample 0 has 3\.$"):
        quick().fit([X[0], X[1, :, :2], [[1.0], [2.0, 3.0]]], [0, 1, 0])
    with pytest.raises(ValueError, match=r"sample 1 has 2 channel\(s\), sample 0 has 3\.$"):
        model.predict([X[0], X[1, :, :2]])  # 5 rows are not the 3 channels it knows
    for given in (X[..., :2], list(X[..., :2]), [X[0, :, :2], X[1, :3, :2]]):
        with pytest.raises(ValueError, match=r"expecting 3 channels as input\.$"):
            model.predict(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (channels_first, f"has 3: .*{TRANSPOSE_ARRAY}"),
        (list(channels_first), TRANSPOSE_LIST),
        ([*channels_first[:2, :, :4]], TRANSPOSE_LIST),
        ([channels_first[0].tolist()], TRANSPOSE_LIST),
    ],
    ids=["array", "list", "shorter", "one"],
)
def test_channels_first_at_predict_are_explained(given, message):
    for reader in (quick().fit(X, y), SequenceStandardScaler().fit(X)):
        before = snapshot(reader)
        use = reader.predict if hasattr(reader, "predict") else reader.transform
        with pytest.raises(ValueError, match=f"is expecting 3 channels as input. .*{message}"):
            use(given)
        assert snapshot(reader) == before


@pytest.mark.parametrize("n_channels", [1, 3])
def test_padding_of_channels_first_is_explained(n_channels):
    padded = channels_first[:, :n_channels].copy()
    padded[4, :, 3:] = np.nan
    with pytest.raises(
        ValueError, match=rf"NaN: sample 4, step 0, channel 3\..* {TRANSPOSE_ARRAY}"
    ):
        quick().fit(padded, y)
    quick().fit(padded.transpose(0, 2, 1), y)


def test_gaps_are_no_padding():
    in_the_middle, in_a_channel = X.copy(), X.copy()
    in_the_middle[4, :, 1] = np.nan
    in_a_channel[4, 2:, 2] = np.nan
    for given in (in_the_middle, in_a_channel, [*in_the_middle]):
        with pytest.raises(ValueError, match=r"remove these sequences\.$"):
            quick().fit(given, y)


# Nested tables, cells, and tools that pass rows


@pytest.mark.parametrize("as_array", [False, True])
def test_nested_tables_are_explained(as_array):
    pd = pytest.importorskip("pandas")
    nested = pd.DataFrame({c: [pd.Series(x[:, i]) for x in X] for i, c in enumerate("abc")})
    given, column = (nested.to_numpy(), "0") if as_array else (nested, "'a'")
    advice = r"\[np.column_stack\(row\) for row in np.asarray\(X\)\]"
    with pytest.raises(
        ValueError, match=f"cells that are series: sample 0, column {column}. Make .*{advice}"
    ):
        quick().fit(given, y)
    advised = [np.column_stack(row) for row in np.asarray(given)]
    assert bits(quick().fit(advised, y)) == bits(quick().fit(X, y))


def cells(members, shape):
    objects = np.empty(len(members), dtype=object)
    objects[:] = members
    return objects.reshape(shape)


def test_cells_of_matlab():
    ragged = [x[: 2 + i % 3] for i, x in enumerate(X)]
    column = cells(ragged, (30, 1))
    model = quick().fit(column, y)
    assert bits(model) == bits(quick().fit(ragged, y))
    np.testing.assert_array_equal(model.predict(column[:7]), model.predict(ragged[:7]))
    scaled = SequenceStandardScaler().fit_transform(column)
    np.testing.assert_array_equal(scaled[3], SequenceStandardScaler().fit_transform(ragged)[3])
    for use in (lambda X: quick().fit(X, y), model.predict):
        with pytest.raises(ValueError, match=r"cells that are sequences: .* Write X\.ravel\(\)\."):
            use(column.T)
    with pytest.raises(ValueError, match=TRANSPOSE_LIST):
        quick().fit(cells([x.T for x in ragged], (30, 1)), y)


def test_a_probe_with_one_row_is_explained():
    """MAPIE's split conformal methods begin with such a call."""
    model = FastGRNNRegressor(hidden_size=3, max_iter=2, n_iter_no_change=np.inf).fit(X, y)
    with pytest.raises(ValueError, match=r"n_features_in_=3 numbers.*X\.reshape\(len\(X\), -1\)"):
        model.predict(np.zeros((1, model.n_features_in_)))
    with pytest.raises(ValueError, match=r"a single sequence x is \[x\]\.$"):
        model.predict(X[0])
    model.set_params(n_timesteps=5).fit(X.reshape(len(X), -1), y)  # as it says
    assert model.predict(np.zeros((1, model.n_features_in_))).shape == (1,)


# The libraries themselves, where they are installed


def test_aeon():
    pytest.importorskip("aeon")
    from aeon.datasets import load_basic_motions, load_japanese_vowels

    given, labels = load_basic_motions(split="train")
    model = quick().fit(given.transpose(0, 2, 1), labels)
    assert model.n_channels_ == given.shape[1] == 6
    with pytest.raises(ValueError, match=TRANSPOSE_ARRAY):
        model.predict(given)
    ragged, labels = load_japanese_vowels(split="train")
    with pytest.raises(ValueError, match=r"all have 12 row\(s\): .* write \[x.T for x in X\]"):
        quick().fit(ragged, labels)
    assert quick(max_iter=1).fit([x.T for x in ragged], labels).n_channels_ == 12


def test_tslearn():
    utils = pytest.importorskip("tslearn.utils")
    ragged = [x[: 2 + i % 3] for i, x in enumerate(X)]
    dataset = utils.to_time_series_dataset(ragged)
    assert bits(quick().fit(dataset, y)) == bits(quick().fit(ragged, y))


def test_lines_for_polars_on_the_page():
    pl = pytest.importorskip("polars")
    pd = pytest.importorskip("pandas")
    page = (Path(__file__).resolve().parents[2] / "docs/coming_from.rst").read_text("utf-8")
    block = re.search(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)", page).group(1)
    steps = X.reshape(-1, 3)
    table = pd.DataFrame(
        {
            "recording": np.repeat(np.arange(30), 5),
            "time": np.tile(np.arange(5), 30),
            "acceleration": steps[:, 0],
            "rotation": steps[:, 1],
            "state": np.repeat(y, 5),
        }
    )
    settings = {"hidden_size": 4, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}
    names = {
        "table": table.sample(frac=1, random_state=0),
        "settings": settings,
        "FastGRNNClassifier": FastGRNNClassifier,
    }
    exec(re.sub(r"^   ", "", block, flags=re.M), names)
    assert isinstance(names["X"][0], pl.DataFrame)
    order = [group["recording"][0] for group in names["groups"]]
    expected = FastGRNNClassifier(**settings).fit(X[order][:, :, :2], y[order])
    assert bits(names["model"]) == bits(expected)
    assert names["model"].feature_names_in_.tolist() == ["acceleration", "rotation"]
