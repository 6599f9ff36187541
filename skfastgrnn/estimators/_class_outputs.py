"""From the outputs of a head to labels and probabilities of classes.

Outputs (n_samples, n_outputs) are one logit for each class, or for each label of a multilabel
problem; of two classes the single one of the second.
"""

import numpy as np
from scipy.special import expit, log_expit


def decision(outputs):
    """What `decision_function` returns: (n_samples,) for two classes."""
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def probabilities(outputs, *, is_multilabel):
    """Of every class or label; the outputs may be overwritten."""
    if is_multilabel:
        return expit(outputs)
    if outputs.shape[1] == 1:
        return expit(np.hstack([-outputs, outputs]))
    outputs -= outputs.max(axis=1, keepdims=True)
    np.exp(outputs, out=outputs)
    outputs /= outputs.sum(axis=1, keepdims=True)
    return outputs


def log_probabilities(outputs, *, is_multilabel):
    """Likewise, also where the probabilities underflow to 0."""
    if is_multilabel:
        return log_expit(outputs)
    if outputs.shape[1] == 1:
        return log_expit(np.hstack([-outputs, outputs]))
    outputs -= outputs.max(axis=1, keepdims=True)
    outputs -= np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    return outputs


def labels(outputs, classes, *, is_multilabel):
    """The most probable class, or an indicator matrix of the labels more probable than not."""
    if is_multilabel:
        return (outputs > 0).astype(np.intp)
    if outputs.shape[1] == 1:
        return classes[(outputs[:, 0] > 0).astype(np.intp)]
    return classes[outputs.argmax(axis=1)]
