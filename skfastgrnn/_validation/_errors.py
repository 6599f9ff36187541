"""Restoring state on errors, and errors that name their argument."""

import re
from contextlib import contextmanager


def as_it_is(estimator):
    """A shallow copy that is consistent even if other threads change the estimator.

    Unlike `copy.copy` it copies all attributes, also those excluded from pickles.
    """
    copied = object.__new__(type(estimator))
    vars(copied).update(vars(estimator))  # in one piece, as both are dicts of strings
    return copied


@contextmanager
def working_copy(estimator):
    """Fit a copy of an estimator, and update the estimator from it at the end.

    Until then the estimator, its copies and pickles show no half-fitted state. An error leaves it
    unchanged. Changes of the estimator by other threads do not affect a running fit. Attributes
    must be replaced; arrays must not be modified in place.
    """
    copied = as_it_is(estimator)
    before = vars(copied).copy()
    yield copied
    after = vars(copied)
    for name in before.keys() - after.keys():
        vars(estimator).pop(name, None)
    vars(estimator).update(changed_attributes(before, after))


def changed_attributes(before, after):
    """Attributes that are new or replaced; both are dicts by name."""
    missing = object()
    return {name: value for name, value in after.items() if before.get(name, missing) is not value}


@contextmanager
def restore_on_error(estimator):
    """Restore the attributes of an estimator if fitting it fails."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def error_context(argument):
    """Add the name of an argument to errors.

    Messages that begin with the name, like those of scikit-learn's checks, get no prefix; in them
    "y_val" replaces "y".
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(named(str(error), argument)) from error


def named(message, argument):
    """A message that begins with the name of an argument."""
    begins = re.match(rf"(Input )?{argument.removesuffix('_val')}(?!\w)", message)
    if begins is None:
        return f"{argument}: {message}"
    return f"{begins[1] or ''}{argument}{message[begins.end() :]}"
