"""Every transformer and both estimators in a grid search of two processes, cached."""

import numpy as np
import pytest
from helpers.estimators import quick
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.preprocessing import (
    SequenceClipper,
    SequenceImputer,
    SequenceMinMaxScaler,
    SequenceReshaper,
    SequenceRobustScaler,
    SequenceStandardScaler,
    TemporalFeatures,
    sliding_windows,
)

RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(3, 9, 60)
CLASSES = np.arange(60) % 2


def gappy(length, label):
    """Noise around the label in channel 0, with a gap in channel 1."""
    values = RNG.standard_normal((length, 2))
    values[:, 0] += 2 * label
    values[length // 2, 1] = np.nan
    return values


LISTED = [gappy(length, label) for length, label in zip(LENGTHS, CLASSES, strict=True)]
OBJECTS = np.empty(60, dtype=object)
OBJECTS[:] = LISTED
PADDED = np.full((60, 8, 2), np.nan)
for row, values in zip(PADDED, LISTED, strict=True):
    row[: len(values)] = values
WHOLE = np.stack([gappy(6, label) for label in CLASSES])
FORMS = {"list": LISTED, "objects": OBJECTS, "padded": PADDED, "3-D": WHOLE}
NUMBERS = np.column_stack([CLASSES + 0.1 * RNG.standard_normal(60), LENGTHS])

FACES = {
    "classifier": (quick(max_iter=20), CLASSES),
    "regressor": (
        FastGRNNRegressor(4, max_iter=20, n_iter_no_change=float("inf"), random_state=0),
        NUMBERS,
    ),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("form", FORMS)
def test_all_transformers_in_a_cached_search(form, face, tmp_path):
    model, target = FACES[face]
    steps = [
        ("fill", SequenceImputer()),
        ("clip", SequenceClipper()),
        ("past", TemporalFeatures(rolling_windows=(3,))),
        ("scale", SequenceStandardScaler()),
        ("model", model),
    ]
    grid = {
        "fill__strategy": ["forward", "linear"],
        "scale": [SequenceStandardScaler(), SequenceMinMaxScaler(), SequenceRobustScaler()],
    }
    pipeline = Pipeline(steps, memory=str(tmp_path))
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(FORMS[form], target)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert any(tmp_path.rglob("output.pkl"))
    plain = Pipeline(steps).set_params(**search.best_params_).fit(FORMS[form], target)
    np.testing.assert_array_equal(search.predict(FORMS[form]), plain.predict(FORMS[form]))


@pytest.mark.parametrize("groups", [None, np.arange(200) // 100], ids=["3-D", "objects"])
def test_windows_in_a_cached_search(groups, tmp_path):
    series = np.sin(np.arange(200) / 5)
    windows, future, _ = sliding_windows(series, window=10, horizon=2, groups=groups)
    model, _ = FACES["regressor"]
    pipeline = Pipeline(
        [("scale", SequenceStandardScaler()), ("model", model)], memory=str(tmp_path)
    )
    search = GridSearchCV(
        pipeline, {"model__hidden_size": [2, 8]}, cv=TimeSeriesSplit(3, gap=1), n_jobs=2
    ).fit(windows, future)
    assert search.best_score_ > 0.5
    assert any(tmp_path.rglob("output.pkl"))


def test_reshaped_rows_in_a_cached_search(tmp_path):
    rows = np.nan_to_num(WHOLE).reshape(60, 12)
    pipeline = Pipeline(
        [("reshape", SequenceReshaper()), ("scale", SequenceStandardScaler()), ("model", quick())],
        memory=str(tmp_path),
    )
    search = GridSearchCV(pipeline, {"reshape__n_timesteps": [3, 6]}, cv=2, n_jobs=2)
    assert search.fit(rows, CLASSES).best_score_ > 0.7
