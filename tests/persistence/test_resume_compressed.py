"""Trainings of compressed networks that were stopped in any phase end as if they were not."""

import pickle
from functools import partial

import numpy as np
import pytest
from helpers.compression import check_supports
from helpers.estimators import quick, sequences

from skfastgrnn import load
from skfastgrnn.augmentation import Jitter
from skfastgrnn.compression import Compression
from skfastgrnn.persistence._safetensors import read

pytest.importorskip("sklearn.callback")

from helpers.callbacks import Hooks

from skfastgrnn.callbacks import Checkpoint

X, y = sequences(60, n_channels=3)
THIRD = 1 / 3
thirds = partial(
    Compression, dense_fraction=THIRD, threshold_fraction=THIRD, rounded_fraction=THIRD
)
EPOCHS = 12
#: The support is final from epoch 9 on, weights are rounded from epoch 9 or 11 on.
STOPS = (1, 4, 5, 7, 8, 9, 11, 12)

CASES = {
    "rank": {"compression": thirds(rank_w=2, rank_u=2)},
    "density": {"compression": thirds(density_w=0.5, density_u=0.4, threshold_every=2)},
    "bits": {"compression": thirds(bits=4), "early_stopping": True},
    "all": {
        "compression": thirds(2, 2, 0.5, 0.5, bits=8, rounded_fraction=1 / 6),
        "early_stopping": True,
        "refit": True,
        "dropout": 0.2,
        "augment": [Jitter(0.1)],
    },
    "average": {"compression": thirds(2, 2, 0.5, 0.5, bits=8), "ema": 0.9, "solver": "adamw"},
    "frozen": {"compression": thirds(2, 2, 0.5, 0.5, bits=8), "frozen": ["U1", "bias_gate"]},
}


class StopsAfter(Hooks):
    """Ends the training after an epoch, counted from 1 over all runs."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        return context.task_name == "epoch" and fitted_estimator.n_iter_ == self.epoch


def learned(model):
    """Parameters, history and predictions, but for the seconds of epochs."""
    history = {name: values for name, values in model.history_.items() if name != "seconds"}
    arrays = {name: part.tobytes() for name, part in model.params_.items()}
    best = model.best_iter_, model.best_loss_, model.n_iter_
    return pickle.dumps((arrays, history, best, model.predict_proba(X).tobytes()))


@pytest.mark.parametrize("case", CASES)
def test_a_training_that_was_stopped_goes_on(case, tmp_path):
    settings = {"max_iter": EPOCHS, **CASES[case]}
    path = tmp_path / "training.safetensors"
    whole = learned(quick(**settings).fit(X, y))
    for epoch in STOPS:
        stopped = quick(**settings).set_callbacks(Checkpoint(path), StopsAfter(epoch)).fit(X, y)
        assert stopped.n_iter_ == epoch
        # Whatever the phase, the model in the file is compressed as its parameter says.
        for model in (stopped, load(path)):
            if settings["compression"].density_w is not None:
                check_supports(model)
            assert np.isfinite(model.predict_proba(X)).all()
        assert learned(quick(**settings).resume(path, X, y)) == whole, epoch


def test_a_training_that_goes_on_after_another_one(tmp_path):
    """Its support and rounding are those of the earlier one from its first epoch on."""
    settings = {"compression": thirds(2, 2, 0.5, 0.5, bits=8), "max_iter": EPOCHS}
    path = tmp_path / "training.safetensors"
    first = pickle.dumps(quick(warm_start=True, **settings).fit(X, y))
    whole = pickle.loads(first).fit(X, y)
    pickle.loads(first).set_callbacks(Checkpoint(path), StopsAfter(5)).fit(X, y)
    assert learned(quick(warm_start=True, **settings).resume(path, X, y)) == learned(whole)


@pytest.mark.parametrize("before_end", [0, 1, 2])
def test_a_fit_that_rounding_ends(before_end, tmp_path):
    """Where nothing is left to learn, the end of a resumed fit is that of one without a stop."""
    path = tmp_path / "training.safetensors"
    easy = np.where(y[:, None, None] == 1, 3.0, -3.0) * np.ones_like(X)
    settings = {"n_iter_no_change": None, "max_iter": 60, "learning_rate_init": 0.1, "ema": 0.9}
    settings["compression"] = Compression(bits=8)
    whole = quick(**settings).fit(easy, y)
    assert whole.n_iter_ < 40
    stop = StopsAfter(whole.n_iter_ - before_end)
    quick(**settings).set_callbacks(Checkpoint(path), stop).fit(easy, y)
    assert read(path).training["state"]["is_rounded"] == (before_end == 0)
    assert learned(quick(**settings).resume(path, easy, y)) == learned(whole)


def test_another_compression_is_refused(tmp_path):
    path = tmp_path / "training.safetensors"
    model = quick(compression=Compression(density_u=0.5), max_iter=EPOCHS)
    model.set_callbacks(Checkpoint(path), StopsAfter(5)).fit(X, y)
    other = quick(compression=Compression(density_u=0.5, threshold_every=7), max_iter=EPOCHS)
    with pytest.raises(ValueError, match=r"compression: Compression.*threshold_every=7.* here"):
        other.resume(path, X, y)


def test_checkpoints_hold_the_progress_of_compression(tmp_path):
    path = tmp_path / "training.safetensors"
    settings = {"compression": thirds(density_u=0.5, bits=8), "max_iter": EPOCHS}
    progress = []
    for epoch in (8, 9):
        quick(**settings).set_callbacks(Checkpoint(path), StopsAfter(epoch)).fit(X, y)
        state = read(path).training["state"]
        progress.append((state["support"] is None, state["is_rounded"]))
    assert progress == [(True, False), (False, True)]
    assert state["support"].dtype == bool
    np.testing.assert_array_equal(state["support"], state["parameters"] != 0)
