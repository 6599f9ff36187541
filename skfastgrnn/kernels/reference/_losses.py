"""From outputs to losses and their gradients."""

import numpy as np
from scipy.special import expit, logsumexp, softmax

from ...network import LOSSES, Score
from ._tables import complete


def one_hot(labels, output):
    """Probabilities (B, O) of labels (B,) for the outputs (B, O)."""
    if output.shape[1] == 1:
        return labels[:, None].astype(output.dtype)
    return np.eye(output.shape[1], dtype=output.dtype)[labels]


def cross_entropy(output, targets, rows, loss):
    """For labels, or probabilities as values."""
    if targets.values is None:
        return cross_entropy_of(output, one_hot(targets.labels[rows], output))
    return cross_entropy_of(output, targets.values[rows])


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


def distillation(output, targets, rows, loss):
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
        alpha * temperature * gradient + share[:, None] * d_hard,
    )


def huber(output, targets, rows, loss):
    """For values, numbers; losses and squared errors are means over outputs.

    e = o - y;  g = e cut to [-δ, δ];  loss = g (e - g / 2);  ∂loss/∂o = g.  Huber, *Robust
    Estimation of a Location Parameter*, Annals of Mathematical Statistics 35, 1964.
    """
    e = output - targets.values[rows]
    g = np.clip(e, -loss.delta, loss.delta)
    return np.mean(g * (e - g / 2), axis=1), np.mean(e * e, axis=1), g / output.shape[1]


def focal(output, targets, rows, loss):
    """For labels; with γ = 0 the cross-entropy.

    loss = -(1 - p)^γ log p for the probability p of the label;  ∂loss/∂o_k =
    (p_k - [k is the label]) (1 - p)^γ (1 + γ p r) with r = -log p / (1 - p), which is 1 at p = 1.
    Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017.
    """
    if loss.gamma == 0:
        return cross_entropy(output, targets, rows, loss)
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
    return focus * surprise, correct, slope[:, None] * direction


def multilabel(output, targets, rows, loss):
    """For values, 1 or 0 for each output, which is a class by itself.

    loss = -Σ_k (q_k log p_k + (1 - q_k) log(1 - p_k)) with p = σ(o);  ∂loss/∂o = p - q.  Correct is
    what is correct in all outputs.
    """
    q = targets.values[rows]
    losses = np.sum(np.logaddexp(0, output) - output * q, axis=1)
    return losses, ((output > 0) == (q > 0.5)).all(axis=1), expit(output) - q


#: Each takes outputs (B, O), Targets, rows (B,) and a Loss, and returns what `loss_block` weights:
#: losses (B,), metric (B,), and the gradient (B, O) of the outputs.
FUNCTIONS = complete(
    {
        "cross_entropy": cross_entropy,
        "huber": huber,
        "distillation": distillation,
        "focal": focal,
        "multilabel": multilabel,
    },
    LOSSES,
)


def loss_block(output, targets, loss, rows):
    """Score of outputs (B, O) for sequences `rows`, and the gradient (B, O) of weight x loss."""
    weights = np.ones(len(rows), output.dtype) if targets.weights is None else targets.weights[rows]
    losses, metric, gradient = FUNCTIONS[loss.kind](output, targets, rows, loss)
    score = Score(float(weights @ losses), float(weights.sum()), float(weights @ metric))
    return score, weights[:, None] * gradient
