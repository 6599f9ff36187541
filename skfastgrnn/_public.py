"""Public names say the module that users import them from."""

import sys


def set_public_module(module, names):
    """Set `__module__` of classes and functions to the public module that exports them.

    Pickles and error messages then name that module, and not the file with the definition, which
    may move.

    Parameters
    ----------
    module : str
        `__name__` of the public module.
    names : list of str
        What it exports. Strings and other values without a `__module__` stay as they are.
    """
    for name in names:
        exported = getattr(sys.modules[module], name)
        if hasattr(exported, "__module__"):
            exported.__module__ = module
            if "__firstlineno__" in vars(exported):  # Python 3.13: of the file, not of the module
                del exported.__firstlineno__
