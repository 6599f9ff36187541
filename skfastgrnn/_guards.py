"""What guards a call: nothing is lost where it fails, and the error says what it is about."""

from contextlib import contextmanager


@contextmanager
def unchanged_on_error(estimator):
    """Leave an estimator as it was where fitting it fails."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def naming(argument):
    """Say in an error which argument it is about."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{argument}: {error}") from error
