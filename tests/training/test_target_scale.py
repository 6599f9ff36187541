"""Constant targets, and streams that learn the scale of y as they go."""

import pickle

import numpy as np
import pytest
from helpers.estimators import bits
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor

from skfastgrnn import DistilledFastGRNNRegressor, FastGRNNRegressor, load, save
from skfastgrnn.compression import Compression
from skfastgrnn.network import integers
from skfastgrnn.training._target_scaling import center_and_scale, target_statistics

rng = np.random.default_rng(0)
X = rng.standard_normal((600, 5, 2))
y = X[:, :, 0].mean(axis=1) + 0.5 * np.tanh(X[:, -1, 1])


def quick(**params):
    defaults = {"hidden_size": 6, "max_iter": 5, "n_iter_no_change": np.inf, "random_state": 0}
    return FastGRNNRegressor(**{**defaults, **params})


def stream(target, n=600, size=1, dtype=np.float64, **params):
    """A regressor that has learned from the first n sequences, so many at a time."""
    model = quick(**params)
    for start in range(0, n, size):
        part = slice(start, min(start + size, n))
        model.partial_fit(X[part].astype(dtype), target[part])
    return model


# Constants

CONSTANTS = [0.0, 2e-6, 3.0, -0.1, 3e6, 1e9 / 3, 1e-40, 1e30]


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("constant", CONSTANTS)
def test_a_constant_is_predicted_exactly(constant, dtype, loss):
    given, steps = X[:40].astype(dtype), quick(loss=loss)
    model = quick(loss=loss).fit(given, np.full(40, constant))
    assert (model.predict(X.astype(dtype)) == dtype(constant)).all()
    for part in (given[:1], given[1:2], given[2:]):
        steps.partial_fit(part, np.full(len(part), constant))
        assert (steps.predict(X.astype(dtype)) == dtype(constant)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_beside_a_target_that_varies(dtype):
    given = X[:100].astype(dtype)
    both = np.column_stack([y, np.full(len(y), 3e6), 1e6 * y])
    model = quick(max_iter=60).fit(given, both[:100])
    assert (model.predict(given)[:, 1] == 3e6).all()
    assert model.score(given, both[:100]) > 0.8
    steps = stream(both, n=200, size=5, dtype=dtype)
    assert (steps.predict(given)[:, 1] == 3e6).all()
    assert steps.score(given[:, :], both[:100]) > 0.3


def test_what_weighs_nothing_is_no_part_of_a_constant():
    target, weights = np.full(40, 7.5), np.ones(40)
    target[3], weights[3] = 1e9, 0
    model = quick().fit(X[:40], target, sample_weight=weights)
    assert (model.predict(X) == 7.5).all()


def test_an_output_that_was_constant_learns_its_scale_later():
    model = quick(warm_start=True, max_iter=150).fit(X[:100], np.full(100, 5.0))
    model.fit(X[:100], 5 + 1e-6 * y[:100])
    assert model.score(X[:100], 5 + 1e-6 * y[:100]) > 0.9
    scale = model._y_scale.copy()
    model.set_params(max_iter=1).fit(X[:100], 6 + y[:100])  # from here on it stays
    np.testing.assert_array_equal(model._y_scale, scale)


def test_a_distilled_constant():
    rows = X[:60].reshape(60, -1)
    teacher = ExtraTreesRegressor(5, random_state=0)
    model = DistilledFastGRNNRegressor(teacher, quick(), random_state=0)
    predicted = model.fit(rows, np.full(60, 2e-6)).predict(rows)  # a mean of trees is rounded
    np.testing.assert_allclose(predicted, 2e-6, rtol=1e-15)
    model.set_params(teacher=DummyRegressor())
    assert (model.fit(rows, np.full(60, 2e-6)).predict(rows) == 2e-6).all()


# Rounded weights


@pytest.mark.parametrize("bits", [4, 8])
def test_steps_of_the_head_are_in_the_units_of_the_targets(bits):
    """The scale of y is folded into them, so that the integers of the head do not depend on it."""
    models = [
        quick(max_iter=20, compression=Compression(bits=bits)).fit(X[:100], unit * y[:100])
        for unit in (1.0, 2.0**30)
    ]
    plain, scaled = (model.params_ for model in models)
    expected = 2.0**30 * models[0].predict(X)
    np.testing.assert_allclose(models[1].predict(X), expected, rtol=1e-9)
    assert models[0].score(X, y) > 0.3
    name = "head_weight_log_step"
    np.testing.assert_allclose(scaled[name] - plain[name], 30 * np.log(2), rtol=1e-12)
    whole = [integers(part["head_weight"], part[name], bits) for part in (plain, scaled)]
    np.testing.assert_array_equal(*whole)
    assert np.abs(whole[0]).max() > 2


def test_a_constant_beside_a_target_that_varies_is_exact_with_rounded_weights():
    both = np.column_stack([y, np.full(len(y), 3e6)])[:100]
    model = quick(max_iter=20, compression=Compression(bits=8)).fit(X[:100], both)
    assert (model.predict(X)[:, 1] == 3e6).all()
    assert np.isfinite(model.params_["head_weight_log_step"]).all()
    again = quick(warm_start=True, max_iter=5, compression=Compression(bits=8))
    again.fit(X[:100], both)
    again.fit(X[:100], both)
    assert (again.predict(X)[:, 1] == 3e6).all()


# Streams


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "params", [{}, {"loss": "huber"}, {"solver": "sgd"}], ids=["adam", "huber", "sgd"]
)
def test_single_samples_in_any_unit(params, dtype):
    plain = stream(y, n=150, dtype=dtype, **params)
    expected = plain.predict(X.astype(dtype))
    assert plain.score(X.astype(dtype), y) > 0.5
    scaled = stream(2.0**-20 * y, n=150, dtype=dtype, **params)
    np.testing.assert_array_equal(scaled.predict(X.astype(dtype)), 2.0**-20 * expected)
    assert scaled.loss_curve_ == plain.loss_curve_


def test_single_samples_far_from_zero():
    plain = stream(y, n=150)
    moved = stream(5 + 1e-6 * y, n=150)
    np.testing.assert_allclose((moved.predict(X) - 5) / 1e-6, plain.predict(X), atol=1e-3)
    assert plain.score(X, y) > 0.5


@settings(max_examples=15, deadline=None)
@given(st.integers(-900, 900), st.lists(st.integers(1, 6), min_size=2, max_size=8))
def test_units_of_a_stream_change_no_bit(exponent, sizes):
    models = [quick(loss="huber"), quick(loss="huber")]
    targets = np.column_stack([y, X[:, 0, 0]])
    for model, unit in zip(models, (1.0, 2.0**exponent), strict=True):
        for stop in np.cumsum(sizes):
            part = slice(stop - sizes[0] if stop > sizes[0] else 0, stop)
            model.partial_fit(X[part], unit * targets[part])
    plain, scaled = (model.predict(X) for model in models)
    np.testing.assert_array_equal(scaled, 2.0**exponent * plain)


def test_a_scale_that_moves_does_not_move_predictions():
    """The head is rescaled: at a rate of nothing it predicts what it did."""
    model = stream(y, n=100, size=5)
    expected, scale = model.predict(X), model._y_scale.copy()
    model.set_params(learning_rate_init=1e-300).partial_fit(X[:50], 50 + 20 * y[:50])
    assert model._y_scale > 2 * scale
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-9, atol=1e-9)


def test_moments_are_those_of_gradients_in_the_new_scale():
    """Of one output: the same gradients, had the scale always been the new one."""
    model = stream(y, n=100, size=5, alpha=0.0)
    before, scale = model._moments, model._y_scale.copy()
    # With these decay rates a part adds nothing to the moments.
    model.set_params(beta_1=1 - 1e-16, beta_2=1 - 1e-16, learning_rate_init=1e-300)
    model.partial_fit(X[:50], 50 + 20 * y[:50])
    ratio = float(scale[0] / model._y_scale[0])
    assert ratio < 0.5
    is_head = np.zeros(len(model._parameters), dtype=bool)
    for name in ("head_weight", "head_bias"):
        pointer = model.params_[name].__array_interface__["data"][0]
        start = (pointer - model._parameters.__array_interface__["data"][0]) // 8
        is_head[start : start + model.params_[name].size] = True
    factor = np.where(is_head, ratio, ratio**2)
    np.testing.assert_allclose(model._moments["first"], factor * before["first"], rtol=1e-6)
    np.testing.assert_allclose(model._moments["second"], factor**2 * before["second"], rtol=1e-6)


def test_the_first_updates_follow_the_scale():
    model = stream(y, n=4)
    center, scale = model._y_center.copy(), model._y_scale.copy()
    expected = (model.predict(X) - center) / scale
    model.set_params(learning_rate_init=1e-300).partial_fit(X[4:5], [7.0])
    assert model._y_scale > 1.5 * scale
    np.testing.assert_allclose((model.predict(X) - model._y_center) / model._y_scale, expected)


def test_a_frozen_head_does_not_follow():
    model = stream(y, n=4).set_params(frozen="head", learning_rate_init=1e-300)
    expected = model.predict(X)
    np.testing.assert_allclose(model.partial_fit(X[4:5], [7.0]).predict(X), expected)


def test_two_values_that_float32_hardly_tells_apart_may_begin_a_stream():
    target = y.copy()
    target[:2] = 5.0, 5.0000005
    assert stream(target, dtype=np.float32, n=200).score(X.astype(np.float32), y) > 0.5


@pytest.mark.parametrize("robust", [False, True])
def test_statistics_of_parts(robust):
    targets = np.column_stack([y, 1e-300 * y, np.full(len(y), 0.1)])[:60]
    weights = rng.random(60)
    if robust:
        center, scale = center_and_scale(
            target_statistics(targets, weights, robust=True), robust=True
        )
        order = np.argsort(targets[:, 0])
        middle = targets[order, 0][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]
        distances = np.abs(targets[:, 0] - middle)
        order = np.argsort(distances)
        half = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
        expected = [middle, 1.4826 * distances[order][half]]
    else:
        known = None
        for part in np.split(np.arange(60), [1, 20, 21]):
            known = target_statistics(targets[part], weights[part], robust=False, earlier=known)
        center, scale = center_and_scale(known, robust=False)
        mean = np.average(targets[:, 0], weights=weights)
        expected = [mean, np.sqrt(np.average((targets[:, 0] - mean) ** 2, weights=weights))]
    np.testing.assert_allclose([center[0], scale[0]], expected, rtol=1e-12)
    np.testing.assert_allclose([center[1], scale[1]], 1e-300 * np.array(expected), rtol=1e-12)
    assert (center[2], scale[2]) == (0.1, 0)


def test_robust_statistics_of_parts_are_averages():
    parts = [np.array([[0.0], [1], [5]]), np.array([[4.0]]), np.array([[2.0], [2], [9], [9], [9]])]
    known, middle, spread, n = None, 0.0, 0.0, 0
    for part in parts:
        known = target_statistics(part, None, robust=True, earlier=known)
        n += len(part)
        middle += len(part) / n * (np.median(part) - middle)
        spread += len(part) / n * (1.4826 * np.median(np.abs(part - middle)) - spread)
    np.testing.assert_allclose(center_and_scale(known, robust=True), [[middle], [spread]])


def test_a_mostly_constant_target_has_the_scale_of_its_deviation():
    target = np.zeros((50, 1))
    target[::10] = 1e-8
    center, scale = center_and_scale(target_statistics(target, None, robust=True), robust=True)
    np.testing.assert_allclose([center[0], scale[0]], [target.mean(), target.std()])


@pytest.mark.parametrize("constant", [True, False])
def test_files_and_pickles_go_on_as_the_stream_does(constant, tmp_path):
    target = np.full(len(y), 3e6) if constant else 1e6 * y
    model = stream(target, n=30)
    save(model, tmp_path / "stream.safetensors")
    loaded, unpickled = load(tmp_path / "stream.safetensors"), pickle.loads(pickle.dumps(model))
    for copy in (model, loaded, unpickled):
        copy.partial_fit(X[30:50], 1e6 * y[30:50])
    assert bits(loaded) == bits(model) == bits(unpickled)


def test_a_part_that_is_refused_or_diverges_is_forgotten():
    model = stream(y, n=60, size=5, solver="sgd", clip_norm=None)
    before = model._y_statistics.copy()
    with pytest.raises(ValueError, match="float64 cannot hold"):
        model.partial_fit(X[:1], [1e307])
    np.testing.assert_array_equal(model._y_statistics, before)
    with pytest.warns(UserWarning, match="diverged"):
        model.set_params(learning_rate_init=1e300).partial_fit(X[:2], [1e100, -1e100])
    np.testing.assert_array_equal(model._y_statistics, before)


def test_one_wrong_value_does_not_spoil_the_scale():
    model = stream(y, n=100, size=5)
    scale = model._y_scale.copy()
    model.partial_fit(X[100:101], [1e100])
    assert model._y_scale < 2 * scale
    for _ in range(40):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.9


def test_targets_in_another_unit_are_learned_all_the_same():
    model = stream(y, n=100, size=5)
    for _ in range(60):
        model.partial_fit(X, 1e4 * y)
    assert model.score(X, 1e4 * y) > 0.9


@pytest.mark.parametrize(
    ("row", "value"),
    [(0, 0.5), (0, 2000.0), (1, 0.0), (3, -1.0), (5, -4.0), (2, 5.0), (7, -1.0), (6, np.nan)],
)
def test_statistics_that_no_targets_have_are_refused_in_a_file(row, value, tmp_path):
    model = stream(y, n=20, size=10)
    model._y_statistics[row] = value
    with pytest.raises(ValueError, match="statistics"):
        save(model, tmp_path / "damaged.safetensors")
    model = stream(y, n=20, size=10)
    model._y_statistics = model._y_statistics[:, [0, 0]]
    with pytest.raises(ValueError, match=r"the shape \(8, 2\), not \(8, 1\)"):
        save(model, tmp_path / "damaged.safetensors")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of scikit-learn's R²
def test_the_distance_of_teacher_and_student_in_any_unit():
    rows, target = X[:60].reshape(60, -1), y[:60]
    taught = target + np.linspace(-1, 1, 60)
    distances = []
    for unit in (1.0, 2.0**-600, 2.0**600):
        student = quick(early_stopping=True)
        model = DistilledFastGRNNRegressor(None, student)
        model.fit(rows, unit * target, teacher_prediction=unit * taught)
        distances.append(model.report_["rmse_to_teacher"] / unit)
    assert distances[0] > 0
    assert distances == [distances[0]] * 3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_constant_is_still_predicted_after_a_piece_that_did_harm():
    model = quick(clip_norm=None, learning_rate="constant", solver="sgd", momentum=0.0)
    for _ in range(12):
        model.partial_fit(X[:10], np.full(10, 5.0))
    model.set_params(learning_rate_init=1e3).partial_fit(X[:10], 5 + 10 * y[:10])
    assert (model.predict(X) == 5).all()
    assert model._y_scale == 0


def test_errors_of_validation_targets_count_where_y_is_constant_in_training():
    y_val = 3 + 100 * y[:20]
    model = quick(max_iter=5).fit(X[20:60], np.full(40, 3.0), X_val=X[:20], y_val=y_val)
    # The center is predicted: in units of its own spread around it, half the mean square is 1/2.
    np.testing.assert_allclose(model.validation_loss_curve_, 0.5, atol=0.05)
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[:20], y_val), abs=0.05)


@pytest.mark.parametrize(("dtype", "far"), [(np.float32, 1e30), (np.float64, 1e300)])
def test_a_target_without_weight_may_be_of_any_size(dtype, far):
    weights, target = np.ones(60), y[:60].copy()
    weights[0], target[0] = 0.0, far
    model = quick(max_iter=3).fit(X[:60].astype(dtype), target, sample_weight=weights)
    target[0] = 0.0
    without = quick(max_iter=3).fit(X[:60].astype(dtype), target, sample_weight=weights)
    np.testing.assert_array_equal(model.predict(X), without.predict(X))
