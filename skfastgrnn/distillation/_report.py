"""How a student compares with its teacher, and with itself without a teacher."""

import pickle
import time

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.metrics import r2_score

from ..training import warn

#: Calls that a latency is the median of, fewer of slow estimators: no more seconds than this.
N_CALLS = 25
MOST_SECONDS = 0.5


def resources_of(teacher, student, row):
    """Bytes and seconds of student and teacher, which may be None."""
    return {
        "teacher_bytes": None if teacher is None else size(teacher),
        "student_bytes": size(student),
        "teacher_latency": None if teacher is None else latency(teacher, row),
        "student_latency": latency(student, row),
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


def comparison(scored_on, labels, teacher_logits, student_logits, baseline_logits):
    """Scores on samples with known labels (-1: unknown), and agreement of teacher and student.

    Each of the logits (n_samples, n_outputs) may be None; `scored_on` says what the samples are.
    """
    is_known, errors = labels >= 0, {}
    labels = labels[is_known]
    teacher_logits, student_logits, baseline_logits = (
        None if logits is None else logits[is_known]
        for logits in (teacher_logits, student_logits, baseline_logits)
    )
    found = {"scored_on": scored_on, "n_scored": len(labels)}
    for name, logits in (
        ("teacher", teacher_logits),
        ("student", student_logits),
        ("baseline", baseline_logits),
    ):
        if logits is not None and len(labels):
            errors[name] = (winners(logits) != labels).astype(float)
        found[f"{name}_score"] = 1 - float(errors[name].mean()) if name in errors else None
    both = teacher_logits is not None and student_logits is not None and len(labels) > 0
    found["agreement"] = agreement(teacher_logits, student_logits) if both else None
    found["kl"] = divergence(teacher_logits, student_logits) if both else None
    warn_of_weak_teacher(found, errors.get("teacher"), errors.get("baseline"))
    return found


def comparison_of_numbers(scored_on, y, predicted_by_teacher, predicted, predicted_by_baseline):
    """R² on samples with targets y, and the distance of student and teacher.

    Each of the predictions, of the teacher, the student and the student alone, may be None.
    """
    found = {"scored_on": scored_on, "n_scored": len(y)}
    is_enough, errors = len(y) > 1, {}
    for name, values in (
        ("teacher", predicted_by_teacher),
        ("student", predicted),
        ("baseline", predicted_by_baseline),
    ):
        has_score = is_enough and values is not None
        found[f"{name}_score"] = r2_score(y, values) if has_score else None
        if has_score:
            errors[name] = np.mean(np.square(values - y).reshape(len(y), -1), axis=1)
    both = is_enough and predicted_by_teacher is not None and predicted is not None
    found["rmse_to_teacher"] = root_mean_square(predicted_by_teacher - predicted) if both else None
    warn_of_weak_teacher(found, errors.get("teacher"), errors.get("baseline"))
    return found


def root_mean_square(values):
    """As a float; squares of very large or small values would overflow or vanish."""
    largest = np.abs(values).max()
    return float(largest * np.sqrt(np.mean((values / largest) ** 2))) if largest > 0 else 0.0


def warn_of_weak_teacher(found, teacher_errors, baseline_errors):
    """Warn if a teacher's errors (n_samples,) are larger than those of the baseline.

    By more than one standard error of their mean difference; either may be None.
    """
    if teacher_errors is None or baseline_errors is None or len(teacher_errors) < 2:
        return
    difference = teacher_errors - baseline_errors
    if difference.mean() > difference.std(ddof=1) / np.sqrt(len(difference)):
        warn(
            f"The student alone has a score of {found['baseline_score']:.3f}, its teacher one of "
            f"{found['teacher_score']:.3f}: there is little to learn from it. Lower alpha, or take "
            "another teacher."
        )


def agreement(logits, other_logits):
    """Fraction of samples for which both predict the same class."""
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
    """Logits (n_samples, n_outputs) from the output of a decision function."""
    return decisions.reshape(len(decisions), -1)
