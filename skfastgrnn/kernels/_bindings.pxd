# cython: language_level=3
"""What `_bindings` uses of c/kernel.h and c/dispatch.h."""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "kernel.h" nogil:
    ctypedef struct Network:
        Py_ssize_t n_channels, hidden_size, n_outputs, n_layers
        int bidirectional, gate, update, pooling, bounded
        Py_ssize_t rank_w, rank_u
        int bits

    ctypedef struct Sequences:
        const void *values
        const Py_ssize_t *starts
        const Py_ssize_t *lengths
        const Py_ssize_t *chosen
        Py_ssize_t n_values, n_sequences, n, longest
        Py_ssize_t *refused

    ctypedef struct Targets:
        double mean_weight
        const int32_t *labels
        const void *values
        const void *weights

    ctypedef struct Loss:
        int kind
        double delta, temperature, alpha, gamma

    ctypedef struct Score:
        double loss, weight, metric

    ctypedef struct Dropout:
        double rate
        uint64_t seed

    ctypedef struct Optimizer:
        int solver
        double learning_rate, beta_1, beta_2, epsilon, momentum
        int nesterov
        double alpha, clip_value, clip_norm
        void *first
        void *second
        int64_t step
        double ema
        void *average
        int64_t n_averaged

    ctypedef struct Parametrization:
        int kind
        const void *arrays[2]

    ctypedef struct EpochTotals:
        Score score
        double penalty, gradient_norm
        int64_t n_updates
        int diverged

    enum:
        N_SOLVERS
        PARAMETRIZATION_ARRAYS
        KERNEL_NO_MEMORY, KERNEL_BAD_ROW, KERNEL_BAD_PLACE, KERNEL_BAD_ORDER, KERNEL_BAD_LABEL

    ctypedef struct Tensor:
        const char *name
        int cell
        Py_ssize_t rows, columns
        int decayed

    ctypedef struct Kernel:
        int (*fits)(const Network *, Py_ssize_t) noexcept nogil
        int (*is_dense)(const Network *) noexcept nogil
        int (*tensor)(const Network *, int, Tensor *) noexcept nogil
        const char *(*loss_error)(const Loss *, const Targets *) noexcept nogil
        const char *(*parametrization_error)(const Parametrization *) noexcept nogil
        int (*states)(const Network *, const void *, const Sequences *, const void *, void *, void *) noexcept nogil
        int (*states_gradient)(const Network *, const void *, const Sequences *, const void *, const void *, void *,
                               void *, void *) noexcept nogil
        int (*outputs)(const Network *, const void *, const Sequences *, void *, int) noexcept nogil
        double (*outputs_memory)(const Network *, const Sequences *, int) noexcept nogil
        int (*loss_gradient)(const Network *, const void *, const Sequences *, const Targets *, const Loss *,
                             const Dropout *, Score *, void *, int) noexcept nogil
        int (*train)(const Network *, void *, const Sequences *, const Targets *, const Loss *,
                     const Dropout *, Optimizer *, const Parametrization *, Py_ssize_t, Py_ssize_t,
                     Py_ssize_t, EpochTotals *, int) noexcept nogil


cdef extern from "dispatch.h" nogil:
    int kernel_count()
    const char *kernel_name(int)
    int kernel_runs_here(int)
    const Kernel *kernel_table(int, int)
