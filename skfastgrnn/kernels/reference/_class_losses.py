"""Losses of outputs that are classes which exclude each other.

Each takes outputs (B, O), Targets, rows (B,), their weights (B,) and a Loss, and returns losses
(B,), whether the prediction is correct (B,), and the weighted gradient (B, O) of the outputs.
"""

import numpy as np
from scipy.special import expit, logsumexp, softmax


def one_hot(labels, output):
    """Probabilities (B, O) of labels (B,) for the outputs (B, O)."""
    if output.shape[1] == 1:
        return labels[:, None].astype(output.dtype)
    return np.eye(output.shape[1], dtype=output.dtype)[labels]


def cross_entropy(output, targets, rows, weights, loss):
    """For labels, or probabilities as values."""
    q = one_hot(targets.labels[rows], output) if targets.values is None else targets.values[rows]
    losses, correct, gradient = cross_entropy_of(output, q)
    return losses, correct, weights[:, None] * gradient


def cross_entropy_of(output, q):
    """Losses (B,), which predictions are correct (B,), gradient (B, O), for logits and targets q.

    loss = -Σ_k q_k log p_k;  ∂loss/∂o = p - q;  with one output p = σ(o) is the probability of the
    second class.
    """
    if output.shape[1] == 1:
        losses = (np.logaddexp(0, output) - output * q)[:, 0]
        return losses, ((output > 0) == (q > 0.5))[:, 0], expit(output) - q
    losses = logsumexp(output, axis=1) - np.sum(q * output, axis=1)
    return losses, output.argmax(axis=1) == q.argmax(axis=1), softmax(output, axis=1) - q


def distillation(output, targets, rows, weights, loss):
    """For values, the logits of a teacher, and labels, -1 where there is none.

    loss = α T² KL(q ‖ p) + (1 - α) L(o, label);  ∂loss/∂o = α T (p - q) + (1 - α) ∂L/∂o;  p and q
    are the probabilities of o / T and t / T. Without a label there is no L, and the teacher's class
    is the correct one. Hinton, Vinyals & Dean, *Distilling the Knowledge in a Neural Network*,
    2015.
    """
    teacher, temperature, alpha = targets.values[rows], loss.temperature, loss.alpha
    labels = np.full(len(rows), -1) if targets.labels is None else targets.labels[rows]
    binary = output.shape[1] == 1
    student, tempered = output / temperature, teacher / temperature
    q = expit(tempered) if binary else softmax(tempered, axis=1)
    losses, _, gradient = cross_entropy_of(student, q)
    divergence = np.maximum(losses - cross_entropy_of(tempered, q)[0], 0)
    taught = teacher[:, 0] > 0 if binary else teacher.argmax(axis=1)
    share = np.where(labels < 0, 0, 1 - alpha).astype(output.dtype)
    hard, correct, d_hard = cross_entropy_of(
        output, one_hot(np.where(labels < 0, taught, labels), output)
    )
    return (
        alpha * temperature**2 * divergence + share * hard,
        correct,
        weights[:, None] * (alpha * temperature * gradient + share[:, None] * d_hard),
    )


def focal(output, targets, rows, weights, loss):
    """For labels; with γ = 0 the cross-entropy.

    loss = -(1 - p)^γ log p for the probability p of the label;  ∂loss/∂o_k =
    (p_k - [k is the label]) (1 - p)^γ (1 + γ p r) with r = -log p / (1 - p), which is 1 at p = 1.
    Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017.
    """
    if loss.gamma == 0:
        return cross_entropy(output, targets, rows, weights, loss)
    labels = targets.labels[rows]
    q = one_hot(labels, output)
    if output.shape[1] == 1:
        sign = 2 * q - 1
        logit = (sign * output)[:, 0]
        p, others = expit(logit), expit(-logit)
        surprise, log_others = np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        direction = -sign * others[:, None]
        correct = ((output > 0) == (q > 0.5))[:, 0]
    else:
        probabilities = softmax(output, axis=1)
        log_p = np.sum(q * output, axis=1) - logsumexp(output, axis=1)
        p = np.exp(log_p)
        others = np.sum((1 - q) * probabilities, axis=1)  # 1 - p, which rounding would lose
        surprise = np.where(others < 0.5, -np.log1p(-np.minimum(others, 0.5)), -log_p)
        least = np.finfo(output.dtype).tiny
        log_others = np.where(
            p < 0.5, np.log1p(-np.minimum(p, 0.5)), np.log(np.maximum(others, least))
        )
        direction = np.where(q == 1, -others[:, None], probabilities)
        correct = output.argmax(axis=1) == labels
    focus = np.exp(loss.gamma * log_others)
    ratio = np.divide(surprise, others, out=np.ones_like(others), where=others > 0)
    slope = focus * (1 + loss.gamma * p * ratio)
    return focus * surprise, correct, weights[:, None] * (slope[:, None] * direction)
