"""A network in integers: what a device stores of it.

Formats are described in docs/integers.rst; `kernels/reference/_integer.py` computes with them.
"""

from dataclasses import dataclass

import numpy as np

from ._gaps import gaps_of
from ._size import (
    BLOCK_SIZES,
    EXP2_TABLE,
    GAPS,
    OF_ATTENTION,
    OF_UNIT,
    SIGMOID_TABLE,
    bytes_of_layers,
)
from ._state import integer_members

#: Gates and poolings that there are in integers; the latter in the order of the C source.
INTEGER_GATES = ("sigmoid", "hard_sigmoid")
INTEGER_POOLINGS = ("last", "mean", "max", "attention")
#: Most |weights| of a row together, so that no sum of products with int16 leaves an int32.
MOST_OF_ROW = 2**31 // 2**15 - 1
#: Most channels, units and outputs: uint16, also where they are padded to a multiple of 16.
MOST_ROWS = 2**16 - 16
#: Results are sums of products shifted down by 16 and from -15 to 30 bits more.
LEAST_SHIFT, MOST_SHIFT = -15, 30
#: The greatest ζ and ν with 15 fractional bits, with which ζ (1 - z) + ν + z leaves no uint16.
MOST_ZETA, MOST_NU = 2**15 - 1, 2**15 - 2
#: Biases of 16 bits may be multiplied by up to 2^13.
MOST_BIAS_SHIFT = 13


@dataclass(frozen=True, eq=False)
class IntegerMatrix:
    """Weights by rows; a row's sum of products, times multiplier / 2^(16 + shift), is its result.

    weights : int8 (rows, columns)
    multiplier : int16 (rows,), not negative
    shift : int, `LEAST_SHIFT` to `MOST_SHIFT`
    bits : 8, or 4 for weights from -7 to 7
    """

    weights: np.ndarray
    multiplier: np.ndarray
    shift: int
    bits: int

    @property
    def fits(self):
        """Whether no row's sum of products with int16, shifted up or not, leaves an int32."""
        if not LEAST_SHIFT <= self.shift <= MOST_SHIFT:
            return False
        totals = np.abs(self.weights.astype(np.int64)).sum(axis=1)
        return bool(totals.max() << max(1 - self.shift, 0) <= MOST_OF_ROW)

    def kept(self, block_size):
        """Groups that have a weight other than 0: bool (rows, groups)."""
        rows, columns = self.weights.shape
        padded = np.zeros((rows, -(-columns // block_size) * block_size), dtype=bool)
        padded[:, :columns] = self.weights != 0
        return padded.reshape(rows, -1, block_size).any(axis=2)

    def packed(self, block_size=None):
        """Bytes of the weights and of the mask as they are stored, uint8.

        Without a block_size every weight is stored, and the mask is None; with `GAPS` the mask is a
        list of gaps (_gaps.py).
        """
        if block_size is None:
            stored, mask = self.weights.ravel(), None
        elif block_size == GAPS:
            is_kept = self.weights != 0
            stored, mask = self.weights[is_kept], gaps_of(is_kept)
        else:
            kept = self.kept(block_size)
            stored = self.weights[self._of_groups(kept, block_size)]
            mask = np.packbits(kept.ravel(), bitorder="little")
        if self.bits == 8:
            return stored.view(np.uint8), mask
        halves = np.zeros(len(stored) + len(stored) % 2, dtype=np.uint8)
        halves[: len(stored)] = stored.view(np.uint8) & 15
        return halves[::2] | halves[1::2] << 4, mask

    def _of_groups(self, kept, block_size):
        """Which weights are those of groups that are kept: bool (rows, columns)."""
        return np.repeat(kept, block_size, axis=1)[:, : self.weights.shape[1]]

    @property
    def block_size(self):
        """That with which the fewest bytes are stored; None where a mask saves none."""

        def n_bytes(block_size):
            weights, mask = self.packed(block_size)
            return len(weights) + (0 if mask is None else len(mask))

        return min((None, *BLOCK_SIZES, GAPS), key=n_bytes)

    @property
    def n_stored(self):
        """Weights that are stored."""
        block_size = self.block_size
        if block_size is None:
            return self.weights.size
        if block_size == GAPS:
            return int(np.count_nonzero(self.weights))
        return int(self._of_groups(self.kept(block_size), block_size).sum())

    @property
    def stored(self):
        """What a device stores, by name: arrays, of which the mask is None without one."""
        weights, mask = self.packed(self.block_size)
        return {
            "weights": weights,
            "mask": mask,
            "multiplier": self.multiplier,
            "shift": np.int8(self.shift),
        }


@dataclass(frozen=True, eq=False)
class IntegerCell:
    """A FastGRNN cell.

    w, u : IntegerMatrix of the channels (or states of the layer below), and of the cell's states
    w_low, u_low : IntegerMatrix or None; with a low rank, W is w @ w_low and U is u @ u_low
    bias_gate, bias_update : int16 (hidden,), to be multiplied by 2^bias_shift
    zeta, nu : int, 15 fractional bits
    state_bits : int, fractional bits of the state
    """

    w_low: IntegerMatrix | None
    w: IntegerMatrix
    u_low: IntegerMatrix | None
    u: IntegerMatrix
    bias_gate: np.ndarray
    bias_update: np.ndarray
    bias_shift: int
    zeta: int
    nu: int
    state_bits: int

    @property
    def matrices(self):
        """Those that there are."""
        return [m for m in (self.w_low, self.w, self.u_low, self.u) if m is not None]


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A network in integers, and what lies between it and floating point.

    input_center, input_factor : float32 (channels,); int16 inputs are the nearest integers to
        (x - center) * factor
    cells : tuple of IntegerCell, one a layer
    attention : IntegerMatrix of one row, or None
    head : IntegerMatrix (outputs, hidden)
    head_bias : int32 (outputs,)
    output_bits : int, fractional bits of the int32 outputs
    output_center, output_unit : float64 (outputs,); an integer q stands for the output
        center + unit * q / 2^output_bits
    """

    gate_activation: str
    update_activation: str
    pooling: str
    input_center: np.ndarray
    input_factor: np.ndarray
    cells: tuple
    attention: IntegerMatrix | None
    head: IntegerMatrix
    head_bias: np.ndarray
    output_bits: int
    output_center: np.ndarray
    output_unit: np.ndarray

    @property
    def n_channels(self):
        """Of a step."""
        return len(self.input_center)

    @property
    def hidden_size(self):
        """Units of each cell."""
        return len(self.cells[0].bias_gate)

    @property
    def n_outputs(self):
        """Of the head."""
        return len(self.head_bias)

    def real_outputs(self, outputs):
        """Outputs (n, n_outputs) int32 in floating point."""
        return self.output_center + self.output_unit * np.ldexp(
            outputs.astype(np.float64), -self.output_bits
        )

    @property
    def state_members(self):
        """What a device keeps of a sequence: a list of `_state.StateMember`."""
        low, low_h = (
            max((len(m.multiplier) for m in matrices if m is not None), default=0)
            for matrices in zip(*((cell.w_low, cell.u_low) for cell in self.cells), strict=True)
        )
        is_full = any(cell.u_low is None for cell in self.cells)
        sizes = self.hidden_size, len(self.cells), self.pooling
        return integer_members(*sizes, low=low, low_h=low_h, is_full=is_full)

    @property
    def n_operations_per_step(self):
        """Multiply-adds of a step, counted as by `_size.n_operations_per_step`."""
        weights = sum(m.n_stored for cell in self.cells for m in cell.matrices)
        of_unit = OF_UNIT * len(self.cells) + OF_ATTENTION * (self.attention is not None)
        return weights + of_unit * self.hidden_size

    @property
    def bytes_by_part(self):
        """Bytes of what a device stores: see `_size.SIZE_PARTS`."""
        inner = [m.stored for cell in self.cells for m in cell.matrices]
        head = [self.head, *([] if self.attention is None else [self.attention])]
        of_head = [m.stored for m in head]
        lows = [any(getattr(cell, low) for cell in self.cells) for low in ("w_low", "u_low")]
        tables = 0
        if {self.gate_activation, self.update_activation} & {"sigmoid", "tanh"}:
            tables += SIGMOID_TABLE
        if self.attention is not None:
            tables += EXP2_TABLE
        has_border = bool((self.output_unit != 1).any() or self.output_center.any())
        return {
            "weights": sum(m["weights"].nbytes for m in inner),
            "masks": sum(m["mask"].nbytes for m in inner if m["mask"] is not None),
            "scales": sum(m["multiplier"].nbytes + m["shift"].nbytes for m in inner),
            # per cell: biases, their shift, ζ and ν, the format of the state
            "biases": sum(2 * cell.bias_gate.nbytes + 1 + 4 + 1 for cell in self.cells),
            "layers": bytes_of_layers(
                len(self.cells),
                2 + sum(lows),
                any(m["mask"] is not None for m in inner + of_head),
                max(self.n_channels, self.hidden_size * len(self.cells), self.n_outputs),
            ),
            "tables": tables,
            "normaliser": self.input_center.nbytes + self.input_factor.nbytes,
            "head": sum(part.nbytes for m in of_head for part in m.values() if part is not None)
            + self.head_bias.nbytes
            + 1  # output_bits
            + 2 * 4 * self.n_outputs * has_border,
        }
