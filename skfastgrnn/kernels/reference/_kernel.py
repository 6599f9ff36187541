"""The whole network in NumPy, behind the interface of the compiled kernel.

The oracle of the tests, and what computes where no compiled kernel could be built.
"""

import numpy as np

from ...network import Dropout, EpochTotals, Score, n_decayed, named_views
from . import _head, _stack
from ._expansion import computed, pull_back
from ._losses import loss_block
from ._optimizers import clip, update, update_average
from ._parametrizations import IDENTITY

NO_DROPOUT = Dropout()
#: Weights may be infinite there, and steps of rounded weights 0; the trainer says so.
IN_DIVERGED_TRAINING = np.errstate(over="ignore", divide="ignore", invalid="ignore")


class ReferenceKernel:
    """Forward and backward passes, losses and training over sets of sequences."""

    name = "reference"
    instruction_set = "NumPy"
    most_rows = 512  # sequences at a time, to bound the memory of predictions

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
            The final state of each cell. Without reversed cells, it is the h0 with which a
            sequence continues: two parts give the same bits as the whole.
        """
        network, parameters = computed(network, parameters)
        p, dtype = named_views(network, parameters), parameters.dtype
        every = np.empty((len(sequences.values), network.n_states), dtype=dtype)
        last = np.empty((len(sequences), network.n_states), dtype=dtype)
        final = np.empty((len(sequences), network.n_cells, network.hidden_size), dtype=dtype)
        for rows in self._parts(sequences):
            x, lengths = padded(sequences, rows)
            states, last[rows], records = _stack.forward(
                network, p, x, lengths, None if h0 is None else h0[rows]
            )
            final[rows] = np.stack([record.h[-1] for record in records], axis=1)
            for b, row in enumerate(rows):
                every[steps_of(sequences, row)] = states[b, : lengths[b]]
        return every, last, final

    def last_states(self, network, parameters, sequences):
        """The last state of each sequence (n_sequences, R)."""
        return self.states(network, parameters, sequences)[1]

    def states_gradient(self, network, parameters, sequences, upstream, h0=None):
        """Gradients of parameters (P), values (n_steps, channels), h0 (n_sequences, cells, hidden).

        `upstream` (n_steps, R) is the gradient of every state. The sequences lie one after the
        other.
        """
        given, theta = network, parameters
        network, parameters = computed(network, theta)
        p = named_views(network, parameters)
        gradient = np.zeros_like(parameters)
        d_values = np.zeros_like(sequences.values)
        shape = (len(sequences), network.n_cells, network.hidden_size)
        d_h0 = np.zeros(shape, dtype=parameters.dtype)
        wanted = type(sequences)(upstream, sequences.starts, sequences.lengths)
        for rows in self._parts(sequences):
            x, lengths = padded(sequences, rows)
            first = None if h0 is None else h0[rows]
            _, _, records = _stack.forward(network, p, x, lengths, first)
            up = padded(wanted, rows)[0]
            parts = named_views(network, gradient)
            dx, d_h0[rows] = _stack.backward(network, lengths, records, up, parts)
            for b, row in enumerate(rows):
                d_values[steps_of(sequences, row)] = dx[b, : lengths[b]]
        return pull_back(given, theta, gradient), d_values, d_h0

    def outputs(self, network, parameters, sequences, n_threads=1):
        """Outputs of the head (n_sequences, n_outputs)."""
        network, parameters = computed(network, parameters)
        p = named_views(network, parameters)
        output = np.empty((len(sequences), network.n_outputs), dtype=parameters.dtype)
        for rows in self._parts(sequences):
            output[rows] = forward(network, p, sequences, rows)[0]
        return output

    @IN_DIVERGED_TRAINING
    def loss(self, network, parameters, sequences, targets, loss, rows, n_threads=1):
        """Score of the sequences `rows`."""
        network, parameters = computed(network, parameters)
        p = named_views(network, parameters)
        scores = []
        most_rows = len(rows) if loss.couples_rows else self.most_rows
        for first in range(0, len(rows), most_rows):
            part = sequences.longest_first(rows[first : first + most_rows])
            output = forward(network, p, sequences, part)[0]
            scores.append(loss_block(output, targets, loss, part)[0])
        return Score(*np.sum(scores, axis=0).tolist())

    def loss_gradient(
        self,
        network,
        parameters,
        sequences,
        targets,
        loss,
        rows,
        n_threads=1,
        dropout=None,
        position=0,
        lowest=0,
    ):
        """Score of the sequences `rows` and the gradient (P) of its loss, without penalty.

        `position` is that of the first of them in the epoch. Layers below the layer `lowest`, of
        which the first is 0, have no gradient.
        """
        dropout = dropout or Dropout()
        rows = sequences.longest_first(rows)
        given, theta = network, parameters
        network, parameters = computed(network, theta)
        p = named_views(network, parameters)
        output, lengths, read, records, masks = forward(
            network, p, sequences, rows, dropout, position
        )
        score, d_output = loss_block(output, targets, loss, rows)
        flat = np.zeros_like(parameters)
        parts = named_views(network, flat)
        upstream = _head.backward(network, p, read, lengths, d_output, parts)
        _stack.backward(network, lengths, records, upstream, parts, masks, lowest)
        return score, pull_back(given, theta, flat)

    @IN_DIVERGED_TRAINING
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
        decayed = slice(0, n_decayed(network))
        alpha = 0 if optimizer.solver == "adamw" else optimizer.alpha
        totals, begun = EpochTotals(), parametrization.begin(parameters)
        lowest = parametrization.lowest_layer(network)
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            score, gradient = self.loss_gradient(
                network,
                parameters,
                sequences,
                targets,
                loss,
                batch,
                dropout=dropout,
                position=start,
                lowest=lowest,
            )
            if score.weight == 0:
                continue
            counted = len(batch)
            if targets.weights is not None:
                counted = np.count_nonzero(targets.weights[batch])
            expected_weight = counted * mean_weight
            gradient /= expected_weight
            gradient[decayed] += alpha / expected_weight * parameters[decayed]
            gradient = parametrization.pull_back(gradient)
            norm = clip(gradient, optimizer)
            if not (np.isfinite(score.loss) and np.isfinite(norm)):
                return totals._replace(diverged=True)
            penalty = 0.5 * alpha * float(np.sum(parameters[decayed].astype(np.float64) ** 2))
            totals = totals.plus(EpochTotals(*score, penalty, norm, 1))
            update(parameters, gradient, optimizer, decayed)
            parametrization.project(parameters, begun)
            update_average(parameters, optimizer)
        return totals

    def _parts(self, sequences):
        rows = sequences.longest_first(np.arange(len(sequences)))
        return (rows[i : i + self.most_rows] for i in range(0, len(rows), self.most_rows))


def padded(sequences, rows):
    """Sequences `rows`, longest first, as (B, T, D) with zeros at the ends, and lengths (B,)."""
    lengths = sequences.lengths[rows]
    x = np.zeros((len(rows), lengths[0], sequences.values.shape[1]), dtype=sequences.values.dtype)
    for b, row in enumerate(rows):
        x[b, : lengths[b]] = sequences.values[steps_of(sequences, row)]
    return x, lengths


def steps_of(sequences, row):
    """Where in the values a sequence lies."""
    return slice(sequences.starts[row], sequences.starts[row] + sequences.lengths[row])


def forward(network, p, sequences, rows, dropout=NO_DROPOUT, position=0):
    """Outputs (B, O) of the sequences `rows`, longest first, their lengths, and what led to them.

    That is what the head has read, and the records and masks of the cells.
    """
    x, lengths = padded(sequences, rows)
    positions = position + np.arange(len(rows))
    masks = _stack.masks(network, dropout, positions, x.shape[1], x.dtype)
    states, last, records = _stack.forward(network, p, x, lengths, None, masks)
    output, read = _head.forward(network, p, states, last, lengths, dropout, positions)
    return output, lengths, read, records, masks
