"""From the parameters of an estimator to what network and training take."""

import math
from numbers import Integral, Real

import numpy as np
from joblib import cpu_count, effective_n_jobs
from sklearn.utils._param_validation import Interval, Options, StrOptions

from ..augmentation import checked_augmentations
from ..network import ACTIVATIONS, MAX_LAYERS, POOLINGS, SOLVERS, Network, Optimizer
from ..schedules import NAMES as SCHEDULES
from ..schedules import ReduceOnPlateau, for_stream, for_training, schedule_named
from ..training import Compression, EpochConfig, Phases, TrainingConfig, check_ranks

POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")

#: What the parameters may be, in the words of scikit-learn.
CONSTRAINTS = {
    "hidden_size": [POSITIVE_INTEGER],
    "n_layers": [Interval(Integral, 1, MAX_LAYERS, closed="both")],
    "bidirectional": ["boolean"],
    "pooling": [StrOptions(set(POOLINGS))],
    "compression": [Compression, None],
    "gate_activation": [StrOptions(set(ACTIVATIONS))],
    "update_activation": [StrOptions(set(ACTIVATIONS))],
    "bounded_state": ["boolean"],
    "n_timesteps": [POSITIVE_INTEGER, None],
    "solver": [StrOptions(set(SOLVERS))],
    "learning_rate": [StrOptions({"auto", *SCHEDULES}), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "lr_decay": [Interval(Real, 0, 1, closed="right"), None],
    "lr_decay_step": [POSITIVE_INTEGER, None],
    "batch_size": [POSITIVE_INTEGER, StrOptions({"auto"})],
    "gradient_accumulation_steps": [POSITIVE_INTEGER],
    "max_iter": [POSITIVE_INTEGER, None],
    "shuffle": ["boolean"],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left"), None],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "nesterovs_momentum": ["boolean"],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "augment": [list, tuple, None],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "clip_value": [Interval(Real, 0, None, closed="neither"), None],
    "ema": [Interval(Real, 0, 1, closed="neither"), None],
    "early_stopping": ["boolean", StrOptions({"auto"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "validation_split": [StrOptions({"auto", "random", "tail"})],
    "n_iter_no_change": [POSITIVE_INTEGER, Options(Real, {np.inf}), None],
    "tol": [Interval(Real, 0, None, closed="left")],
    "refit": ["boolean"],
    "n_init": [POSITIVE_INTEGER],
    "warm_start": ["boolean"],
    "frozen": [str, list, tuple, None],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

#: What beta_2=None stands for: the defaults of PyTorch's optimizers. Mean accuracies of RMSProp at
#: the default rate on digits, JapaneseVowels, BasicMotions and ItalyPowerDemand: 0.964 with 0.99,
#: 0.954 with 0.999, whose first steps are long, 0.937 with 0.99 and Adam's correction for the bias.
BETA_2 = {"rmsprop": 0.99, "adam": 0.999, "adamw": 0.999}

#: As many as the compiled kernel takes.
MOST_THREADS = 64

#: What max_iter=None stands for: so many epochs, or as many as make so many updates. See
#: docs/defaults.rst for what these numbers were chosen by.
EPOCHS, LEAST_UPDATES = 100, 2000
#: Of these epochs, the part without improvement of the validation loss after which to stop.
PATIENCE = 1 / 3
#: Of the highest rate of a cycle, the part that does for a rate which stays.
SHARE_OF_HIGHEST_RATE = 0.6


def make_network_spec(estimator, n_outputs):
    """What the network is."""
    compression = Compression() if estimator.compression is None else estimator.compression
    network = Network(
        n_channels=estimator.n_channels_,
        hidden_size=int(estimator.hidden_size),
        n_outputs=n_outputs,
        pooling=estimator.pooling,
        gate_activation=estimator.gate_activation,
        update_activation=estimator.update_activation,
        n_layers=int(estimator.n_layers),
        bidirectional=bool(estimator.bidirectional),
        bounded=bool(estimator.bounded_state),
        rank_w=compression.rank_w,
        rank_u=compression.rank_u,
        bits=compression.bits,
    )
    check_ranks(compression, network)
    return network


def make_optimizer(estimator, parameters):
    """An optimizer before its first update."""
    beta_2 = BETA_2.get(estimator.solver, 0.0) if estimator.beta_2 is None else estimator.beta_2
    return Optimizer(
        first=np.zeros_like(parameters),
        second=np.zeros_like(parameters),
        solver=estimator.solver,
        beta_1=estimator.beta_1,
        beta_2=beta_2,
        epsilon=estimator.epsilon,
        momentum=estimator.momentum,
        nesterov=estimator.nesterovs_momentum,
        alpha=estimator.alpha,
        clip_norm=np.inf if estimator.clip_norm is None else estimator.clip_norm,
        clip_value=np.inf if estimator.clip_value is None else estimator.clip_value,
    )


def make_training_config(estimator, network, training, objective, max_iter):
    """How to train on a DataSet for at most `max_iter` epochs; None is for a stream."""
    n_rows = len(training.rows)
    return TrainingConfig(
        EpochConfig(
            batch_size=rows_of_update(estimator, n_rows),
            shuffle=estimator.shuffle,
            balanced=getattr(estimator, "sampling", None) == "balanced",
            dropout=estimator.dropout,
            augment=checked_augmentations(estimator.augment),
            n_threads=number_of_threads(estimator.n_jobs),
        ),
        schedule=schedule_of(estimator, max_iter),
        learning_rate_init=estimator.learning_rate_init,
        max_iter=max_iter,
        divergence_threshold=objective.divergence_threshold(training),
        should_converge=max_iter is not None and has_patience_of_its_own(estimator),
        converged_loss=(
            objective.converged_loss(estimator.tol) if estimator.n_iter_no_change is None else 0.0
        ),
        verbose=estimator.verbose,
        phases=Phases.of(estimator.compression, network, max_iter),
    )


def holds_out(estimator):
    """Whether a fit holds a part of X out, unless it is given X_val."""
    return estimator.early_stopping != "auto" and bool(estimator.early_stopping)


def holds_out_tail(estimator):
    """Whether the part held out is the tail of X, not drawn at random."""
    if estimator.validation_split == "auto":
        return not estimator.shuffle
    return estimator.validation_split == "tail"


def check_validation_arguments(estimator, X_val, y_val, sample_weight_val):
    """Refuse parts of a validation set, and one that would be ignored."""
    if X_val is not None and y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided.")
    if X_val is None and y_val is not None:
        raise ValueError("y_val is provided, but X_val was not provided.")
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val is provided, but X_val was not provided.")
    if X_val is not None and not estimator.early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while early_stopping is False, so they would be "
            "ignored; set early_stopping to 'auto' or True."
        )


def regression_settings(estimator):
    """What `training.Regression` is made with."""
    frozen = (
        {estimator.frozen} if isinstance(estimator.frozen, str) else set(estimator.frozen or ())
    )
    return {
        "owner": type(estimator).__name__,
        "robust": estimator.loss == "huber",
        "huber_delta": estimator.huber_delta,
        "head_is_trained": not frozen & {"head", "head_weight", "head_bias"},
    }


def epochs_of(estimator, n_rows):
    """Epochs of a training over `n_rows` sequences, at most."""
    if estimator.max_iter is not None:
        return int(estimator.max_iter)
    updates_of_epoch = -(-n_rows // rows_of_update(estimator, n_rows))
    return max(EPOCHS, -(-LEAST_UPDATES // updates_of_epoch))


def patience_of(estimator, n_epochs, *, is_validated):
    """Epochs without improvement after which a training of `n_epochs` ends; inf for never."""
    if estimator.n_iter_no_change is not None:
        return estimator.n_iter_no_change
    return math.ceil(PATIENCE * n_epochs) if is_validated else np.inf


def rows_of_update(estimator, n_rows):
    """Sequences of an update: of all minibatches whose gradients make it together."""
    # The kernel needs no more memory for the whole of an accumulated minibatch than for a part.
    return min(n_rows, estimator.gradient_accumulation_steps * rows_of_minibatch(estimator, n_rows))


def rows_of_minibatch(estimator, n_rows):
    """Sequences of a minibatch; "auto" since small sets need more updates than 32 would make."""
    if estimator.batch_size == "auto":
        return min(n_rows, max(8, min(32, n_rows // 32)))
    return min(estimator.batch_size, n_rows)


def schedule_of(estimator, max_iter):
    """The learning-rate schedule, as long as the training where it asks for that."""
    schedule, has_patience = estimator.learning_rate, has_patience_of_its_own(estimator)
    if schedule == "auto":
        has_length = max_iter is not None and not has_patience
        schedule = "one_cycle" if has_length else steady
    if schedule == "plateau" and has_patience:
        # It has to act twice before early stopping gives up.
        schedule = ReduceOnPlateau(patience=max(1, estimator.n_iter_no_change // 3))
    elif isinstance(schedule, str):
        schedule = schedule_named(
            schedule, lr_decay=estimator.lr_decay, lr_decay_step=estimator.lr_decay_step
        )
    return for_stream(schedule) if max_iter is None else for_training(schedule, max_iter)


def has_patience_of_its_own(estimator):
    """Whether a training ends, and is expected to, after a number of epochs that the user chose."""
    return estimator.n_iter_no_change is not None and estimator.n_iter_no_change < np.inf


def steady(epoch):
    """The factor of a rate that stays as it is, and so has to be lower than the peak of a cycle."""
    return SHARE_OF_HIGHEST_RATE


def number_of_threads(n_jobs):
    """Threads for n_jobs as joblib counts jobs: None as its context says, -1 for all cores."""
    if n_jobs is None:
        return effective_n_jobs(None)
    if n_jobs == 0:
        raise ValueError("n_jobs == 0 has no meaning; pass a number of threads, -1 or None.")
    return max(1, cpu_count() + 1 + n_jobs) if n_jobs < 0 else min(n_jobs, MOST_THREADS)


def new_generator(random_state, n_updates=0):
    """A new generator for a fit; None means new entropy, never NumPy's global state.

    Another one for each number of updates before.
    """
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(np.iinfo(np.int32).max, size=4)
    elif random_state is not None and n_updates:
        random_state = [random_state, n_updates]
    return np.random.Generator(np.random.SFC64(random_state))  # the fastest to shuffle
