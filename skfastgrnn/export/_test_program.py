"""The program that runs a model on an emulator: compiled, and run."""

import re
import subprocess
from pathlib import Path

from ._linker_map import LinkerMap
from ._program_output import Outcome, as_input, outcome
from ._targets import SOURCES, compiler_of

SHARED = ("main.c", "device.h", "stack.h", "semihosting.h")
#: Files in the folder of the program.
INPUT, OUTPUT, PROGRAM, MAP, SPANS = "input", "output", "program", "program.map", "spans.vcd"
#: Where the model's files are, whose names may be those of others.
EXPORTED = "exported"
#: Statuses of emulators/device.h.
REASONS = {
    4: "a fault stopped it, as where the stack leaves the RAM",
    5: "its stack needs more than the RAM that is left",
}


def measured(name, value, output):
    """The header that gives main.c the model's names.

    value, output : types of C of an input and of a logit
    """
    step = "step_integers" if value == "int16_t" else "step"
    return f"""#include "{EXPORTED}/{name}.h"
#define MODEL(FUNCTION) {name}_##FUNCTION
#define MODEL_STEP {name}_{step}
#define N_CHANNELS {name.upper()}_N_CHANNELS
#define N_OUTPUTS {name.upper()}_N_OUTPUTS
typedef {name}_state model_state;
typedef {value} model_input;
typedef {output} model_output;
"""


class TestProgram:
    """A model compiled for a target, in a folder.

    object : path of the model's object file in the folder
    map : LinkerMap; None on the host
    """

    __test__ = False  # pytest takes it for a test otherwise

    def __init__(self, exported, target, folder, *, value, optimization, timeout):
        """Compile and link.

        value : type of C of an input, "float" or "int16_t"
        """
        self._target, self._folder, self._timeout = target, Path(folder), timeout
        self._compiler = compiler_of(target)
        name, carried = exported.name, exported._carried
        self._n_outputs = carried.n_outputs
        output, self._dtype = ("int32_t", "<i4") if carried.is_integer else ("float", "<f4")
        texts = {file: (SOURCES / file).read_text("utf-8") for file in (*SHARED, target.source)}
        source = f"{EXPORTED}/{name}.c"
        texts |= {f"{EXPORTED}/{name}.h": exported.header, source: exported.source}
        texts["measured.h"] = measured(name, value, output)
        (self._folder / EXPORTED).mkdir()
        for file, text in texts.items():
            (self._folder / file).write_text(text, "utf-8")
        self.object = f"{EXPORTED}/{name}.o"
        options = (f"-O{optimization}", "-ffp-contract=off")
        self._compile(*options, source, "-o", self.object)
        self._compile("-Os", "main.c")
        self._link([])
        self.map = None
        if target.unit is not None:
            self.map = LinkerMap((self._folder / MAP).read_text("utf-8"))

    def _compile(self, *arguments):
        sections = ("-ffunction-sections", "-fdata-sections")
        self._call(self._compiler, *self._target.flags, *sections, *arguments, "-c")

    def _link(self, sequences):
        """Make the program; without files, the input is a part of it."""
        target = self._target
        (self._folder / INPUT).write_bytes(as_input(sequences))
        self._compile("-Os", target.source)
        objects = ("main.o", Path(target.source).with_suffix(".o").name, self.object)
        self._call(self._compiler, *target.flags, *objects, "-lm", *target.links, "-o", PROGRAM)

    def run(self, sequences):
        """The `Outcome` for arrays (n_steps, n_channels)."""
        if self._target.has_files:
            return self._run_once(sequences)
        room = self._target.flash - self.map.total.flash
        parts = [self._run_once(batch) for batch in batches(sequences, room)]
        return Outcome.joined(parts)

    def _run_once(self, sequences):
        target, spans = self._target, None
        if target.has_files:
            (self._folder / INPUT).write_bytes(as_input(sequences))
        else:
            self._link(sequences)
        said = self._call(*target.emulator, str(self._folder / PROGRAM))
        if target.has_files:
            written = (self._folder / OUTPUT).read_bytes()
        else:
            written = self._from_console(said)
            spans = (self._folder / SPANS).read_text("ascii")
        lengths = [len(values) for values in sequences]
        return outcome(written, lengths, self._n_outputs, self._dtype, target, spans)

    def _from_console(self, said):
        """The bytes that simavr shows as lines of digits, the last of them with the status."""
        status = re.search(r"^O:=(\d)", said, re.M)
        if status is None or status[1] != "0":
            raise self._error("simavr", status and int(status[1]), said[-2000:])
        return bytes.fromhex("".join(re.findall(r"^O:([0-9a-f]+)", said, re.M)))

    def _call(self, *command):
        """What a command says."""
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                capture_output=True,
                timeout=self._timeout,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(
                f"{Path(command[0]).name} has not ended within timeout={self._timeout} seconds; "
                "pass fewer or shorter sequences, or a greater timeout."
            ) from error
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        if done.returncode:
            raise self._error(Path(command[0]).name, done.returncode, text)
        return text

    def _error(self, program, status, said):
        target, reason = self._target, REASONS.get(status, "")
        what = "run the model"
        if program == Path(self._compiler).name:
            what, reason = "compile or link the model", ""
            if target.flash:
                reason = f"{target.flash} bytes of flash and {target.memory} of RAM are there"
        return RuntimeError(
            f"{program} cannot {what} for target={target.name!r}{reason and ': ' + reason} "
            f"(status {status}).\n{said}"
        )


def batches(sequences, room):
    """Divide sequences into lists whose bytes have room in flash beside the program."""
    batch, used = [], 4
    for i, values in enumerate(sequences):
        size = values.nbytes + 4
        if size + 4 > room:
            raise ValueError(
                f"Sequence {i} of X has {len(values)} steps, of which the flash beside the program "
                f"has room for {max(room - 8, 0) // values[0].nbytes}. Pass shorter sequences, or "
                "inputs='integers', which take half."
            )
        if used + size > room:
            yield batch
            batch, used = [], 4
        batch.append(values)
        used += size
    if batch:
        yield batch
