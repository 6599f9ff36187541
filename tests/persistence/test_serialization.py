"""Values as JSON: what is packed and unpacked is the same, and code is not packed."""

import json
import os

import numpy as np
import pytest
from helpers.persistence import a_function
from hypothesis import given
from hypothesis import strategies as st

from skfastgrnn.augmentation import Jitter
from skfastgrnn.persistence._serialization import from_json, needs_code, same, to_json
from skfastgrnn.schedules import CosineDecay

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.builds(Jitter, std=st.floats(0, 2)),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


@given(value=VALUES)
def test_packing_and_unpacking_gives_the_same_value(value):
    tensors = {}
    packed = json.loads(json.dumps(to_json(value, "name", tensors), allow_nan=False))
    unpacked = from_json(packed, "name", tensors)
    assert repr(unpacked) == repr(value)
    assert same(unpacked, value)


def test_code_is_not_packed():
    for value in (a_function, print, os.system, object(), np.random.RandomState(0), CosineDecay):
        for whole in (value, [1, value], (value,), {"inside": [value]}, {1: value}):
            assert needs_code(from_json(to_json(whole, "name", None), "name", {}))
            with pytest.raises(TypeError, match="only code could restore it"):
                to_json(whole, "name", {})
