"""FastGRNNClassifier inside scikit-learn's tools, on 3-D sequences where the tool takes them.

What scikit-learn refuses in 3-D, whatever the estimator (`test_sklearn_refuses_3d`), is tested on
2-D rows.
"""

import numpy as np
import pytest
from helpers.estimators import bits, quick, sequences
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

X, y = sequences(60)
X3, y3 = sequences(60, n_classes=3)
CHANCE = 0.5


def per_channel():
    """A scaler of sequences: StandardScaler over the steps of all of them."""
    return FunctionTransformer(lambda X: (X - X.mean(axis=(0, 1))) / X.std(axis=(0, 1)))


def halved():
    return FunctionTransformer(lambda X: X / 2)


def test_pipeline():
    model = make_pipeline(halved(), quick()).fit(X, y)
    alone = quick().fit(X / 2, y)
    assert bits(model[-1]) == bits(alone)
    np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X / 2))


def test_clone_has_the_parameters_and_nothing_else():
    model = quick(alpha=0.1, class_weight={0: 1, 1: 2}).fit(X, y)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert vars(copy).keys() == copy.get_params().keys()
    assert bits(copy.fit(X, y)) == bits(model)


def test_set_params_through_a_pipeline():
    model = make_pipeline(per_channel(), quick())
    model.set_params(fastgrnnclassifier__hidden_size=7).fit(X, y)
    assert model[-1].params_["U"].shape == (7, 7)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        lambda model: make_pipeline(halved(), model),
        lambda model: GridSearchCV(make_pipeline(halved(), model), {}, cv=2),
    ],
    ids=["alone", "pipeline", "search"],
)
def test_warnings_point_to_the_line_that_called_fit(wrap):
    with pytest.warns(ConvergenceWarning, match="Maximum iterations") as caught:
        wrap(quick(max_iter=1, n_iter_no_change=5)).fit(X, y)
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(n_jobs):
    """The best of the grid is what a loop over the same folds finds."""
    folds = StratifiedKFold(3)
    grid = {"hidden_size": [1, 4], "max_iter": [1, 20]}
    search = GridSearchCV(quick(), grid, cv=folds, n_jobs=n_jobs, error_score="raise").fit(X, y)
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        scores = []
        for train, test in folds.split(X, y):
            model = quick(**params).fit(X[train], y[train])
            scores.append(accuracy_score(y[test], model.predict(X[test])))
        assert score == pytest.approx(np.mean(scores))
    assert search.best_score_ == max(search.cv_results_["mean_test_score"]) > CHANCE
    assert bits(search.best_estimator_) == bits(quick(**search.best_params_).fit(X, y))


def test_cross_val_predict():
    folds = StratifiedKFold(3)
    probabilities = cross_val_predict(quick(), X3, y3, cv=folds, method="predict_proba")
    for train, test in folds.split(X3, y3):
        expected = quick().fit(X3[train], y3[train]).predict_proba(X3[test])
        np.testing.assert_array_equal(probabilities[test], expected)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize(("X", "y"), [(X, y), (X3, y3)], ids=["two classes", "three"])
def test_calibrated_classifier(X, y, ensemble, method):
    """On new data it predicts better than the frequencies of the classes do."""
    calibrated = CalibratedClassifierCV(quick(), cv=3, method=method, ensemble=ensemble).fit(X, y)
    n_classes = len(np.unique(y))
    X_new, y_new = sequences(300, n_classes=n_classes, seed=1)
    probabilities = calibrated.predict_proba(X_new)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    truth = np.eye(n_classes)[y_new]
    assert np.mean((probabilities - truth) ** 2) < 0.7 * np.mean((1 / n_classes - truth) ** 2)


def test_calibrated_frozen_classifier():
    model = quick().fit(X, y)
    before = bits(model)
    calibrated = CalibratedClassifierCV(FrozenEstimator(model)).fit(X, y)
    assert bits(model) == before
    assert calibrated.score(X, y) > CHANCE


def test_tuned_threshold_classifier():
    rare = np.flatnonzero((y == 0) | (np.arange(len(y)) % 8 == 1))
    X_rare, y_rare = X[rare], y[rare]
    tuned = TunedThresholdClassifierCV(quick(), cv=3, scoring="balanced_accuracy").fit(
        X_rare, y_rare
    )
    model = quick().fit(X_rare, y_rare)
    expected = model.predict_proba(X_rare)[:, 1] >= tuned.best_threshold_
    np.testing.assert_array_equal(tuned.predict(X_rare), expected)
    untuned = cross_val_score(quick(), X_rare, y_rare, cv=3, scoring="balanced_accuracy")
    assert tuned.best_score_ > untuned.mean()


def test_fixed_threshold_classifier():
    predicted = FixedThresholdClassifier(quick(), threshold=0.2).fit(X, y).predict(X)
    np.testing.assert_array_equal(predicted, quick().fit(X, y).predict_proba(X)[:, 1] >= 0.2)


def members():
    return [("small", quick(hidden_size=2)), ("large", quick(hidden_size=6))]


def test_soft_voting():
    vote = VotingClassifier(members(), voting="soft").fit(X3, y3)
    alone = [model.fit(X3, y3).predict_proba(X3) for _, model in members()]
    np.testing.assert_allclose(vote.predict_proba(X3), np.mean(alone, axis=0))


def test_hard_voting():
    same = [(name, quick()) for name in "abc"]
    vote = VotingClassifier(same).fit(X3, y3)
    np.testing.assert_array_equal(vote.predict(X3), quick().fit(X3, y3).predict(X3))


def test_stacking():
    """The final estimator sees what the members say of rows that they were not trained on."""
    folds = StratifiedKFold(3)
    stack = StackingClassifier(members(), final_estimator=LogisticRegression(), cv=folds).fit(X, y)
    seen = [
        cross_val_predict(model, X, y, cv=folds, method="predict_proba")[:, 1]
        for _, model in members()
    ]
    expected = LogisticRegression().fit(np.column_stack(seen), y)
    np.testing.assert_allclose(stack.final_estimator_.coef_, expected.coef_)
    assert stack.score(X, y) > CHANCE


def test_one_vs_rest():
    model = OneVsRestClassifier(quick()).fit(X3, y3)
    for k, binary in enumerate(model.estimators_):
        assert bits(binary) == bits(quick().fit(X3, y3 == k))


@pytest.mark.parametrize(
    "use",
    [
        lambda: BaggingClassifier(quick()).fit(X, y),
        lambda: OneVsOneClassifier(quick()).fit(X, y),
        lambda: permutation_importance(quick().fit(X, y), X, y),
        lambda: StandardScaler().fit(X),
    ],
    ids=["Bagging", "OneVsOne", "permutation_importance", "StandardScaler"],
)
def test_sklearn_refuses_3d(use):
    """The limit is theirs: where this fails, a tool has learned 3-D and deserves its own test."""
    with pytest.raises(ValueError, match="Found array with dim 3"):
        use()


def test_stacking_cannot_pass_3d_through():
    stack = StackingClassifier(members(), cv=3, passthrough=True)
    with pytest.raises(ValueError, match="same number of dimensions"):
        stack.fit(X, y)


def test_bagging_on_rows():
    rows = X.reshape(len(X), -1)
    bag = BaggingClassifier(quick(n_timesteps=6), n_estimators=3, random_state=0).fit(rows, y)
    alone = [member.predict_proba(rows) for member in bag.estimators_]
    np.testing.assert_allclose(bag.predict_proba(rows), np.mean(alone, axis=0))
    assert bag.score(rows, y) > CHANCE


def test_permutation_importance_on_rows():
    """Channel 0 of every step tells the classes apart, channel 1 is noise."""
    rows = X.reshape(len(X), -1)
    model = quick(n_timesteps=6, max_iter=50).fit(rows, y)
    importances = permutation_importance(model, rows, y, random_state=0).importances_mean
    assert importances[0::2].mean() > importances[1::2].mean()


def test_column_transformer():
    pd = pytest.importorskip("pandas")
    series = pd.DataFrame(X[:, :, 0], columns=[f"step{t}" for t in range(6)])
    table = series.assign(name="ignored")
    choose = ColumnTransformer([("series", StandardScaler(), list(series.columns))])
    model = make_pipeline(choose, quick()).fit(table, y)
    expected = quick().fit(choose.fit_transform(table), y)
    assert bits(model[-1]) == bits(expected)


def test_set_output_of_a_transformer_before_it():
    pd = pytest.importorskip("pandas")
    series = pd.DataFrame(X[:, :, 0], columns=[f"step{t}" for t in range(6)])
    model = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas").fit(series, y)
    assert list(model[-1].feature_names_in_) == list(series.columns)
    plain = make_pipeline(StandardScaler(), quick()).fit(series, y)
    np.testing.assert_array_equal(model.predict_proba(series), plain.predict_proba(series))


def test_set_output_leaves_3d_alone():
    model = make_pipeline(halved(), quick()).set_output(transform="default").fit(X, y)
    assert bits(model[-1]) == bits(quick().fit(X / 2, y))


def test_routed_sample_weight():
    weights = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    with config_context(enable_metadata_routing=True):
        model = make_pipeline(halved(), quick().set_fit_request(sample_weight=True))
        model.fit(X, y, sample_weight=weights)
        assert bits(model[-1]) == bits(quick().fit(X / 2, y, weights))

        weighted = quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_val_score(weighted, X, y, cv=3, params={"sample_weight": weights})
        for score, (train, test) in zip(scores, StratifiedKFold(3).split(X, y), strict=True):
            alone = quick().fit(X[train], y[train], weights[train])
            assert score == alone.score(X[test], y[test], weights[test])


def test_routed_validation_set_is_transformed():
    X_val, y_val = sequences(20, seed=1)
    with config_context(enable_metadata_routing=True):
        model = Pipeline(
            [("halved", halved()), ("net", quick().set_fit_request(X_val=True, y_val=True))],
            transform_input=["X_val"],
        )
        model.fit(X, y, X_val=X_val, y_val=y_val)
    alone = quick().fit(X / 2, y, X_val=X_val / 2, y_val=y_val)
    assert model[-1].validation_loss_curve_ == alone.validation_loss_curve_
