"""What users of scikit-learn's MLPClassifier see: the same, or what the documents say instead."""

import warnings

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.fixes import parse_version

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*Maximum iterations:sklearn.exceptions.ConvergenceWarning"
)

images, digits = load_digits(n_class=3, return_X_y=True)
X, y = images[:120] / 16, digits[:120]

CLASSIFIERS = [MLPClassifier, FastGRNNClassifier]
REGRESSORS = [MLPRegressor, FastGRNNRegressor]
OURS = [FastGRNNClassifier, FastGRNNRegressor]


def new(cls, **params):
    """Either kind of network, of a few units, which reads a row of 64 as 8 steps if it can."""
    is_ours = cls in OURS
    shape = {"hidden_size": 6, "n_timesteps": 8} if is_ours else {"hidden_layer_sizes": 6}
    settings = {"random_state": 0, "max_iter": 5, "n_iter_no_change": 10, "early_stopping": False}
    return cls(**{**shape, **settings, **params})


# What is the same


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_attributes_of_early_stopping(cls):
    model = new(cls, early_stopping=True, max_iter=8).fit(X, y)
    assert isinstance(model.validation_scores_, list)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)
    model = new(cls, early_stopping=False).fit(X, y)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert model.best_loss_ == min(model.loss_curve_)


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_losses_are_those_of_the_epochs(cls):
    model = new(cls).fit(X, y)
    assert isinstance(model.loss_curve_, list)
    assert len(model.loss_curve_) == model.n_iter_ == 5
    assert model.loss_ == model.loss_curve_[-1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_the_dtype_is_kept(cls, dtype):
    model = new(cls).fit(X.astype(dtype), y)
    parts = model.params_.values() if cls in OURS else model.coefs_ + model.intercepts_
    assert {part.dtype for part in parts} == {np.dtype(dtype)}
    predicts = model.predict_proba if hasattr(model, "predict_proba") else model.predict
    assert predicts(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_float16_and_integers_become_float64(cls):
    for data in (X.astype(np.float16), (X * 16).astype(int)):
        model = new(cls).fit(data, y)
        predicts = model.predict_proba if hasattr(model, "predict_proba") else model.predict
        assert predicts(data).dtype == np.float64


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_weights_of_one_change_nothing_with_early_stopping(cls):
    plain = new(cls, early_stopping=True).fit(X, y)
    weighted = new(cls, early_stopping=True).fit(X, y, sample_weight=np.ones(len(y)))
    np.testing.assert_array_equal(weighted.predict(X), plain.predict(X))
    assert weighted.validation_scores_ == plain.validation_scores_


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_warm_fits_train_for_max_iter_each_and_warn(cls):
    model = new(cls, warm_start=True, max_iter=3, early_stopping=False)
    for max_iter in (3, 3, 4):
        with pytest.warns(ConvergenceWarning, match=rf"Maximum iterations \({max_iter}\) reached"):
            model.set_params(max_iter=max_iter).fit(X, y)
        assert model.n_iter_ == max_iter
    fresh = new(cls, max_iter=3, early_stopping=False).fit(X, y)
    assert model.loss_ < fresh.loss_


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_a_large_tolerance_ends_the_training(cls):
    model = new(cls, max_iter=300, tol=0.5, early_stopping=False).fit(X, y)
    assert model.n_iter_ < 300


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_infinite_patience_trains_to_the_end(cls):
    assert new(cls, max_iter=30, tol=1e9, n_iter_no_change=np.inf).fit(X, y).n_iter_ == 30


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_shuffling_depends_on_the_seed_alone(cls):
    losses = [
        new(cls, shuffle=shuffle, batch_size=10).fit(X, y).loss_curve_
        for shuffle in (True, True, False, False)
    ]
    assert losses[0] == losses[1] != losses[2] == losses[3]


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_labels_may_be_strings_with_early_stopping(cls):
    if cls is MLPClassifier and parse_version(sklearn.__version__) < parse_version("1.7.1"):
        pytest.skip("MLPClassifier takes them from scikit-learn 1.7.1 on")
    labels = np.array(["none", "one", "two"], dtype=object)[y]
    model = new(cls, early_stopping=True).fit(X, labels)
    assert len(model.validation_scores_) == model.n_iter_
    assert np.isfinite(model.validation_scores_).all()
    assert set(model.predict(X)) <= set(labels)


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_names_of_columns_are_kept_without_a_warning(cls):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = new(cls, early_stopping=True).fit(frame, pandas.Series(y))
    assert model.feature_names_in_.tolist() == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"pixel3": "other"}))


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_classes_of_partial_fit(cls):
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        new(cls).partial_fit(X, y)
    with pytest.raises(ValueError, match="classes"):
        new(cls).partial_fit(X, y, classes=[2])
    model = new(cls).partial_fit(X[:1], y[:1], classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, y, classes=[1, 2])
    model.partial_fit(X[y == 2][:1], [2])  # of a class that was announced only
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_partial_fits_of_all_data_learn_as_fit_does(cls):
    fitted = new(cls, max_iter=40, learning_rate_init=0.02, n_iter_no_change=99).fit(X, y)
    model = new(cls, learning_rate_init=0.02)
    for _ in range(40):
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert min(model.score(X, y), fitted.score(X, y)) > 0.95


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_partial_fit_after_a_fit_with_early_stopping_is_refused(cls):
    model = new(cls, early_stopping=True).fit(X, y)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("cls", REGRESSORS)
def test_a_loaded_model_learns_on(cls, tmp_path):
    model = new(cls, max_iter=100, learning_rate_init=0.01).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    for _ in range(150):
        loaded.partial_fit(X[:1], [-1.0])
    assert loaded.predict(X[:1]) == pytest.approx([-1.0], abs=1e-2)


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_verbose_prints_a_line_for_every_epoch(cls, capsys):
    model = new(cls, verbose=True, early_stopping=False).fit(X, y)
    new(cls, verbose=False).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_ == 5
    assert all("loss" in line for line in lines)
    model.partial_fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) == 1
    new(cls, verbose=True, max_iter=100, tol=1e9, early_stopping=False).fit(X, y)
    assert "topping" in capsys.readouterr().out.splitlines()[-1]


def test_a_training_that_diverges_raises_no_error_with_early_stopping():
    model = new(
        FastGRNNRegressor,
        solver="sgd",
        learning_rate_init=50.0,
        clip_norm=None,
        early_stopping=True,
    )
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y)
    assert all(isinstance(score, float) for score in model.validation_scores_)
    assert np.isfinite(model.predict(X)).all()


# What differs, as the documents say


def test_best_loss_is_that_of_validation():
    assert new(MLPClassifier, early_stopping=True).fit(X, y).best_loss_ is None
    model = new(FastGRNNClassifier, early_stopping=True).fit(X, y)
    assert model.best_loss_ == min(model.validation_loss_curve_)


def test_histories_of_warm_fits_begin_anew():
    both = [new(cls, warm_start=True, early_stopping=False) for cls in CLASSIFIERS]
    for model in both:
        model.fit(X, y).fit(X, y)
    assert [len(model.loss_curve_) for model in both] == [10, 5]


def test_epochs_of_partial_fit_are_counted():
    both = [new(cls) for cls in CLASSIFIERS]
    for model in both:
        for _ in range(3):
            model.partial_fit(X, y, classes=[0, 1, 2])
    assert [model.n_iter_ for model in both] == [1, 3]
    assert [len(model.loss_curve_) for model in both] == [3, 3]


def test_infinite_patience_does_not_warn_here():
    warned = []
    for cls in CLASSIFIERS:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            new(cls, n_iter_no_change=np.inf).fit(X, y)
        warned.append(len(caught))
    assert warned == [1, 0]


def test_a_class_of_one_sample_is_no_error():
    labels = np.where(np.arange(120) == 7, 5, 0)
    with pytest.raises(ValueError, match="least populated"):
        new(MLPClassifier, early_stopping=True).fit(X, labels)
    model = new(FastGRNNClassifier, early_stopping=True).fit(X, labels)
    assert 5 in model.classes_


def test_one_output_in_a_column_keeps_its_form():
    column = y[:, None].astype(float)
    with pytest.warns(UserWarning, match="column-vector"):
        assert new(MLPRegressor).fit(X, column).predict(X).shape == (120,)
    assert new(FastGRNNRegressor).fit(X, column).predict(X).shape == (120, 1)


def test_scores_that_are_all_nan_have_nan_for_their_best():
    with pytest.warns(UserWarning, match="one sample"):
        model = new(FastGRNNRegressor, early_stopping=True).fit(X, y, X_val=X[:1], y_val=y[:1])
    assert np.isnan(model.best_validation_score_)
