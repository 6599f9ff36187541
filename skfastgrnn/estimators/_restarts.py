"""Several trainings of one fit, each from its own initial weights."""

from dataclasses import replace

from ..kernels import active_kernel
from ..training import best_training
from ._dense_start import train_prepared
from ._fit_context import make_fit_context
from ._start import first_states


def check_one_training(estimator, what):
    """Raise for several trainings where `what` is about one."""
    if estimator.n_init > 1:
        raise ValueError(
            f"{what} continues one training, and n_init={estimator.n_init} begins several, each "
            "from other initial weights. Set n_init=1."
        )


def train_several(estimator, prepared, config, notifier):
    """Train `n_init` times; the `PreparedFit` and the TrainingResult of the best training.

    The first one is that of ``n_init=1``. They run at the same time as far as there are threads for
    them, or, as callbacks can follow them only so, one after the other.
    """
    n_init, kernel = estimator.n_init, active_kernel()
    others = prepared.state.rng.spawn(n_init - 1)
    trainings = [prepared, *(fresh(estimator, prepared, rng) for rng in others)]
    n_threads = config.epoch.n_threads
    n_at_once = 1 if notifier is not None else min(n_threads, n_init)
    epoch = replace(config.epoch, n_threads=n_threads // n_at_once)
    monitored = prepared.training if prepared.validation is None else prepared.validation

    def train_one(number, ending):
        own, label = trainings[number], f"Initialization {number + 1}/{n_init}, "
        if notifier is not None:  # of callbacks that ask for no data to score
            notifier.follow(make_fit_context(estimator, own, config.phases, None))
        own_config = replace(config, epoch=epoch, label=label)
        result = train_prepared(own, own_config, notifier, ending)
        score = kernel.loss(own.network, result.parameters, *monitored, epoch.n_threads)
        return result, score.mean_loss

    number, result = best_training(train_one, n_init, n_at_once)
    return trainings[number], result


def fresh(estimator, prepared, rng):
    """The same fit with other initial weights."""
    state, dense = first_states(
        estimator,
        prepared.network,
        prepared.training,
        prepared.objective,
        rng,
        patience=prepared.state.early_stopping.patience,
    )
    return prepared._replace(state=state, dense=dense)
