"""Paths in every form, and what lies there already: links, protected files, folders, devices."""

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest
from helpers.estimators import bits, quick, run_python, sequences

from skfastgrnn import load, save
from skfastgrnn.persistence._files import check_writable, replace_file

X, y = sequences(20)
MODEL = quick(max_iter=2).fit(X, y)


class OwnPath:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return os.fsencode(self.path)


FORMS = {"str": str, "Path": Path, "bytes": os.fsencode, "path-like of bytes": OwnPath}


@pytest.mark.parametrize("form", FORMS)
def test_a_model_is_saved_and_loaded_by_every_form_of_path(form, tmp_path):
    path = FORMS[form](tmp_path / "model.safetensors")
    save(MODEL, path)
    assert bits(load(path)) == bits(MODEL)


@pytest.mark.parametrize("form", FORMS)
def test_callbacks_take_every_form_of_path(form, tmp_path):
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import Checkpoint, JSONLinesLogger

    names = {name: FORMS[form](tmp_path / name) for name in ("last", "best", "lines.jsonl")}
    writer = JSONLinesLogger(names["lines.jsonl"])
    model = quick().set_callbacks(Checkpoint(names["last"], best_path=names["best"]), writer)
    model.fit(X, y)
    assert {file.name for file in tmp_path.iterdir()} == set(names)
    assert bits(quick().resume(names["last"], X, y)) == bits(model)
    assert load(names["best"]).n_iter_ <= 10
    assert [line["loss"] for line in writer.get_logs()] == model.history_["loss"]


@pytest.mark.parametrize("form", FORMS)
def test_tensorboard_takes_every_form_of_path(form, tmp_path):
    pytest.importorskip("sklearn.callback")
    pytest.importorskip("tensorboard")
    from skfastgrnn.callbacks import TensorBoardLogger

    quick(max_iter=1).set_callbacks(TensorBoardLogger(FORMS[form](tmp_path / "logs"))).fit(X, y)
    assert len(list((tmp_path / "logs").iterdir())) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_a_name_that_is_no_text_is_one_all_the_same(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xfe.safetensors"
    save(MODEL, path)
    assert bits(load(path)) == bits(MODEL)
    Path(os.fsdecode(path)).write_bytes(b"damaged")
    with pytest.raises(ValueError, match="cannot be read"):
        load(path)


@pytest.mark.parametrize("path", [3, None, 1.5])
def test_what_is_no_path_is_a_type_error(path):
    for use in (load, lambda path: save(MODEL, path)):
        with pytest.raises(TypeError, match="PathLike"):
            use(path)


needs_links = pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")


@needs_links
@pytest.mark.parametrize("exists", [True, False])
def test_saving_through_a_link_writes_where_it_points(exists, tmp_path):
    for folder in ("store", "work"):
        (tmp_path / folder).mkdir()
    target, link = tmp_path / "store" / "v1.safetensors", tmp_path / "work" / "model.safetensors"
    if exists:
        target.write_bytes(b"old")
    (tmp_path / "work" / "other").symlink_to(Path("..") / "store" / "v1.safetensors")
    link.symlink_to("other")  # a link to a link
    save(MODEL, link)
    assert link.is_symlink()
    assert not target.is_symlink()
    assert bits(load(target)) == bits(load(link)) == bits(MODEL)
    assert [file.name for file in (tmp_path / "store").iterdir()] == ["v1.safetensors"]
    assert {file.name for file in (tmp_path / "work").iterdir()} == {"model.safetensors", "other"}


@needs_links
def test_a_link_to_itself_is_an_error_of_the_system(tmp_path):
    link = tmp_path / "model.safetensors"
    link.symlink_to(link.name)
    for use in (load, lambda path: save(MODEL, path)):
        with pytest.raises(OSError, match=r"model\.safetensors"):
            use(link)
    assert link.is_symlink()


@needs_links
def test_a_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "model.safetensors"
    for mode in (0o600, 0o664, 0o444):
        path.touch()
        path.chmod(mode)
        if os.access(path, os.W_OK):  # root may write to all
            save(MODEL, path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        path.chmod(0o600)


LONG = "m" * 243 + ".safetensors"  # 255 bytes, the most that a name may have


@needs_links
def test_the_longest_name_can_be_written(tmp_path):
    save(MODEL, tmp_path / LONG)
    assert bits(load(tmp_path / LONG)) == bits(MODEL)
    assert [file.name for file in tmp_path.iterdir()] == [LONG]


@needs_links
def test_a_name_that_is_too_long_is_refused_by_name(tmp_path):
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import Checkpoint, JSONLinesLogger

    path = tmp_path / f"m{LONG}"
    with pytest.raises(OSError, match=f"name too long: .*{path.name}"):
        save(MODEL, path)
    with pytest.raises(OSError, match=f"name too long: .*{path.name}"):
        load(path)
    for callback in (Checkpoint(path), Checkpoint(best_path=path), JSONLinesLogger(path)):
        model = quick().set_callbacks(callback)
        with pytest.raises(OSError, match="name too long"):
            model.fit(X, y)
        assert not hasattr(model, "n_iter_")
    assert list(tmp_path.iterdir()) == []


def test_folders_and_missing_folders_are_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; give it the name of a file"):
        save(MODEL, tmp_path)
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*none"):
        save(MODEL, tmp_path / "none" / "model.safetensors")
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*file"):
        save(MODEL, tmp_path / "file" / "model.safetensors")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load(tmp_path / "file" / "model.safetensors")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_devices_and_pipes_are_neither_replaced_nor_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="a device or a pipe, not a file"):
        save(MODEL, pipe)
    with pytest.raises(ValueError, match="a device or a pipe, not a file"):
        load(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    check_writable(pipe)  # but lines may go into one


PROTECTED = """
import os, sys
from pathlib import Path
from skfastgrnn import load, save
from skfastgrnn.callbacks import Checkpoint, JSONLinesLogger
from helpers.estimators import quick, sequences
folder = Path(sys.argv[1])
X, y = sequences(20)
model = quick(max_iter=2).fit(X, y)
for name in ("closed", "open"):
    (folder / name).mkdir()
    save(model, folder / name / "model.safetensors")
    (folder / name / "model.safetensors").chmod(0o666)
(folder / "open" / "mine.safetensors").write_bytes(b"mine")
(folder / "open" / "mine.safetensors").chmod(0o400)
(folder / "open").chmod(0o777)
(folder / "closed").chmod(0o555)
work = [Checkpoint(folder / "open" / "last"), JSONLinesLogger(folder / "open" / "lines")]
quick(max_iter=1).set_callbacks(*work).fit(X, y)  # imports all that is needed, as who may
load(folder / "open" / "last")
for name in ("last", "lines"):
    (folder / "open" / name).unlink()
if os.getuid() == 0:
    os.seteuid(65534)  # nobody
def attempt(what, path):
    try:
        what()
    except OSError as error:
        print(type(error).__name__, error)
closed, mine = folder / "closed" / "model.safetensors", folder / "open" / "mine.safetensors"
attempt(lambda: save(model, closed), closed)
attempt(lambda: quick().set_callbacks(Checkpoint(closed)).fit(X, y), closed)
attempt(lambda: save(model, mine), mine)
attempt(lambda: load(mine), mine)
attempt(lambda: quick().set_callbacks(Checkpoint(mine)).fit(X, y), mine)
quick(max_iter=1).set_callbacks(JSONLinesLogger(closed)).fit(X, y)  # writes into it
print(closed.read_text().count("epoch"), sorted(p.name for p in folder.rglob("*")))
"""


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs users")
def test_protected_files_and_folders_are_named_with_the_reason():
    """In a process of its own that is not root, to whom nothing is closed."""
    pytest.importorskip("sklearn.callback")
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is in one that is closed to others
        os.chmod(folder, 0o777)
        saved, checked, protected, read, checked_mine, last = run_python(
            PROTECTED, folder
        ).splitlines()
    for line in (saved, checked):
        assert line.startswith("PermissionError")
        assert "cannot make a file in the folder, which replacing model.safetensors takes" in line
        assert line.endswith(f"'{Path(folder, 'closed')}'")
    for line in (protected, checked_mine):
        assert line.startswith("PermissionError")
        assert "the file is write-protected" in line
        assert line.endswith("mine.safetensors'")
    assert read.startswith("PermissionError")
    assert (
        last == "1 ['closed', 'mine.safetensors', 'model.safetensors', 'model.safetensors', 'open']"
    )


@pytest.mark.parametrize("function", ["fsync", "replace", "chmod"])
def test_an_error_on_the_way_names_the_file_and_leaves_nothing(function, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")

    def fail(*args):
        raise OSError(28, "No space left on device", "/some/made-up/name")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(
        OSError, match=r"No space left on device: '.*/model\.safetensors'"
    ) as caught:
        replace_file(path, b"new")
    assert caught.value.errno == 28
    monkeypatch.undo()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {path.name: b"old"}
