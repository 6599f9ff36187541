"""The targets of `emulate`: compilers, emulators, and the packages that bring them."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib.resources import files

from ._program import compiler as host_compiler

SOURCES = files("skfastgrnn") / "export" / "emulators"


@dataclass(frozen=True)
class Target:
    """How a program is compiled for a device, and run.

    board : what is emulated
    unit : what is counted, "instructions" or "cycles"; None if nothing is
    compiler : program, and `flags` for compiling and linking
    links : flags for linking
    emulator : command that runs the program
    packages : dict of program -> Debian package
    libraries : dict of file that the compiler must find -> Debian package
    flash, memory : bytes; the emulated board's, which may be more than a device has
    has_files : whether the program reads and writes files; otherwise its input is linked into it
    of_return : cost of the return from a function that does nothing
    """

    name: str
    source: str
    board: str
    unit: str | None = None
    compiler: str | None = None
    flags: tuple = ()
    links: tuple = ()
    emulator: tuple = ()
    packages: dict = field(default_factory=dict)
    libraries: dict = field(default_factory=dict)
    flash: int = 0
    memory: int = 0
    has_files: bool = True
    of_return: int = 1


QEMU = ("-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config")
ARM_PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}
SOFT_FLOAT = ("-mfloat-abi=soft",)
HARD_FLOAT = ("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")


MAPPED = ("-Wl,--gc-sections,-Map=program.map",)
AVR_STACK = "-Wl,--defsym=device_stack_limit=_end"


def _links(script, flash, memory):
    """Flags for linking without a compiler's own start."""
    sizes = f"-Wl,--defsym=FLASH_SIZE={flash},--defsym=RAM_SIZE={memory}"
    return (*MAPPED, "-nostartfiles", "-T", str(SOURCES / script), sizes)


def _cortex(name, core, board, machine, flash, memory, flags=SOFT_FLOAT):
    return Target(
        name=name,
        source="cortex_m.c",
        board=board,
        unit="instructions",
        compiler="arm-none-eabi-gcc",
        flags=(f"-mcpu={core}", "-mthumb", *flags, "-std=c99", "--specs=nano.specs"),
        links=_links("cortex_m.ld", flash, memory),
        emulator=(
            "qemu-system-arm",
            *("-M", machine, *QEMU, "enable=on,target=native", "-icount", "shift=8", "-kernel"),
        ),
        packages=ARM_PACKAGES,
        libraries={"libc_nano.a": "libnewlib-arm-none-eabi"},
        flash=flash,
        memory=memory,
    )


def _cortex_m4(flags):
    return _cortex("cortex-m4", "cortex-m4", "QEMU's mps2-an386", "mps2-an386", 2**22, 2**22, flags)


TARGETS = {
    "cortex-m4": _cortex_m4(SOFT_FLOAT),
    "cortex-m0plus": _cortex(
        "cortex-m0plus",
        "cortex-m0plus",
        "QEMU's microbit, a Cortex-M0",
        "microbit",
        2**18,
        2**14,
    ),
    "avr": Target(
        name="avr",
        source="avr.c",
        board="simavr's ATmega328P, that of the Arduino Uno",
        unit="cycles",
        compiler="avr-gcc",
        flags=("-mmcu=atmega328p", "-std=gnu99"),  # ISO C has no __flash
        links=(*MAPPED, "-Wl,-u,simavr_settings,--section-start=.mmcu=0x910000", AVR_STACK),
        emulator=("simavr", "-m", "atmega328p", "-f", "1000000"),
        packages={"avr-gcc": "gcc-avr", "simavr": "simavr"},
        libraries={"avr5/libc.a": "avr-libc"},
        flash=2**15,
        memory=2**11,
        has_files=False,
        of_return=4,
    ),
    "riscv32": Target(
        name="riscv32",
        source="riscv32.c",
        board="QEMU's virt, RV32IMAC",
        unit="instructions",
        compiler="riscv64-unknown-elf-gcc",
        flags=("-march=rv32imac", "-mabi=ilp32", "-std=c99", "--specs=picolibc.specs"),
        links=_links("riscv32.ld", 2**22, 2**22),
        emulator=(
            "qemu-system-riscv32",
            *("-M", "virt", "-bios", "none", *QEMU, "enable=on,target=native"),
            *("-icount", "shift=0", "-kernel"),
        ),
        packages={
            "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
            "qemu-system-riscv32": "qemu-system-misc",
        },
        libraries={"picolibc.specs": "picolibc-riscv64-unknown-elf"},
        flash=2**22,
        memory=2**22,
    ),
    "host": Target(name="host", source="host.c", board="this machine", flags=("-std=c99",)),
}
CORTEX_M4_HARD_FLOAT = _cortex_m4(HARD_FLOAT)


def missing_tools(target):
    """Tools of a `Target` that are not installed: a dict of name -> Debian package."""
    missing = {
        program: package
        for program, package in target.packages.items()
        if shutil.which(program) is None
    }
    if target.compiler in missing:
        return {**missing, **target.libraries}
    return missing | {
        name: package for name, package in target.libraries.items() if not _finds(target, name)
    }


def _finds(target, name):
    """Whether a compiler has a file."""
    command = [target.compiler, f"-print-file-name={name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return os.path.isabs(done.stdout.strip())


def compiler_of(target):
    """The path of a compiler, after a check that every tool of the target is there.

    Raises
    ------
    RuntimeError
        If one is missing; the message names it and the package that brings it.
    """
    if target.compiler is None:
        return host_compiler()
    missing = missing_tools(target)
    if missing:
        packages = " ".join(dict.fromkeys(missing.values()))
        raise RuntimeError(
            f"target={target.name!r} needs {', '.join(missing)}, not found on this machine. On "
            f"Debian and Ubuntu: apt-get install {packages}"
        )
    return shutil.which(target.compiler)
