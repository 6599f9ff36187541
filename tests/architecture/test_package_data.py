"""Which files are installed, and how long files may be."""

import ast
from pathlib import Path

import pytest

import skfastgrnn

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "skfastgrnn"
INSTALLED = Path(skfastgrnn.__file__).resolve().parent
INSTALLED_SUFFIXES = {".py", ".typed"}  # by meson.build

BUILT_FROM = {".pyx", ".pxd", ".c", ".h", ".build"}
SOURCES = sorted(
    path
    for folder in ("skfastgrnn", "tests", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".pyx", ".pxd", ".c", ".h"}
)
MOST_LINES = 400


def files_of(folder):
    """Files below a folder, but for what Python and the compiler make."""
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".so", ".pyd"}
    }


def test_no_file_is_left_out_of_the_package():
    """meson.build neither installs nor compiles files with another suffix, but for exports."""
    found = {path.suffix for path in files_of(PACKAGE) if not is_exported(path)}
    assert found <= INSTALLED_SUFFIXES | BUILT_FROM


def is_exported(path):
    """Whether a file is, or may be, a part of what is exported; all of these are installed."""
    is_shared = path.parent == Path("kernels/c/integer") and path.stem.startswith("fastgrnn_")
    return path.parts[0] == "export" or is_shared


@pytest.mark.skipif(INSTALLED == PACKAGE, reason="the package is imported from its sources")
def test_what_is_installed_is_what_is_here():
    here = {path for path in files_of(PACKAGE) if path.suffix in INSTALLED_SUFFIXES}
    here |= {path for path in files_of(PACKAGE) if is_exported(path)}
    assert files_of(INSTALLED) == here


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_are_small(path):
    assert lines_of_code(path) <= MOST_LINES
