"""low_rank and prune: fitted models with fewer weights, ready for a fit that goes on."""

import numpy as np
import pytest
from helpers.compression import check_supports, kept_groups, zeros
from helpers.estimators import bits, flat, quick, sequences, snapshot
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfastgrnn import DistilledFastGRNN, FastGRNNRegressor, load, save
from skfastgrnn.compression import Compression, low_rank, prune
from skfastgrnn.network import Network, best_factors, converted, initial, largest_ranks, named_views

X, y = sequences(60, n_channels=3)


def best(matrix, rank):
    """The nearest matrix of a rank."""
    left, values, right = np.linalg.svd(matrix)
    return (left[:, :rank] * values[:rank]) @ right[:rank]


@pytest.mark.parametrize("settings", [{}, {"n_layers": 2, "bidirectional": True}])
def test_matrices_become_their_best_approximations(settings):
    model = quick(**settings).fit(X, y)
    before = snapshot(model)
    smaller = low_rank(model, rank_w=2, rank_u=1)
    assert snapshot(model) == before
    assert smaller.compression.get_params() == Compression(rank_w=2, rank_u=1).get_params()
    for name, matrix in model.params_.items():
        kind, *ending = name.split("_", 1)
        if kind in "WU":
            names = ["_".join([kind + factor, *ending]) for factor in "12"]
            first, second = (smaller.params_[factor] for factor in names)
            np.testing.assert_allclose(first @ second, best(matrix, 1 + (kind == "W")), atol=1e-12)
        else:
            np.testing.assert_array_equal(smaller.params_[name], matrix)


def test_the_full_rank_changes_nothing():
    model = quick().fit(X, y)
    same = low_rank(model, rank_w=3, rank_u=4)
    np.testing.assert_allclose(same.predict_proba(X), model.predict_proba(X), atol=1e-12)
    assert same.n_bytes_ > model.n_bytes_


@pytest.mark.parametrize(
    "compression",
    [None, Compression(bits=8), Compression(density_w=0.25, density_u=0.25), Compression(rank_u=3)],
)
def test_no_energy_makes_a_model_larger(compression):
    """Neither one of whole matrices, nor one of few weights or of factors."""
    model = quick(hidden_size=8, compression=compression).fit(X, y)
    sizes = [low_rank(model, energy=energy).n_bytes_ for energy in (0.3, 0.6, 0.9, 0.99, 1.0)]
    assert max(sizes) <= model.n_bytes_
    same = low_rank(model, energy=1.0)
    assert same is not model
    np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("energy", [0.2, 0.4, 0.6])
def test_a_rank_keeps_the_energy_asked_for(energy):
    """And a lower one does not, in every cell."""
    model = quick(hidden_size=12, n_layers=2).fit(X, y)
    smaller = low_rank(model, energy=energy)
    ranks = {"W": smaller.compression.rank_w, "U": smaller.compression.rank_u}
    assert any(ranks.values())
    for kind, rank in ranks.items():
        if rank is None:
            continue
        kept = []
        for name in (kind, f"{kind}_2"):
            squares = np.linalg.svd(model.params_[name], compute_uv=False) ** 2
            kept.append([squares[:r].sum() / squares.sum() for r in (rank, rank - 1)])
        kept = np.array(kept)
        assert kept[:, 0].min() >= energy - 1e-12
        assert kept[:, 1].min() < energy


def test_energy_is_for_what_has_no_rank():
    smaller = low_rank(quick(hidden_size=8).fit(X, y), rank_w=1, energy=0.6)
    assert smaller.compression.rank_w == 1
    assert smaller.compression.rank_u is not None


def test_factors_can_have_a_lower_rank():
    model = low_rank(quick().fit(X, y), rank_u=3)
    smaller = low_rank(model, rank_u=2)
    product = model.params_["U1"] @ model.params_["U2"]
    made = smaller.params_["U1"] @ smaller.params_["U2"]
    np.testing.assert_allclose(made, best(product, 2), atol=1e-12)


def test_a_factorised_matrix_is_no_longer_sparse():
    model = quick(compression=Compression(density_w=0.5, density_u=0.5, bits=8)).fit(X, y)
    smaller = low_rank(model, rank_u=2)
    compression = smaller.compression
    assert (compression.density_w, compression.density_u, compression.bits) == (0.5, None, 8)
    np.testing.assert_array_equal(smaller.params_["W"], model.params_["W"])
    np.testing.assert_array_equal(smaller.params_["W_log_step"], model.params_["W_log_step"])
    for name in ("U1", "U2"):
        steps = np.exp(smaller.params_[f"{name}_log_step"])
        np.testing.assert_allclose(steps, np.abs(smaller.params_[name]).max(axis=1) / 127)
    tuned = smaller.set_params(warm_start=True).fit(X, y)
    assert zeros(tuned)["W"] == zeros(model)["W"]


def test_the_largest_weights_are_kept():
    model = quick(n_layers=2).fit(X, y)
    before = snapshot(model)
    sparse = prune(model, density_w=0.5, density_u=0.25)
    assert snapshot(model) == before
    check_supports(sparse)
    for name in ("W", "U", "W_2", "U_2"):
        kept = sparse.params_[name] != 0
        sizes = np.abs(model.params_[name])
        assert sizes[kept].min() >= sizes[~kept].max()
        np.testing.assert_array_equal(sparse.params_[name][kept], model.params_[name][kept])
    for name in set(model.params_) - {"W", "U", "W_2", "U_2"}:
        np.testing.assert_array_equal(sparse.params_[name], model.params_[name])


def test_groups_are_kept_together():
    model = quick(compression=Compression(density_w=0.5, block_size=2)).fit(X, y)
    sparse = prune(model, density_u=0.5)  # with the block size that it has
    assert sparse.compression.block_size == 2
    check_supports(sparse)
    assert kept_groups(prune(quick().fit(X, y), density_u=0.5, block_size=4).params_["U"], 4) == 2


def test_factors_are_pruned_each():
    model = prune(low_rank(quick().fit(X, y), rank_u=2), density_u=0.5)
    assert [np.count_nonzero(model.params_[name]) for name in ("U1", "U2")] == [4, 4]
    check_supports(model)


@pytest.mark.parametrize("estimator", ["classifier", "regressor"])
def test_fine_tuning_goes_on_with_the_support(estimator, tmp_path):
    model = quick().fit(X, y)
    if estimator == "regressor":
        model = FastGRNNRegressor(4, max_iter=10, random_state=0).fit(X, X[:, -1, 0])
    sparse = prune(low_rank(model, rank_u=2), density_w=0.5, density_u=0.5)
    save(sparse, tmp_path / "model.safetensors")
    sparse = load(tmp_path / "model.safetensors").set_params(warm_start=True)
    before, first = zeros(sparse), flat(sparse)
    target = y if estimator == "classifier" else X[:, -1, 0]
    tuned = sparse.fit(X, target)
    assert zeros(tuned) == before
    assert np.any(flat(tuned) != first)
    assert tuned.loss_curve_[-1] < tuned.loss_curve_[0]


def test_moments_of_the_larger_network_are_dropped():
    model = quick(warm_start=True).fit(X, y)
    assert "_moments" in vars(model)
    smaller = low_rank(model, rank_u=2)
    assert bits(smaller.fit(X, y)) != bits(model)


FITTED = quick().fit(X, y)
REFUSED = {
    "no rank": (lambda: low_rank(FITTED), ValueError, "needs rank_w, rank_u or energy"),
    "rank of W": (lambda: low_rank(FITTED, rank_w=4), ValueError, "the largest is 3"),
    "rank of U": (lambda: low_rank(FITTED, rank_u=5), ValueError, "the largest is 4"),
    "rank 0": (
        lambda: low_rank(FITTED, rank_u=0),
        ValueError,
        "The 'rank_u' parameter",
    ),
    "energy": (lambda: low_rank(FITTED, energy=1.5), ValueError, "The 'energy' parameter"),
    "no density": (lambda: prune(FITTED), ValueError, "needs density_w or density_u"),
    "only blocks": (lambda: prune(FITTED, block_size=2), ValueError, "needs density_w"),
    "blocks": (lambda: prune(FITTED, 0.5, block_size=3), ValueError, "The 'block_size' parameter"),
    "density 0": (lambda: prune(FITTED, density_w=0.0), ValueError, "The 'density_w' parameter"),
    "too few left": (
        lambda: prune(prune(FITTED, density_u=0.25), density_u=0.5),
        ValueError,
        "U has only 4 groups .*fewer than the 8",
    ),
    "not fitted": (lambda: prune(quick(), density_u=0.5), NotFittedError, "not fitted yet"),
    "not fitted either": (lambda: low_rank(quick(), rank_u=1), NotFittedError, "not fitted yet"),
    "another estimator": (
        lambda: prune(LogisticRegression(), density_u=0.5),
        TypeError,
        "got LogisticRegression",
    ),
    "a pipeline": (
        lambda: low_rank(make_pipeline(FunctionTransformer(), FITTED), rank_u=1),
        TypeError,
        "Pass the last step",
    ),
    "a distillation": (
        lambda: low_rank(DistilledFastGRNN(LogisticRegression(), FITTED), rank_u=1),
        TypeError,
        r"strip_teacher\(\)",
    ),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_bad_input_is_refused(refused):
    call, kind, message = REFUSED[refused]
    with pytest.raises(kind, match=message):
        call()


# Factors, and the parameters of networks of other ranks and bits.


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_factors_share_the_singular_values(shape, rank):
    matrix = np.random.default_rng(rank).standard_normal(shape)
    first, second = best_factors(matrix, rank)
    assert (first.shape, second.shape) == ((shape[0], rank), (rank, shape[1]))
    np.testing.assert_allclose(first @ second, best_rectangle(matrix, rank), atol=1e-12)
    np.testing.assert_allclose(first.T @ first, second @ second.T, atol=1e-12)
    assert best_factors(matrix.astype(np.float32), rank)[0].dtype == np.float32


def best_rectangle(matrix, rank):
    """By the eigenvectors of the smaller product."""
    values, vectors = np.linalg.eigh(matrix @ matrix.T)
    largest = vectors[:, np.argsort(values)[::-1][:rank]]
    return largest @ (largest.T @ matrix)


def test_factors_do_not_depend_on_the_signs_of_singular_vectors():
    matrix = np.random.default_rng(0).standard_normal((4, 4))
    for first, _ in (best_factors(matrix, 3), best_factors(-matrix, 3)):
        assert np.all(first[np.abs(first).argmax(axis=0), np.arange(3)] > 0)


def test_parameters_go_to_another_network_and_back():
    rng = np.random.default_rng(0)
    dense = Network(3, 4, 2, n_layers=2)
    parameters = initial(dense, 6, rng, np.float64)
    full = Network(3, 4, 2, n_layers=2, rank_w=4, rank_u=4, bits=8)
    there = converted(dense, parameters, full)
    np.testing.assert_allclose(converted(full, there, dense), parameters, atol=1e-12)
    assert converted(full, there, full) is not there
    # Steps stay where their matrix does.
    named_views(full, there)["W1_log_step"][...] = -3.0
    named_views(full, there)["U2_log_step"][...] = -4.0
    other = Network(3, 4, 2, n_layers=2, rank_w=4, rank_u=2, bits=8)
    parts = named_views(other, converted(full, there, other))
    np.testing.assert_array_equal(parts["W1_log_step"], -3.0)
    assert np.all(parts["U2_log_step"] != -4.0)


def test_largest_ranks():
    assert largest_ranks(Network(3, 8, 1)) == {"rank_w": 3, "rank_u": 8}
    assert largest_ranks(Network(9, 8, 1)) == {"rank_w": 8, "rank_u": 8}
    assert largest_ranks(Network(3, 8, 1, n_layers=2)) == {"rank_w": 8, "rank_u": 8}
