"""What guards a call: nothing is lost where it fails, and the error says what it is about."""

import re
from contextlib import contextmanager


def as_it_is(estimator):
    """A copy that shares the attributes of one moment, whatever other threads do to the estimator.

    Unlike `copy.copy` it takes all of them, also what a pickle must not have.
    """
    copied = object.__new__(type(estimator))
    vars(copied).update(vars(estimator))  # in one piece, as both are dicts of strings
    return copied


@contextmanager
def working_copy(estimator):
    """Fit a copy of an estimator, which takes over at the end what the copy has learned.

    Until then nothing that is half fitted can be seen: not in the estimator, nor in its copies and
    pickles. An error leaves it as it was. The copy has settings of its own: what another thread
    does to the estimator meanwhile has no effect on a fit that runs. Attributes have to be
    replaced, arrays must not be written to.
    """
    copied = as_it_is(estimator)
    before = vars(copied).copy()
    yield copied
    after = vars(copied)
    for name in before.keys() - after.keys():
        vars(estimator).pop(name, None)
    vars(estimator).update(changed_attributes(before, after))


def changed_attributes(before, after):
    """Attributes that are new or another object; both are dicts by name."""
    missing = object()
    return {name: value for name, value in after.items() if before.get(name, missing) is not value}


@contextmanager
def restore_on_error(estimator):
    """Leave an estimator as it was where fitting it fails."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def error_context(argument):
    """Say in an error which argument it is about.

    Messages that begin with its name, as those of scikit-learn's checks do, get no prefix; in them
    "y_val" takes the place of "y".
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(named(str(error), argument)) from error


def named(message, argument):
    """A message that names an argument: the one it names already, or else one before it."""
    begins = re.match(rf"(Input )?{argument.removesuffix('_val')}(?!\w)", message)
    if begins is None:
        return f"{argument}: {message}"
    return f"{begins[1] or ''}{argument}{message[begins.end() :]}"
