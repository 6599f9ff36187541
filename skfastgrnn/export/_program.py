"""Programs that run an exported model on this machine: compiled, and asked through a pipe."""

import os
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

import numpy as np

#: Names of compilers, the first that is found is used; the variable CC comes before.
COMPILERS = ("cc", "gcc", "clang")
#: No rounding may depend on how a compiler contracts sums and products.
FLAGS = ("-std=c99", "-O2", "-ffp-contract=off")

#: Reads the number of sequences, and each one's number of steps and floats; writes the outputs.
MAIN = """
#include <stdio.h>
#include "NAME.h"

int main(void) {
    static NAME_state state;
    uint32_t n_sequences, n_steps;
    if (fread(&n_sequences, sizeof n_sequences, 1, stdin) != 1) return 1;
    for (uint32_t i = 0; i < n_sequences; i++) {
        LOGIT logits[BIG_N_OUTPUTS];
        if (fread(&n_steps, sizeof n_steps, 1, stdin) != 1) return 1;
        NAME_reset(&state);
        for (uint32_t t = 0; t < n_steps; t++) {
            float x[BIG_N_CHANNELS];
            if (fread(x, sizeof x, 1, stdin) != 1) return 1;
            NAME_step(&state, x);
        }
        NAME_logits(&state, logits);
        if (fwrite(logits, sizeof logits, 1, stdout) != 1) return 1;
    }
    return 0;
}
"""


def compiler():
    """The path of the host's C compiler.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    named = os.environ.get("CC")
    for name in (named,) if named else COMPILERS:
        found = shutil.which(name)
        if found:
            return found
    what = f"CC={named!r} is not found" if named else "none of cc, gcc and clang is found"
    raise RuntimeError(
        f"Predictions of a CModel need a C compiler on this machine, and {what}. Install one: on "
        "Debian and Ubuntu the package gcc, on macOS the command line tools (xcode-select "
        "--install)."
    )


class Program:
    """A compiled program, in a temporary folder that is removed with it."""

    def __init__(self, name, source, header, logit):
        folder = Path(tempfile.mkdtemp(prefix="skfastgrnn-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        (folder / f"{name}.h").write_text(header, "utf-8")
        (folder / f"{name}.c").write_text(source, "utf-8")
        main = MAIN.replace("NAME", name).replace("BIG", name.upper()).replace("LOGIT", logit)
        (folder / f"{name}_program.c").write_text(main, "utf-8")
        self.path = folder / "program"
        command = [
            compiler(),
            *FLAGS,
            f"{name}_program.c",
            f"{name}.c",
            "-lm",
            "-o",
            self.path.name,
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]} cannot compile the model:\n{done.stderr}")

    def run(self, sequences):
        """What the program writes about a SequenceBatch of float32."""
        parts = [np.uint32(len(sequences)).tobytes()]
        for start, length in zip(sequences.starts, sequences.lengths, strict=True):
            parts.append(np.uint32(length).tobytes())
            parts.append(np.ascontiguousarray(sequences.values[start : start + length]).tobytes())
        done = subprocess.run([self.path], input=b"".join(parts), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"The compiled model stopped with status {done.returncode}.")
        return done.stdout
