"""Docstrings agree where classes share parameters, and use the words of the field."""

import re
import tokenize
from pathlib import Path

import pytest
from sklearn.utils import _testing

import skfastgrnn
from skfastgrnn import (
    DistilledFastGRNN,
    DistilledFastGRNNRegressor,
    FastGRNNClassifier,
    FastGRNNRegressor,
)
from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
)

PACKAGE = Path(skfastgrnn.__file__).parent
DOCUMENTS = Path(__file__).parents[2] / "docs"

#: Classes that share entries of their docstrings, and those that differ: name -> reason.
SHARED = {
    "estimators": (
        (FastGRNNClassifier, FastGRNNRegressor),
        {
            "loss": "other losses",
            "warm_start": "new classes, or center and scale of y",
        },
        {
            "validation_scores_": "accuracy, or R²",
            "history_": "accuracy, or R²",
        },
    ),
    "distillation": (
        (DistilledFastGRNN, DistilledFastGRNNRegressor),
        {
            "teacher": "a classifier, or a regressor",
            "student": "a classifier, or a regressor",
            "cv": "stratified by class, or not",
        },
        {
            "teacher_": "a classifier, or a regressor",
            "student_": "a classifier, or a regressor",
            "report_": "other scores",
        },
    ),
    "scalers": (
        (SequenceStandardScaler, SequenceMinMaxScaler, SequenceRobustScaler),
        {},
        {"scaler_": "StandardScaler, MinMaxScaler or RobustScaler"},
    ),
}

#: Words that the package does not use, and what they were used for.
RETIRED = {
    "return": r"\banswer(s|ed|ing) (a|an|the|it|its|what|whether|how|for|None|True|another|NaN)\b",
    "subclass": r"\b(both|the|of the) faces\b|\bA face says\b",
    "distillation objective": r"\blessons?\b",
    "diverged": r"\bhopeless",
    "pass, show": r"\b(be|is|are|was|were|has|have|not) told\b",
}
#: Names in files of version 1.
EXCEPTIONS = {"_format.py"}


@pytest.mark.skipif(
    not hasattr(_testing, "assert_docstring_consistency"), reason="before scikit-learn 1.7"
)
@pytest.mark.filterwarnings("ignore:Checking was skipped")  # what only one of them has
@pytest.mark.parametrize("shared", SHARED)
def test_shared_entries_have_one_description(shared):
    pytest.importorskip("numpydoc")
    classes, parameters, attributes = SHARED[shared]
    _testing.assert_docstring_consistency(
        classes,
        include_params=True,
        exclude_params=list(parameters),
        include_attrs=True,
        exclude_attrs=list(attributes),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [(FastGRNNClassifier, FastGRNNRegressor), (FastGRNNRegressor, FastGRNNClassifier)],
)
def test_groups_of_parameters_are_the_same(one, other):
    """In the docstrings of both estimators, and from first to last parameter in their order."""
    pattern = r"Parameters are grouped by purpose:\n\n.*?\n\n"
    text = re.search(pattern, one.__doc__, re.DOTALL)[0]
    assert text in other.__doc__
    names = re.findall(r"`(\w+)`", text)
    documented = re.findall(r"^    (\w+) : .*default=", one.__doc__, re.MULTILINE)
    places = [documented.index(name) for name in names]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, len(documented) - 1)


def prose_of(path):
    """Comments and strings of a Python file, or all of a document."""
    if path.suffix != ".py":
        return path.read_text("utf-8")
    kinds = (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1))
    with path.open("rb") as file:
        return "\n".join(
            token.string for token in tokenize.tokenize(file.readline) if token.type in kinds
        )


@pytest.mark.parametrize("word", RETIRED)
def test_retired_words_do_not_come_back(word):
    paths = [path for path in PACKAGE.rglob("*.py") if path.name not in EXCEPTIONS]
    paths += sorted(DOCUMENTS.glob("*.rst"))
    assert paths
    found = {
        path.name: match[0]
        for path in paths
        if (match := re.search(RETIRED[word], re.sub(r"\s+(# )?", " ", prose_of(path))))
    }
    assert not found, f"say {word!r} instead"
