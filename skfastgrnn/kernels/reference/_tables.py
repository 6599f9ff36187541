"""Tables of functions by the names that a network or an optimizer may have."""


def complete(functions, names):
    """The functions, a dict by name, if there is one for each of the names and no other.

    Called when a module is imported, so that a name without its function cannot be overlooked.
    """
    if functions.keys() != set(names):
        missing, unknown = set(names) - functions.keys(), functions.keys() - set(names)
        raise ImportError(
            f"A table of the reference kernel lacks {sorted(missing)} and has {sorted(unknown)} "
            f"too many; its names must be {sorted(names)}."
        )
    return functions
