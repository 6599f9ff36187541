"""How a student compares with its teacher, and with itself without a teacher."""

import pickle
import time

import numpy as np
from scipy.special import log_softmax, softmax

#: Calls that a latency is the median of, fewer of slow estimators: no more seconds than this.
N_CALLS = 25
MOST_SECONDS = 0.5


def resources_of(teacher, student, row):
    """Bytes and seconds of teacher (None: there is none) and student."""
    return {
        "teacher_bytes": None if teacher is None else size(teacher),
        "student_bytes": size(student),
        "teacher_seconds": None if teacher is None else latency(teacher, row),
        "student_seconds": latency(student, row),
    }


def size(estimator):
    """Bytes of a pickle, or None where a part of it, such as a lambda, has none."""
    try:
        return len(pickle.dumps(estimator))
    except Exception:  # whatever the parts raise
        return None


def latency(estimator, row):
    """Median seconds of a call of `predict` for one sample."""
    seconds = []
    for _ in range(N_CALLS):
        started = time.perf_counter()
        estimator.predict(row)
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > MOST_SECONDS:
            break
    return float(np.median(seconds))


def comparison(labels, teacher_logits, student_logits, alone_logits):
    """Scores on samples of known labels (-1: unknown), and how alike teacher and student are.

    Each of the logits (n_samples, n_outputs) may be None.
    """
    found = {"n_held_out": len(labels)}
    is_known = labels >= 0
    for name, logits in (
        ("teacher", teacher_logits),
        ("student", student_logits),
        ("alone", alone_logits),
    ):
        has_score = logits is not None and is_known.any()
        is_right = winners(logits) == labels if has_score else None
        found[f"{name}_score"] = float(is_right[is_known].mean()) if has_score else None
    both = teacher_logits is not None and student_logits is not None and len(labels) > 0
    found["agreement"] = agreement(teacher_logits, student_logits) if both else None
    found["kl"] = divergence(teacher_logits, student_logits) if both else None
    return found


def agreement(logits, other_logits):
    """Share of samples for which both would answer the same class."""
    return float(np.mean(winners(logits) == winners(other_logits)))


def divergence(teacher_logits, student_logits):
    """Mean of KL(teacher ‖ student) in nats, at temperature 1."""
    if teacher_logits.shape[1] == 1:
        teacher_logits, student_logits = (
            np.hstack([np.zeros_like(logits), logits])
            for logits in (teacher_logits, student_logits)
        )
    p = softmax(teacher_logits, axis=1)
    difference = log_softmax(teacher_logits, axis=1) - log_softmax(student_logits, axis=1)
    return float(np.mean(np.sum(p * difference, axis=1)))


def winners(logits):
    """The number of the most probable class."""
    return (logits[:, 0] > 0).astype(int) if logits.shape[1] == 1 else logits.argmax(axis=1)


def as_columns(decisions):
    """Logits (n_samples, n_outputs) of what a decision function answers."""
    return decisions.reshape(len(decisions), -1)
