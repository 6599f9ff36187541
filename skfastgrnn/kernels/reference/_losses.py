"""From outputs to losses and their gradients."""

import numpy as np
from scipy.special import expit

from ...network import LOSSES, Score
from ._class_losses import cross_entropy, distillation, focal
from ._tables import complete


def huber(output, targets, rows, weights, loss):
    """For values, numbers; losses and squared errors are means over outputs.

    e = o - y;  g = e cut to [-δ, δ];  loss = g (e - g / 2);  ∂loss/∂o = g.  Huber, *Robust
    Estimation of a Location Parameter*, Annals of Mathematical Statistics 35, 1964.
    """
    e = output - targets.values[rows]
    g = np.clip(e, -loss.delta, loss.delta)
    gradient = weights[:, None] * (g / output.shape[1])
    return np.mean(g * (e - g / 2), axis=1), np.mean(e * e, axis=1), gradient


def multilabel(output, targets, rows, weights, loss):
    """For values, 1 or 0 for each output, which is a class by itself.

    loss = -Σ_k (q_k log p_k + (1 - q_k) log(1 - p_k)) with p = σ(o);  ∂loss/∂o = p - q.  Correct is
    what is correct in all outputs.
    """
    q = targets.values[rows]
    losses = np.sum(np.logaddexp(0, output) - output * q, axis=1)
    correct = ((output > 0) == (q > 0.5)).all(axis=1)
    return losses, correct, weights[:, None] * (expit(output) - q)


def info_nce(output, targets, rows, weights, loss):
    """For labels, of sequences among which those of the same label are to be found.

    z = o / |o|;  s_ij = z_i · z_j / T;  p_ij = e^s_ij / Σ_{a ≠ i} e^s_ia;  loss_i = -mean log p_ij
    over the j of the same label, 0 where there are none;  ∂loss_i/∂s_ij = p_ij - share_ij, where
    shares of the same label are equal.  Correct is where the most similar sequence has the label.
    Khosla et al., *Supervised Contrastive Learning*, NeurIPS 2020.
    """
    labels, temperature = targets.labels[rows], loss.temperature
    norm = np.linalg.norm(output, axis=1, keepdims=True)
    inverse_norm = np.divide(1, norm, out=np.zeros_like(norm), where=norm > 0)
    z = output * inverse_norm
    others = ~np.eye(len(output), dtype=bool)
    alike = (labels[:, None] == labels) & others
    n_alike = alike.sum(axis=1)
    similarity = np.where(others, z @ z.T / temperature, -np.inf)
    top = np.max(similarity, axis=1, keepdims=True, initial=-1 / temperature)
    p = np.exp(similarity - top)
    total = np.maximum(p.sum(axis=1, keepdims=True), np.finfo(output.dtype).tiny)
    log_p = np.where(alike, similarity - top - np.log(total), 0)
    losses = -log_p.sum(axis=1) / np.maximum(n_alike, 1)
    share = (alike / np.maximum(n_alike, 1)[:, None]).astype(output.dtype)
    d_similarity = weights[:, None] * np.where(n_alike[:, None] > 0, p / total - share, 0)
    d_z = (d_similarity + d_similarity.T) @ z / temperature
    gradient = (d_z - np.sum(d_z * z, axis=1, keepdims=True) * z) * inverse_norm
    return losses, alike[np.arange(len(output)), similarity.argmax(axis=1)], gradient


#: Each takes outputs (B, O), Targets, rows (B,), their weights (B,) and a Loss, and returns losses
#: (B,), metric (B,), and the gradient (B, O) of the sum of weight x loss.
FUNCTIONS = complete(
    {
        "cross_entropy": cross_entropy,
        "huber": huber,
        "distillation": distillation,
        "focal": focal,
        "multilabel": multilabel,
        "info_nce": info_nce,
    },
    LOSSES,
)


def loss_block(output, targets, loss, rows):
    """Score of outputs (B, O) for sequences `rows`, and the gradient (B, O) of weight x loss."""
    weights = np.ones(len(rows), output.dtype) if targets.weights is None else targets.weights[rows]
    losses, metric, gradient = FUNCTIONS[loss.kind](output, targets, rows, weights, loss)
    return Score(float(weights @ losses), float(weights.sum()), float(weights @ metric)), gradient
