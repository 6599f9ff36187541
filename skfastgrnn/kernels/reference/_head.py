"""From states to outputs, and back: pooling and the linear head."""

from typing import Any, NamedTuple

import numpy as np

from ._dropout import mask
from ._pooling import FUNCTIONS


class Read(NamedTuple):
    """What the head has read, for the backward pass."""

    summary: np.ndarray  # (B, R), after dropout
    summary_mask: np.ndarray | float
    known: Any  # of the pooling


def forward(network, p, states, last, lengths, dropout, positions):
    """Outputs (B, O) of states (B, T, R) and last states (B, R), and what was `Read`."""
    summary, known = FUNCTIONS[network.pooling].forward(p, states, last, lengths)
    summary_mask = 1.0
    if dropout.rate > 0:
        top = network.n_layers - 1
        summary_mask = mask(dropout, positions, top, network.n_states, last.dtype)
    summary = summary * summary_mask
    return summary @ p["head_weight"].T + p["head_bias"], Read(summary, summary_mask, known)


def backward(network, p, read, lengths, d_output, gradient):
    """From the gradient of outputs (B, O) to that of states (B, T, R); adds that of the head."""
    gradient["head_weight"] += d_output.T @ read.summary
    gradient["head_bias"] += d_output.sum(axis=0)
    d_summary = d_output @ p["head_weight"] * read.summary_mask  # (B, R)
    return FUNCTIONS[network.pooling].backward(network, p, read.known, lengths, d_summary, gradient)
