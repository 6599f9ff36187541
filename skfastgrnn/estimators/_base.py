"""Base class of the estimators: from X to a trained network."""

from abc import abstractmethod
from copy import copy
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import _safe_indexing

from .._validation._errors import error_context, restore_on_error, working_copy
from .._validation._sequences import to_sequences
from ..callbacks._sklearn import EpochSupport, make_notifier, with_callbacks
from ..network import Network
from ..persistence._fingerprint import check_fingerprint, data_fingerprint
from ..persistence._safetensors import comparable_parameters, read_checkpoint
from ..training import (
    DataSet,
    Objective,
    Phases,
    TrainingState,
    check_compression,
    hold_out,
)
from ._config import (
    CONSTRAINTS,
    check_validation_arguments,
    epochs_of,
    holds_out,
    holds_out_tail,
    make_network_spec,
    make_training_config,
    new_generator,
    patience_of,
)
from ._dense_start import train_prepared
from ._fit_context import make_fit_context
from ._fitted import FittedMixin
from ._partial_fit import StreamMixin
from ._refit import refit
from ._restarts import check_one_training, train_several
from ._saved import SavedMixin
from ._start import first_states, new_state
from ._warm_start import moments_of

#: Attributes that exist only during a fit: ours and scikit-learn's.
WHILE_FITTING = (
    "_running_fit",
    "_callback_fit_ctx",
    "_skl_callbacks_to_teardown",
    "_parent_callback_ctx",
)
#: Parameters that do not affect the result of training.
WITHOUT_EFFECT = ("n_jobs", "verbose")


class PreparedFit(NamedTuple):
    """Inputs of `train` for one fit, and the state for callbacks and checkpoints.

    network : Network
    whole, training, validation : DataSet; `validation` may be None, `whole` is without X_val
    objective : Objective
    state : TrainingState
    dense : TrainingState, of a dense network whose factors this one begins with; or None
    start : dict, the random state with which the fit began
    fingerprint : dict, must be equal when training is resumed
    """

    network: Network
    whole: DataSet
    training: DataSet
    validation: DataSet | None
    objective: Objective
    state: TrainingState
    dense: TrainingState | None
    start: dict
    fingerprint: dict


class BaseFastGRNN(FittedMixin, StreamMixin, SavedMixin, EpochSupport, BaseEstimator):
    """A FastGRNN cell with a linear head, trained by backpropagation through time.

    Subclasses define by `_new_objective` what they minimise, on which targets.
    """

    _parameter_constraints = CONSTRAINTS

    @abstractmethod
    def __init__(
        self,
        *,
        hidden_size,
        n_layers,
        bidirectional,
        pooling,
        compression,
        gate_activation,
        update_activation,
        bounded_state,
        n_timesteps,
        max_iter,
        batch_size,
        gradient_accumulation_steps,
        shuffle,
        solver,
        learning_rate,
        learning_rate_init,
        lr_decay,
        lr_decay_step,
        beta_1,
        beta_2,
        epsilon,
        momentum,
        nesterovs_momentum,
        clip_norm,
        clip_value,
        ema,
        alpha,
        dropout,
        augment,
        early_stopping,
        validation_fraction,
        validation_split,
        n_iter_no_change,
        tol,
        refit,
        n_init,
        warm_start,
        frozen,
        n_jobs,
        random_state,
        verbose,
    ):
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.compression = compression
        self.gate_activation = gate_activation
        self.update_activation = update_activation
        self.bounded_state = bounded_state
        self.n_timesteps = n_timesteps
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.shuffle = shuffle
        self.solver = solver
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.lr_decay = lr_decay
        self.lr_decay_step = lr_decay_step
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.ema = ema
        self.alpha = alpha
        self.dropout = dropout
        self.augment = augment
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.refit = refit
        self.n_init = n_init
        self.warm_start = warm_start
        self.frozen = frozen
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @abstractmethod
    def _new_objective(self, y=None):
        """A new objective with these parameters for targets of the kind of y.

        Without y, for targets of the kind that the estimator was fitted on.
        """

    def _fitted_objective(self):
        """The objective restored from the fitted attributes."""
        objective = self._new_objective()
        objective.restore(vars(self))
        return objective

    @classmethod
    @cache
    def _get_param_names(cls):
        """Names of the parameters, of which scikit-learn inspects the signature at every call."""
        return super()._get_param_names()

    def set_params(self, **params):
        """Set parameters, also of `compression` (``compression__rank_w=4``).

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If there is no such parameter, or `compression` is None, or no object, where one of it
            is set.
        """
        nested = [name for name in params if name.startswith("compression__")]
        compression = params.get("compression", self.compression)
        if nested and (isinstance(compression, type) or not hasattr(compression, "set_params")):
            raise ValueError(
                f"{nested[0]} cannot be set, because compression is {compression!r}. Set "
                "compression=Compression() first."
            )
        return super().set_params(**params)

    def _validate_params(self):
        super()._validate_params()
        check_compression(self.compression)

    def _check_combinations(self):
        """Raise for mutually exclusive parameters."""
        if self.warm_start and self.refit:
            raise ValueError(
                "warm_start=True and refit=True exclude each other: the former continues from the "
                "learned weights, the latter trains again from scratch. Set one of them to False."
            )

    def _check_objective(self, objective):
        if objective is None:
            return
        if not (isinstance(objective, Objective) and objective.metric == self._metric):
            raise TypeError(
                f"objective must be one that {type(self).__name__} can minimise, or None; got "
                f"{objective!r}."
            )

    def _fit(
        self, X, y, sample_weight, X_val, y_val, sample_weight_val, objective=None, checkpoint=None
    ):
        """Train on X; see `persistence` for the checkpoint of a training to resume."""
        self._check_combinations()
        check_validation_arguments(self, X_val, y_val, sample_weight_val)
        self._check_objective(objective)
        notifier = make_notifier(self, X, y, sample_weight)
        with restore_on_error(self):  # as callbacks may raise one when the fit is at its end
            with working_copy(self) as fitted:
                prepared = fitted._prepare_fit(
                    X, y, sample_weight, X_val, y_val, sample_weight_val, objective, checkpoint
                )
                if notifier is not None:
                    scoring_data = partial(fitted._scoring_data, prepared, X, y, X_val, y_val)
                    n_epochs = epochs_of(fitted, len(prepared.training.rows))
                    phases = Phases.of(self.compression, prepared.network, n_epochs)
                    self._running_fit = make_fit_context(fitted, prepared, phases, scoring_data)
                    n_epochs = self.n_init * n_epochs - prepared.state.n_iter
                    notifier.fit_begins(self._running_fit, n_epochs)
                fitted._train(prepared, notifier)
            if notifier is not None:
                notifier.fit_ends()
                del self._running_fit
        return self

    def _prepare_fit(
        self, X, y, sample_weight, X_val, y_val, sample_weight_val, objective, checkpoint
    ):
        earlier = self._earlier() if self.warm_start else None
        if checkpoint:
            earlier = checkpoint.estimator
        if earlier is not None:
            check_one_training(self, "resume" if checkpoint else "warm_start=True")
        rng = new_generator(self.random_state)
        if checkpoint:
            rng.bit_generator.state = checkpoint.training["start"]
        start = rng.bit_generator.state
        sequences, _ = to_sequences(self, X, reset=True)
        if objective is None:
            objective = self._new_objective(y)
        known = None if earlier is None else earlier._fitted_objective()
        whole, validation = objective.encode(y, sequences, sample_weight, known), None
        training = whole
        vars(self).update(objective.attributes())
        if X_val is not None:
            with error_context("X_val"):
                sequences, _ = to_sequences(self, X_val, reset=False, dtype=sequences.values.dtype)
            validation = objective.encode_validation(y_val, sequences, sample_weight_val)
        elif holds_out(self):
            drawn_by = None if holds_out_tail(self) else rng
            training, validation = hold_out(
                training, self.validation_fraction, shuffled_by=drawn_by
            )
        objective.on_split(training, validation)
        fingerprint = data_fingerprint(training, validation, getattr(self, "classes_", None))
        if checkpoint:
            check_fingerprint(
                checkpoint.path,
                {**checkpoint.parameters, **checkpoint.training["fingerprint"]},
                {**comparable_parameters(self), **fingerprint},
                ignored=WITHOUT_EFFECT,
            )
        network = make_network_spec(self, objective.n_outputs)
        n_epochs = epochs_of(self, len(training.rows))
        patience = patience_of(self, n_epochs, is_validated=validation is not None)
        if earlier is None:
            state, dense = first_states(self, network, training, objective, rng, patience=patience)
        else:
            dense = None
            state = new_state(
                self,
                network,
                training,
                objective,
                rng,
                earlier,
                patience=patience,
                frozen=self.frozen,
            )
        if checkpoint:
            state.restore(checkpoint.training["state"])
        vars(self).pop("_moments", None)  # those of an earlier training
        return PreparedFit(
            network, whole, training, validation, objective, state, dense, start, fingerprint
        )

    def _train(self, prepared, notifier):
        """Become an estimator that has been trained as prepared."""
        network, training, validation = prepared.network, prepared.training, prepared.validation
        objective, state = prepared.objective, prepared.state
        n_epochs = epochs_of(self, len(training.rows))
        objective.resolve(n_epochs)
        config = make_training_config(self, network, training, objective, n_epochs)
        if self.warm_start:  # a loss far above that of guessing may be that of new data
            config = replace(config, divergence_threshold=np.inf)
        if self.n_init == 1:
            result = train_prepared(prepared, config, notifier)
        else:
            prepared, result = train_several(self, prepared, config, notifier)
            state = prepared.state
        self._set_fitted(network, objective, state, result.parameters, result.best_iter)
        if self.refit and validation is not None and result.best_iter and result.completed:
            again = refit(self, prepared, config, n_epochs=result.best_iter)
            if again.completed:
                self._parameters = objective.finalize(network, again.parameters)

    def _scoring_data(self, prepared, X, y, X_val, y_val):
        """The (X, y) of a score: what training does not learn from, or without that all of it."""
        if X_val is not None:
            return X_val, y_val
        is_held_out = prepared.validation is not None
        part = prepared.validation if is_held_out else prepared.training
        rows, targets = prepared.objective.scoring_rows(part.rows)
        if hasattr(y, "tocsr"):  # not every sparse format can be indexed
            y = y.tocsr()
        if targets is None and not is_held_out:
            return X, y
        return _safe_indexing(X, rows), _safe_indexing(y, rows) if targets is None else targets

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def resume(
        self,
        path,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Resume an interrupted fit from a checkpoint.

        The result equals that of an uninterrupted `fit` to the last bit, if the data are the same
        and the processor has the same instruction set.

        Parameters
        ----------
        path : str, bytes or path-like
            A file written by :class:`skfastgrnn.callbacks.Checkpoint` during `fit`.

        X, y : array-like
            The arguments of `fit`, like all that follow.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of X.

        X_val, y_val : array-like, default=None
            Validation sequences and targets.

        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of X_val.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If the file is not a checkpoint, is damaged, or does not match: the value of a parameter
            (except `n_jobs` and `verbose`), the shape of the data, classes, or a checksum of
            targets, weights and the first and last sequence. The error names the file and lists the
            differences; the estimator is unchanged.
        FileNotFoundError, IsADirectoryError, PermissionError
            If there is no such file, it is a folder, or it may not be read.
        """
        checkpoint = read_checkpoint(path, type(self).__name__)
        return self._fit(
            X, y, sample_weight, X_val, y_val, sample_weight_val, checkpoint=checkpoint
        )

    def _earlier(self):
        """The estimator as it is, if it is fitted."""
        return copy(self) if hasattr(self, "_parameters") else None

    def _set_fitted(self, network, objective, state, parameters, best_iter):
        """Become an estimator fitted to what a training has come to."""
        vars(self).update(self._fitted_attributes(network, objective, state, parameters, best_iter))

    def _fitted_attributes(self, network, objective, state, parameters, best_iter):
        """The attributes of such an estimator."""
        attributes = {
            "_network_settings": dict(vars(network)),
            "_parameters": objective.finalize(network, parameters),
            "n_iter_": state.n_iter,
            "best_iter_": best_iter,
            "loss_": state.loss,
            "best_loss_": state.early_stopping.best_loss,
            "history_": {name: list(values) for name, values in state.history.items()},
        }
        if self.warm_start and not state.mid_epoch:
            attributes["_moments"] = moments_of(state.optimizer)
        return attributes

    def __getstate__(self):
        """What copies and pickles get: nothing that belongs to a running fit."""
        state = dict(super().__getstate__())
        for name in WHILE_FITTING:
            state.pop(name, None)
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
