"""Imports of parts of the package point downward; private attributes stay in their part."""

import ast
import re
from pathlib import Path

import pytest

import skfastgrnn

PACKAGE = Path(__file__).resolve().parents[2] / "skfastgrnn"
MODULES = sorted(PACKAGE.rglob("*.py"))

# What each part of the package may import of the others.
MAY_IMPORT = {
    "__init__": {"_public", "_show_versions", "distillation", "estimators", "persistence"},
    "_show_versions": {"kernels"},
    "distillation": {
        "_validation",
        "callbacks",
        "estimators",
        "network",
        "schedules",
        "training",
    },
    "export": {
        "_public",
        "_validation",
        "compression",
        "estimators",
        "kernels",
        "network",
        "persistence",
        "preprocessing",
    },
    "compression": {
        "_public",
        "_validation",
        "estimators",
        "kernels",
        "network",
        "persistence",
        "preprocessing",
        "training",
    },
    "estimators": {
        "_validation",
        "augmentation",
        "callbacks",
        "kernels",
        "network",
        "persistence",
        "schedules",
        "training",
    },
    "callbacks": {"_public", "_validation", "persistence", "training"},
    "inspection": {"_public", "_validation", "estimators", "kernels"},
    "preprocessing": {"_public", "_statistics", "_validation"},
    "training": {"_statistics", "_validation", "augmentation", "kernels", "network", "schedules"},
    "persistence": {"_validation", "augmentation", "network", "schedules"},
    "augmentation": {"_validation", "network"},
    "schedules": {"_validation"},
    "kernels": {"network"},
    "_validation": {"network"},
    "network": set(),
    "_public": set(),
    "_statistics": set(),
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
        ("from ..estimators import FastGRNNClassifier", "network/_data", {"estimators"}),
        ("from ..training import train", "network/__init__", {"training"}),
        ("from .. import estimators", "training/_trainer", {"estimators"}),
        ("import skfastgrnn.distillation as d", "estimators/_base", {"distillation"}),
        ("from skfastgrnn.training._trainer import train", "_validation/_views", {"training"}),
        ("from . import estimators", "_show_versions", {"estimators"}),
        ("def late():\n    from ...training import train", "kernels/reference/_cell", {"training"}),
        ("from ._data import Targets", "network/_tensors", set()),
        ("from ..network import Targets\nfrom . import _config", "estimators/_base", set()),
    ],
)
def test_a_made_up_import_is_judged(source, module, expected):
    assert forbidden_imports(source, module) == expected


# Private attributes of estimators that another part has a protocol for, and why.
PROTOCOLS = {
    ("callbacks", "_running_fit"): "what callbacks look at, by `callbacks._sklearn.fit_context`",
    ("persistence", "_to_save"): "how an estimator that is `saveable` says what a file keeps",
    ("persistence", "_restore"): "and takes it back",
    ("persistence", "_network_settings"): "an entry of a file",
    ("persistence", "_moments"): "an entry of a file",
    ("training", "_moments"): "what an objective finds in the attributes of an earlier training",
    **{
        (
            part,
            name,
        ): "what objectives learn of targets, estimators have, files keep and devices compute"
        for part in ("training", "persistence", "export")
        for name in ("_is_multilabel", "_y_scale", "_y_statistics", "_y_center", "_y_is_1d")
    },
}


def private_attributes(part):
    """Names of attributes and methods with an underscore that classes of a part have."""
    names = set()
    for path in (PACKAGE / part).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                names |= {f.name for f in node.body if isinstance(f, ast.FunctionDef)}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                names |= {node.attr} if node.value.id == "self" else set()
    return {name for name in names if re.match("_[a-z]", name)}


def private_reaches(source, names):
    """Those of the names that a source reads or writes of an object other than its own self."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            is_own = getattr(node.value, "id", "") in {"self", "cls", "copied"}
            called = getattr(node.value, "func", None)
            is_super = getattr(called, "id", "") == "super"
            found |= {node.attr} if not (is_own or is_super) else set()
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)  # getattr, vars(...)["..."], hasattr, attrgetter
    return found & names


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_private_attributes_of_estimators_stay_in_their_part(path):
    """Imports do not show who reads what of an object."""
    part = part_of(name_of(path))
    if part != "estimators":
        names = private_attributes("estimators")
        assert {"_parameters", "_network", "_read", "_fit"} <= names, "or nothing is looked for"
        names -= private_attributes(part)
        # scikit-learn's own, and those of namedtuples
        names -= {"_validate_params", "_parameter_constraints", "_replace"}
        names -= {name for where, name in PROTOCOLS if where == part}
        assert private_reaches(path.read_text("utf-8"), names) == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("network = fitted._network", {"_network"}),
        ("estimator._fit(X)", {"_fit"}),
        ("getattr(model, '_parameters', None)", {"_parameters"}),
        ("vars(model)['_parameters'], clone(model)._fit(X)", {"_parameters", "_fit"}),
        ("self._fit(X)\nsuper()._fit(X)\nmodel.n_iter_", set()),
    ],
)
def test_a_made_up_reach_is_seen(source, expected):
    assert private_reaches(source, {"_network", "_fit", "_parameters"}) == expected


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_is_imported_by_a_name_in_a_string(path):
    """But for public submodules, when they are first asked for."""
    called = {
        getattr(node.func, "id", getattr(node.func, "attr", ""))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    }
    if path != PACKAGE / "__init__.py":
        assert not called & {"import_module", "__import__"}


def test_the_docstring_of_the_package_says_the_same():
    text = skfastgrnn.__doc__.split("Imports point downward::")[1]
    said = {
        part: set(re.findall(r"\w+", below))
        for part, below in re.findall(r"^    (\w+) +-> ((?:.|\n {10,})+)", text, re.M)
    }
    helpers = {"_public", "_show_versions", "__init__"}
    assert said == {
        part: below - helpers
        for part, below in MAY_IMPORT.items()
        if below - helpers and part not in helpers
    }


def test_parts_have_no_circle():
    """Each may import only what may not import it back, over any number of steps."""
    reachable = {part: set(below) for part, below in MAY_IMPORT.items()}
    for _ in MAY_IMPORT:
        for below in reachable.values():
            below.update(*(reachable[part] for part in list(below)))
    assert [part for part, below in reachable.items() if part in below] == []


@pytest.mark.parametrize("part", ["network", "kernels"])
def test_the_network_needs_only_numpy_and_scipy(part):
    """It knows nothing of scikit-learn."""
    packages = set()
    for path in (PACKAGE / part).rglob("*.p*"):
        if path.suffix in {".py", ".pyx", ".pxd"}:
            for names in re.findall(
                r"^\s*(?:from +(\w[\w.]*)|c?import +(.+))", path.read_text("utf-8"), re.M
            ):
                packages |= {
                    name.split(" as ")[0].split(".")[0].strip()
                    for name in "".join(names).split(",")
                }
    assert packages & {"numpy", "scipy"}
    assert not packages & {"sklearn", "joblib", "safetensors", "pandas", "skfastgrnn"}
