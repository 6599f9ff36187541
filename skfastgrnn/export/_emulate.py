"""emulate: run an exported model on an emulator, and measure it."""

from numbers import Real
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._validation._errors import error_context
from .._validation._sequences import to_sequences
from ..kernels.reference._integer import quantized_input
from ._c_model import CModel
from ._emulation import Emulation
from ._targets import CORTEX_M4_HARD_FLOAT, TARGETS
from ._test_program import TestProgram


@validate_params(
    {
        "exported": [CModel],
        "X": "no_validation",
        "target": [StrOptions(set(TARGETS))],
        "inputs": [StrOptions({"float", "integers"})],
        "hard_float": ["boolean"],
        "optimization": [StrOptions({"s", "2", "3"})],
        "timeout": [Interval(Real, 0, None, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def emulate(
    exported: CModel,
    X: Any,
    target: str = "cortex-m4",
    *,
    inputs: str = "float",
    hard_float: bool = False,
    optimization: str = "s",
    timeout: float = 600.0,
) -> Emulation:
    """Run a model in C on an emulated microcontroller, and measure what it costs there.

    The model is compiled for the device and linked to a small program that feeds it step by step;
    all of it lies in a temporary folder, which is removed.

    Parameters
    ----------
    exported : CModel
        What :func:`to_c` returns.

    X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
            list of n_samples arrays
        Sequences in every form that the model takes.

    target : {"cortex-m4", "cortex-m0plus", "avr", "riscv32", "host"}, default="cortex-m4"
        The device. "cortex-m0plus" is compiled for that and runs on an emulated Cortex-M0, which
        has the same instructions. "avr" is the ATmega328P of the Arduino Uno. On the host nothing
        but the size of the state is measured.

    inputs : {"float", "integers"}, default="float"
        What a step gets: floating point, or the 16-bit integers that a model in integers computes
        with, so that no floating point is left.

    hard_float : bool, default=False
        Whether a Cortex-M4 has a floating-point unit. Without one, the compiler's library computes.

    optimization : {"s", "2", "3"}, default="s"
        The compiler's ``-O``: "s" for short code, which Arduino and Zephyr have by default.

    timeout : float, default=600.0
        Seconds that the emulator, or the compiler, may take.

    Returns
    -------
    Emulation
        Logits, instructions or cycles, flash and RAM.

    Raises
    ------
    RuntimeError
        If a tool is missing, which the message names with the Debian package that brings it; if the
        model cannot be compiled, or has no room on the device.
    TimeoutError
        If the emulator takes longer than `timeout`.
    ValueError
        If X is not what the model takes, or an option is not one of the target's or the model's; on
        an AVR, if a sequence has no room in its flash.

    See Also
    --------
    to_c : Translates a fitted model.
    skfastgrnn.compression.size_report : Counts the bytes that a device stores.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import quantize
    >>> from skfastgrnn.export import emulate, to_c
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8)  # 8 steps of 8 pixels
    >>> model = FastGRNNClassifier(8, max_iter=5, random_state=0).fit(X, y)
    >>> quantized = quantize(model, X)
    >>> found = emulate(to_c(quantized), X[:100], target="avr")
    >>> found.unit, found.logits.shape
    ('cycles', (100, 10))
    >>> bool((found.logits.argmax(axis=1) == quantized.predict(X[:100])).all())
    True
    """
    chosen = TARGETS[target]
    if hard_float:
        if target != "cortex-m4":
            raise ValueError(
                f"hard_float=True needs target='cortex-m4', got target={target!r}, which has no "
                "floating-point unit."
            )
        chosen = CORTEX_M4_HARD_FLOAT
    carried = exported._carried
    if inputs == "integers" and not carried.is_integer:
        raise ValueError(
            "inputs='integers' needs a model in integers; pass inputs='float', or export what "
            "skfastgrnn.compression.quantize returns."
        )
    with error_context("X"):
        batch, _ = to_sequences(carried.estimator, X, reset=False)
    ends = batch.starts + batch.lengths
    sequences = [batch.values[begin:end] for begin, end in zip(batch.starts, ends, strict=True)]
    largest = np.finfo(np.float32).max
    sequences = [np.clip(values, -largest, largest).astype(np.float32) for values in sequences]
    if inputs == "integers":
        sequences = [quantized_input(carried.network, values) for values in sequences]
    kind = "float" if inputs == "float" else "int16_t"
    with TemporaryDirectory(prefix="skfastgrnn-") as folder:
        program = TestProgram(
            exported, chosen, folder, value=kind, optimization=optimization, timeout=timeout
        )
        found = program.run(sequences)
    costs = {}
    if program.map is not None:
        model, libraries = program.map.of(program.object), program.map.libraries_of(program.object)
        costs = {
            "total_of_steps": int(found.steps.sum()),
            "longest_step": found.longest_step,
            "total_of_outputs": int(found.outputs.sum()),
            "model_code": model.code,
            "model_constants": model.constants,
            "library_flash": libraries.flash,
            "program_flash": program.map.total.flash,
            "stack_ram": found.stack_ram,
            "static_ram": model.ram + libraries.ram,
        }
    return Emulation(
        target=target,
        board=chosen.board,
        logits=found.logits,
        n_steps=int(batch.n_steps),
        unit=chosen.unit,
        state_ram=found.state_ram,
        **costs,
    )
