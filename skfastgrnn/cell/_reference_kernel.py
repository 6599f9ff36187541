"""The whole network in NumPy, behind the interface of the compiled kernel.

The oracle of the tests, and what computes where no compiled kernel could be built.
"""

import numpy as np
from scipy.special import expit, logsumexp, softmax

from . import _reference
from ._batch import EpochTotals, Score
from ._params import n_decayed, named_views


class ReferenceKernel:
    """Forward and backward passes, losses and training over sets of sequences."""

    name = "reference"
    instruction_set = "NumPy"
    most_rows = 512  # sequences at a time, to bound the memory of predictions

    def states(self, network, parameters, sequences, h0=None):
        """All states (n_steps, hidden) and the last of each sequence (n_sequences, hidden).

        The sequences lie one after the other (`SequenceBatch.stacked`).
        """
        H = network.hidden_size
        every = np.empty((len(sequences.values), H), dtype=parameters.dtype)
        last = np.empty((len(sequences), H), dtype=parameters.dtype)
        for rows in self._parts(sequences):
            x, lengths = padded(sequences, rows)
            h, _, _ = _reference.forward(
                network,
                named_views(network, parameters),
                x,
                lengths,
                None if h0 is None else h0[rows],
            )
            last[rows] = h[-1]
            for b, row in enumerate(rows):
                every[steps_of(sequences, row)] = h[1 : lengths[b] + 1, b]
        return every, last

    def last_states(self, network, parameters, sequences):
        """The last state of each sequence (n_sequences, hidden)."""
        return self.states(network, parameters, sequences)[1]

    def states_gradient(self, network, parameters, sequences, upstream, h0=None):
        """Gradients of parameters (P), values (n_steps, channels) and h0 (n_sequences, hidden).

        `upstream` (n_steps, hidden) is the gradient of every state. The sequences lie one after the
        other.
        """
        p = named_views(network, parameters)
        gradient = np.zeros_like(parameters)
        d_values = np.zeros_like(sequences.values)
        d_h0 = np.zeros((len(sequences), network.hidden_size), dtype=parameters.dtype)
        states = type(sequences)(upstream, sequences.starts, sequences.lengths)
        for rows in self._parts(sequences):
            x, lengths = padded(sequences, rows)
            h, z, c = _reference.forward(network, p, x, lengths, None if h0 is None else h0[rows])
            up = padded(states, rows)[0].swapaxes(0, 1)
            dx, d_h0[rows] = _reference.backward(
                network, p, x, lengths, h, z, c, up, named_views(network, gradient)
            )
            for b, row in enumerate(rows):
                d_values[steps_of(sequences, row)] = dx[b, : lengths[b]]
        return gradient, d_values, d_h0

    def outputs(self, network, parameters, sequences, n_threads=1):
        """Logits (n_sequences, n_outputs)."""
        output = np.empty((len(sequences), network.n_outputs), dtype=parameters.dtype)
        for rows in self._parts(sequences):
            output[rows] = forward_pass(network, named_views(network, parameters), sequences, rows)[
                0
            ]
        return output

    def loss(self, network, parameters, sequences, targets, rows, n_threads=1):
        """Score of the sequences `rows`."""
        parts = [rows[i : i + self.most_rows] for i in range(0, len(rows), self.most_rows)]
        scores = [
            self.loss_gradient(network, parameters, sequences, targets, part, gradient=False)[0]
            for part in parts
        ]
        return Score(*np.sum(scores, axis=0).tolist())

    def loss_gradient(
        self, network, parameters, sequences, targets, rows, n_threads=1, gradient=True
    ):
        """Score of the sequences `rows` and the gradient (P) of its loss, without penalty."""
        rows = sequences.longest_first(rows)
        p = named_views(network, parameters)
        output, summary, cell = forward_pass(network, p, sequences, rows)
        score, d_output = loss_of(output, targets, rows)
        if not gradient:
            return score, None
        flat = np.zeros_like(parameters)
        parts = named_views(network, flat)
        parts["head_weight"] += d_output.T @ summary
        parts["head_bias"] += d_output.sum(axis=0)
        d_summary = d_output @ p["head_weight"]  # (B, H)

        x, lengths, h, z, c = cell
        upstream = np.zeros_like(z)  # (T, B, H)
        if network.readout == "last":
            upstream[lengths - 1, np.arange(len(rows))] = d_summary
        else:
            upstream += d_summary / lengths[:, None].astype(parameters.dtype)
        _reference.backward(network, p, x, lengths, h, z, c, upstream, parts)
        return score, flat

    @np.errstate(over="ignore", invalid="ignore")
    def train_epoch(
        self, network, parameters, sequences, targets, rows, adam, batch_size, n_threads=1
    ):
        """Train on the sequences `rows`, minibatch by minibatch; parameters and adam in place."""
        decayed = slice(0, n_decayed(network))
        mean_weight = targets.mean_weight(rows)
        totals = EpochTotals()
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            score, gradient = self.loss_gradient(network, parameters, sequences, targets, batch)
            if score.weight == 0:
                continue
            counted = len(batch)
            if targets.weights is not None:
                counted = np.count_nonzero(targets.weights[batch])
            expected_weight = counted * mean_weight
            gradient /= expected_weight
            gradient[decayed] += adam.alpha / expected_weight * parameters[decayed]
            norm = float(np.linalg.norm(gradient.astype(np.float64)))
            if not (np.isfinite(score.loss) and np.isfinite(norm)):
                return totals._replace(diverged=True)
            penalty = 0.5 * adam.alpha * float(np.sum(parameters[decayed].astype(np.float64) ** 2))
            totals = totals.plus(EpochTotals(*score, penalty, norm, 1))
            clip(gradient, adam)
            adam_step(parameters, gradient, adam)
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


def forward_pass(network, p, sequences, rows):
    """Logits (B, O), what the head read (B, H), and what the cell's backward pass needs."""
    x, lengths = padded(sequences, rows)
    h, z, c = _reference.forward(network, p, x, lengths)
    if network.readout == "last":
        summary = h[-1]
    else:
        running = np.arange(x.shape[1])[:, None] < lengths  # (T, B)
        summary = np.sum(h[1:] * running[..., None], axis=0) / lengths[:, None].astype(x.dtype)
    return summary @ p["head_weight"].T + p["head_bias"], summary, (x, lengths, h, z, c)


def loss_of(output, targets, rows):
    """Score of outputs (B, O) for sequences `rows`, and the gradient (B, O) of weight x loss."""
    weights = np.ones(len(rows), output.dtype) if targets.weights is None else targets.weights[rows]
    if targets.loss == "huber":
        losses, metric, gradient = huber(output, targets.values[rows], targets.delta)
    else:
        losses, metric, gradient = cross_entropy(output, probabilities(output, targets, rows))
    score = Score(float(weights @ losses), float(weights.sum()), float(weights @ metric))
    return score, weights[:, None] * gradient


def probabilities(output, targets, rows):
    """Wanted probabilities (B, O) for sequences `rows`."""
    if targets.values is not None:
        return targets.values[rows]
    if output.shape[1] == 1:
        return targets.labels[rows, None].astype(output.dtype)
    return np.eye(output.shape[1], dtype=output.dtype)[targets.labels[rows]]


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


def huber(output, y, delta):
    """Losses (B,), squared errors (B,), both means over outputs, and gradient (B, O).

    e = o - y;  g = e cut to [-δ, δ];  loss = g (e - g / 2);  ∂loss/∂o = g.  Huber, *Robust
    Estimation of a Location Parameter*, Annals of Mathematical Statistics 35, 1964.
    """
    e = output - y
    g = np.clip(e, -delta, delta)
    return np.mean(g * (e - g / 2), axis=1), np.mean(e * e, axis=1), g / output.shape[1]


def clip(gradient, adam):
    """Clip every entry to clip_value, then the whole to the norm clip_norm; in place."""
    np.clip(gradient, -adam.clip_value, adam.clip_value, out=gradient)
    norm = np.linalg.norm(gradient.astype(np.float64))
    if norm > adam.clip_norm:
        gradient *= adam.clip_norm / norm


def adam_step(parameters, gradient, adam):
    """Kingma & Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015, algorithm 1, in place.

    m = β1 m + (1 - β1) g;  v = β2 v + (1 - β2) g²;  θ -= rate · m / (1 - β1^t) / (√(v / (1 - β2^t))
    + ε)
    """
    adam.step += 1
    adam.first += (1 - adam.beta_1) * (gradient - adam.first)
    adam.second += (1 - adam.beta_2) * (gradient**2 - adam.second)
    unbiased_first = adam.first / (1 - adam.beta_1**adam.step)
    unbiased_second = adam.second / (1 - adam.beta_2**adam.step)
    epsilon = max(adam.epsilon, np.finfo(parameters.dtype).tiny)
    parameters -= adam.learning_rate * unbiased_first / (np.sqrt(unbiased_second) + epsilon)
