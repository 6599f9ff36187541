"""pre-commit runs the tools of `make lint`, in versions that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import skfastgrnn

ROOT = Path(__file__).resolve().parents[2]
REPOSITORIES = {
    "ruff": "astral-sh/ruff-pre-commit",
    "clang-format": "pre-commit/mirrors-clang-format",
    "codespell": "codespell-project/codespell",
}


@pytest.mark.parametrize("tool", REPOSITORIES)
def test_versions_of_tools_agree(tool):
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    allowed = {r.name: r.specifier for r in map(Requirement, groups["lint"])}
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    [version] = re.findall(rf"{REPOSITORIES[tool]}\n +rev: v(\S+)", hooks)
    assert version in allowed[tool]


def test_type_checkers_may_read_the_annotations():
    assert (Path(skfastgrnn.__file__).parent / "py.typed").is_file()
