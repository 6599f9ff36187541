# cython: language_level=3, boundscheck=False, wraparound=False
"""The compiled kernel's functions on arrays. `_compiled` gives them the shape the package uses."""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "kernel.h" nogil:
    ctypedef struct Network:
        Py_ssize_t n_channels, hidden_size, n_outputs, n_layers
        int bidirectional, gate, update, readout

    ctypedef struct Sequences:
        const void *values
        const Py_ssize_t *starts
        const Py_ssize_t *lengths
        const Py_ssize_t *chosen
        Py_ssize_t n
        Py_ssize_t longest

    ctypedef struct Targets:
        int loss
        double delta, temperature, alpha, mean_weight
        const int32_t *labels
        const void *values
        const void *weights

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
        const void *trained
        int64_t step

    ctypedef struct EpochTotals:
        Score score
        double penalty, gradient_norm
        int64_t n_updates
        int diverged

    ctypedef struct Kernel:
        int (*states)(const Network *, const void *, const Sequences *, const void *, void *, void *) noexcept nogil
        int (*states_gradient)(const Network *, const void *, const Sequences *, const void *, const void *, void *,
                               void *, void *) noexcept nogil
        int (*outputs)(const Network *, const void *, const Sequences *, void *, int) noexcept nogil
        int (*loss_gradient)(const Network *, const void *, const Sequences *, const Targets *, const Dropout *,
                             Score *, void *, int) noexcept nogil
        int (*train)(const Network *, void *, const Sequences *, const Targets *, const Dropout *, Optimizer *,
                     Py_ssize_t, Py_ssize_t, Py_ssize_t, EpochTotals *, int) noexcept nogil


cdef extern from "dispatch.h" nogil:
    int kernel_count()
    const char *kernel_name(int)
    int kernel_runs_here(int)
    const Kernel *kernel_table(int, int)


ctypedef fused real:
    float
    double


def instruction_sets():
    """Names of those compiled in that this processor runs, the best last, with their index."""
    return {kernel_name(i).decode(): i for i in range(kernel_count()) if kernel_runs_here(i)}


cdef inline const Kernel *table_of(int isa, size_t real_size) noexcept nogil:
    return kernel_table(isa, 8 * <int>real_size)


cdef Network network_of(network):
    cdef Network net
    net.n_channels = network.n_channels
    net.hidden_size = network.hidden_size
    net.n_outputs = network.n_outputs
    net.n_layers = network.n_layers
    net.bidirectional = network.bidirectional
    net.gate, net.update, net.readout = network.codes
    return net


cdef inline const void *start_1d(const real[::1] a) noexcept nogil:
    return NULL if a is None or a.shape[0] == 0 else <const void *>&a[0]


cdef inline const void *start_2d(const real[:, ::1] a) noexcept nogil:
    return NULL if a is None or a.shape[0] == 0 else <const void *>&a[0, 0]


cdef inline const void *start_3d(const real[:, :, ::1] a) noexcept nogil:
    return NULL if a is None or a.shape[0] == 0 else <const void *>&a[0, 0, 0]


cdef Sequences sequences_of(Network net, const real[::1] parameters, const real[:, ::1] values,
                            const Py_ssize_t[::1] starts,
                            const Py_ssize_t[::1] lengths, Py_ssize_t longest, const Py_ssize_t[::1] chosen):
    """Sequences of that network's channels, with a vector of its parameters: a mistake is no memory error."""
    cdef Sequences seqs
    cdef Py_ssize_t H = net.hidden_size
    cdef Py_ssize_t directions = 2 if net.bidirectional else 1
    cdef Py_ssize_t R = directions * H
    cdef Py_ssize_t cells = directions * (H * (net.n_channels + H + 2) + 2 + (net.n_layers - 1) * (H * (R + H + 2) + 2))
    if not 1 <= net.n_layers <= 16:
        raise ValueError(f"The compiled kernel takes 1 to 16 layers, not {net.n_layers}.")
    if values.shape[1] != net.n_channels:
        raise ValueError(f"Sequences of {values.shape[1]} channels for a network of {net.n_channels}.")
    if parameters.shape[0] != cells + net.n_outputs * (R + 1):
        raise ValueError(f"{parameters.shape[0]} parameters do not make this network.")
    seqs.values = start_2d[real](values)
    seqs.starts = &starts[0]
    seqs.lengths = NULL if lengths is None else &lengths[0]
    seqs.longest = longest
    seqs.chosen = &chosen[0]
    seqs.n = chosen.shape[0]
    return seqs


cdef Targets targets_of(Py_ssize_t n_sequences, int loss, double delta, double temperature, double alpha, const int32_t[::1] labels,
                        const real[:, ::1] target_values, const real[::1] weights):
    cdef Targets targets
    if ((labels is not None and labels.shape[0] != n_sequences)
            or (target_values is not None and target_values.shape[0] != n_sequences)
            or (weights is not None and weights.shape[0] != n_sequences)):
        raise ValueError("There must be as many labels, values and weights as sequences.")
    targets.loss = loss
    targets.delta = delta
    targets.temperature = temperature
    targets.alpha = alpha
    targets.mean_weight = 1  # where it matters, train says otherwise
    targets.labels = NULL if labels is None else &labels[0]
    targets.values = start_2d[real](target_values)
    targets.weights = start_1d[real](weights)
    return targets


cdef Dropout dropout_of(dropout):
    cdef Dropout chosen
    chosen.rate, chosen.seed = dropout
    return chosen


cdef check(int status):
    if status != 0:
        raise MemoryError("The network's histories do not fit into memory; shorten the sequences, or lower hidden_size or n_jobs.")


def states(int isa, network, const real[::1] parameters, const real[:, ::1] values, const Py_ssize_t[::1] starts,
           const Py_ssize_t[::1] lengths, Py_ssize_t longest, const Py_ssize_t[::1] chosen, const real[:, :, ::1] h0, real[:, ::1] every, real[:, ::1] last):
    cdef Network net = network_of(network)
    cdef Sequences seqs = sequences_of[real](net, parameters, values, starts, lengths, longest, chosen)
    cdef int status
    with nogil:
        status = table_of(isa, sizeof(real)).states(
            &net, &parameters[0], &seqs, start_3d[real](h0), <void *>start_2d[real](every),
            <void *>start_2d[real](last))
    check(status)


def states_gradient(int isa, network, const real[::1] parameters, const real[:, ::1] values,
                    const Py_ssize_t[::1] starts,
                    const Py_ssize_t[::1] lengths, Py_ssize_t longest, const Py_ssize_t[::1] chosen,
                    const real[:, :, ::1] h0,
                    const real[:, ::1] upstream, real[::1] gradient, real[:, ::1] values_gradient,
                    real[:, :, ::1] h0_gradient):
    cdef Network net = network_of(network)
    cdef Sequences seqs = sequences_of[real](net, parameters, values, starts, lengths, longest, chosen)
    cdef int status
    with nogil:
        status = table_of(isa, sizeof(real)).states_gradient(
            &net, &parameters[0], &seqs, start_3d[real](h0), start_2d[real](upstream), &gradient[0],
            <void *>start_2d[real](values_gradient), <void *>start_3d[real](h0_gradient))
    check(status)


def outputs(int isa, network, const real[::1] parameters, const real[:, ::1] values, const Py_ssize_t[::1] starts,
            const Py_ssize_t[::1] lengths, Py_ssize_t longest, const Py_ssize_t[::1] chosen, real[:, ::1] output, int n_threads):
    cdef Network net = network_of(network)
    cdef Sequences seqs = sequences_of[real](net, parameters, values, starts, lengths, longest, chosen)
    cdef int status
    with nogil:
        status = table_of(isa, sizeof(real)).outputs(&net, &parameters[0], &seqs, &output[0, 0], n_threads)
    check(status)


def loss_gradient(int isa, network, const real[::1] parameters, const real[:, ::1] values,
                  const Py_ssize_t[::1] starts,
                  const Py_ssize_t[::1] lengths, Py_ssize_t longest, const Py_ssize_t[::1] chosen,
                  int loss, double delta, double temperature, double alpha, const int32_t[::1] labels,
                  const real[:, ::1] target_values, const real[::1] weights, dropout, real[::1] gradient,
                  int n_threads):
    """(loss, weight, metric), sums over the chosen sequences; fills the gradient unless it is None."""
    cdef Network net = network_of(network)
    cdef Sequences seqs = sequences_of[real](net, parameters, values, starts, lengths, longest, chosen)
    cdef Targets targets = targets_of[real](starts.shape[0], loss, delta, temperature, alpha, labels, target_values, weights)
    cdef Dropout dropped = dropout_of(dropout)
    cdef Score score
    cdef int status
    with nogil:
        status = table_of(isa, sizeof(real)).loss_gradient(
            &net, &parameters[0], &seqs, &targets, &dropped, &score, <void *>start_1d[real](gradient), n_threads)
    check(status)
    return score.loss, score.weight, score.metric


def train(int isa, network, real[::1] parameters, const real[:, ::1] values, const Py_ssize_t[::1] starts,
          const Py_ssize_t[::1] lengths, Py_ssize_t longest, const Py_ssize_t[::1] chosen, int loss, double delta,
          double temperature, double alpha, const int32_t[::1] labels, const real[:, ::1] target_values,
          const real[::1] weights, double mean_weight,
          dropout, optimizer, const real[::1] trained, real[::1] first_moment, real[::1] second_moment,
          Py_ssize_t batch_size, Py_ssize_t first, Py_ssize_t end, int n_threads):
    """Minibatches [first, end) of the chosen sequences, parameters and moments updated in place.

    Answers the sums (loss, weight, metric, penalty, gradient norm, updates) and whether it diverged.
    """
    cdef Network net = network_of(network)
    cdef Sequences seqs = sequences_of[real](net, parameters, values, starts, lengths, longest, chosen)
    cdef Targets targets = targets_of[real](starts.shape[0], loss, delta, temperature, alpha, labels, target_values, weights)
    targets.mean_weight = mean_weight
    cdef Dropout dropped = dropout_of(dropout)
    cdef EpochTotals done
    cdef Optimizer settings
    cdef int status
    settings.solver = optimizer.code
    settings.learning_rate = optimizer.learning_rate
    settings.beta_1 = optimizer.beta_1
    settings.beta_2 = optimizer.beta_2
    settings.epsilon = optimizer.epsilon
    settings.momentum = optimizer.momentum
    settings.nesterov = optimizer.nesterov
    settings.alpha = optimizer.alpha
    settings.clip_value = optimizer.clip_value
    settings.clip_norm = optimizer.clip_norm
    settings.first = &first_moment[0]
    settings.second = &second_moment[0]
    settings.trained = start_1d[real](trained)
    settings.step = optimizer.step
    done.score.loss = done.score.weight = done.score.metric = 0
    done.penalty = done.gradient_norm = 0
    done.n_updates = done.diverged = 0
    with nogil:
        status = table_of(isa, sizeof(real)).train(
            &net, &parameters[0], &seqs, &targets, &dropped, &settings, batch_size, first, end, &done, n_threads)
    check(status)
    return (done.score.loss, done.score.weight, done.score.metric, done.penalty, done.gradient_norm, done.n_updates,
            bool(done.diverged))
