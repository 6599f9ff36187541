"""The house's rules: imports point downward, every module is installed, files stay small."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "skfastgrnn"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".pyx", ".c", ".h"})
MOST_LINES = 400

# What each part may import of the others. A part that is not listed has no place in the house yet.
MAY_IMPORT = {
    "__init__": {"_classifier", "_distillation", "_regressor", "_versions", "persistence"},
    "_classifier": {
        "_base",
        "_continuing",
        "_guards",
        "_printing",
        "_targets",
        "_schema",
        "_weights",
        "persistence",
        "training",
        "cell",
    },
    "_regressor": {
        "_base",
        "_guards",
        "_schema",
        "_targets",
        "_weights",
        "cell",
        "persistence",
        "training",
    },
    "_distillation": {
        "_classifier",
        "_forms",
        "_guards",
        "_missing",
        "_numbers",
        "_regressor",
        "_settings",
        "_targets",
        "_weights",
        "schedules",
        "training",
    },
    "callbacks": {"_files", "_printing", "persistence", "training"},
    "preprocessing": {
        "_columns",
        "_forms",
        "_guards",
        "_missing",
        "_numbers",
        "_printing",
        "_sequences",
        "_values",
        "_weights",
    },
    "inspection": {"_printing"},
    "_versions": {"cell"},
    "_base": {
        "_continuing",
        "_guards",
        "_schema",
        "_sequences",
        "_settings",
        "_streaming",
        "_watching",
        "persistence",
        "training",
        "cell",
    },
    "_settings": {"augmentation", "schedules", "training", "cell"},
    "_continuing": {"_packing", "_printing", "cell"},
    "_streaming": {"_continuing", "_guards", "_sequences", "_settings", "training", "cell"},
    "_watching": {"_continuing", "training", "cell"},
    "persistence": {"_files", "_packing", "_schema"},
    "_schema": {"_packing", "cell"},
    "_files": set(),
    "_packing": {"augmentation", "schedules"},
    "training": {"_columns", "_guards", "augmentation", "cell", "schedules"},
    "_sequences": {"_finite", "_forms", "_names", "_numbers", "_views", "cell"},
    "_guards": set(),
    "_columns": set(),
    "_finite": set(),
    "_forms": {"_numbers"},
    "_missing": set(),
    "_names": set(),
    "_numbers": {"_missing", "_printing"},
    "_printing": set(),
    "_views": set(),
    "_targets": {"_forms", "_missing", "_numbers"},
    "_values": set(),
    "_weights": {"_forms", "_missing", "_numbers"},
    "schedules": {"_printing", "_values"},
    "augmentation": {"_finite", "_values", "cell"},
    "cell": set(),
}


def part_of(module):
    """The part that a module, its path below skfastgrnn without suffix, belongs to."""
    return module.split("/")[0]


def imported_parts(source, module):
    """Other parts of skfastgrnn that the source of a module imports, anywhere in it."""
    package = ["skfastgrnn", *module.split("/")[:-1]]
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            origin = [*start, *(node.module or "").split(".")]
            names |= {".".join(filter(None, [*origin, alias.name])) for alias in node.names}
    parts = {name.split(".")[1] for name in names if name.startswith("skfastgrnn.")}
    return parts - {part_of(module)}


def forbidden_imports(source, module):
    return imported_parts(source, module) - MAY_IMPORT[part_of(module)]


def name_of(path):
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downward(path):
    module = name_of(path)
    assert part_of(module) in MAY_IMPORT, "say here what this new part may import"
    assert forbidden_imports(path.read_text("utf-8"), module) == set()


@pytest.mark.parametrize(
    ("source", "module", "expected"),
    [
        ("from .._base import BaseFastGRNN", "cell/_batch", {"_base"}),
        ("from ..training import train", "cell/__init__", {"training"}),
        ("from .. import _sequences", "training/_trainer", {"_sequences"}),
        ("import skfastgrnn._classifier as c", "_base", {"_classifier"}),
        ("from skfastgrnn.training._trainer import train", "_sequences", {"training"}),
        ("from . import _classifier", "_versions", {"_classifier"}),
        ("def late():\n    from ._classifier import FastGRNNClassifier", "_base", {"_classifier"}),
        ("from ._batch import Adam", "cell/_compiled", set()),
        ("from .cell import Adam\nfrom . import cell\nimport numpy", "_base", set()),
    ],
)
def test_a_made_up_import_is_judged(source, module, expected):
    assert forbidden_imports(source, module) == expected


def test_parts_have_no_circle():
    """Each may import only what may not import it back, over any number of steps."""
    reachable = {part: set(below) for part, below in MAY_IMPORT.items()}
    for _ in MAY_IMPORT:
        for below in reachable.values():
            below.update(*(reachable[part] for part in list(below)))
    assert [part for part, below in reachable.items() if part in below] == []


def test_cell_needs_only_numpy_and_scipy():
    """The network knows nothing of scikit-learn."""
    packages = set()
    for path in (PACKAGE / "cell").rglob("*.py*"):
        found = re.findall(r"^\s*(?:from|c?import) +(\w[\w.]*)", path.read_text("utf-8"), re.M)
        packages |= {name.split(".")[0] for name in found}
    assert packages & {"numpy", "scipy"}
    assert not packages & {"sklearn", "joblib", "safetensors", "pandas", "skfastgrnn"}


def test_every_module_is_installed():
    """One that meson.build does not name would be missing from the wheel."""
    text = (ROOT / "meson.build").read_text("utf-8")
    table = re.search(r"python_sources = \{(.*?)\n\}", text, re.S).group(1)
    listed = {
        f"{folder}/{name}"
        for folder, names in re.findall(r"'([\w/]+)': \[(.*?)\]", table, re.S)
        for name in re.findall(r"'([\w.]+)'", names)
    }
    assert listed == {path.relative_to(ROOT).as_posix() for path in MODULES}


def lines_of_code(path):
    """Lines of a file without docstrings, which are as long as the public interface is wide."""
    text = path.read_text("utf-8")
    count = len(text.splitlines())
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
                node
            ):
                count -= node.body[0].end_lineno - node.body[0].lineno + 1
    return count


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_files_are_small(path):
    assert lines_of_code(path) <= MOST_LINES
