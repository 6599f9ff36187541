"""From C for any model to the C of one: what the package runs, with constants for variables."""

import re
from functools import cache
from importlib.resources import files

PACKAGE = files("skfastgrnn")
#: Where a text begins that is left out, where the other one does, and where both end.
WITHOUT = re.compile(r"#ifndef FASTGRNN_(WITHOUT_\w+|ONE_MODEL)$")


@cache
def text_of(path):
    """The text of a file of the package."""
    return (PACKAGE / path).read_text("utf-8")


def chosen(text, without):
    """Lines of a text that are compiled if each of FASTGRNN_... in `without` is defined."""
    kept = []
    levels = []  # of each open condition: whether it is decided here, and whether it holds
    for line in text.splitlines():
        found = WITHOUT.match(line)
        is_decided = found is not None
        if line in {"#else", "#endif"}:
            is_decided, holds = levels.pop()
            if line == "#else":
                levels.append((is_decided, not holds or not is_decided))
        elif line.startswith("#if"):
            levels.append((is_decided, not is_decided or found[1] not in without))
        if not is_decided and all(holds for _, holds in levels):
            kept.append(line)
    return "\n".join(kept) + "\n"


def unguarded(text):
    """A header without guard and includes, other files without the comment at their beginning."""
    text = re.sub(r"^#include .*\n", "", text, flags=re.M)
    guard = re.search(r"#ifndef (\w+_H)\n#define \1\n((?:.|\n)*)#endif\n$", text)
    if guard:
        return guard[2]
    return re.sub(r"\A/\*(?:.|\n)*?\*/\n", "", text)


def of_one_model(text, constants):
    """The text without the parameter `model`: its fields are constants, or names of them."""
    text = re.sub(r"\bconst fastgrnn_model \*model,\s*", "", text)
    text = re.sub(r"\(model, ", "(", text)
    return re.sub(r"\bmodel->(\w+)", lambda found: constants[found[1]], text)


def renamed(text, names):
    """The text with other identifiers."""
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda found: names.get(found[0], found[0]), text)
