"""Programs that run an exported model on this machine: compiled, and asked through a pipe."""

import os
import shlex
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

import numpy as np

from ._names import named

#: Names of compilers, the first that is found is used; the variable CC comes before.
COMPILERS = ("cc", "gcc", "clang")
#: No rounding may depend on how a compiler contracts sums and products.
FLAGS = ("-std=c99", "-O2", "-ffp-contract=off")

#: Reads the number of sequences, and each one's number of steps and floats; writes what there is of
#: each after its last step.
MAIN = """
#include <stdio.h>
#include "NAME.h"

int main(void) {
    static NAME_state state;
    uint32_t n_sequences, n_steps;
    if (fread(&n_sequences, sizeof n_sequences, 1, stdin) != 1) return 1;
    for (uint32_t i = 0; i < n_sequences; i++) {
        if (fread(&n_steps, sizeof n_steps, 1, stdin) != 1) return 1;
        NAME_reset(&state);
        for (uint32_t t = 0; t < n_steps; t++) {
            float x[BIG_N_CHANNELS];
            if (fread(x, sizeof x, 1, stdin) != 1) return 1;
            NAME_step(&state, x);
        }
RESULTS    }
    return 0;
}
"""
#: A result, from its type, its number and how it is asked for.
RESULT = """        {{
            {c_type} result[{size}];
            {call};
            if (fwrite(result, sizeof result, 1, stdout) != 1) return 1;
        }}
"""


def results_of(model):
    """Name, C type, NumPy dtype, number and call of each result of a `DeviceModel`."""
    logit = ("int32_t", np.int32) if model.is_integer else ("float", np.float32)
    found = [("logits", *logit, model.n_outputs, "NAME_logits(&state, result)")]
    if model.kind == "regressor":
        return [
            *found,
            ("values", "float", np.float32, model.n_outputs, "NAME_predict(&state, result)"),
        ]
    if model.kind == "classifier":
        found.append(("label", "int32_t", np.int32, 1, "result[0] = NAME_predict(&state)"))
    else:
        call = "NAME_predict(&state, result)"
        found.append(("labels", "uint8_t", np.uint8, model.n_outputs, call))
    n_labels = len(model.classes)
    return [*found, ("proba", "float", np.float32, n_labels, "NAME_proba(&state, result)")]


def _wanted():
    """The command in the environment's CC as a list, empty where there is none."""
    command = os.environ.get("CC", "")
    try:
        return shlex.split(command)
    except ValueError as error:
        raise RuntimeError(f"CC={command!r} is no command: {error}.") from error


def compiler():
    """The path of the host's C compiler: the environment's CC, or the first that is found.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    wanted = _wanted()
    for name in wanted[:1] or COMPILERS:
        found = shutil.which(name)
        if found:
            return os.path.abspath(found)
    what = f"CC={wanted[0]!r} is not found" if wanted else "none of cc, gcc and clang is found"
    raise RuntimeError(
        f"Predictions of a CModel need a C compiler on this machine, and {what}. Install one: on "
        "Debian and Ubuntu the package gcc, on macOS the command line tools (xcode-select "
        "--install)."
    )


class Program:
    """A compiled program, in a temporary folder that is removed with it.

    model : DeviceModel
    """

    def __init__(self, model, name, source, header):
        command = [compiler(), *_wanted()[1:]]
        folder = Path(tempfile.mkdtemp(prefix="skfastgrnn-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        results = results_of(model)
        self.dtype = np.dtype([(n, dtype, (size,)) for n, _, dtype, size, _ in results])
        asked = "".join(
            RESULT.format(c_type=c_type, size=size, call=call)
            for _, c_type, _, size, call in results
        )
        main = named(MAIN.replace("RESULTS", asked), name)
        sources = {f"{name}.h": header, f"{name}.c": source, f"{name}_program.c": main}
        for file, text in sources.items():
            (folder / file).write_text(text, "utf-8")
        self.path = folder / "program"
        command += [*FLAGS, f"{name}_program.c", f"{name}.c", "-o", self.path.name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"{command[0]} cannot compile the model (status {done.returncode}).\n{done.stderr}"
            )

    def run(self, sequences):
        """Results of a SequenceBatch of float32: a structured array, one record for each."""
        parts = [np.uint32(len(sequences)).tobytes()]
        for start, length in zip(sequences.starts, sequences.lengths, strict=True):
            parts.append(np.uint32(length).tobytes())
            parts.append(sequences.values[start : start + length].tobytes())
        done = subprocess.run([self.path], input=b"".join(parts), capture_output=True, check=False)
        if done.returncode or len(done.stdout) != len(sequences) * self.dtype.itemsize:
            raise RuntimeError(f"The compiled model stopped with status {done.returncode}.")
        return np.frombuffer(done.stdout, self.dtype)
