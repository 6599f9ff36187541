"""What a program is linked of, by the map that GNU ld writes."""

import re
from typing import NamedTuple

#: Output sections that lie in flash, and in RAM; what is initialised lies in both.
FLASH = (".text", ".ARM.exidx", ".data")
RAM = (".data", ".bss", ".noinit")
#: Sections of code by their names. Some compilers put numbers of instructions into sections of
#: their own, .cst with the number of bytes, which others put between the instructions.
CODE = re.compile(r"\.(text|vectors|init|fini)|.*\.cst\d+$")

FIRST_PART = re.compile(r"^Archive member included.*?\n\n(.*?)\n\n\S", re.M | re.S)
MEMBER = re.compile(r"^(\S+\(\S+\))\s+(\S+) \(", re.M)
# A name that is too long stands on a line of its own. Names of files may have spaces.
SECTION = re.compile(r"^( ?)(\.\S+|COMMON)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: (.+))?$", re.M)


class Linked(NamedTuple):
    """Bytes in flash, of code and of constants, and in RAM."""

    code: int = 0
    constants: int = 0
    ram: int = 0

    @property
    def flash(self):
        """Code and constants."""
        return self.code + self.constants

    def __add__(self, other):
        return Linked(*map(sum, zip(self, other, strict=True)))

    @classmethod
    def of(cls, section, output, n_bytes):
        """Of an input section that lies in an output section."""
        is_code = CODE.match(section) is not None
        in_flash = n_bytes if output in FLASH else 0
        return cls(
            in_flash if is_code else 0,
            0 if is_code else in_flash,
            n_bytes if output in RAM else 0,
        )


class LinkerMap:
    """What a map says.

    files : dict of file -> Linked, of objects, and of members of archives as "archive(member)"
    total : Linked of the program; what lies between the files is constant
    """

    def __init__(self, text):
        _, _, linked = text.partition("\nLinker script and memory map\n")
        first = FIRST_PART.search(text)
        self._wanted_by = dict(MEMBER.findall(first[1])) if first else {}
        self.files, self.total, output = {}, Linked(), None
        for is_input, name, _, size, file in SECTION.findall(linked):
            n_bytes = int(size, 16)
            if not is_input:
                output = name
                self.total += Linked.of(name, output, n_bytes)
            elif file:
                part = Linked.of(name, output, n_bytes)
                self.files[file] = self.files.get(file, Linked()) + part

    def of(self, file):
        """Of an object file."""
        return self.files.get(file, Linked())

    def libraries_of(self, file):
        """Of all members of archives that are linked because an object file needs them."""
        members = [name for name in self.files if self._first(name) == file != name]
        return sum((self.files[name] for name in members), Linked())

    def _first(self, name):
        """The object because of which a member of an archive is linked."""
        seen = set()
        while name in self._wanted_by and name not in seen:
            seen.add(name)
            name = self._wanted_by[name]
        return name
