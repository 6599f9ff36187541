"""Going on learning: streams, warm starts, frozen parts, new classes."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.augmentation import Jitter
from skfastgrnn.training._classification import remap_head

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 5, 3))
y = np.arange(60) % 3
BOTH = [(FastGRNNClassifier, y), (FastGRNNRegressor, X[:, -1, 0] * 7 + 3)]


def quick(cls=FastGRNNClassifier, **params):
    params = {"hidden_size": 4, "max_iter": 3, "n_iter_no_change": np.inf, **params}
    settings = {"learning_rate": "constant", "learning_rate_init": 0.012, "batch_size": 8}
    return cls(**{"random_state": 0, **settings, **params})


def same(a, b):
    return a._parameters.tobytes() == b._parameters.tobytes()


@pytest.mark.parametrize(("cls", "target"), BOTH)
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_warm_fits_of_one_epoch_are_one_fit(cls, target, solver):
    """Without shuffling, nothing but weights and moments passes from epoch to epoch."""
    settings = {"shuffle": False, "solver": solver, "learning_rate_init": 0.01}
    once = quick(cls, max_iter=4, **settings).fit(X, target)
    steps = quick(cls, max_iter=1, warm_start=True, **settings)
    for _ in range(4):
        steps.fit(X, target)
    np.testing.assert_allclose(steps._parameters, once._parameters, rtol=1e-9, atol=1e-12)
    assert steps.n_iter_ == 1  # the history is that of the last fit
    stream = quick(cls, **settings)
    labels = {"classes": [0, 1, 2]} if cls is FastGRNNClassifier else {}
    for _ in range(4):
        stream.partial_fit(X, target, **labels)
    np.testing.assert_allclose(stream._parameters, once._parameters, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(stream.loss_curve_, once.loss_curve_)
    assert stream.n_iter_ == stream.best_iter_ == 4
    assert stream.best_loss_ == min(stream.loss_curve_)


@pytest.mark.parametrize(("cls", "target"), BOTH)
def test_partial_fit_is_reproducible_and_draws_anew_in_each_call(cls, target):
    labels = {"classes": [0, 1, 2]} if cls is FastGRNNClassifier else {}
    settings = {"dropout": 0.2, "augment": [Jitter()]}
    first, second = quick(cls, **settings), quick(cls, **settings)
    for model in (first, second):
        for _ in range(2):
            model.partial_fit(X, target, **labels)
    assert same(first, second)
    frozen_rate = quick(cls, learning_rate_init=1e-12, **settings)
    losses = [frozen_rate.partial_fit(X, target, **labels).loss_ for _ in range(3)]
    assert len(set(np.round(losses, 6))) == 3  # other noise each time


def test_moments_are_kept_only_where_asked_for():
    model = quick().fit(X, y)
    assert not hasattr(model, "_moments")
    model.partial_fit(X, y)
    assert model._moments["step"] == 8  # minibatches of 8 among 60
    model.set_params(warm_start=True).fit(X, y)
    assert model._moments["step"] == 8 + 3 * 8
    model.set_params(solver="sgd").fit(X, y)
    assert model._moments["step"] == 3 * 8  # those of Adam are of no use to it
    model.set_params(warm_start=False).fit(X, y)
    assert not hasattr(model, "_moments")
    assert same(model, quick(solver="sgd").fit(X, y))


def test_partial_fit_follows_the_schedule_over_its_calls():
    model = quick(learning_rate=lambda epoch: 1 / (1 + epoch))
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1, 2])
    np.testing.assert_allclose(model.history_["learning_rate"], 0.012 / np.array([1, 2, 3]))


def test_an_interrupted_first_call_leaves_a_model():
    class Interrupting:
        def apply(self, values, starts, lengths, rng):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        model = quick(augment=[Interrupting()]).partial_fit(X, y, classes=[0, 1, 2])
    assert model.n_iter_ == 0
    assert model.predict(X).shape == (60,)


def test_moments_are_not_those_of_other_classes():
    model = quick(warm_start=True).fit(X, y)
    model.set_params(learning_rate_init=1e-300).fit(X, y + 1)
    fresh = quick(warm_start=True).fit(X, y)
    assert model._moments["step"] == fresh._moments["step"] == 3 * 8


def test_a_warm_fit_keeps_the_weights_it_began_with_where_none_are_better():
    held_out = {"X_val": X[:20], "y_val": (X[:20, -1, 0] > 0).astype(int)}
    labels = (X[:, -1, 0] > 0).astype(int)
    model = quick(warm_start=True, max_iter=60).fit(X[20:], labels[20:], **held_out)
    before = model._parameters.copy()
    model.set_params(learning_rate_init=50.0, max_iter=3).fit(X[20:], labels[20:], **held_out)
    assert model.best_iter_ == 0
    np.testing.assert_array_equal(model._parameters, before)


def test_classes_of_partial_fit():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        quick().partial_fit(X, y)
    model = quick().partial_fit(X[:1], y[:1], classes=[2, 0, 1])
    assert model.classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1])
    before = model._parameters.copy()
    with pytest.raises(ValueError, match=r"y: It has labels that are not in classes: \[7\]"):
        model.partial_fit(X[:2], [0, 7])
    np.testing.assert_array_equal(model._parameters, before)
    with pytest.raises(ValueError, match="at least 2"):
        quick().partial_fit(X[:2], [1, 1], classes=[1])


def test_partial_fit_refuses_what_needs_all_data():
    for params, message in (
        ({"early_stopping": True}, "early_stopping=True"),
        ({"class_weight": "balanced"}, "class_weight='balanced' is not supported"),
    ):
        model = quick(**params)
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X, y, classes=[0, 1, 2])
        assert vars(model).keys() == model.get_params().keys()


def test_partial_fit_follows_targets_that_move():
    target = 1e4 + 100 * X[:, -1, 0]
    model = quick(FastGRNNRegressor).partial_fit(X[:30], target[:30])
    for _ in range(60):
        model.partial_fit(X[30:], target[30:] + 500)  # five deviations away
    assert model.score(X[30:], target[30:] + 500) > 0.9
    with pytest.raises(ValueError, match=r"y: It has 2 output\(s\), the network has 1"):
        model.partial_fit(X, np.zeros((60, 2)))


def test_a_piece_that_diverges_does_no_lasting_harm():
    target = X[:, -1, 0] * 7 + 3
    settings = {"solver": "sgd", "clip_norm": None, "shuffle": False, "learning_rate_init": 0.02}
    model = quick(FastGRNNRegressor, **settings)
    for _ in range(30):
        model.partial_fit(X, target)
    before = model._parameters.copy()
    far = np.where(np.arange(60) == 0, 1e150, target)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.set_params(learning_rate_init=100.0).partial_fit(X, far)
    model.set_params(learning_rate_init=0.02)
    np.testing.assert_allclose(model._parameters, before, rtol=1e-9, atol=1e-12)
    assert model.best_iter_ == 30
    for _ in range(30):
        model.partial_fit(X, target)
    assert model.score(X, target) > 0.9


@pytest.mark.parametrize(("cls", "target"), BOTH)
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
def test_frozen_parameters_stay_as_they_are(cls, target, solver):
    model = quick(cls, warm_start=True, solver=solver, alpha=0.1, n_layers=2).fit(X, target)
    parts = list(model.params_)
    head = {"head_weight", "head_bias"}
    for frozen, expected in (
        ("cell", set(parts) - head),
        ("head", head),
        ("U_2", {"U_2"}),
        (["W", "bias_gate", "head"], {"W", "bias_gate", *head}),
    ):
        before = {name: part.copy() for name, part in model.params_.items()}
        model.set_params(frozen=frozen).partial_fit(X, target)
        for name in parts:  # the regressor's head is folded into the units of y and back
            is_close = np.allclose(model.params_[name], before[name], rtol=1e-12, atol=1e-9)
            assert is_close == (name in expected), (frozen, name)


def test_frozen_parameters_stay_in_fit():
    model = quick(warm_start=True).fit(X, y)
    before = {name: part.copy() for name, part in model.params_.items()}
    model.set_params(frozen="cell").fit(X, np.where(X[:, -1, 0] > 0, 2, np.arange(60) % 2))
    for name, part in before.items():
        assert np.array_equal(model.params_[name], part) == (not name.startswith("head")), name


def test_a_frozen_fresh_cell_is_a_random_reservoir():
    fresh = quick(max_iter=1, learning_rate_init=1e-300).fit(X, y)
    model = quick(frozen="cell", max_iter=20).fit(X, y)
    for name in ("W", "U", "zeta_hat"):
        np.testing.assert_array_equal(model.params_[name], fresh.params_[name])
    assert model.loss_ < model.loss_curve_[0]


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        ("Cell", r"frozen names \['Cell'\], which this network does not have.*'bias_gate'"),
        (["W", "W_2"], r"\['W_2'\]"),
        (["cell", "head"], "no parameter to train"),
        (["W", 3], r"\[3\]"),
    ],
)
def test_frozen_names_that_do_not_exist(frozen, message):
    model = quick(frozen=frozen)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert vars(model).keys() == model.get_params().keys()


def test_warm_start_on_another_network_is_refused():
    model = quick(warm_start=True).fit(X, y)
    before = model._parameters.copy()
    for params, message in (
        ({"hidden_size": 5}, "hidden_size is 5, and was 4"),
        ({"pooling": "mean", "n_layers": 2}, "pooling is 'mean', and was 'last'; n_layers is 2"),
    ):
        model.set_params(**params)
        with pytest.raises(ValueError, match=message):
            model.fit(X, y)
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X, y)
        model.set_params(hidden_size=4, pooling="last", n_layers=1)
    with pytest.raises(ValueError, match="n_channels is 2, and was 3"):
        model.fit(X[:, :, :2], y)
    np.testing.assert_array_equal(model._parameters, before)
    assert model.n_features_in_ == 3
    with pytest.raises(ValueError, match="exclude each other"):
        model.set_params(refit=True).fit(X, y)
    with pytest.raises(ValueError, match="2 output"):
        quick(FastGRNNRegressor, warm_start=True).fit(X, y).fit(X, np.c_[y, y])


def softmax(logits):
    if logits.shape[1] == 1:
        logits = np.hstack([-logits / 2, logits / 2])
    shares = np.exp(logits)
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [[0, 1], [0, 2, 5], [1, 2, 3], [5, 9], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize("earlier_classes", [[0, 1], [0, 1, 2], [2, 5], [7, 8]])
def test_the_odds_of_known_classes_are_taken_over(classes, earlier_classes):
    """Whatever one or many outputs mean: p_i / p_j stays for any two classes known before."""
    classes, earlier_classes = np.array(classes), np.array(earlier_classes)

    def head(n_classes):
        n_outputs = 1 if n_classes == 2 else n_classes
        return {
            "head_weight": rng.standard_normal((n_outputs, 4)),
            "head_bias": rng.standard_normal(n_outputs),
        }

    earlier, fresh = head(len(earlier_classes)), head(len(classes))
    states = rng.standard_normal((6, 4))
    remap_head(fresh, earlier, classes, earlier_classes)
    now = softmax(states @ fresh["head_weight"].T + fresh["head_bias"])
    before = softmax(states @ earlier["head_weight"].T + earlier["head_bias"])
    known = np.intersect1d(classes, earlier_classes)
    odds = [
        now[:, np.searchsorted(classes, a)] / now[:, np.searchsorted(classes, b)]
        for a in known
        for b in known
    ]
    earlier_odds = [
        before[:, np.searchsorted(earlier_classes, a)]
        / before[:, np.searchsorted(earlier_classes, b)]
        for a in known
        for b in known
    ]
    np.testing.assert_allclose(odds, earlier_odds, rtol=1e-10)


def test_new_classes_rebuild_the_head_and_keep_the_cell():
    model = quick(warm_start=True).fit(X, y)
    cell = {name: part.copy() for name, part in model.params_.items() if "head" not in name}
    model.set_params(frozen="cell").fit(X, np.where(y == 2, "two", "other"))
    assert model.classes_.tolist() == ["other", "two"]
    assert model.params_["head_bias"].shape == (1,)
    for name, part in cell.items():
        np.testing.assert_array_equal(model.params_[name], part)


def test_other_dtypes_go_on():
    model = quick(warm_start=True).fit(X, y)
    model.fit(X.astype(np.float32), y)
    assert model.params_["W"].dtype == np.float32
    assert model.partial_fit(X, y).params_["W"].dtype == np.float32


def digits():
    images, labels = load_digits(return_X_y=True)
    return train_test_split(images.reshape(-1, 8, 8) / 16, labels, random_state=0, stratify=labels)


def test_a_stream_of_shards_learns_as_well_as_fit():
    X_train, X_test, y_train, y_test = digits()
    whole = FastGRNNClassifier(16, random_state=0).fit(X_train, y_train).score(X_test, y_test)
    model = FastGRNNClassifier(16, batch_size=32, random_state=0)
    for _ in range(30):
        for shard in range(10):
            rows = slice(shard, None, 10)
            model.partial_fit(X_train[rows], y_train[rows], classes=range(10))
    assert model.score(X_test, y_test) > whole - 0.02


def test_fine_tuning_beats_training_from_scratch_on_few_samples():
    """Ten images of each digit, after a model that has never seen two of them."""
    X_train, X_test, y_train, y_test = digits()
    tuned, scratch = [], []
    for seed in range(3):
        draw = np.random.default_rng(seed)
        few = np.concatenate(
            [draw.choice(np.flatnonzero(y_train == d), 10, False) for d in range(10)]
        )
        old = ~np.isin(y_train, draw.choice(10, 2, replace=False))
        settings = {"max_iter": 30, "random_state": seed}
        model = FastGRNNClassifier(16, **settings).fit(X_train[old], y_train[old])
        model.set_params(warm_start=True).fit(X_train[few], y_train[few])
        tuned.append(model.score(X_test, y_test))
        model = FastGRNNClassifier(16, **settings).fit(X_train[few], y_train[few])
        scratch.append(model.score(X_test, y_test))
    assert np.mean(tuned) > np.mean(scratch) + 0.03
