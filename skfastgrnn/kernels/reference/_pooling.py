"""From the states of all steps to what the head reads, and back.

Shapes: B sequences of decreasing `lengths` (B,), at most T steps, R states of the last layer.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...network import POOLINGS
from ._tables import complete


class Pooling(NamedTuple):
    """The two functions of a kind of pooling.

    forward(p, states, last, lengths) takes the named parameters, states (B, T, R) and last states
    (B, R). It returns the summary (B, R) that the head reads, and what `backward` has to know.

    backward(network, p, known, lengths, d_summary, gradient) takes the gradient of the summary
    (B, R) to that of every state (B, T, R), and adds that of the parameters.
    """

    forward: Callable
    backward: Callable


def is_running(n_steps, lengths):
    """Which steps (B, T, 1) belong to the sequences."""
    return (np.arange(n_steps) < lengths[:, None])[..., None]


def last_forward(p, states, last, lengths):
    return last, None


def last_backward(network, p, known, lengths, d_summary, gradient):
    H, rows = network.hidden_size, np.arange(len(lengths))
    upstream = np.zeros((len(lengths), lengths[0], network.n_states), dtype=d_summary.dtype)
    upstream[rows, lengths - 1, :H] = d_summary[:, :H]
    upstream[rows, 0, H:] = d_summary[:, H:]  # where the reversed cell ends
    return upstream


def mean_forward(p, states, last, lengths):
    total = np.sum(states * is_running(states.shape[1], lengths), axis=1)
    return total / lengths[:, None].astype(last.dtype), None


def mean_backward(network, p, known, lengths, d_summary, gradient):
    share = d_summary / lengths[:, None].astype(d_summary.dtype)
    return share[:, None] * is_running(lengths[0], lengths)


def max_forward(p, states, last, lengths):
    """The maximum of every unit; known is the first step (B, 1, R) that has it."""
    running = np.where(is_running(states.shape[1], lengths), states, -np.inf)
    first = np.argmax(running, axis=1)[:, None]
    return np.take_along_axis(states, first, axis=1)[:, 0], first


def max_backward(network, p, first, lengths, d_summary, gradient):
    upstream = np.zeros((len(lengths), lengths[0], network.n_states), dtype=d_summary.dtype)
    np.put_along_axis(upstream, first, d_summary[:, None], axis=1)
    return upstream


@np.errstate(over="ignore")  # of differences between scores
def attention_forward(p, states, last, lengths):
    """Means weighted by the softmax of scores; known are states, weights (B, T, 1) and summary."""
    scores = (states @ p["attention"])[..., None]
    scores = np.where(is_running(states.shape[1], lengths), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    summary = np.sum(weights * states, axis=1)
    return summary, (states, weights, summary)


def attention_backward(network, p, known, lengths, d_summary, gradient):
    states, weights, summary = known
    # A score moves the summary towards the state of its step.
    d_weights = (states - summary[:, None]) @ d_summary[..., None]
    d_scores = weights * d_weights  # (B, T, 1)
    gradient["attention"] += np.sum(d_scores * states, axis=(0, 1))
    return weights * d_summary[:, None] + d_scores * p["attention"]


FUNCTIONS = complete(
    {
        "last": Pooling(last_forward, last_backward),
        "mean": Pooling(mean_forward, mean_backward),
        "max": Pooling(max_forward, max_backward),
        "attention": Pooling(attention_forward, attention_backward),
    },
    POOLINGS,
)
