"""Objects that are parameters; frozen dataclasses among them are checked when they are made."""

from dataclasses import fields, is_dataclass
from inspect import signature
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, Options, validate_parameter_constraints


class Number(Interval):
    """Numbers of a range, without bools, which are integers in Python."""

    def is_satisfied_by(self, val):
        return not isinstance(val, bool) and super().is_satisfied_by(val)


class Choice(Options):
    """Some numbers, without bools, of which True is 1."""

    def is_satisfied_by(self, val):
        return not isinstance(val, bool) and super().is_satisfied_by(val)


#: Classes whose objects files can hold, by name.
REGISTRY = {}


def registered(cls):
    """Let files hold objects of a class, a decorator."""
    REGISTRY[cls.__name__] = cls
    return cls


def settings_of(value):
    """The settings of an object of a registered class, by the names that its class takes.

    Of scikit-learn's classes, those that are not their defaults.
    """
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    settings = value.get_params(deep=False)
    if type(value).__module__.startswith("sklearn."):  # others of another version may not know
        defaults = {name: p.default for name, p in signature(type(value)).parameters.items()}
        settings = {key: v for key, v in settings.items() if v != defaults[key]}
    return settings


class ValidatedDataclass:
    """Base of frozen dataclasses whose fields are checked by `_parameter_constraints`.

    NumPy's numbers become Python's.
    """

    _parameter_constraints = {}

    def __post_init__(self):
        validate_parameter_constraints(
            self._parameter_constraints, vars(self), caller_name=type(self).__name__
        )
        for field in fields(self):  # NumPy's numbers print otherwise
            value = getattr(self, field.name)
            if isinstance(value, Real):
                is_whole = isinstance(value, Integral) and field.type not in (float, float | None)
                object.__setattr__(self, field.name, int(value) if is_whole else float(value))
