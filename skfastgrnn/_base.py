"""What the faces share: their parameters, and the way from X to a trained network."""

from dataclasses import asdict
from numbers import Integral, Real

import numpy as np
from joblib import cpu_count, effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from . import cell
from ._guards import naming
from ._sequences import to_sequences
from .augmentation import checked_augmentations
from .schedules import NAMES as SCHEDULES
from .schedules import ReduceOnPlateau, for_training, schedule_named
from .training import DataSet, EpochPlan, Plan, concatenated, hold_out, train

#: As many as the compiled kernel takes.
MOST_THREADS = 64
POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")


class BaseFastGRNN(BaseEstimator):
    """A FastGRNN cell with a linear head, trained by backpropagation through time.

    A face says what its targets are: `_learn_targets` and `_validation_targets` answer them as
    `cell.Targets`, `_n_outputs` how many outputs they need, `_hopeless_loss` which mean loss only a
    diverged training ends above, `_check_training_part` refuses what cannot be learned from.
    """

    _parameter_constraints = {
        "hidden_size": [POSITIVE_INTEGER],
        "n_layers": [Interval(Integral, 1, cell.MAX_LAYERS, closed="both")],
        "bidirectional": ["boolean"],
        "readout": [StrOptions(set(cell.READOUTS))],
        "gate_activation": [StrOptions(set(cell.ACTIVATIONS))],
        "update_activation": [StrOptions(set(cell.ACTIVATIONS))],
        "n_timesteps": [POSITIVE_INTEGER, None],
        "solver": [StrOptions(set(cell.SOLVERS))],
        "learning_rate": [StrOptions(set(SCHEDULES)), callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "lr_decay": [Interval(Real, 0, 1, closed="right"), None],
        "lr_decay_step": [POSITIVE_INTEGER, None],
        "batch_size": [POSITIVE_INTEGER, StrOptions({"auto"})],
        "accumulate": [POSITIVE_INTEGER],
        "max_iter": [POSITIVE_INTEGER],
        "shuffle": ["boolean"],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterovs_momentum": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "augment": [list, tuple, None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "clip_value": [Interval(Real, 0, None, closed="neither"), None],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [POSITIVE_INTEGER, Options(Real, {np.inf})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "refit": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    #: From so many training sequences on, early_stopping="auto" holds a part of them out. Measured
    #: on subsets of 300 to 7000 of HAR-6, MNIST (by rows) and digits, four seeds each: below,
    #: training on all of them wins by 1 to 8 points; above, accuracy is the same in half the time.
    _rows_for_early_stopping = 2000

    def _holds_out(self, n_rows):
        if self.early_stopping == "auto":
            return n_rows >= self._rows_for_early_stopping
        return self.early_stopping

    def _rows_of_minibatch(self, n_rows):
        # "auto" was measured, together with the learning rate, on JapaneseVowels, BasicMotions,
        # ItalyPowerDemand, digits and HAR: small sets need more updates than minibatches of 32 make
        # in max_iter epochs (+1.3 points of accuracy on JapaneseVowels, +7 on BasicMotions). A rate
        # of 0.02 does as much for them but costs HAR-2 a point.
        if self.batch_size == "auto":
            return min(n_rows, max(8, min(32, n_rows // 32)))
        return min(self.batch_size, n_rows)

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

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        self._check_validation_arguments(X_val, y_val, sample_weight_val)
        rng = new_generator(self.random_state)
        sequences, _ = to_sequences(self, X, reset=True)
        training = DataSet.of_all(sequences, self._learn_targets(y, sequences, sample_weight))
        whole, validation = training, None
        if X_val is not None:
            with naming("X_val"):
                sequences, _ = to_sequences(self, X_val, reset=False, dtype=sequences.values.dtype)
            targets = self._validation_targets(y_val, sequences, sample_weight_val)
            validation = DataSet.of_all(sequences, targets)
        elif self._holds_out(len(training.rows)):
            training, validation = hold_out(
                training, self.validation_fraction, shuffled_by=rng if self.shuffle else None
            )
        self._check_training_part(training)
        network = cell.Network(
            n_channels=self.n_channels_,
            hidden_size=int(self.hidden_size),
            n_outputs=self._n_outputs(),
            readout=self.readout,
            gate_activation=self.gate_activation,
            update_activation=self.update_activation,
            n_layers=int(self.n_layers),
            bidirectional=bool(self.bidirectional),
        )
        return self._fit_network(
            network,
            training,
            validation,
            rng,
            whole=lambda: whole if X_val is None else concatenated(whole, validation),
        )

    def _check_training_part(self, training):
        """Refuse a training part that cannot be learned from."""

    def _train(self, network, training, validation, rng, *, max_iter, patience):
        """Train a network from fresh initial parameters; see `training.train`."""
        sequences = training.sequences
        typical_length = np.median(sequences.lengths)
        parameters = cell.initial(network, typical_length, rng, sequences.values.dtype)
        optimizer = cell.Optimizer(
            first=np.zeros_like(parameters),
            second=np.zeros_like(parameters),
            solver=self.solver,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            momentum=self.momentum,
            nesterov=self.nesterovs_momentum,
            alpha=self.alpha,
            clip_norm=np.inf if self.clip_norm is None else self.clip_norm,
            clip_value=np.inf if self.clip_value is None else self.clip_value,
        )
        # The kernel needs no more memory for the whole of an accumulated minibatch than for a part.
        n_rows = len(training.rows)
        batch_size = min(n_rows, self.accumulate * self._rows_of_minibatch(n_rows))
        plan = Plan(
            EpochPlan(
                batch_size=batch_size,
                shuffle=self.shuffle,
                balanced=self._is_balanced(),
                dropout=self.dropout,
                augment=checked_augmentations(self.augment),
                n_threads=number_of_threads(self.n_jobs),
            ),
            schedule=self._schedule(max_iter),
            learning_rate_init=self.learning_rate_init,
            max_iter=max_iter,
            tol=self.tol,
            patience=patience,
            hopeless_loss=self._hopeless_loss(training),
            verbose=self.verbose,
        )
        kernel = cell.active_kernel()
        return train(kernel, network, parameters, training, validation, optimizer, plan, rng)

    def _is_balanced(self):
        return False

    def _schedule(self, max_iter):
        """The learning-rate schedule, as long as the training where it asks for that."""
        schedule = self.learning_rate
        if schedule == "plateau" and np.isfinite(self.n_iter_no_change):
            # It has to act twice before early stopping gives up.
            schedule = ReduceOnPlateau(patience=max(1, self.n_iter_no_change // 3))
        elif isinstance(schedule, str):
            schedule = schedule_named(
                schedule, lr_decay=self.lr_decay, lr_decay_step=self.lr_decay_step
            )
        return for_training(schedule, max_iter)

    def _fit_network(self, network, training, validation, rng, *, whole):
        """Train, twice where `refit` asks for it, and keep what was learned.

        `whole` answers the DataSet of all rows, validation included.
        """
        result = self._train(
            network,
            training,
            validation,
            rng,
            max_iter=self.max_iter,
            patience=self.n_iter_no_change,
        )
        self._network_settings = asdict(network)
        self._parameters = result.parameters
        self.n_iter_ = result.n_iter
        self.best_iter_ = result.best_iter
        self.loss_ = result.loss
        self.best_loss_ = result.best_loss
        self.history_ = result.history
        self.loss_curve_ = result.history["loss"]
        self.validation_loss_curve_ = result.history["validation_loss"]
        self.validation_scores_ = result.validation_scores
        if self.refit and validation is not None and result.best_iter > 0 and result.completed:
            again = self._train(
                network,
                whole(),
                None,
                rng,
                max_iter=result.best_iter,
                patience=np.inf,
            )
            if again.completed:
                self._parameters = again.parameters
        return self

    @property
    def _network(self):
        return cell.Network(**self._network_settings)

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
        return cell.named_views(self._network, self._parameters)

    def _read(self, X):
        """X as sequences of the fitted dtype and number of channels, and its form."""
        check_is_fitted(self)
        return to_sequences(self, X, reset=False, dtype=self._parameters.dtype)

    def _outputs(self, X):
        """Outputs of the linear head, (n_samples, n_outputs)."""
        sequences, _ = self._read(X)
        return cell.active_kernel().outputs(
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
        sequences, form = self._read(X)
        kernel = cell.active_kernel()
        if not all_steps:
            return kernel.last_states(self._network, self._parameters, sequences)
        every, _ = kernel.states(self._network, self._parameters, sequences.stacked())
        if form.kind == "2-D":
            form = form._replace(kind="3-D")
        return form.restore(every, sequences.lengths)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def number_of_threads(n_jobs):
    """Threads for n_jobs as joblib counts jobs: None as its context says, -1 for all cores."""
    if n_jobs is None:
        return effective_n_jobs(None)
    if n_jobs == 0:
        raise ValueError("n_jobs == 0 has no meaning; pass a number of threads, -1 or None.")
    return max(1, cpu_count() + 1 + n_jobs) if n_jobs < 0 else min(n_jobs, MOST_THREADS)


def new_generator(random_state):
    """A generator of its own for a fit; None means fresh entropy, never NumPy's global state."""
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(np.iinfo(np.int32).max, size=4)
    return np.random.Generator(np.random.SFC64(random_state))  # the fastest to shuffle
