"""What the faces share: their parameters, and the way from X to a trained network."""

from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from .._validation._errors import as_it_is, error_context, restore_on_error, working_copy
from .._validation._sequences import to_sequences
from ..callbacks._sklearn import EpochSupport, make_notifier, with_callbacks
from ..kernels import active_kernel
from ..network import Network, initial, named_views, shapes
from ..persistence._fingerprint import check_fingerprint, data_fingerprint
from ..persistence._safetensors import comparable_parameters, read_checkpoint
from ..persistence._schema import FITTED, SOMETIMES_FITTED, check_fitted, record
from ..training import (
    DataSet,
    EarlyStopping,
    TrainingState,
    concatenated,
    hold_out,
    new_history,
    train,
)
from ._config import (
    CONSTRAINTS,
    epochs_of,
    make_network_spec,
    make_optimizer,
    make_training_config,
    new_generator,
    number_of_threads,
    patience_of,
)
from ._fit_context import make_fit_context
from ._partial_fit import StreamMixin
from ._warm_start import copy_cells, moments_of, restore_optimizer_state, trained_mask

#: Attributes that are there only while a training runs: ours and scikit-learn's.
WHILE_FITTING = (
    "_running_fit",
    "_lesson",
    "_tell_held_out",
    "_shares",
    "_callback_fit_ctx",
    "_skl_callbacks_to_teardown",
    "_parent_callback_ctx",
)
#: Parameters that a training's result does not depend on.
WITHOUT_EFFECT = ("n_jobs", "verbose")


class PreparedFit(NamedTuple):
    """What a fit trains, on what, from where on.

    network : Network
    whole, training, validation : DataSet; `validation` may be None, `whole` is without X_val
    state : TrainingState
    start : dict, the random state with which the fit began
    facts : dict, what must be the same where the training is taken up again
    """

    network: Network
    whole: DataSet
    training: DataSet
    validation: DataSet | None
    state: TrainingState
    start: dict
    facts: dict


class BaseFastGRNN(StreamMixin, EpochSupport, BaseEstimator):
    """A FastGRNN cell with a linear head, trained by backpropagation through time.

    A subclass says what its targets are: `_learn_targets` returns them as `Targets` with the
    `Loss`, `_known_targets` those of further data, `_n_outputs` how many outputs they need.
    `_divergence_threshold` is the mean loss that only a diverged training ends above,
    `_learned_loss` the one below which nothing more can be learned; `_check_training_part` refuses
    what cannot be learned from, `_take_over_head` begins with the head of an earlier fit, and
    `_finished` makes of trained parameters those that predict.
    """

    _parameter_constraints = CONSTRAINTS

    #: Attributes of this kind of estimator that a file keeps, each with its check: see `_schema`.
    _saved_attributes = {}

    #: What a teacher adds to the training that runs; see `skfastgrnn.distillation`.
    _lesson = None
    #: Is called with the rows that a fit holds out.
    _tell_held_out = None
    #: Factors of the losses of sequences (n_sequences,), beside their weights.
    _shares = None

    def _holds_out(self):
        return self.early_stopping != "auto" and bool(self.early_stopping)

    def _holds_out_tail(self):
        if self.validation_split == "auto":
            return not self.shuffle
        return self.validation_split == "tail"

    def _check_exclusions(self):
        if self.warm_start and self.refit:
            raise ValueError(
                "warm_start=True and refit=True exclude each other: the former goes on with what "
                "was learned, the latter trains once more from the start. Set one of them to False."
            )

    def _check_validation_arguments(self, X_val, y_val, sample_weight_val):
        if X_val is not None and y_val is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if X_val is None and y_val is not None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        if X_val is None and sample_weight_val is not None:
            raise ValueError("sample_weight_val is provided, but X_val was not provided.")
        if X_val is not None and not self.early_stopping:
            raise ValueError(
                "X_val and y_val are passed to fit while early_stopping is False, so they would be "
                "ignored; set early_stopping to 'auto' or True."
            )

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val, saved=None):
        """Train on X; `saved` is the checkpoint of a training to take up, see `persistence`."""
        self._check_exclusions()
        self._check_validation_arguments(X_val, y_val, sample_weight_val)
        calls = make_notifier(self, X, y, sample_weight)
        with restore_on_error(self):  # as callbacks may raise one when the fit is at its end
            with working_copy(self) as fitted:
                prepared = fitted._prepare_fit(
                    X, y, sample_weight, X_val, y_val, sample_weight_val, saved
                )
                if calls is not None:
                    scoring_data = partial(fitted._scoring_data, prepared, X, y, X_val, y_val)
                    self._running_fit = make_fit_context(fitted, prepared, scoring_data)
                    n_epochs = (
                        epochs_of(fitted, len(prepared.training.rows)) - prepared.state.n_iter
                    )
                    calls.fit_begins(self._running_fit, n_epochs)
                fitted._train(prepared, calls)
            if calls is not None:
                calls.fit_ends()
                del self._running_fit
        return self

    def _train(self, prepared, calls):
        """Become an estimator fitted to a prepared."""
        training, validation, state = prepared.training, prepared.validation, prepared.state
        # With learned weights a loss far above that of guessing may be that of new data.
        divergence_threshold = np.inf if self.warm_start else self._divergence_threshold(training)
        n_rows = len(training.rows)
        plan = make_training_config(self, n_rows, epochs_of(self, n_rows), divergence_threshold)
        kernel = active_kernel()
        result = train(kernel, prepared.network, training, validation, state, plan, calls)
        self._keep(prepared.network, state, result.parameters, result.best_iter)
        if self.refit and validation is not None and result.best_iter and result.completed:
            self._refit(prepared, n_epochs=result.best_iter)

    def _prepare_fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val, saved):
        """What is to be trained, on what, from where on."""
        earlier = saved.estimator if saved else self._earlier() if self.warm_start else None
        rng = new_generator(self.random_state)
        if saved:
            rng.bit_generator.state = saved.training["start"]
        start = rng.bit_generator.state
        sequences, _ = to_sequences(self, X, reset=True)
        targets, loss = self._learn_targets(y, sequences, sample_weight, earlier)
        whole, validation = DataSet.of_all(sequences, targets, loss), None
        training = whole
        if X_val is not None:
            with error_context("X_val"):
                sequences, _ = to_sequences(self, X_val, reset=False, dtype=sequences.values.dtype)
            targets, loss = self._known_targets(y_val, sequences, sample_weight_val, suffix="_val")
            validation = DataSet.of_all(sequences, targets, loss)
        elif self._holds_out():
            drawn_by = None if self._holds_out_tail() else rng
            training, validation = hold_out(
                training, self.validation_fraction, shuffled_by=drawn_by
            )
            if self._tell_held_out is not None:
                self._tell_held_out(validation.rows)
        self._check_training_part(training)
        facts = data_fingerprint(training, validation, getattr(self, "classes_", None))
        if saved:
            check_fingerprint(
                saved.path,
                {**saved.parameters, **saved.training["facts"]},
                {**comparable_parameters(self), **facts},
                ignored=WITHOUT_EFFECT,
            )
        network = make_network_spec(self, self._n_outputs())
        n_epochs = epochs_of(self, len(training.rows))
        patience = patience_of(self, n_epochs, is_validated=validation is not None)
        state = self._new_state(network, training, rng, earlier, patience=patience)
        if saved:
            state.restore(saved.training["state"])
        vars(self).pop("_moments", None)  # those of an earlier training
        return PreparedFit(network, whole, training, validation, state, start, facts)

    def _scoring_data(self, prepared, X, y, X_val, y_val):
        """The (X, y) of a score: what training does not learn from, or without that all of it."""
        if X_val is not None:
            return X_val, y_val
        if self._lesson is None and prepared.validation is None:
            return X, y
        rows = (prepared.validation or prepared.training).rows
        if self._lesson is not None:  # where the label is unknown there is nothing to score
            rows = rows[self._lesson.labels[rows] >= 0]
            return _safe_indexing(X, rows), self.classes_[self._lesson.labels[rows]]
        return _safe_indexing(X, rows), _safe_indexing(y, rows)

    def _refit(self, prepared, n_epochs):
        """Train once more, on all rows at the rates of the first training, and keep that."""
        whole = prepared.whole
        if len(prepared.training.rows) == len(whole.rows):  # validation came by itself
            whole = concatenated(whole, prepared.validation)
        rng = deepcopy(
            prepared.state.rng
        )  # so that a checkpoint can still tell of the first training
        state = self._new_state(prepared.network, whole, rng, patience=np.inf)
        rates = prepared.state.history["learning_rate"]
        n_planned = epochs_of(self, len(prepared.training.rows))
        plan = replace(
            make_training_config(
                self, len(whole.rows), n_planned, self._divergence_threshold(whole)
            ),
            max_iter=n_epochs,
            should_converge=False,
            learned_loss=0.0,
            schedule=lambda epoch: rates[epoch] / self.learning_rate_init,
        )
        again = train(active_kernel(), prepared.network, whole, None, state, plan)
        if again.completed:
            self._parameters = self._finished(prepared.network, again.parameters)

    def _new_state(self, network, training, rng, earlier=None, *, patience):
        """A training before its first epoch, from fresh parameters or those learned `earlier`."""
        sequences = training.sequences
        typical_length = np.median(sequences.lengths)
        parameters = initial(network, typical_length, rng, sequences.values.dtype)
        trained = trained_mask(network, self.frozen, parameters.dtype)
        optimizer = make_optimizer(self, parameters, trained)
        if earlier is not None:
            parts = named_views(network, parameters)
            copy_cells(parts, earlier.params_, network, earlier._network)
            self._take_over_head(parts, earlier)
            if earlier._network == network and self._has_head_of(earlier):
                restore_optimizer_state(optimizer, self._moments_of(earlier))
        return TrainingState(
            parameters=parameters,
            initial=parameters.copy(),
            optimizer=optimizer,
            rng=rng,
            early_stopping=EarlyStopping(parameters, tol=self.tol, patience=patience),
            history=new_history(training.loss),
            is_warm_start=earlier is not None,
        )

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
        """Take up a training that was interrupted, as if it had not been.

        The weights, the history and all that follows are those of a `fit` that was never
        interrupted, to the last bit, if the data are the same and the processor has the same
        instruction set.

        Parameters
        ----------
        path : str, bytes or path-like
            A file that :class:`skfastgrnn.callbacks.Checkpoint` has written during `fit`.

        X, y : array-like
            What `fit` was called with, as all that follows.

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
            If the file is no checkpoint, is damaged, or something is not what it was: the value of
            a parameter (`n_jobs` and `verbose` aside), the shape of the data, classes, or a
            checksum of targets, weights and the first and last sequence. The error names the file
            and lists what differs; the estimator is left as it was.
        FileNotFoundError, IsADirectoryError, PermissionError
            If there is no such file, it is a folder, or it may not be read.
        """
        saved = read_checkpoint(path, type(self).__name__)
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val, saved)

    def _earlier(self):
        """The estimator as it is, if it is fitted."""
        return copy(self) if hasattr(self, "_parameters") else None

    def _moments_of(self, earlier):
        """Moments of the optimizer that an earlier training kept, for the targets of this one."""
        return getattr(earlier, "_moments", None)

    def _forget_targets(self, earlier):
        """Know of targets only what the estimator knew earlier."""

    def _has_head_of(self, earlier):
        """Whether the outputs of a network of the same size mean the same."""
        return True

    def _check_training_part(self, training):
        """Refuse a training part that cannot be learned from."""

    def _is_balanced(self):
        return False

    def _keep(self, network, state, parameters, best_iter):
        """Become an estimator fitted to what a training has come to."""
        vars(self).update(self._learned(network, state, parameters, best_iter))

    def _learned(self, network, state, parameters, best_iter):
        """The attributes of such an estimator."""
        learned = {
            "_network_settings": dict(vars(network)),
            "_parameters": self._finished(network, parameters),
            "n_iter_": state.n_iter,
            "best_iter_": best_iter,
            "loss_": state.loss,
            "best_loss_": state.early_stopping.best_loss,
            "history_": {name: list(values) for name, values in state.history.items()},
        }
        if self.warm_start and not state.mid_epoch:
            learned["_moments"] = moments_of(state.optimizer)
        return learned

    def _finished(self, network, parameters):
        """Parameters as they predict, from those that were trained."""
        return parameters

    @property
    def validation_scores_(self):
        """Accuracy or R² of the validation set after every epoch; None without validation."""
        return self.history_[f"validation_{self._metric}"] or None

    @property
    def best_validation_score_(self):
        """The highest of `validation_scores_` that is not nan; None without validation."""
        scores = self.validation_scores_
        return None if scores is None else max(scores, key=lambda s: (s == s, s))

    @property
    def loss_curve_(self):
        """Training objective (mean loss and penalty) of every epoch."""
        return self.history_["loss"]

    @property
    def validation_loss_curve_(self):
        """Validation loss of every epoch; empty without validation."""
        return self.history_["validation_loss"]

    @property
    def _network(self):
        return Network(**self._network_settings)

    @property
    def params_(self):
        """Learned parameters by name: a dict of arrays.

        ``W`` (hidden_size, n_channels) and ``U`` (hidden_size, hidden_size) of the cell, its
        ``bias_gate`` and ``bias_update`` (hidden_size,), ``zeta_hat`` and ``nu_hat`` (1,), of which
        ζ and ν are the logistic functions, and ``head_weight`` (n_outputs, n_states) and
        ``head_bias`` (n_outputs,) of the linear head. The names of further cells end in ``_2`` for
        the second layer and so on, and in ``_reverse`` for those that read backward. n_states is
        hidden_size, or twice that with `bidirectional`; from the second layer on it is the width of
        W. The arrays are views: writing to one changes the model.
        """
        check_is_fitted(self)
        now = as_it_is(self)
        return named_views(now._network, now._parameters)

    def _read(self, X):
        """X as sequences of the fitted dtype and number of channels, and its form."""
        check_is_fitted(self)
        return to_sequences(self, X, reset=False, dtype=self._parameters.dtype)

    def _outputs(self, X):
        """Outputs of the linear head, (n_samples, n_outputs); call it of `as_it_is`."""
        sequences, _ = self._read(X)
        return active_kernel().outputs(
            self._network, self._parameters, sequences, number_of_threads(self.n_jobs)
        )

    def hidden_states(self, X, *, all_steps=False):
        """States of the network: a learned representation of each sequence.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Sequences as in `predict`.
        all_steps : bool, default=False
            Whether to return the state after every step instead of the last one.

        Returns
        -------
        ndarray of shape (n_samples, n_states) or (n_samples, n_timesteps, n_states)
            States of the last layer, float32 or float64, as fitted. n_states is hidden_size; with
            `bidirectional` twice that, the forward cell first, whose last state is that after the
            last step, while that of the reverse cell is the one after the first step. Of all steps
            of a list (or object array) another one, of arrays (n_timesteps_i, n_states); of 3-D X
            with padding, padded with NaN.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has another number of channels or columns than fitted, or is not finite.
        """
        now = as_it_is(self)
        sequences, form = now._read(X)
        kernel, network, parameters = active_kernel(), now._network, now._parameters
        if not all_steps:
            return kernel.last_states(network, parameters, sequences)
        every, _ = kernel.states(network, parameters, sequences.stacked())
        if form.kind == "2-D":
            form = form._replace(kind="3-D")
        return form.restore(every, sequences.lengths)

    def _to_save(self):
        """What a file keeps beside the constructor's parameters: attributes, arrays by name."""
        check_is_fitted(self)
        names = {**FITTED, **SOMETIMES_FITTED, **self._saved_attributes}
        state = self.__getstate__()
        return {name: state[name] for name in names if name in state}, self.params_

    def _restore(self, attributes, arrays):
        """Become what `_to_save` told of, if it makes sense."""
        record({**FITTED, **self._saved_attributes}, SOMETIMES_FITTED)("attributes", attributes)
        vars(self).update(attributes)
        network = make_network_spec(self, self._n_outputs())
        check_fitted(self, network, arrays)
        self._parameters = np.concatenate([arrays[name].ravel() for name in shapes(network)])
        self._check_parameters(network)

    def _check_parameters(self, network):
        """Refuse parameters that no training of a network takes, whatever the data."""
        self._check_exclusions()
        trained_mask(network, self.frozen, self._parameters.dtype)
        plan = make_training_config(self, 1, epochs_of(self, 1), np.inf)
        step, rng = np.zeros((1, network.n_channels)), np.random.default_rng(0)
        with np.errstate(over="ignore"):
            for augmentation in plan.epoch.augment:
                augmentation.apply(step, np.array([0]), np.array([1]), rng)

    def __getstate__(self):
        """What copies and pickles get: nothing that belongs to a fit which is going on."""
        state = dict(super().__getstate__())
        for name in WHILE_FITTING:
            state.pop(name, None)
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
