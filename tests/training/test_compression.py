"""The parameter `compression`: what it makes of a network, and what it refuses."""

import pickle

import numpy as np
import pytest
from helpers.compression import check_supports
from helpers.estimators import bits, quick, sequences, snapshot
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier, FastGRNNRegressor, load, save
from skfastgrnn.compression import Compression
from skfastgrnn.estimators._fitted import computed_parts

X, y = sequences(60, n_channels=3)
RAGGED = [x[: 2 + i % 5] for i, x in enumerate(X)]

COMPRESSIONS = {
    "rank": Compression(rank_w=2, rank_u=1),
    "random factors": Compression(rank_w=1, rank_u=3, init="random"),
    "density": Compression(density_w=0.4, density_u=0.3),
    "blocks": Compression(density_w=0.5, density_u=0.25, block_size=2),
    "8 bits": Compression(bits=8),
    "all": Compression(2, 2, 0.6, 0.4, bits=4),
}
ANY = pytest.mark.parametrize("compression", COMPRESSIONS.values(), ids=COMPRESSIONS)


def test_it_is_a_parameter_object_of_scikit_learn():
    compression = Compression(rank_w=4, density_u=0.5)
    assert compression.get_params()["rank_w"] == 4
    assert repr(compression) == "Compression(density_u=0.5, rank_w=4)"
    copied = clone(compression).set_params(bits=8)
    assert (copied.rank_w, copied.bits, compression.bits) == (4, 8, None)
    assert pickle.loads(pickle.dumps(copied)).get_params() == copied.get_params()
    model = clone(quick(compression=copied))
    assert model.compression is not copied
    assert model.get_params()["compression__bits"] == 8


def test_what_compresses_nothing_changes_nothing():
    for settings in ({}, {"early_stopping": True, "refit": True}, {"dropout": 0.2, "ema": 0.9}):
        plain = quick(**settings).fit(X, y)
        for nothing in (Compression(), Compression(density_w=1.0, density_u=1.0, block_size=4)):
            model = quick(compression=nothing, **settings).fit(X, y)
            assert bits(model) == bits(plain)
            assert model.loss_curve_ == plain.loss_curve_


@ANY
@pytest.mark.parametrize("estimator", [FastGRNNClassifier, FastGRNNRegressor])
def test_shapes_supports_and_files(compression, estimator, tmp_path):
    """After a fit, in both precisions, with several cells and ragged sequences."""
    settings = {**quick().get_params(deep=False), "compression": compression, "max_iter": 6}
    settings = {key: value for key, value in settings.items() if key in estimator().get_params()}
    settings.pop("loss")
    for more, data in (
        ({}, X),
        ({"n_layers": 2, "bidirectional": True}, X.astype(np.float32)),
        ({"early_stopping": True, "refit": True, "n_iter_no_change": None}, RAGGED),
    ):
        model = estimator(**{**settings, **more}).fit(data, y)
        if compression.density_w is not None:
            check_supports(model)
        if compression.rank_u is not None:
            assert model.params_["U1"].shape == (4, compression.rank_u)
            assert model.params_["U2"].shape == (compression.rank_u, 4)
        has_steps = any(name.endswith("_log_step") for name in model.params_)
        assert has_steps == (compression.bits is not None)
        save(model, tmp_path / "model.safetensors")
        for restored in (load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(restored.predict(data), model.predict(data))
            assert restored.compression.get_params() == compression.get_params()


@pytest.mark.parametrize("bits_of_weight", [8, 4])
def test_a_row_has_few_values(bits_of_weight):
    """Of what the model computes with; its parameters are those that are rounded."""
    model = quick(hidden_size=16, compression=Compression(bits=bits_of_weight)).fit(X, y)
    most = {8: 127, 4: 7}[bits_of_weight]
    for name in ("W", "U", "head_weight"):
        rows = computed_parts(model)[name]
        steps = np.exp(model.params_[f"{name}_log_step"])
        integers = rows / steps[:, None]
        np.testing.assert_allclose(integers, np.round(integers), atol=1e-9)
        assert 1 <= np.abs(np.round(integers)).max() <= most
        weights = model.params_[name]
        in_range = np.abs(weights) <= most * steps[:, None]
        error = np.abs(rows - weights) / steps[:, None]
        assert 0.1 < error[in_range].max() <= 0.5 + 1e-9


def test_factors_begin_from_the_best_approximation_of_a_dense_fit():
    """So small a rate that they stay there; the dense fit is that without compression."""
    learned = {"max_iter": 30, "hidden_size": 6}
    dense = quick(**learned).fit(X, y)
    model = quick(compression=Compression(rank_w=2, rank_u=3), **learned)
    model.set_params(learning_rate=lambda epoch: 1.0)
    slow = OnceSlow(30)
    model.set_params(learning_rate=slow).fit(X, y)
    for name, rank in (("W", 2), ("U", 3)):
        left, values, right = np.linalg.svd(dense.params_[name], full_matrices=False)
        best = (left[:, :rank] * values[:rank]) @ right[:rank]
        first, second = model.params_[f"{name}1"], model.params_[f"{name}2"]
        np.testing.assert_allclose(first @ second, best, atol=1e-12)
        # Both factors have the same share of the singular values.
        np.testing.assert_allclose(first.T @ first, second @ second.T, atol=1e-12)
        np.testing.assert_allclose(np.diag(first.T @ first), values[:rank], atol=1e-12)
    np.testing.assert_allclose(model.params_["head_weight"], dense.params_["head_weight"])
    assert len(model.loss_curve_) == 30


class OnceSlow:
    """A schedule with the rate 1 in the first `n_epochs` calls, and next to nothing afterwards."""

    def __init__(self, n_epochs):
        self.n_left = n_epochs

    def __call__(self, epoch):
        self.n_left -= 1
        return 1.0 if self.n_left >= 0 else 1e-300


def test_the_dense_fit_sees_only_the_training_part():
    """Another validation set, the same training: the start is the same, to the last bit."""
    first = {"max_iter": 1, "compression": Compression(rank_u=2), "learning_rate_init": 1e-300}
    models = [
        quick(**first).fit(X[:40], y[:40], X_val=part, y_val=y[40:])
        for part in (X[40:], X[40:] + 1e3)
    ]
    assert bits(models[0]) == bits(models[1])
    assert models[0].validation_loss_curve_ != models[1].validation_loss_curve_


def test_ranks_can_be_searched():
    grid = {"compression__rank_w": [1, 3, None], "compression__density_u": [0.5]}
    model = quick(compression=Compression(), max_iter=4)
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    check_supports(search.best_estimator_)
    assert model.compression.get_params() == Compression().get_params()


def test_a_student_is_compressed():
    student = quick(compression=Compression(rank_u=2, density_w=0.5), n_timesteps=6, max_iter=6)
    rows = X.reshape(60, -1)
    model = DistilledFastGRNN(LogisticRegression(), student, random_state=0).fit(rows, y)
    assert model.student_.params_["U1"].shape == (4, 2)
    check_supports(model.student_)
    model.set_params(student__compression__rank_u=1).fit(rows, y)
    assert model.student_.params_["U1"].shape == (4, 1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        FastGRNNClassifier(
            compression=Compression(rank_u=2, density_u=0.5, bits=8),
            shuffle=False,
            batch_size=1_000_000,
            max_iter=60,
            learning_rate="constant",
            learning_rate_init=0.003,
            random_state=0,
        )
    ]
)
def test_sklearn_check(estimator, check):
    check(estimator)


REFUSED = {
    "no rank": ({"rank_w": 0}, "The 'rank_w' parameter of Compression must be an int in the range"),
    "True": ({"density_u": True}, "The 'density_u' parameter of Compression must be a float"),
    "half a rank": ({"rank_u": 1.5}, "The 'rank_u' parameter of Compression"),
    "rank of W": ({"rank_w": 4}, r"rank_w=4 .* W with hidden_size=4 and 3 channel.*largest is 3"),
    "rank of U": ({"rank_u": 5}, r"rank_u=5 .* U with hidden_size=4 .*the largest is 4"),
    "density 0": ({"density_w": 0.0}, "The 'density_w' parameter of Compression must be a float"),
    "density above 1": ({"density_u": 1.1}, r"in the range \(0.0, 1.0\]"),
    "NaN": ({"density_u": np.nan}, "The 'density_u' parameter of Compression"),
    "16 bits": ({"bits": 16}, "The 'bits' parameter of Compression must be"),
    "no block": ({"block_size": 0}, "The 'block_size' parameter of Compression"),
    "no bitmap": ({"block_size": 3}, r"'block_size' parameter of Compression .* Got 3"),
    "true": ({"block_size": True}, r"'block_size' parameter of Compression .* Got True"),
    "another start": ({"init": "pca"}, "The 'init' parameter of Compression must be a str among"),
    "too many epochs": (
        {"dense_fraction": 0.7, "threshold_fraction": 0.4},
        "dense_fraction=0.7 and threshold_fraction=0.4 .*lower one",
    ),
    "never": ({"threshold_every": 0}, "The 'threshold_every' parameter of Compression"),
    "rounded never": ({"rounded_fraction": 0.0}, "The 'rounded_fraction' parameter of Compression"),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_bad_values_are_refused(refused):
    settings, message = REFUSED[refused]
    model = quick(compression=Compression(**settings))
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert snapshot(model) == before


def test_the_largest_rank_is_that_of_the_cell_with_most_room():
    """The second layer reads 8 states, the first 3 channels."""
    deep = {"hidden_size": 4, "n_layers": 2, "bidirectional": True, "max_iter": 2}
    model = quick(compression=Compression(rank_w=4), **deep).fit(X, y)
    assert model.params_["W1"].shape == (4, 3)
    assert model.params_["W1_2"].shape == (4, 4)
    with pytest.raises(ValueError, match="the largest is 4"):
        quick(compression=Compression(rank_w=5), **deep).fit(X, y)


def test_another_object_is_refused():
    with pytest.raises(ValueError, match="The 'compression' parameter of FastGRNNClassifier"):
        quick(compression={"rank_w": 2}).fit(X, y)


@pytest.mark.parametrize(
    ("compression", "named"),
    [(None, "None"), ({"bits": 4}, "{'bits': 4}"), (Compression, "<class '.*Compression'>")],
)
def test_parameters_of_no_compression_are_refused(compression, named):
    model = quick(compression=compression)
    message = rf"compression is {named}. Set compression=Compression\(\)"
    with pytest.raises(ValueError, match=message):
        model.set_params(compression__rank_w=2)
    assert model.compression is compression


def test_parameters_of_a_new_compression_are_set():
    model = quick().set_params(compression=Compression(), compression__rank_w=2)
    assert model.compression.rank_w == 2
