# cython: language_level=3, boundscheck=False, wraparound=False
"""The C source for networks in integers, on arrays.

Sizes, rows and places are checked here, on copies that nobody else can change.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint16_t
from libc.stdlib cimport calloc, free, malloc

import numpy as np

from ..network import ACTIVATIONS, INTEGER_POOLINGS


cdef extern from "dispatch_integer.h" nogil:
    ctypedef struct fastgrnn_matrix:
        const void *weights
        const uint8_t *mask
        const int16_t *multiplier
        uint16_t n_rows, n_columns
        int8_t shift
        uint8_t bits, block_size

    ctypedef struct fastgrnn_cell:
        fastgrnn_matrix w_low, w, u_low, u
        const int16_t *bias_gate
        const int16_t *bias_update
        int16_t zeta, nu
        uint8_t bias_shift, state_bits

    ctypedef struct fastgrnn_model:
        const fastgrnn_cell *cells
        fastgrnn_matrix head, attention
        const int32_t *head_bias
        uint16_t n_channels, n_hidden, n_outputs, n_layers
        uint8_t gate, update, pooling

    enum values:
        INT16, FLOAT32, FLOAT64

    ctypedef struct IntegerRows:
        const void *values
        values kind
        const float *center
        const float *factor
        const Py_ssize_t *starts
        const Py_ssize_t *lengths
        Py_ssize_t n, n_channels, n_units

    ctypedef int IntegerKernel(const fastgrnn_model *, const IntegerRows *, int32_t *) noexcept nogil

    int integer_kernel_count()
    const char *integer_kernel_name(int)
    IntegerKernel *integer_kernel(int)


#: Units and rows are padded to a multiple of this, so that vectors have no rest.
PADDING = 16

def instruction_sets():
    """Names of those compiled in that this processor runs, the best last, with their index."""
    return {integer_kernel_name(i).decode(): i for i in range(integer_kernel_count())}


def padded(array, *lengths):
    """A copy of an array that is so long on each axis, with zeros."""
    array = np.asarray(array)
    missing = [(0, length - n) for length, n in zip(lengths, array.shape, strict=True)]
    return np.pad(array, missing)


cdef class Model:
    """An IntegerNetwork for the C source.

    With `stored`, its matrices are as a device stores them. Otherwise they are for vectors: 16 bits
    a weight, and padded with zeros.
    """

    cdef fastgrnn_model model
    cdef fastgrnn_cell *cells
    cdef const float[::1] center, factor
    cdef list kept
    cdef int padding, n_units

    def __init__(self, network, stored=False):
        cdef fastgrnn_cell *cell
        n_layers = len(network.cells)
        self.kept, self.padding = [], 1 if stored else PADDING
        self.cells = <fastgrnn_cell *>calloc(n_layers, sizeof(fastgrnn_cell))
        if self.cells == NULL:
            raise MemoryError()
        self.n_units = network.hidden_size
        H = self.rounded_up(network.hidden_size)
        for i, of in enumerate(network.cells):
            cell = &self.cells[i]
            cell.w_low, cell.w = self.inner(of.w_low), self.inner(of.w)
            cell.u_low, cell.u = self.inner(of.u_low), self.inner(of.u)
            cell.bias_gate = <const int16_t *>self.begin(padded(of.bias_gate, H), np.int16)
            cell.bias_update = <const int16_t *>self.begin(padded(of.bias_update, H), np.int16)
            cell.zeta, cell.nu = of.zeta, of.nu
            cell.bias_shift, cell.state_bits = of.bias_shift, of.state_bits
        self.model.cells = self.cells
        self.model.head = self.inner(network.head)
        self.model.attention = self.inner(network.attention, of_one_row=True)
        self.model.head_bias = <const int32_t *>self.begin(network.head_bias, np.int32)
        self.model.n_channels = network.n_channels + (0 if stored else network.n_channels % 2)
        self.model.n_hidden = H
        self.model.n_outputs, self.model.n_layers = network.n_outputs, n_layers
        self.model.gate = ACTIVATIONS.index(network.gate_activation)
        self.model.update = ACTIVATIONS.index(network.update_activation)
        self.model.pooling = INTEGER_POOLINGS.index(network.pooling)
        self.center = np.array(network.input_center, np.float32)
        self.factor = np.array(network.input_factor, np.float32)

    def __dealloc__(self):
        free(self.cells)

    cdef int rounded_up(self, int n):
        return (n + self.padding - 1) // self.padding * self.padding

    cdef const void *begin(self, array, dtype) except NULL:
        """Where a copy of the array begins that lives as long as this."""
        cdef const uint8_t[::1] view
        copied = np.array(array, dtype=dtype, order="C").ravel()
        self.kept.append(copied)
        view = copied.view(np.uint8)
        return &view[0]

    cdef fastgrnn_matrix stored(self, matrix):
        """As a device stores it; without rows for None."""
        cdef fastgrnn_matrix m
        m.weights, m.mask, m.multiplier = NULL, NULL, NULL
        m.n_rows, m.n_columns, m.shift, m.bits, m.block_size = 0, 0, 0, 8, 1
        if matrix is None:
            return m
        block_size = matrix.block_size
        weights, mask = matrix.packed(block_size)
        # One byte more: if all of them are pruned, an array of no weights has no beginning.
        m.weights = self.begin(np.append(weights, np.uint8(0)), np.uint8)
        if mask is not None:
            m.mask = <const uint8_t *>self.begin(mask, np.uint8)
            m.block_size = block_size
        m.bits = matrix.bits
        m.multiplier = <const int16_t *>self.begin(matrix.multiplier, np.int16)
        m.shift = matrix.shift
        m.n_rows, m.n_columns = matrix.weights.shape
        return m

    cdef fastgrnn_matrix inner(self, matrix, of_one_row=False):
        """As this computes with it; a single row is not padded."""
        cdef fastgrnn_matrix m
        if self.padding == 1 or matrix is None:
            return self.stored(matrix)
        rows, columns = matrix.weights.shape
        R, C = rows if of_one_row else self.rounded_up(rows), columns + columns % 2
        pairs = padded(matrix.weights, R, C).reshape(R, C // 2, 2).swapaxes(0, 1)
        m.weights, m.mask = self.begin(pairs, np.int16), NULL
        m.multiplier = <const int16_t *>self.begin(padded(matrix.multiplier, R), np.int16)
        m.shift = matrix.shift
        m.n_rows, m.n_columns, m.bits, m.block_size = R, C, 16, 1
        return m

    def outputs(self, int isa, values, starts, lengths):
        """Outputs (n, n_outputs) int32 of sequences of values (n_values, n_channels).

        The values are int16, or float32 or float64, of which they are made as `quantized_input`
        does.
        """
        cdef IntegerRows rows
        cdef const int16_t[:, ::1] int16
        cdef const float[:, ::1] float32
        cdef const double[:, ::1] float64
        cdef const Py_ssize_t[::1] given_starts = starts, given_lengths = lengths
        cdef Py_ssize_t n = given_starts.shape[0], n_values, n_channels = self.center.shape[0], i
        cdef Py_ssize_t *places
        cdef int32_t[:, ::1] out
        cdef int status = 1
        if not 0 <= isa < integer_kernel_count():
            raise ValueError(f"This processor has no instruction set of number {isa}.")
        if values.ndim != 2 or values.shape[1] != n_channels or len(values) == 0:
            raise ValueError(f"values must have the shape (n, {n_channels}), not {values.shape}.")
        n_values = values.shape[0]
        if not (values.flags.c_contiguous and values.flags.aligned):
            raise ValueError("values must be contiguous and aligned in memory.")
        if values.dtype == np.float32:
            float32 = values
            rows.values, rows.kind = &float32[0, 0], FLOAT32
        elif values.dtype == np.float64:
            float64 = values
            rows.values, rows.kind = &float64[0, 0], FLOAT64
        elif values.dtype == np.int16:
            int16 = values
            rows.values, rows.kind = &int16[0, 0], INT16
        else:
            raise ValueError(f"values must be int16, float32 or float64, not {values.dtype}.")
        for name, places_of in (("starts", starts), ("lengths", lengths)):
            if not np.asarray(places_of).flags.aligned:
                raise ValueError(f"{name} must be aligned in memory: pass a copy.")
        if n == 0 or given_lengths.shape[0] != n:
            raise ValueError("There must be at least one sequence, and as many starts as lengths.")
        found = np.empty((n, self.model.n_outputs), np.int32)
        out = found
        rows.center, rows.factor = &self.center[0], &self.factor[0]
        rows.n, rows.n_channels, rows.n_units = n, n_channels, self.n_units
        places = <Py_ssize_t *>malloc(2 * n * sizeof(Py_ssize_t))
        if places == NULL:
            raise MemoryError()
        rows.starts, rows.lengths = places, places + n
        with nogil:
            for i in range(n):  # of copies, which nobody else can change
                places[i], places[n + i] = given_starts[i], given_lengths[i]
                if places[n + i] < 1 or places[i] < 0 or places[n + i] > n_values or places[i] > n_values - places[n + i]:
                    break
            else:
                status = integer_kernel(isa)(&self.model, &rows, &out[0, 0])
            free(places)
        if status > 0:
            raise ValueError("Sequences must lie within the values.")
        if status:
            raise MemoryError("There is not enough memory for the states of the network.")
        return found
