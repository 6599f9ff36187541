"""The API reference lists what is public, all of it and nothing else."""

import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import skfastgrnn

API = Path(__file__).resolve().parents[2] / "docs" / "api.rst"


def listed(text):
    """Names in the autosummary tables of a page, by the module that is current there."""
    module, in_table, names = None, False, defaultdict(list)
    for line in text.splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
        if line and not line.startswith(" "):
            in_table = line == ".. autosummary::"
        elif in_table and re.fullmatch(r" +\w+", line):
            names[module].append(line.strip())
    return names


def test_api_reference_lists_what_is_public():
    modules = ["skfastgrnn", *(f"skfastgrnn.{name}" for name in skfastgrnn.SUBMODULES)]
    public = {
        module: sorted(set(import_module(module).__all__) - {"__version__"}) for module in modules
    }
    assert {module: sorted(names) for module, names in listed(API.read_text()).items()} == public


def test_a_made_up_page_is_read():
    page = (
        ".. currentmodule:: a\n\n.. autosummary::\n   :toctree: api\n\n   B\n\n"
        "Text\n   quoted\n\n.. currentmodule:: c\n\n.. autosummary::\n\n   D\n   E\n"
    )
    assert listed(page) == {"a": ["B"], "c": ["D", "E"]}
