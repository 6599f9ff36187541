"""What `emulate` refuses, and what is left of a run that fails."""

import tempfile

import numpy as np
import pytest
from helpers.emulators import EMULATED, need, with_board, with_step

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import quantize
from skfastgrnn.export import emulate, to_c
from skfastgrnn.export._targets import TARGETS

X = np.random.default_rng(0).normal(size=(60, 6, 2))
Y = X[:, :, 0].sum(axis=1) > 0


@pytest.fixture(scope="module")
def exported():
    """A small model in integers."""
    return to_c(quantize(FastGRNNClassifier(4, max_iter=2, random_state=0).fit(X, Y), X))


@pytest.mark.parametrize("target", EMULATED)
def test_missing_tools_are_named_with_their_packages(exported, target, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="apt-get install") as error:
        emulate(exported, X, target)
    needed = TARGETS[target].packages | TARGETS[target].libraries
    assert all(word in str(error.value) for pair in needed.items() for word in pair)
    assert f"target={target!r}" in str(error.value)


def test_a_missing_library_is_named(exported, monkeypatch):
    need("avr")
    with_board(monkeypatch, "avr", libraries={"no-such-file.a": "avr-libc"})
    with pytest.raises(RuntimeError, match=r"needs no-such-file.a, .* apt-get install avr-libc$"):
        emulate(exported, X, "avr")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"target": "msp430"}, ValueError, "'target' parameter of emulate must be a str among"),
        ({"target": "avr", "hard_float": True}, ValueError, "hard_float=True needs target='cor"),
        ({"inputs": "double"}, ValueError, "'inputs' parameter of emulate"),
        ({"optimization": "0"}, ValueError, "'optimization' parameter of emulate"),
        ({"timeout": 0}, ValueError, "'timeout' parameter of emulate"),
        ({"X": X[..., :1]}, ValueError, "X has 1 channels"),
        ({"X": np.full((1, 6, 2), np.nan)}, ValueError, "X"),
    ],
    ids=str,
)
def test_bad_arguments(exported, arguments, error, message):
    with pytest.raises(error, match=message):
        emulate(exported, **{"X": X, **arguments})


def test_something_that_is_not_exported():
    with pytest.raises(ValueError, match="'exported' parameter of emulate"):
        emulate("model.c", X)


def test_a_source_that_does_not_compile(exported):
    need("avr")
    with pytest.raises(RuntimeError, match=r"(?s)avr-gcc cannot compile or link .*error:"):
        emulate(with_step(exported, "this is no C;"), X, "avr")


DEEP = """
static volatile uint8_t seen;
void model_step(model_state *state, const float x[]) {
    volatile uint8_t buffer[SIZE];
    for (uint32_t i = SIZE; i > 0; i--) buffer[i - 1] = (uint8_t)i;
    seen = buffer[0];
    (void)state, (void)x;
}
"""


@pytest.mark.parametrize(("target", "size"), [("avr", 2000), ("cortex-m0plus", 16340)])
def test_a_stack_that_leaves_the_ram(exported, target, size):
    need(target)
    step = DEEP.replace("SIZE", str(size))
    with pytest.raises(RuntimeError, match=f"cannot run the model for target='{target}'"):
        emulate(with_step(exported, step), X, target, timeout=20)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("avr", r"(?s): 32768 bytes of flash and 2048 of RAM are there .*region `text' overflowed"),
        ("cortex-m0plus", r"(?s): 262144 bytes of flash and .*region `FLASH' overflowed"),
    ],
)
def test_a_model_that_is_larger_than_the_flash(exported, target, message):
    need(target)
    section = ".progmem.data" if target == "avr" else ".rodata.table"
    parts = TARGETS[target].flash // 20000 + 1
    tables = "".join(
        f'__attribute__((section("{section}"))) const uint8_t table_{i}[20000] = {{1}};\n'
        f"#define READ_{i} table_{i}[n]\n"
        for i in range(parts)
    )
    total = " + ".join(f"READ_{i}" for i in range(parts))
    step = f"""{tables}
    void model_step(model_state *state, const float x[]) {{
        const uint16_t n = (uint16_t)x[0];
        *(volatile uint8_t *)state = (uint8_t)({total});
    }}"""
    with pytest.raises(RuntimeError, match=message):
        emulate(with_step(exported, step), X, target)


def test_a_sequence_that_is_longer_than_the_flash(exported):
    need("avr")
    with pytest.raises(ValueError, match=r"Sequence 1 of X has 9000 steps, .* room for 3\d\d\d"):
        emulate(exported, [X[0], np.zeros((9000, 2))], "avr")


@pytest.mark.parametrize("target", EMULATED)
def test_a_program_that_does_not_end(exported, target, tmp_path, monkeypatch):
    need(target)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    forever = "void model_step(model_state *s, const float x[]) { (void)s; (void)x; for (;;) {} }"
    with pytest.raises(TimeoutError, match=r"not ended within timeout=1.5 seconds"):
        emulate(with_step(exported, forever), X, target, timeout=1.5)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left(exported, tmp_path, monkeypatch):
    need("host")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    emulate(exported, X, "host")
    assert list(tmp_path.iterdir()) == []


def test_broken_tools_say_what_they_said(exported, tmp_path, monkeypatch):
    """An emulator that ends with an error, as one that lacks a machine does."""
    need("cortex-m4")
    with_board(monkeypatch, "cortex-m4", emulator=("qemu-system-arm", "-M", "no-such-machine"))
    with pytest.raises(RuntimeError, match=r"(?s)cannot run the model .*unsupported machine"):
        emulate(exported, X, "cortex-m4")
