"""Networks of random integers as C, many in one program."""

import shutil
import subprocess

import numpy as np
import pytest

from skfastgrnn.export._c_integer import integer_source
from skfastgrnn.export._device import DeviceModel

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wdouble-promotion"]
STRICT += ["-Wshadow", "-Wundef", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COMPILERS = [
    pytest.param(
        name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"needs the compiler {name}")
    )
    for name in ("gcc", "clang")
]
needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="needs the compiler gcc")

MODEL = """
#include "NAME.h"
static void run_NAME(void) {
    NAME_state state;
    int16_t x[BIG_N_CHANNELS];
    int32_t logits[BIG_N_OUTPUTS];
    for (uint32_t n_sequences = number(); n_sequences > 0; n_sequences--) {
        NAME_reset(&state);
        for (uint32_t n_steps = number(); n_steps > 0; n_steps--) {
            take(x, sizeof x);
            NAME_step_integers(&state, x);
        }
        NAME_logits(&state, logits);
        fwrite(logits, sizeof logits, 1, stdout);
    }
}
"""
MAIN = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
static void take(void *to, size_t n) { if (fread(to, n, 1, stdin) != 1) exit(1); }
static uint32_t number(void) { uint32_t n; take(&n, sizeof n); return n; }
"""


def device_of(network, kind="classifier"):
    """A `DeviceModel` of a network that no estimator has."""
    n = network.n_outputs
    classes = None if kind == "regressor" else np.arange(n + (kind == "classifier" and n == 1))
    return DeviceModel(None, network, None, kind, classes, False, None)


def programmed(networks, folder, compiler="gcc", flags=("-O1",)):
    """The path of a program of some networks."""
    mains, files = [MAIN], []
    for i, network in enumerate(networks):
        name = f"m{i}"
        source, header = integer_source(device_of(network), name)
        (folder / f"{name}.c").write_text(source, "utf-8")
        (folder / f"{name}.h").write_text(header, "utf-8")
        mains.append(MODEL.replace("NAME", name).replace("BIG", name.upper()))
        files.append(f"{name}.c")
    calls = "".join(f"    run_m{i}();\n" for i in range(len(networks)))
    (folder / "main.c").write_text(f"{''.join(mains)}int main(void) {{\n{calls}}}\n", "utf-8")
    command = [compiler, *STRICT, *flags, "main.c", *files, "-o", "program"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "program"


def outputs_of(program, networks, sequences):
    """Outputs of each network of a program on its SequenceBatch of int16."""
    parts = []
    for batch in sequences:
        parts.append(np.uint32(len(batch)).tobytes())
        for start, length in zip(batch.starts, batch.lengths, strict=True):
            parts += [np.uint32(length).tobytes(), batch.values[start : start + length].tobytes()]
    done = subprocess.run([program], input=b"".join(parts), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found = np.frombuffer(done.stdout, np.int32)
    ends = np.cumsum([len(s) * n.n_outputs for n, s in zip(networks, sequences, strict=True)])
    pieces = np.split(found, ends[:-1])
    return [p.reshape(-1, n.n_outputs) for p, n in zip(pieces, networks, strict=True)]
