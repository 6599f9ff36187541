"""What JSONLinesLogger writes, as it grows and after a training ended badly."""

import json
import math

import pytest
from helpers.callbacks import BOTH, N_FITS, AfterEpochs, StopsAt, X, in_search, y
from helpers.estimators import quick
from sklearn.exceptions import ConvergenceWarning

from skfastgrnn.callbacks import Checkpoint, JSONLinesLogger

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")


@BOTH
def test_history_is_written_as_it_grows(model, target, tmp_path):
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    mine = AfterEpochs(lambda *_: writer.get_logs())
    assert writer.get_logs() == []
    model = model(early_stopping=True).set_callbacks(writer, mine).fit(X, target)
    assert [len(logs) for logs in mine.answers] == list(range(1, 11))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == writer.get_logs() == JSONLinesLogger(str(writer.path)).get_logs()
    assert list(lines[0]) == ["run", "begun", "fit", "epoch", *model.history_]
    for name, values in model.history_.items():
        assert [line[name] for line in lines] == values
    assert {len(line["fit"]) for line in lines} == {0}


def test_history_of_a_diverged_training_is_valid_json(tmp_path):
    """The epoch in which it diverges is written, too."""
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    model = quick(learning_rate=lambda epoch: 1.0 if epoch < 3 else 1e300)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.set_callbacks(writer).fit(X, y)

    def refuse(constant):
        raise AssertionError(constant)

    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    last = [json.loads(line, parse_constant=refuse) for line in lines][-1]
    assert last["epoch"] == len(lines) == model.n_iter_
    assert not math.isfinite(model.history_["loss"][-1])
    assert last["loss"] is None
    assert last["learning_rate"] == 0.03 * 1e300


def test_history_goes_on_where_a_training_does(tmp_path):
    path = tmp_path / "training"
    whole = quick().fit(X, y)
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    quick().set_callbacks(writer, Checkpoint(path), StopsAt(0)).fit(X, y)
    assert len(writer.get_logs()) == 1
    (tmp_path / "log.jsonl").unlink()
    quick().set_callbacks(writer).resume(path, X, y)
    assert [line["loss"] for line in writer.get_logs()] == whole.history_["loss"]


def test_logs_are_those_of_the_latest_run(tmp_path):
    """Files that earlier ones have left, and lines that are not complete, are none of it."""
    writer = JSONLinesLogger(tmp_path / "log.jsonl")
    network = quick(max_iter=2).set_callbacks(writer)
    in_search(network, n_jobs=None).fit(X, y)
    assert len(writer.get_logs()) == 2 * N_FITS
    in_search(network, n_jobs=None, hidden_sizes=(2,), refit=False).fit(X, y)
    assert [line["fit"] for line in writer.get_logs()] == [[0, 0, 1]] * 2 + [[0, 1, 1]] * 2
    network.set_callbacks(JSONLinesLogger(tmp_path / "log-7.jsonl")).fit(X, y)  # another's file
    assert len(writer.get_logs()) == 4
    with (tmp_path / "log-0-1-1.jsonl").open("a") as file:
        file.write('{"run": "')
    assert len(writer.get_logs()) == 4
    line = {"run": "a", "begun": "b", "fit": [3], "epoch": 1}
    for other in (
        b'["something else"]\n',
        b"[" * 100_000 + b"\n",
        b"\xff\n",
        *(json.dumps({**line, name: None}).encode() + b"\n" for name in line),
    ):
        (tmp_path / "log-3.jsonl").write_bytes(other)
        with pytest.raises(ValueError, match=r"log-3\.jsonl was not written by JSONLinesLogger"):
            writer.get_logs()
