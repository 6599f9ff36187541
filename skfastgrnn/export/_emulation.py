"""Emulation: what a model returned on an emulator, and what it cost."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Emulation:
    """Outputs of a model on a device, and what they cost, as :func:`emulate` returns them.

    Printed, it is a table.

    Parameters
    ----------
    target : str
        The device.
    board : str
        What was emulated.
    logits : ndarray of shape (n_sequences, n_outputs), int32 or float32
        Outputs of the model in integers, multiples of 1 / 2 ** output_bits, or in floating point.
    n_steps : int
        Time steps of all sequences together.
    state_ram : int
        Bytes of the state that the caller owns.
    unit : str, default=None
        What is counted: "instructions" or "cycles"; None on the host, where nothing is.
    total_of_steps : int, default=None
        Exactly what all steps cost, from entering the function to its return.
    longest_step : int, default=None
        What the most expensive one costs.
    total_of_outputs : int, default=None
        Exactly what beginning all sequences and computing their outputs costs.
    model_code : int, default=None
        Bytes of the model's functions, of those that are called: `reset`, `step` and `logits`.
    model_constants : int, default=None
        Bytes of the constants that these read: weights, biases, tables. Single numbers that the
        compiler puts into instructions are code.
    library_flash : int, default=None
        Bytes of the compiler's libraries that these need, such as for floating point.
    program_flash : int, default=None
        Bytes of the whole test program, without the input.
    stack_ram : int, default=None
        Most bytes of the stack that a function has written to, with the return address.
    static_ram : int, default=None
        Bytes of variables of the model, of which there are none, and of libraries.

    Attributes
    ----------
    n_sequences : int
        Number of sequences.
    per_step : float or None
        Mean cost of a step.
    per_output : float or None
        Mean cost of beginning a sequence and of its outputs, beside its steps.
    per_sequence : float or None
        Mean cost of a sequence with everything.
    flash : int or None
        Bytes of code, constants and the libraries that the model needs.
    ram : int or None
        Bytes of state, stack and variables.

    See Also
    --------
    emulate : Compiles a model for a device, and runs it.
    """

    target: str
    board: str
    logits: np.ndarray
    n_steps: int
    state_ram: int
    unit: str | None = None
    total_of_steps: int | None = None
    longest_step: int | None = None
    total_of_outputs: int | None = None
    model_code: int | None = None
    model_constants: int | None = None
    library_flash: int | None = None
    program_flash: int | None = None
    stack_ram: int | None = None
    static_ram: int | None = None

    @property
    def n_sequences(self) -> int:
        """Number of sequences."""
        return len(self.logits)

    @property
    def per_step(self) -> float | None:
        """Mean cost of a step."""
        return None if self.total_of_steps is None else self.total_of_steps / self.n_steps

    @property
    def per_output(self) -> float | None:
        """Mean cost of beginning a sequence and of its outputs, beside its steps."""
        return None if self.total_of_outputs is None else self.total_of_outputs / self.n_sequences

    @property
    def per_sequence(self) -> float | None:
        """Mean cost of a sequence with everything."""
        if self.total_of_steps is None or self.total_of_outputs is None:
            return None
        return (self.total_of_steps + self.total_of_outputs) / self.n_sequences

    @property
    def flash(self) -> int | None:
        """Bytes of the model and of the libraries that it needs."""
        parts = (self.model_code, self.model_constants, self.library_flash)
        return None if None in parts else sum(parts)

    @property
    def ram(self) -> int | None:
        """Bytes of state, stack and variables."""
        parts = (self.state_ram, self.stack_ram, self.static_ram)
        return None if None in parts else sum(parts)

    def __repr__(self) -> str:
        lines = [f"{self.n_sequences} sequences on {self.target} ({self.board})"]
        if self.unit is None:
            return f"{lines[0]}\nRAM: state {self.state_ram} bytes"
        return "\n".join(
            [
                *lines,
                f"{self.unit}: {self.per_step:.1f} a step of {self.n_steps}, at most "
                f"{self.longest_step}; {self.per_output:.1f} for the outputs of a sequence",
                f"flash: {self.flash} bytes (code {self.model_code}, constants "
                f"{self.model_constants}, libraries {self.library_flash}); test program "
                f"{self.program_flash}",
                f"RAM: {self.ram} bytes (state {self.state_ram}, stack {self.stack_ram}, "
                f"variables {self.static_ram})",
            ]
        )
