"""Exported models as files: layouts of libraries, and old files that stay."""

import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import quantize
from skfastgrnn.export import _save, to_c

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 6, 2))
SMALL = {"hidden_size": 3, "max_iter": 2, "n_iter_no_change": np.inf, "random_state": 0}
KINDS = {
    "classifier": lambda: FastGRNNClassifier(**SMALL).fit(X, np.repeat(["a", "b", "c"], 20)),
    "multilabel": lambda: FastGRNNClassifier(**SMALL).fit(X, rng.integers(0, 2, (60, 3))),
    "regressor": lambda: FastGRNNRegressor(**SMALL).fit(X, X[:, :, 0].sum(axis=1)),
}


@pytest.fixture(scope="module")
def exported():
    return to_c(quantize(KINDS["classifier"](), X), name="motion")


def texts_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.*")}


def test_header_and_source(exported, tmp_path):
    folder = tmp_path / "not" / "there"
    assert exported.save(folder) == ["motion.c", "motion.h"]
    assert texts_of(folder) == {"motion.c": exported.source, "motion.h": exported.header}
    assert exported.save(str(folder)) == ["motion.c", "motion.h"]


def test_a_library_for_arduino(exported, tmp_path):
    files = exported.save(tmp_path, layout="arduino")
    example = "examples/motion_serial/motion_serial.ino"
    assert files == [example, "library.properties", "src/motion.c", "src/motion.h"]
    properties = dict(
        line.split("=", 1) for line in (tmp_path / "library.properties").read_text().splitlines()
    )
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category"}
    assert required | {"url", "architectures"} <= properties.keys()
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    assert properties["name"] == "motion"
    assert "#include <motion.h>" in (tmp_path / example).read_text()


def test_a_module_for_zephyr(exported, tmp_path):
    files = exported.save(tmp_path, layout="zephyr")
    assert files == ["CMakeLists.txt", "Kconfig", "motion.c", "motion.h", "zephyr/module.yml"]
    module = (tmp_path / "zephyr" / "module.yml").read_text().splitlines()
    assert module == ["name: motion", "build:", "  cmake: .", "  kconfig: Kconfig"]
    assert (tmp_path / "Kconfig").read_text().startswith("config MOTION\n\tbool ")
    assert "zephyr_library_sources(motion.c)" in (tmp_path / "CMakeLists.txt").read_text()


def test_a_library_for_platformio(exported, tmp_path):
    files = exported.save(tmp_path, layout="platformio")
    assert files == ["library.json", "src/motion.c", "src/motion.h"]
    described = json.loads((tmp_path / "library.json").read_text())
    assert (described["name"], described["headers"]) == ("motion", "motion.h")
    assert described["build"]["srcDir"] == "src"


@pytest.mark.parametrize("layout", ["esp32", "Arduino", "", ["arduino"]], ids=str)
def test_an_unknown_layout(exported, tmp_path, layout):
    with pytest.raises(ValueError, match=r"layout must be None or one of \['arduino', 'zephyr'"):
        exported.save(tmp_path, layout=layout)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_old_files_stay_if_writing_fails(exported, tmp_path, monkeypatch, fails_at):
    exported.save(tmp_path, layout="platformio")
    before = texts_of(tmp_path)
    other = to_c(quantize(KINDS["regressor"](), X), name="motion")
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == fails_at:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(_save.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        other.save(tmp_path, layout="platformio")
    assert texts_of(tmp_path) == before
    calls.clear()
    with pytest.raises(OSError, match="No space left"):
        other.save(tmp_path / "new" / "folder", layout="platformio")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="this user may write everywhere",
)
def test_a_folder_that_cannot_be_written(exported, tmp_path):
    exported.save(tmp_path)
    before = texts_of(tmp_path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            exported.save(tmp_path)
        assert texts_of(tmp_path) == before
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_place_of_a_folder(exported, tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "src").write_text("old")
    (tmp_path / "motion.h").mkdir()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(NotADirectoryError, match=r"file"):
            exported.save(folder)
    with pytest.raises(NotADirectoryError, match="file is a file, and no folder to write into"):
        exported.save(tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="src is a file"):
        exported.save(tmp_path, layout="arduino")
    with pytest.raises(IsADirectoryError, match=r"motion\.h is a folder"):
        exported.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "motion.h", "src"]


@pytest.mark.skipif(not shutil.which("avr-gcc"), reason="needs the compiler avr-gcc")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", [8, 4])
def test_the_library_for_arduino_compiles_for_the_uno(kind, bits, tmp_path):
    """As C, as Arduino compiles it, with the example's calls."""
    model = to_c(quantize(KINDS[kind](), X, bits=bits))
    model.save(tmp_path, layout="arduino")
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    command = ["avr-gcc", "-mmcu=atmega328p", "-Os", "-std=gnu11", *warnings]
    subprocess.run([*command, "-c", "src/model.c", "-o", "model.o"], cwd=tmp_path, check=True)
    printed = subprocess.run(
        ["avr-size", "-A", "model.o"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    sizes = {line.split()[0]: int(line.split()[1]) for line in printed.splitlines()[2:] if line}
    assert sizes[".data"] == sizes[".bss"] == 0, "all constants are in program memory"
    assert not any(size for name, size in sizes.items() if name.startswith(".rodata"))
