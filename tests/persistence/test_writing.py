"""How files are written: whole or not at all, with permissions of any new file."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
from helpers.persistence import X, quick, y

import skfastgrnn


def test_a_file_has_the_permissions_of_any_new_file(tmp_path):
    skfastgrnn.save(quick().fit(X, y), tmp_path / "model.safetensors")
    (tmp_path / "other").write_text("")
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_missing_file_or_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        skfastgrnn.load(tmp_path / "nothing.safetensors")
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"):
        skfastgrnn.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nothing to write"):
        skfastgrnn.save(quick().fit(X, y), tmp_path / "nothing" / "model.safetensors")


def test_the_old_file_stays_where_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    model = quick().fit(X, y)
    skfastgrnn.save(model, path)
    for function in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, lambda *args: (_ for _ in ()).throw(OSError("disk full")))
            with pytest.raises(OSError, match="disk full"):
                skfastgrnn.save(quick(hidden_size=7).fit(X, y), path)
        assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
        assert skfastgrnn.load(path).hidden_size == 3


def write_for_ever(path):
    models = [quick(hidden_size=h, max_iter=1).fit(X, y) for h in (2, 30)]
    while True:
        for model in models:
            skfastgrnn.save(model, path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of fork in a process with threads
def test_a_kill_while_writing_leaves_a_readable_file(tmp_path):
    path = tmp_path / "model.safetensors"
    moments = np.random.default_rng(0).uniform(0.0, 0.02, size=20)
    skfastgrnn.save(quick().fit(X, y), path)
    for moment in moments:
        process = multiprocessing.get_context("fork").Process(target=write_for_ever, args=(path,))
        before = path.stat().st_mtime_ns
        process.start()
        while path.stat().st_mtime_ns == before:
            time.sleep(0.001)
        time.sleep(moment)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert skfastgrnn.load(path).hidden_size in (2, 30)
