"""Training on data that come piece by piece, one epoch over each."""

from dataclasses import replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ._report import warn
from ._trainer import TrainingResult, train

#: Epochs that the history of a stream keeps.
LONGEST_HISTORY = 1000
#: Sequences of a batch used to check whether training on it diverged.
MOST_CHECKED = 32
#: Below this factor of learning_rate_init a call learns next to nothing.
SMALLEST_FACTOR = 1e-6


def train_on_piece(kernel, network, piece, objective, state, config):
    """Train for one epoch, and restore the previous weights if it diverged.

    The loss of a piece is high where its data are new, so a high loss alone is no sign of
    divergence. But where training on the piece has more than doubled its own loss, up to one above
    `divergence_threshold`, the training diverges.

    Parameters
    ----------
    kernel, network, piece, objective, state
        As in `train`, which gets no validation set.
    config : TrainingConfig
        Its `max_iter` does not count.

    Returns
    -------
    TrainingResult
        Not completed where weights from before the epoch are kept.
    """
    divergence_threshold = config.divergence_threshold
    config = replace(config, max_iter=state.n_iter + 1, divergence_threshold=np.inf)
    result = train(kernel, network, piece, None, objective, state, config)
    if not result.completed:
        return result
    factor = state.history["learning_rate"][-1] / config.learning_rate_init
    if factor < SMALLEST_FACTOR:
        warn(
            f"partial_fit has trained at {factor:g} times learning_rate_init, which is what the "
            f"schedule {config.schedule!r} says for epoch {state.n_iter}: next to nothing "
            "is learned. Set learning_rate='constant', or a schedule that has no end.",
        )
    after = loss_of_some(kernel, network, piece, state.parameters)
    if after <= divergence_threshold:
        return result
    before = loss_of_some(kernel, network, piece, state.initial)
    if after <= 2 * before:
        return result
    warn(
        f"The training diverged: epoch {state.n_iter} has raised the loss of the piece that it "
        f"trained on from {before:g} to {after:g}. The weights from before it are kept. Lower "
        f"learning_rate_init (now {config.learning_rate_init:g}), set clip_norm or scale "
        "the input.",
        ConvergenceWarning,
    )
    return TrainingResult(state.initial, 0, diverged=True)


def loss_of_some(kernel, network, piece, parameters):
    """The mean loss of a few sequences of a piece."""
    rows, weights = piece.rows, piece.targets.weights
    if weights is not None:
        rows = rows[weights[rows] > 0]
    few = rows[:: max(1, len(rows) // MOST_CHECKED)][:MOST_CHECKED].copy()  # contiguous
    return kernel.loss(
        network, parameters, piece.sequences, piece.targets, piece.loss, few
    ).mean_loss


def joined_history(earlier, new):
    """The histories of two trainings, one after the other, of the last epochs: new lists."""
    n_dropped = max(0, len(earlier["loss"]) + len(new["loss"]) - LONGEST_HISTORY)
    return {name: [*earlier.get(name, ())[n_dropped:], *values] for name, values in new.items()}


def lowest_loss(earlier, new):
    """The lowest training objective of a stream.

    Parameters
    ----------
    earlier : estimator or None
        Before the last epoch. What it calls `best_loss_` is of a validation set if the last of its
        own epochs had one.
    new : list of float
        The objectives since then.
    """
    if earlier is None:
        return min(new, default=np.inf)
    history = earlier.history_
    is_validated = len(history["validation_loss"]) == len(history["loss"])
    before = history["loss"] if is_validated else [earlier.best_loss_]
    return min([*before, *new], default=np.inf)
