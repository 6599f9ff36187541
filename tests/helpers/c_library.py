"""Exported C as a shared library, whose functions tests call one by one."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest

FLAGS = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wdouble-promotion",
    "-Werror",
]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
needs_compiler = pytest.mark.skipif(not COMPILERS, reason="no C compiler (gcc or clang)")
each_compiler = pytest.mark.parametrize(
    "compiler",
    [
        pytest.param(
            name, marks=pytest.mark.skipif(name not in COMPILERS, reason=f"no C compiler {name}")
        )
        for name in ("gcc", "clang")
    ],
)


def compiled(folder, sources, *arguments, compiler=None, made="made"):
    """Write texts by the names of their files, compile the sources, and return the path."""
    for file, text in sources.items():
        (folder / file).write_text(text, "utf-8")
    files = [file for file in sources if file.endswith(".c")]
    command = [compiler or COMPILERS[0], *FLAGS, *files, *arguments, "-o", made]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / made


class Library:
    """The functions of an exported model, and states of their own.

    kind : "classifier", "multilabel" or "regressor"
    """

    def __init__(self, exported, folder, kind="classifier", *flags, compiler=None):
        name = self._name = exported.name
        sources = {
            f"{name}.h": exported.header,
            f"{name}.c": exported.source,
            "size.c": f'#include "{name}.h"\nextern const unsigned size_of_state;\n'
            f"const unsigned size_of_state = sizeof({name}_state);\n",
        }
        flags = ("-O1", "-shared", "-fPIC", *flags)
        made = compiled(folder, sources, *flags, compiler=compiler, made=f"{name}.so")
        self._library = ctypes.CDLL(str(made))
        self._size = ctypes.c_uint.in_dll(self._library, "size_of_state").value
        sizes = dict(re.findall(r"#define (\w+) (\d+)", exported.header))
        self.n_channels, self.n_outputs = (
            int(sizes[f"{name.upper()}_N_{n}"]) for n in ("CHANNELS", "OUTPUTS")
        )
        self.n_labels = int(sizes.get(f"{name.upper()}_N_LABELS", 0))
        self._kind = kind

    def state(self):
        """Memory for a state, with numbers that a program would find there."""
        return ctypes.create_string_buffer(b"\xa5" * self._size, self._size)

    def call(self, function, state, *arguments):
        """Call `<name>_<function>`."""
        return getattr(self._library, f"{self._name}_{function}")(state, *arguments)

    def step(self, state, x):
        """One time step, of x (n_channels,)."""
        x = np.ascontiguousarray(x, np.float32)
        self.call("step", state, x.ctypes.data_as(ctypes.c_void_p))

    def _filled(self, function, state, size, dtype):
        found = np.full(size, 85, dtype)
        self.call(function, state, found.ctypes.data_as(ctypes.c_void_p))
        return found

    def logits(self, state):
        """Outputs (n_outputs,)."""
        return self._filled("logits", state, self.n_outputs, np.float32)

    def proba(self, state):
        """Probabilities (n_labels,)."""
        return self._filled("proba", state, self.n_labels, np.float32)

    def predict(self, state):
        """The index of a label, which labels there are (n_outputs,), or values (n_outputs,)."""
        if self._kind == "classifier":
            return self.call("predict", state)
        dtype = np.float32 if self._kind == "regressor" else np.uint8
        return self._filled("predict", state, self.n_outputs, dtype)

    def after(self, sequence):
        """The state after a sequence (n_steps, n_channels)."""
        state = self.state()
        self.call("reset", state)
        for x in sequence:
            self.step(state, x)
        return state
