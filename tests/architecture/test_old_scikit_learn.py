"""Before scikit-learn 1.9 there are no callbacks: all else works, and setting some says why."""

import importlib.util
import sys
from pathlib import Path

import pytest

import skfastgrnn.callbacks
from skfastgrnn import FastGRNNClassifier
from skfastgrnn.callbacks import LearningRateMonitor, TimeLimit

WHAT_TO_DO = r"Callbacks need scikit-learn 1\.9 .* pip install --upgrade 'scikit-learn>=1\.9'"


def test_stand_ins(monkeypatch):
    """As an old scikit-learn makes them, whatever the one here is."""
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    path = Path(skfastgrnn.callbacks.__file__).with_name("_sklearn.py")
    spec = importlib.util.spec_from_file_location("callbacks_of_old", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(ImportError, match=WHAT_TO_DO):
        module.CallbackSupport().set_callbacks(object())
    with pytest.raises(ImportError, match=WHAT_TO_DO):
        module.ScoringMonitor(scoring=None)
    assert module.with_callbacks(len) is len
    assert module.make_notifier(FastGRNNClassifier(), None, None, None) is None


@pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is not None, reason="this scikit-learn has them"
)
def test_setting_callbacks():
    with pytest.raises(ImportError, match=WHAT_TO_DO):
        FastGRNNClassifier().set_callbacks(TimeLimit(1))
    with pytest.raises(ImportError, match=WHAT_TO_DO):
        LearningRateMonitor()
