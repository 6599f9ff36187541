"""partial_fit: one epoch over each piece of a stream."""

import numpy as np

from .._validation._errors import working_copy
from .._validation._sequences import to_sequences
from ..kernels import active_kernel
from ..training import DataSet, joined_history, lowest_loss, train_on_piece, warn
from ._config import make_network_spec, make_training_config, new_generator
from ._warm_start import moments_of


class StreamMixin:
    """The part of an estimator that learns from pieces."""

    def _partial_fit(self, X, learn_targets):
        """Train for one epoch more.

        `learn_targets` returns the targets of sequences and the loss, given the copy that learns
        and the estimator as it was, or None.
        """
        if self._holds_out():
            raise ValueError("partial_fit does not support early_stopping=True")
        if getattr(self, "_skl_callbacks", ()):
            warn("partial_fit calls no callbacks; those that are set follow fit and resume only.")
        with working_copy(self) as fitted:
            fitted._train_once(X, learn_targets)
        return self

    def _train_once(self, X, learn_targets):
        """Become an estimator that has learned from a piece."""
        earlier = self._earlier()
        if earlier is None:
            sequences, _ = to_sequences(self, X, reset=True)
        else:
            sequences, _ = self._read(X)
        training = DataSet.of_all(sequences, *learn_targets(self, sequences, earlier))
        moments = vars(self).pop("_moments", None)
        rng = new_generator(self.random_state, 0 if moments is None else moments["step"])
        network = make_network_spec(self, self._n_outputs())
        state = self._new_state(network, training, rng, earlier, patience=np.inf)
        if earlier is not None:
            state.n_before = earlier.n_iter_
        plan = make_training_config(
            self, len(training.rows), None, self._divergence_threshold(training)
        )
        result = train_on_piece(active_kernel(), network, training, state, plan)
        kept_before = 0 if earlier is None else earlier.best_iter_
        best_iter = state.n_iter if result.completed else kept_before
        self._keep(network, state, result.parameters, best_iter)
        self.best_loss_ = lowest_loss(earlier, state.history["loss"])
        if earlier is not None:
            self.history_ = joined_history(earlier.history_, state.history)
            self.loss_ = self.history_["loss"][-1] if self.history_["loss"] else np.inf
        vars(self).pop("_moments", None)
        if result.completed:  # else those of the epoch may be beyond repair
            moments = moments_of(state.optimizer)
        elif earlier is not None:
            self._forget_targets(earlier)
        if moments is not None:
            self._moments = moments
