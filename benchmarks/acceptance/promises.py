"""Print a measured value beside its limit, and answer whether it keeps to it."""


def at_least(what, value, least, details=""):
    """A value that must not fall below its limit."""
    return _kept(f"{what} {value:.4g}{details}, at least {least:g}", value >= least)


def less_than(what, value, limit, details=""):
    """A value that must stay below its limit."""
    return _kept(f"{what} {value:.4g}{details}, less than {limit:g}", value < limit)


def _kept(text, kept):
    print(f"{text}: {'kept' if kept else 'NOT KEPT'}", flush=True)
    return bool(kept)
