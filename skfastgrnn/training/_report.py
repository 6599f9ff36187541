"""What a training says: the lines that ``verbose=1`` prints, one an epoch, and warnings."""

import sys
import warnings

#: Packages whose lines are not where a user would look for the cause of a warning.
BETWEEN = {"skfastgrnn", "sklearn", "joblib"}


def warn(message, category=UserWarning):
    """Warn at the line that called `fit`, also through a pipeline or a search."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in BETWEEN:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def epoch_line(history, max_iter):
    """Losses of the last epoch, elapsed time, and what is left at this pace without early stop."""
    epoch, elapsed = len(history["loss"]), sum(history["seconds"])
    parts = [f"Epoch {epoch}/{max_iter}", f"loss {history['loss'][-1]:.5f}"]
    if history["validation_loss"]:
        parts.append(f"validation loss {history['validation_loss'][-1]:.5f}")
    parts.append(f"elapsed {duration(elapsed)}")
    parts.append(f"remaining {duration(elapsed / epoch * (max_iter - epoch))}")
    return ", ".join(parts)


def duration(seconds):
    """1.3 s, 2 min 05 s or 1 h 02 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
