"""The whole network in NumPy, behind the interface of the compiled kernel.

The oracle of the tests, and what computes where no compiled kernel could be built.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logsumexp, softmax

from ...network import Dropout, EpochTotals, Score, n_decayed, named_views
from . import _stack
from ._dropout import mask
from ._optimizers import update


class ReferenceKernel:
    """Forward and backward passes, losses and training over sets of sequences."""

    name = "reference"
    instruction_set = "NumPy"
    most_rows = 512  # sequences at a time, to bound the memory of predictions

    def states(self, network, parameters, sequences, h0=None):
        """All states of the last layer (n_steps, R) and the last of each sequence (n_sequences, R).

        The sequences lie one after the other (`SequenceBatch.stacked`). h0 is (n_sequences, cells,
        hidden), or None for zeros. R is hidden, or twice that of a bidirectional network.
        """
        p = named_views(network, parameters)
        every = np.empty((len(sequences.values), network.n_states), dtype=parameters.dtype)
        last = np.empty((len(sequences), network.n_states), dtype=parameters.dtype)
        for rows in self._parts(sequences):
            x, lengths = padded(sequences, rows)
            states, last[rows], _ = _stack.forward(
                network, p, x, lengths, None if h0 is None else h0[rows]
            )
            for b, row in enumerate(rows):
                every[steps_of(sequences, row)] = states[b, : lengths[b]]
        return every, last

    def last_states(self, network, parameters, sequences):
        """The last state of each sequence (n_sequences, R)."""
        return self.states(network, parameters, sequences)[1]

    def states_gradient(self, network, parameters, sequences, upstream, h0=None):
        """Gradients of parameters (P), values (n_steps, channels), h0 (n_sequences, cells, hidden).

        `upstream` (n_steps, R) is the gradient of every state. The sequences lie one after the
        other.
        """
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
        return gradient, d_values, d_h0

    def outputs(self, network, parameters, sequences, n_threads=1):
        """Outputs of the head (n_sequences, n_outputs)."""
        p = named_views(network, parameters)
        output = np.empty((len(sequences), network.n_outputs), dtype=parameters.dtype)
        for rows in self._parts(sequences):
            output[rows] = forward_pass(network, p, sequences, rows, Dropout(), 0).output
        return output

    def loss(self, network, parameters, sequences, targets, rows, n_threads=1):
        """Score of the sequences `rows`."""
        p = named_views(network, parameters)
        scores = []
        for first in range(0, len(rows), self.most_rows):
            part = sequences.longest_first(rows[first : first + self.most_rows])
            output = forward_pass(network, p, sequences, part, Dropout(), 0).output
            scores.append(loss_of(output, targets, part)[0])
        return Score(*np.sum(scores, axis=0).tolist())

    def loss_gradient(
        self, network, parameters, sequences, targets, rows, n_threads=1, dropout=None, position=0
    ):
        """Score of the sequences `rows` and the gradient (P) of its loss, without penalty.

        `position` is that of the first of them in the epoch.
        """
        dropout = dropout or Dropout()
        rows = sequences.longest_first(rows)
        p = named_views(network, parameters)
        done = forward_pass(network, p, sequences, rows, dropout, position)
        score, d_output = loss_of(done.output, targets, rows)
        flat = np.zeros_like(parameters)
        parts = named_views(network, flat)
        parts["head_weight"] += d_output.T @ done.summary
        parts["head_bias"] += d_output.sum(axis=0)
        d_summary = d_output @ p["head_weight"] * done.summary_mask  # (B, R)
        _stack.backward(
            network,
            done.lengths,
            done.records,
            spread(network, d_summary, done.lengths),
            parts,
            done.masks,
        )
        return score, flat

    @np.errstate(over="ignore", invalid="ignore")
    def train_epoch(
        self,
        network,
        parameters,
        sequences,
        targets,
        rows,
        optimizer,
        batch_size,
        n_threads=1,
        dropout=None,
        mean_weight=None,
    ):
        """Train on the sequences `rows` by minibatches; parameters and optimizer in place.

        `mean_weight` is that of the whole epoch (`Targets.mean_weight`) where `rows` are a part.
        """
        if mean_weight is None:
            mean_weight = targets.mean_weight(rows)
        decayed = slice(0, n_decayed(network))
        alpha = 0 if optimizer.solver == "adamw" else optimizer.alpha
        totals = EpochTotals()
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            score, gradient = self.loss_gradient(
                network, parameters, sequences, targets, batch, dropout=dropout, position=start
            )
            if score.weight == 0:
                continue
            counted = len(batch)
            if targets.weights is not None:
                counted = np.count_nonzero(targets.weights[batch])
            expected_weight = counted * mean_weight
            gradient /= expected_weight
            gradient[decayed] += alpha / expected_weight * parameters[decayed]
            if optimizer.trained is not None:
                gradient *= optimizer.trained
            norm = float(np.linalg.norm(gradient.astype(np.float64)))
            if not (np.isfinite(score.loss) and np.isfinite(norm)):
                return totals._replace(diverged=True)
            penalty = 0.5 * alpha * float(np.sum(parameters[decayed].astype(np.float64) ** 2))
            totals = totals.plus(EpochTotals(*score, penalty, norm, 1))
            update(parameters, gradient, optimizer, decayed)
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


class Forward(NamedTuple):
    """What a forward pass leaves for the backward pass."""

    output: np.ndarray  # (B, O)
    summary: np.ndarray  # (B, R): what the head read
    summary_mask: np.ndarray | float
    lengths: np.ndarray
    records: list
    masks: Callable | None


def forward_pass(network, p, sequences, rows, dropout, position):
    """Outputs of the sequences `rows`, longest first, and what led to them."""
    x, lengths = padded(sequences, rows)
    positions = position + np.arange(len(rows))
    masks = _stack.masks(network, dropout, positions, x.shape[1], x.dtype)
    states, last, records = _stack.forward(network, p, x, lengths, None, masks)
    if network.pooling == "last":
        summary = last
    else:
        running = np.arange(x.shape[1]) < lengths[:, None]  # (B, T)
        summary = np.sum(states * running[..., None], axis=1) / lengths[:, None].astype(x.dtype)
    summary_mask = 1.0
    if dropout.rate > 0:
        top = network.n_layers - 1
        summary_mask = mask(dropout, positions, top, network.n_states, x.dtype)
    summary = summary * summary_mask
    output = summary @ p["head_weight"].T + p["head_bias"]
    return Forward(output, summary, summary_mask, lengths, records, masks)


def spread(network, d_summary, lengths):
    """From the gradient of what was read (B, R) to that of every state (B, T, R)."""
    H, rows = network.hidden_size, np.arange(len(lengths))
    upstream = np.zeros((len(lengths), lengths[0], network.n_states), dtype=d_summary.dtype)
    if network.pooling == "mean":
        running = np.arange(lengths[0]) < lengths[:, None]
        share = d_summary / lengths[:, None].astype(d_summary.dtype)
        upstream += share[:, None] * running[..., None]
        return upstream
    upstream[rows, lengths - 1, :H] = d_summary[:, :H]
    upstream[rows, 0, H:] = d_summary[:, H:]  # where the reversed cell ends
    return upstream


def loss_of(output, targets, rows):
    """Score of outputs (B, O) for sequences `rows`, and the gradient (B, O) of weight x loss."""
    weights = np.ones(len(rows), output.dtype) if targets.weights is None else targets.weights[rows]
    if targets.loss == "huber":
        losses, metric, gradient = huber(output, targets.values[rows], targets.delta)
    elif targets.loss == "distillation":
        labels = np.full(len(rows), -1) if targets.labels is None else targets.labels[rows]
        losses, metric, gradient = distillation(
            output, targets.values[rows], labels, targets.temperature, targets.alpha
        )
    else:
        q = targets.values
        q = one_hot(targets.labels[rows], output) if q is None else q[rows]
        losses, metric, gradient = cross_entropy(output, q)
    score = Score(float(weights @ losses), float(weights.sum()), float(weights @ metric))
    return score, weights[:, None] * gradient


def one_hot(labels, output):
    """Probabilities (B, O) of labels (B,) for the outputs (B, O)."""
    if output.shape[1] == 1:
        return labels[:, None].astype(output.dtype)
    return np.eye(output.shape[1], dtype=output.dtype)[labels]


def cross_entropy(output, q):
    """Losses (B,), which predictions are correct (B,), gradient (B, O), for logits and targets q.

    loss = -Σ_k q_k log p_k;  ∂loss/∂o = p - q;  with one output p = σ(o) is the probability of the
    second class.
    """
    if output.shape[1] == 1:
        losses = (np.logaddexp(0, output) - output * q)[:, 0]
        return losses, ((output > 0) == (q > 0.5))[:, 0], expit(output) - q
    losses = logsumexp(output, axis=1) - np.sum(q * output, axis=1)
    return losses, output.argmax(axis=1) == q.argmax(axis=1), softmax(output, axis=1) - q


def distillation(output, teacher, labels, temperature, alpha):
    """What `cross_entropy` answers, for logits of a teacher (B, O) and labels (B,) or -1 for none.

    loss = α T² KL(q ‖ p) + (1 - α) L(o, label);  ∂loss/∂o = α T (p - q) + (1 - α) ∂L/∂o;  p and q
    are the probabilities of o / T and t / T. Without a label there is no L, and the teacher's class
    is the correct one. Hinton, Vinyals & Dean, *Distilling the Knowledge in a Neural Network*,
    2015.
    """
    binary = output.shape[1] == 1
    student, tempered = output / temperature, teacher / temperature
    q = expit(tempered) if binary else softmax(tempered, axis=1)
    losses, _, gradient = cross_entropy(student, q)
    divergence = np.maximum(losses - cross_entropy(tempered, q)[0], 0)
    taught = teacher[:, 0] > 0 if binary else teacher.argmax(axis=1)
    share = np.where(labels < 0, 0, 1 - alpha).astype(output.dtype)
    hard, correct, d_hard = cross_entropy(
        output, one_hot(np.where(labels < 0, taught, labels), output)
    )
    return (
        alpha * temperature**2 * divergence + share * hard,
        correct,
        alpha * temperature * gradient + share[:, None] * d_hard,
    )


def huber(output, y, delta):
    """Losses (B,), squared errors (B,), both means over outputs, and gradient (B, O).

    e = o - y;  g = e cut to [-δ, δ];  loss = g (e - g / 2);  ∂loss/∂o = g.  Huber, *Robust
    Estimation of a Location Parameter*, Annals of Mathematical Statistics 35, 1964.
    """
    e = output - y
    g = np.clip(e, -delta, delta)
    return np.mean(g * (e - g / 2), axis=1), np.mean(e * e, axis=1), g / output.shape[1]
