"""Scalers and the tools of scikit-learn: data frames, pipelines, searches."""

import numpy as np
import pytest
from helpers.estimators import bits, quick, sequences
from helpers.scalers import FORMS, X, assert_same, each_scaler, learned, padded, ragged, unpadded, y
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline

from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("per", ["channel", "timestep"])
@each_scaler
def test_data_frames(scaler, per):
    pd = pytest.importorskip("pandas")
    names = [f"c{i}" for i in range(18)]
    table = pd.DataFrame(X.reshape(30, 18), columns=names, index=np.arange(30)[::-1])
    plain = scaler(per=per, n_timesteps=6).fit(X.reshape(30, 18))
    expected = plain.transform(X.reshape(30, 18))
    model = scaler(per=per, n_timesteps=6).fit(table)
    assert list(model.feature_names_in_) == names == list(model.get_feature_names_out())
    np.testing.assert_array_equal(model.transform(table), expected)
    # Like scikit-learn's, inverse_transform does not ask for names.
    np.testing.assert_allclose(model.inverse_transform(model.transform(table)), table)
    scaled = model.set_output(transform="pandas").transform(table)
    pd.testing.assert_frame_equal(
        scaled, pd.DataFrame(expected, columns=names, index=np.arange(30)[::-1])
    )
    np.testing.assert_allclose(model.inverse_transform(scaled), table)
    np.testing.assert_allclose(plain.inverse_transform(scaled), table)
    assert list(plain.get_feature_names_out()) == [f"x{i}" for i in range(18)]


@each_scaler
def test_sequences_stay_arrays(scaler):
    pytest.importorskip("pandas")
    expected = scaler().fit_transform(ragged)
    with config_context(transform_output="pandas"):
        for form in FORMS.values():
            model = scaler()
            for scaled in (model.fit_transform(form(ragged)), model.transform(form(ragged))):
                np.testing.assert_array_equal(unpadded(scaled), unpadded(expected), strict=True)
            n_channels = ragged[0].shape[1]
            assert list(model.get_feature_names_out()) == [f"x{i}" for i in range(n_channels)]
    model = scaler().set_output(transform="pandas")
    assert type(model.fit_transform(ragged)) is list
    assert type(model.set_output(transform="pandas").transform(X)) is np.ndarray


def test_set_output_of_a_pipeline():
    pytest.importorskip("pandas")
    pipeline = make_pipeline(SequenceStandardScaler(), quick()).fit(X, y)
    expected = bits(pipeline[-1])
    for _ in range(2):  # before and after fit
        pipeline.set_output(transform="pandas")
        assert bits(pipeline.fit(X, y)[-1]) == expected
    rows = pipeline.fit(X.reshape(30, 18), y)
    assert list(rows[-1].feature_names_in_) == [f"x{i}" for i in range(18)]
    assert type(clone(pipeline)[0].fit_transform(X.reshape(30, 18))).__name__ == "DataFrame"
    pipeline[0].set_output(transform=None)
    assert type(pipeline[0].transform(X.reshape(30, 18))).__name__ == "DataFrame"


@pytest.mark.parametrize("form", FORMS)
@each_scaler
def test_pipeline(scaler, form):
    given = FORMS[form](ragged)
    model = make_pipeline(scaler(), quick()).fit(given, y)
    alone = quick().fit(scaler().fit_transform(ragged), y)
    assert bits(model[-1]) == bits(alone)
    np.testing.assert_array_equal(
        model.predict_proba(given), alone.predict_proba(scaler().fit_transform(ragged))
    )


@pytest.mark.parametrize(
    ("members", "form", "parameters"),
    [
        (ragged, list, {}),
        (ragged, padded, {}),
        (list(X), np.array, {"per": "timestep"}),
        (list(X), lambda members: np.reshape(members, (-1, 18)), {"n_timesteps": 6}),
    ],
    ids=["list", "padded", "3-D per timestep", "2-D"],
)
@each_scaler
def test_validation_folds_are_not_seen(scaler, members, form, parameters):
    """Each fold's statistics are to the bit those of its training part, however the rest is."""
    for train, test in KFold(3, shuffle=True, random_state=0).split(members):
        extreme = [
            member * 1e6 + 1e9 if i in test else member.copy() for i, member in enumerate(members)
        ]
        result = cross_validate(
            make_pipeline(scaler(**parameters), quick(max_iter=1, n_timesteps=6)),
            form(extreme),
            y,
            cv=[(train, test)],
            return_estimator=True,
            error_score="raise",
        )
        (fitted,) = result["estimator"]
        alone = scaler(**parameters).fit(form([members[i] for i in train]))
        assert_same(learned(fitted[0]), learned(alone))


@pytest.mark.parametrize("form", FORMS)
def test_grid_search_with_memory_and_jobs(form, tmp_path):
    members, labels = sequences(24)
    given = FORMS[form]([members[i, : 3 + i % 4] for i in range(24)])
    grid = {
        "scaler": [SequenceStandardScaler(), SequenceMinMaxScaler(), SequenceRobustScaler()],
        "net__hidden_size": [2, 3],
    }

    def search(memory=None, n_jobs=None):
        pipeline = Pipeline([("scaler", None), ("net", quick(max_iter=3))], memory=memory)
        return GridSearchCV(
            pipeline, grid, cv=StratifiedKFold(2), n_jobs=n_jobs, error_score="raise"
        ).fit(given, labels)

    plain, remembered = search(), search(str(tmp_path), 2)
    for name in ("mean_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(plain.cv_results_[name], remembered.cv_results_[name])
    assert bits(plain.best_estimator_[-1]) == bits(remembered.best_estimator_[-1])
    assert any(tmp_path.rglob("output.pkl"))
    np.testing.assert_array_equal(plain.predict_proba(given), remembered.predict_proba(given))


def test_grid_search_over_per(tmp_path):
    grid = {"scaler__per": ["channel", "timestep"]}
    pipeline = Pipeline(
        [("scaler", SequenceStandardScaler()), ("net", quick(max_iter=3))], memory=str(tmp_path)
    )
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2, error_score="raise").fit(X, y)
    assert search.best_estimator_[0].mean_.shape in {(3,), (6, 3)}
