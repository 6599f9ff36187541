"""What a training says: the lines that ``verbose=1`` prints, one an epoch, and warnings."""

import sys
import sysconfig
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

#: Packages whose lines are not where a user would look for the cause of a warning.
BETWEEN = {"skfastgrnn", "sklearn", "joblib", "dask", "distributed"}
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
#: The list that takes up (message, category) of warnings of this thread, if there is one.
COLLECTED = ContextVar("collected warnings", default=None)


def warn(message, category=UserWarning):
    """Warn at the line that called `fit`, also through a pipeline or a search.

    In a worker process or thread, whose calls begin in the standard library, that line may not be
    on the stack; the warning is then about the line of this package that was called first.
    """
    if COLLECTED.get() is not None:
        COLLECTED.get().append((message, category))
        return
    frame, level, own_level = sys._getframe(), 1, 1
    while frame is not None and is_between(frame):
        if package_of(frame) == "skfastgrnn":
            own_level = level
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=own_level if frame is None else level)


@contextmanager
def collected_warnings():
    """A list of the (message, category) that `warn` is called with meanwhile, in this thread."""
    found = []
    token = COLLECTED.set(found)
    try:
        yield found
    finally:
        COLLECTED.reset(token)


def package_of(frame):
    """The name of the package that the code of a frame is in."""
    spec = frame.f_globals.get("__spec__")  # the name of a module that runs as __main__
    name = frame.f_globals.get("__name__", "") if spec is None else spec.name
    return name.partition(".")[0]


def is_between(frame):
    """Whether a frame is in one of the packages `BETWEEN`, or in the standard library."""
    if package_of(frame) in BETWEEN:
        return True
    name = frame.f_code.co_filename
    if name.startswith("<frozen "):
        return True
    path = Path(name)
    if not path.is_relative_to(STANDARD_LIBRARY):
        return False
    return not {"site-packages", "dist-packages"}.intersection(path.parts)


def epoch_line(history, epoch, max_iter):
    """Losses of the last epoch, elapsed time, and what is left at this pace without early stop."""
    seconds = history["seconds"]
    elapsed = sum(seconds)
    parts = [f"Epoch {epoch}/{max_iter}", f"loss {history['loss'][-1]:.5f}"]
    if history["validation_loss"]:
        parts.append(f"validation loss {history['validation_loss'][-1]:.5f}")
    parts.append(f"elapsed {duration(elapsed)}")
    parts.append(f"remaining {duration(elapsed / len(seconds) * (max_iter - epoch))}")
    return ", ".join(parts)


def stop_line(epoch, *, validated, done):
    """Why a training ends before its time."""
    watched = "validation" if validated else "training"
    why = "nothing is left to learn" if done else f"the {watched} loss no longer improves"
    return f"Stopping after epoch {epoch}: {why}."


def duration(seconds):
    """1.3 s, 2 min 05 s or 1 h 02 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
