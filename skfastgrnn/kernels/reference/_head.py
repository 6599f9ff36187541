"""From states to outputs, and back: pooling and the linear head."""

from typing import NamedTuple

import numpy as np

from ._dropout import mask


class Read(NamedTuple):
    """What the head has read, for the backward pass."""

    summary: np.ndarray  # (B, R)
    summary_mask: np.ndarray | float


def forward(network, p, states, last, lengths, dropout, positions):
    """Outputs (B, O) of states (B, T, R) and last states (B, R), and what was `Read`."""
    if network.pooling == "last":
        summary = last
    else:
        running = np.arange(states.shape[1]) < lengths[:, None]  # (B, T)
        summary = np.sum(states * running[..., None], axis=1) / lengths[:, None].astype(last.dtype)
    summary_mask = 1.0
    if dropout.rate > 0:
        top = network.n_layers - 1
        summary_mask = mask(dropout, positions, top, network.n_states, last.dtype)
    summary = summary * summary_mask
    return summary @ p["head_weight"].T + p["head_bias"], Read(summary, summary_mask)


def backward(network, p, read, lengths, d_output, gradient):
    """From the gradient of outputs (B, O) to that of states (B, T, R); adds that of the head."""
    gradient["head_weight"] += d_output.T @ read.summary
    gradient["head_bias"] += d_output.sum(axis=0)
    d_summary = d_output @ p["head_weight"] * read.summary_mask  # (B, R)
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
