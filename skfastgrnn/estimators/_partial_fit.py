"""partial_fit: one epoch over each piece of a stream."""

import numpy as np

from .._validation._errors import working_copy
from .._validation._sequences import to_sequences
from ..kernels import active_kernel
from ..training import joined_history, lowest_loss, train_on_piece, warn
from ._config import holds_out, make_network_spec, make_training_config, new_generator
from ._restarts import check_one_training
from ._start import new_state
from ._warm_start import continue_average, moments_of


class StreamMixin:
    """The part of an estimator that learns from pieces."""

    def _partial_fit(self, X, y, sample_weight, make_objective):
        """Train for one more epoch.

        `make_objective` returns the objective, given the copy that learns, and the estimator as it
        was or None.
        """
        if holds_out(self):
            raise ValueError("partial_fit does not support early_stopping=True")
        check_one_training(self, "partial_fit")
        if getattr(self, "_skl_callbacks", ()):
            warn("partial_fit calls no callbacks; those that are set follow fit and resume only.")
        with working_copy(self) as fitted:
            fitted._train_once(X, y, sample_weight, make_objective)
        return self

    def _train_once(self, X, y, sample_weight, make_objective):
        """Become an estimator that has learned from a piece."""
        earlier = self._earlier()
        if earlier is None:
            sequences, _ = to_sequences(self, X, reset=True)
        else:
            sequences, _ = self._read(X)
        objective = make_objective(self, earlier)
        known = None if earlier is None else earlier._fitted_objective()
        training = objective.encode_piece(y, sequences, sample_weight, known)
        vars(self).update(objective.attributes())
        moments = vars(self).pop("_moments", None)
        rng = new_generator(self.random_state, 0 if moments is None else moments["step"])
        network = make_network_spec(self, objective.n_outputs)
        state = new_state(
            self, network, training, objective, rng, earlier, patience=np.inf, frozen=self.frozen
        )
        config = make_training_config(self, network, training, objective, None)
        if earlier is not None:
            state.n_before = earlier.n_iter_
            continue_average(state, network, objective, earlier, moments or {})
        result = train_on_piece(active_kernel(), network, training, objective, state, config)
        kept_before = 0 if earlier is None else earlier.best_iter_
        best_iter = state.n_iter if result.completed else kept_before
        self._set_fitted(network, objective, state, result.parameters, best_iter)
        self.best_loss_ = lowest_loss(earlier, state.history["loss"])
        if earlier is not None:
            self.history_ = joined_history(earlier.history_, state.history)
            self.loss_ = self.history_["loss"][-1] if self.history_["loss"] else np.inf
        vars(self).pop("_moments", None)
        if result.completed:  # else those of the epoch may be beyond repair
            moments = moments_of(state.optimizer)
            if state.optimizer.average is not None:
                moments["trained"] = objective.finalize(network, state.parameters)
                moments["n_averaged"] = state.optimizer.n_averaged
        elif earlier is not None:
            # Weights were folded with what was learned of these targets, and is given up.
            vars(self).update(known.attributes())
            self._parameters = earlier._parameters
            self._network_settings = earlier._network_settings  # which may have had other ranks
        if moments is not None:
            self._moments = moments
