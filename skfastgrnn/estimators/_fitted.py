"""What a fitted estimator knows: its curves, its parameters, its states."""

from copy import deepcopy

from sklearn.utils.validation import check_is_fitted

from .._validation._errors import as_it_is
from .._validation._sequences import to_sequences
from ..kernels import active_kernel, expand
from ..network import (
    Network,
    bytes_by_part,
    converted,
    n_operations_per_step,
    named_views,
    stored_matrices,
)
from ._config import make_network_spec, number_of_threads


class FittedMixin:
    """The part of an estimator that is the same for every target."""

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
        ``head_bias`` (n_outputs,) of the linear head; with ``pooling='attention'`` also
        ``attention`` (n_states,), which scores the states. With `bounded_state` there is no
        ``nu_hat``. The names of further cells end in ``_2`` for the second layer and so on, and in
        ``_reverse`` for those that read backward. n_states is hidden_size, or twice that with
        `bidirectional`; from the second layer on it is the width of W. The arrays are views:
        writing to one changes the model.
        """
        check_is_fitted(self)
        now = as_it_is(self)
        return named_views(now._network, now._parameters)

    @property
    def n_bytes_(self):
        """Bytes of the network, as a device stores it."""
        check_is_fitted(self)
        return sum(bytes_of_fitted(self).values())

    @property
    def n_operations_per_step_(self):
        """Multiply-adds of a time step."""
        check_is_fitted(self)
        now = as_it_is(self)
        network = now._network
        return n_operations_per_step(network, stored_matrices(network, now._parameters))

    def _read(self, X):
        """X as sequences of the fitted dtype and number of channels, and its form."""
        if "_parameters" not in vars(self):  # faster than scikit-learn's check
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
            States of the last layer, float32 or float64, like X in `fit`. n_states is hidden_size;
            with `bidirectional` twice that, the forward cell first. The last state of the reversed
            cell is that at the first step. With `all_steps`, a list (or object array) of arrays
            (n_timesteps_i, n_states) if X is one, and an array padded with NaN if X is 3-D with
            padding.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the number of channels or columns differs from that in `fit`, or X is not finite.
        """
        now = as_it_is(self)
        sequences, form = now._read(X)
        kernel, network, parameters = active_kernel(), now._network, now._parameters
        if not all_steps:
            return kernel.last_states(network, parameters, sequences)
        every, *_ = kernel.states(network, parameters, sequences.stacked())
        if form.kind == "2-D":
            form = form._replace(kind="3-D")
        return form.restore(every, sequences.lengths)


def network_of(estimator):
    """The specification of a fitted estimator's network."""
    return estimator._network


def computed_parts(estimator):
    """The parameters by name that a fitted estimator computes with: whole matrices, as rounded."""
    network = estimator._network
    return named_views(network.dense, expand(network, estimator._parameters))


def bytes_of_fitted(estimator):
    """Bytes of a fitted estimator's network by `network.SIZE_PARTS`."""
    now = as_it_is(estimator)
    network = now._network
    stored = stored_matrices(network, now._parameters)
    return bytes_by_part(network, stored, is_regression="_y_scale" in vars(now))


def with_compression(estimator, compression, change=None):
    """A copy of a fitted estimator with another `compression`, whose network is compressed so.

    compression : Compression
    change : callable, (network, parameters) -> parameters of the new network; or None
    """
    copied = deepcopy(estimator).set_params(compression=compression)
    network = make_network_spec(copied, estimator._network.n_outputs)
    parameters = converted(estimator._network, estimator._parameters, network)
    if change is not None:
        parameters = change(network, parameters)
    copied._network_settings = dict(vars(network))
    copied._parameters = parameters
    vars(copied).pop("_moments", None)  # those of the other network
    return copied


def read_sequences(estimator, X):
    """X as the SequenceBatch that a fitted estimator reads."""
    sequences, _ = estimator._read(X)
    return sequences
