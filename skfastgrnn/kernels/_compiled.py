"""The compiled kernel, behind the interface that the reference kernel shows in NumPy."""

import numpy as np

from ..network import Dropout, EpochTotals, Score, n_decayed, n_parameters
from . import _bindings
from .reference._expansion import computed, pull_back
from .reference._parametrizations import IDENTITY

#: Work of one call between two looks at the keyboard, about a tenth of a second; one minibatch at
#: the least.
FLOPS_BETWEEN_SIGNALS = 4e9


class CompiledKernel:
    """Forward and backward passes, losses and training over sets of sequences, in C."""

    name = "compiled"

    def __init__(self, instruction_set):
        self.instruction_set = instruction_set
        self._isa = _bindings.instruction_sets()[instruction_set]

    def tensors(self, network):
        """(name, cell or None, rows, columns, decayed) of the flat vector's parts, in its order.

        They are those of `skfastgrnn.network.tensors`, from the compiled kernel's own table.
        """
        return _bindings.tensors(self._isa, network, n_parameters(network))

    def states(self, network, parameters, sequences, h0=None):
        """All states of the last layer, the last of each sequence, and the final ones of all cells.

        The sequences lie one after the other (`SequenceBatch.stacked`). R is hidden, or twice that
        of a bidirectional network.

        Parameters
        ----------
        h0 : ndarray of shape (n_sequences, cells, hidden) or None
            The state that each cell begins with: before the first step, or, in a cell that reads
            from the end, after the last one. None for zeros.

        Returns
        -------
        every : ndarray of shape (n_steps, R)
        last : ndarray of shape (n_sequences, R)
        final : ndarray of shape (n_sequences, cells, hidden)
            The state that each cell ends with. Where none reads from the end, it is the h0 with
            which a sequence continues: two parts give the same bits as the whole.
        """
        network, parameters = computed(network, parameters)
        every = np.empty((len(sequences.values), network.n_states), dtype=parameters.dtype)
        final = self._final_states(network, parameters, sequences, h0, every)
        return every, last_of(network, final), final

    def last_states(self, network, parameters, sequences):
        """The last state of each sequence (n_sequences, R)."""
        network, parameters = computed(network, parameters)
        final = self._final_states(network, parameters, sequences, None, None)
        return last_of(network, final)

    def _final_states(self, network, parameters, sequences, h0, every):
        rows = all_rows(sequences)
        shape = (len(rows), network.n_cells, network.hidden_size)
        final = np.empty(shape, dtype=parameters.dtype)
        h0 = None if h0 is None else np.ascontiguousarray(h0[rows])
        _bindings.states(
            self._isa, network, parameters, *arrays_of_sequences(sequences), rows, h0, every, final
        )
        return in_place_of(rows, final, sequences)

    def states_gradient(self, network, parameters, sequences, upstream, h0=None):
        """Gradients of parameters (P), values (n_steps, channels), h0 (n_sequences, cells, hidden).

        `upstream` (n_steps, R) is the gradient of every state. The sequences lie one after the
        other.
        """
        given, theta = network, parameters
        network, parameters = computed(network, theta)
        rows = all_rows(sequences)
        gradient = np.empty_like(parameters)
        d_values = np.zeros_like(sequences.values)
        shape = (len(rows), network.n_cells, network.hidden_size)
        d_h0 = np.empty(shape, dtype=parameters.dtype)
        h0 = None if h0 is None else np.ascontiguousarray(h0[rows])
        _bindings.states_gradient(
            self._isa,
            network,
            parameters,
            *arrays_of_sequences(sequences),
            rows,
            h0,
            upstream,
            gradient,
            d_values,
            d_h0,
        )
        return pull_back(given, theta, gradient), d_values, in_place_of(rows, d_h0, sequences)

    def outputs(self, network, parameters, sequences, n_threads=1):
        """Outputs of the head (n_sequences, n_outputs)."""
        network, parameters = computed(network, parameters)
        rows = all_rows(sequences)
        output = np.empty((len(rows), network.n_outputs), dtype=parameters.dtype)
        for part in parts(network, sequences, len(rows)):
            _bindings.outputs(
                self._isa,
                network,
                parameters,
                *arrays_of_sequences(sequences),
                rows[part],
                output[part],
                n_threads,
            )
        return in_place_of(rows, output, sequences)

    def outputs_memory(self, network, sequences, n_threads=1):
        """Bytes that `outputs` allocates beside its result."""
        network, rows = network.dense, all_rows(sequences)
        count = n_parameters(network)
        return int(
            _bindings.outputs_memory(
                self._isa, network, count, *arrays_of_sequences(sequences), rows, n_threads
            )
        )

    def loss(self, network, parameters, sequences, targets, loss, rows, n_threads=1):
        """Score of the sequences `rows`."""
        network, parameters = computed(network, parameters)
        rows = sequences.longest_first(rows)
        cut = [slice(0, len(rows))] if loss.couples_rows else parts(network, sequences, len(rows))
        scores = [
            _bindings.loss_gradient(
                self._isa,
                network,
                parameters,
                *arrays_of_sequences(sequences),
                rows[part],
                *arrays_of_targets(targets),
                loss,
                Dropout(),
                None,
                n_threads,
            )
            for part in cut
        ]
        return Score(*np.sum(scores, axis=0).tolist())

    def loss_gradient(
        self, network, parameters, sequences, targets, loss, rows, n_threads=1, dropout=None
    ):
        """Score of the sequences `rows` and the gradient (P) of its loss, without penalty."""
        rows = sequences.longest_first(rows)
        given, theta = network, parameters
        network, parameters = computed(network, theta)
        gradient = np.empty_like(parameters)
        score = _bindings.loss_gradient(
            self._isa,
            network,
            parameters,
            *arrays_of_sequences(sequences),
            rows,
            *arrays_of_targets(targets),
            loss,
            dropout or Dropout(),
            gradient,
            n_threads,
        )
        return Score(*score), pull_back(given, theta, gradient)

    def train_epoch(
        self,
        network,
        parameters,
        sequences,
        targets,
        loss,
        rows,
        optimizer,
        batch_size,
        n_threads=1,
        dropout=None,
        mean_weight=None,
        parametrization=IDENTITY,
    ):
        """Train on the sequences `rows` by minibatches; parameters and optimizer in place.

        `mean_weight` is that of the whole epoch (`Targets.mean_weight`) where `rows` are a part.
        """
        if mean_weight is None:
            mean_weight = targets.mean_weight(rows)
        rows = sequences.longest_first(rows, batch_size)
        n_batches = -(-len(rows) // batch_size)
        totals = EpochTotals()
        for part in parts(network, sequences, n_batches, batch_size):
            done = EpochTotals(
                *_bindings.train(
                    self._isa,
                    network,
                    parameters,
                    *arrays_of_sequences(sequences),
                    rows,
                    *arrays_of_targets(targets),
                    loss,
                    mean_weight,
                    dropout or Dropout(),
                    optimizer,
                    optimizer.first,
                    optimizer.second,
                    optimizer.average,
                    parametrization.code,
                    parametrization.arrays,
                    batch_size,
                    part.start,
                    part.stop,
                    n_threads,
                )
            )
            optimizer.step += done.n_updates
            optimizer.n_averaged += done.n_updates
            totals = totals.plus(done)
            if totals.diverged:
                break
        return totals


def parts(network, sequences, n, sequences_each=1):
    """Slices of `range(n)`, for calls short enough that Ctrl-C is heard soon; at least one of n."""
    flops_per_step = 6 * n_decayed(network.dense)
    steps = sequences_each * sequences.n_steps / len(sequences)
    size = 1 + int(FLOPS_BETWEEN_SIGNALS / (flops_per_step * steps))
    return [slice(first, min(n, first + size)) for first in range(0, n, size)]


def arrays_of_sequences(sequences):
    """What the compiled functions take for sequences."""
    lengths = sequences.lengths if sequences.is_ragged else None
    return sequences.values, sequences.starts, lengths, sequences.longest


def arrays_of_targets(targets):
    """What the compiled functions take for targets."""
    return targets.labels, targets.values, targets.weights


def all_rows(sequences):
    """Every sequence, in decreasing length."""
    return sequences.longest_first(np.arange(len(sequences)))


def last_of(network, final):
    """The states (n, R) of the last layer, from those of all cells (n, cells, hidden)."""
    return final[:, -network.n_directions :].reshape(len(final), network.n_states)


def in_place_of(rows, computed, sequences):
    """From the order in which sequences were computed back to theirs."""
    if not sequences.is_ragged:
        return computed
    restored = np.empty_like(computed)
    restored[rows] = computed
    return restored
