# cython: language_level=3, boundscheck=False, wraparound=False
"""The compiled kernel's functions on arrays. `_compiled` gives them the shape the package uses.

Whatever they are given, they compute or raise an error and never touch memory that is not theirs:
shapes, sizes and settings are checked here, before the interpreter is released; rows, starts,
lengths and labels, which other threads may write to meanwhile, in C where they are read. What is
computed of arrays that change is anyone's guess.
"""

from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uintptr_t


#: Of an optimizer: more than any will make, few enough to count on from.
cdef int64_t MOST_STEPS = 1 << 62


ctypedef fused real:
    float
    double


def instruction_sets():
    """Names of those compiled in that this processor runs, the best last, with their index."""
    return {kernel_name(i).decode(): i for i in range(kernel_count()) if kernel_runs_here(i)}


cdef const Kernel *table_of(int isa, size_t real_size) except NULL:
    if not 0 <= isa < kernel_count() or not kernel_runs_here(isa):
        raise ValueError(f"This processor has no instruction set of number {isa}.")
    return kernel_table(isa, 8 * <int>real_size)


cdef Network make_network_spec(const Kernel *kernel, network, Py_ssize_t n_parameters):
    """A network of so many parameters."""
    cdef Network net = make_any_network_spec(kernel, network, n_parameters)
    if not kernel.is_dense(&net):
        raise ValueError(f"Expand the parameters to those of the dense network first: {network}.")
    return net


cdef Network make_any_network_spec(const Kernel *kernel, network, Py_ssize_t n_parameters):
    """Likewise, also of low rank or few bits."""
    cdef Network net
    net.n_channels = network.n_channels
    net.hidden_size = network.hidden_size
    net.n_outputs = network.n_outputs
    net.n_layers = network.n_layers
    net.bidirectional = bool(network.bidirectional)
    net.gate, net.update, net.pooling = network.codes
    net.bounded = bool(network.bounded)
    net.rank_w = network.rank_w or 0
    net.rank_u = network.rank_u or 0
    net.bits = network.bits or 0
    if not kernel.fits(&net, n_parameters):
        raise ValueError(f"{n_parameters} parameters do not make this network: {network}.")
    return net


cdef Py_ssize_t states_of(const Network *net) noexcept:
    return 2 * net.hidden_size if net.bidirectional else net.hidden_size


cdef Py_ssize_t cells_of(const Network *net) noexcept:
    return 2 * net.n_layers if net.bidirectional else net.n_layers


cdef const void *aligned(str name, const void *start, size_t size) except NULL:
    if <uintptr_t>start % size:
        raise ValueError(f"{name} must be aligned in memory: pass a copy.")
    return start


cdef const void *vector(str name, const real[::1] a, Py_ssize_t n) except? NULL:
    """Where an array (n,) begins; NULL for None."""
    if a is None:
        return NULL
    if a.shape[0] != n:
        raise ValueError(f"{name} must have the shape ({n},), not ({a.shape[0]},).")
    return aligned(name, &a[0], sizeof(real))


cdef const void *matrix(str name, const real[:, ::1] a, Py_ssize_t n, Py_ssize_t m) except? NULL:
    """Where an array (n, m) begins; NULL for None."""
    if a is None:
        return NULL
    if a.shape[0] != n or a.shape[1] != m:
        raise ValueError(f"{name} must have the shape ({n}, {m}), not ({a.shape[0]}, {a.shape[1]}).")
    return aligned(name, &a[0, 0], sizeof(real))


cdef const void *states_of_cells(str name, const real[:, :, ::1] a, const Network *net, Py_ssize_t n) except? NULL:
    """Where an array (n, cells, hidden) begins; NULL for None."""
    cdef Py_ssize_t C = cells_of(net), H = net.hidden_size
    if a is None:
        return NULL
    if a.shape[0] != n or a.shape[1] != C or a.shape[2] != H:
        raise ValueError(
            f"{name} must have the shape ({n}, {C}, {H}), not ({a.shape[0]}, {a.shape[1]}, {a.shape[2]}).")
    return aligned(name, &a[0, 0, 0], sizeof(real))


cdef const Py_ssize_t *places(str name, const Py_ssize_t[::1] a) except? NULL:
    """Where an array begins; NULL for None."""
    return NULL if a is None else <const Py_ssize_t *>aligned(name, &a[0], sizeof(Py_ssize_t))


cdef Sequences sequences_of(const Network *net, const real[:, ::1] values, const Py_ssize_t[::1] starts,
                            const Py_ssize_t[::1] lengths, Py_ssize_t longest, const Py_ssize_t[::1] chosen,
                            Py_ssize_t *refused):
    cdef Sequences seqs
    if starts.shape[0] == 0 or chosen.shape[0] == 0:
        raise ValueError("There must be at least one sequence.")
    if lengths is not None and lengths.shape[0] != starts.shape[0]:
        raise ValueError(f"There are {starts.shape[0]} starts and {lengths.shape[0]} lengths of sequences.")
    if values.shape[1] != net.n_channels:
        raise ValueError(f"Sequences of {values.shape[1]} channels for a network of {net.n_channels}.")
    if not 1 <= longest <= values.shape[0]:
        raise ValueError(f"Sequences of up to {longest} steps do not lie in {values.shape[0]} values.")
    seqs.values = matrix[real]("values", values, values.shape[0], net.n_channels)
    seqs.starts = places("starts", starts)
    seqs.lengths = places("lengths", lengths)
    seqs.chosen = places("chosen", chosen)
    seqs.n_values = values.shape[0]
    seqs.n_sequences = starts.shape[0]
    seqs.n = chosen.shape[0]
    seqs.longest = longest
    seqs.refused = refused
    return seqs


cdef Targets targets_of(const Network *net, Py_ssize_t n_sequences, const int32_t[::1] labels,
                        const real[:, ::1] target_values, const real[::1] weights):
    cdef Targets targets
    if ((labels is not None and labels.shape[0] != n_sequences)
            or (target_values is not None and target_values.shape[0] != n_sequences)
            or (weights is not None and weights.shape[0] != n_sequences)):
        raise ValueError("There must be as many labels, values and weights as sequences.")
    targets.mean_weight = 1  # where it matters, train says otherwise
    targets.labels = NULL if labels is None else <const int32_t *>aligned("labels", &labels[0], sizeof(int32_t))
    targets.values = matrix[real]("target values", target_values, n_sequences, net.n_outputs)
    targets.weights = vector[real]("weights", weights, n_sequences)
    return targets


cdef Loss make_loss(const Kernel *kernel, loss, const Targets *targets):
    """The settings of a loss that can be computed of such targets."""
    cdef Loss made
    cdef const char *error  # a sentence, or NULL
    made.kind = loss.code
    made.delta = loss.delta
    made.temperature = loss.temperature
    made.alpha = loss.alpha
    made.gamma = loss.gamma
    error = kernel.loss_error(&made, targets)
    if error != NULL:
        raise ValueError(f"{loss}: {error.decode()}")
    return made


cdef Dropout dropout_of(dropout):
    cdef Dropout chosen
    chosen.rate, chosen.seed = dropout
    if not 0 <= chosen.rate < 1:
        raise ValueError(f"A share of {chosen.rate} cannot be dropped; it must be in [0, 1).")
    return chosen


cdef Optimizer make_optimizer(optimizer):
    """The settings; its vectors are for others to fill in."""
    cdef Optimizer o
    o.solver = optimizer.code
    o.learning_rate = optimizer.learning_rate
    o.beta_1 = optimizer.beta_1
    o.beta_2 = optimizer.beta_2
    o.epsilon = optimizer.epsilon
    o.momentum = optimizer.momentum
    o.nesterov = bool(optimizer.nesterov)
    o.alpha = optimizer.alpha
    o.clip_value = optimizer.clip_value
    o.clip_norm = optimizer.clip_norm
    o.step = optimizer.step
    o.ema = optimizer.ema
    o.n_averaged = optimizer.n_averaged
    if not 0 <= o.solver < N_SOLVERS:
        raise ValueError(f"There is no solver of number {o.solver}.")
    if not (isfinite(o.learning_rate) and isfinite(o.beta_1) and isfinite(o.beta_2) and isfinite(o.epsilon)
            and isfinite(o.momentum) and isfinite(o.alpha) and o.clip_value > 0 and o.clip_norm > 0):
        raise ValueError(f"The optimizer's settings must be finite, clip_value and clip_norm positive: {optimizer}.")
    if not 0 <= o.step < MOST_STEPS:
        raise ValueError(f"An optimizer cannot have made {o.step} updates.")
    if not 0 <= o.n_averaged < MOST_STEPS:
        raise ValueError(f"An average cannot have seen {o.n_averaged} updates.")
    if not 0 <= o.ema < 1:
        raise ValueError(f"An average cannot decay by {o.ema}; it must be in [0, 1).")
    return o


cdef check_threads(int n_threads):
    if n_threads < 1:
        raise ValueError(f"{n_threads} threads cannot work; there must be at least one.")


cdef check(int status, Py_ssize_t position):
    """Raise an error unless the status is 0; `position` is that of the sequence which it is about."""
    if status == 0:
        return
    if status == KERNEL_NO_MEMORY:
        raise MemoryError(
            "The network's histories do not fit into memory; shorten the sequences, or lower hidden_size or n_jobs.")
    reason = {
        KERNEL_BAD_ROW: "there is no such sequence",
        KERNEL_BAD_PLACE: "its steps do not lie within the values",
        KERNEL_BAD_ORDER: "it is longer than the one before it",
        KERNEL_BAD_LABEL: "its label is not a class of the network",
    }.get(status, "lengths have changed while they were read")
    raise ValueError(f"The chosen sequence at position {position} cannot be computed: {reason}.")


def tensors(int isa, network, Py_ssize_t n_parameters):
    """(name, cell or None, rows, columns, decayed) of each part of the flat vector, in its order."""
    cdef const Kernel *kernel = table_of(isa, sizeof(float))
    cdef Network net = make_any_network_spec(kernel, network, n_parameters)
    cdef Tensor tensor
    found = []
    while kernel.tensor(&net, len(found), &tensor):
        cell = None if tensor.cell < 0 else tensor.cell
        found.append((tensor.name.decode(), cell, tensor.rows, tensor.columns, bool(tensor.decayed)))
    return found


def states(int isa, network, const real[::1] parameters not None, const real[:, ::1] values not None,
           const Py_ssize_t[::1] starts not None, const Py_ssize_t[::1] lengths, Py_ssize_t longest,
           const Py_ssize_t[::1] chosen not None, const real[:, :, ::1] h0, real[:, ::1] every,
           real[:, :, ::1] final not None):
    cdef const Kernel *kernel = table_of(isa, sizeof(real))
    cdef Network net = make_network_spec(kernel, network, parameters.shape[0])
    cdef Py_ssize_t R = states_of(&net), n = chosen.shape[0], refused = 0
    cdef Sequences seqs = sequences_of[real](&net, values, starts, lengths, longest, chosen, &refused)
    cdef const void *p = vector[real]("parameters", parameters, parameters.shape[0])
    cdef const void *h0_at = states_of_cells[real]("h0", h0, &net, n)
    cdef void *every_at = <void *>matrix[real]("every", every, values.shape[0], R)
    cdef void *final_at = <void *>states_of_cells[real]("final", final, &net, n)
    cdef int status
    with nogil:
        status = kernel.states(&net, p, &seqs, h0_at, every_at, final_at)
    check(status, refused)


def states_gradient(int isa, network, const real[::1] parameters not None, const real[:, ::1] values not None,
                    const Py_ssize_t[::1] starts not None, const Py_ssize_t[::1] lengths, Py_ssize_t longest,
                    const Py_ssize_t[::1] chosen not None, const real[:, :, ::1] h0,
                    const real[:, ::1] upstream not None, real[::1] gradient not None,
                    real[:, ::1] values_gradient, real[:, :, ::1] h0_gradient):
    cdef const Kernel *kernel = table_of(isa, sizeof(real))
    cdef Network net = make_network_spec(kernel, network, parameters.shape[0])
    cdef Py_ssize_t S = values.shape[0], n = chosen.shape[0], refused = 0
    cdef Sequences seqs = sequences_of[real](&net, values, starts, lengths, longest, chosen, &refused)
    cdef const void *p = vector[real]("parameters", parameters, parameters.shape[0])
    cdef const void *h0_at = states_of_cells[real]("h0", h0, &net, n)
    cdef const void *upstream_at = matrix[real]("upstream", upstream, S, states_of(&net))
    cdef void *gradient_at = <void *>vector[real]("gradient", gradient, parameters.shape[0])
    cdef void *d_values = <void *>matrix[real]("values_gradient", values_gradient, S, net.n_channels)
    cdef void *d_h0 = <void *>states_of_cells[real]("h0_gradient", h0_gradient, &net, n)
    cdef int status
    with nogil:
        status = kernel.states_gradient(&net, p, &seqs, h0_at, upstream_at, gradient_at, d_values, d_h0)
    check(status, refused)


def outputs(int isa, network, const real[::1] parameters not None, const real[:, ::1] values not None,
            const Py_ssize_t[::1] starts not None, const Py_ssize_t[::1] lengths, Py_ssize_t longest,
            const Py_ssize_t[::1] chosen not None, real[:, ::1] output not None, int n_threads):
    cdef const Kernel *kernel = table_of(isa, sizeof(real))
    cdef Network net = make_network_spec(kernel, network, parameters.shape[0])
    cdef Py_ssize_t refused = 0
    cdef Sequences seqs = sequences_of[real](&net, values, starts, lengths, longest, chosen, &refused)
    cdef const void *p = vector[real]("parameters", parameters, parameters.shape[0])
    cdef void *output_at = <void *>matrix[real]("output", output, chosen.shape[0], net.n_outputs)
    cdef int status
    check_threads(n_threads)
    with nogil:
        status = kernel.outputs(&net, p, &seqs, output_at, n_threads)
    check(status, refused)


def outputs_memory(int isa, network, Py_ssize_t n_parameters, const real[:, ::1] values not None,
                   const Py_ssize_t[::1] starts not None, const Py_ssize_t[::1] lengths, Py_ssize_t longest,
                   const Py_ssize_t[::1] chosen not None, int n_threads):
    """Bytes that `outputs` allocates in C."""
    cdef const Kernel *kernel = table_of(isa, sizeof(real))
    cdef Network net = make_network_spec(kernel, network, n_parameters)
    cdef Py_ssize_t refused = 0
    cdef Sequences seqs = sequences_of[real](&net, values, starts, lengths, longest, chosen, &refused)
    check_threads(n_threads)
    return kernel.outputs_memory(&net, &seqs, n_threads)


def loss_gradient(int isa, network, const real[::1] parameters not None, const real[:, ::1] values not None,
                  const Py_ssize_t[::1] starts not None, const Py_ssize_t[::1] lengths, Py_ssize_t longest,
                  const Py_ssize_t[::1] chosen not None, const int32_t[::1] labels,
                  const real[:, ::1] target_values, const real[::1] weights, loss, dropout,
                  real[::1] gradient, int n_threads):
    """(loss, weight, metric), sums over the chosen sequences; fills the gradient unless it is None."""
    cdef const Kernel *kernel = table_of(isa, sizeof(real))
    cdef Network net = make_network_spec(kernel, network, parameters.shape[0])
    cdef Py_ssize_t refused = 0
    cdef Sequences seqs = sequences_of[real](&net, values, starts, lengths, longest, chosen, &refused)
    cdef Targets targets = targets_of[real](&net, starts.shape[0], labels, target_values, weights)
    cdef Loss minimised = make_loss(kernel, loss, &targets)
    cdef const void *p = vector[real]("parameters", parameters, parameters.shape[0])
    cdef void *gradient_at = <void *>vector[real]("gradient", gradient, parameters.shape[0])
    cdef Dropout dropped = dropout_of(dropout)
    cdef Score score
    cdef int status
    check_threads(n_threads)
    with nogil:
        status = kernel.loss_gradient(&net, p, &seqs, &targets, &minimised, &dropped, &score, gradient_at, n_threads)
    check(status, refused)
    return score.loss, score.weight, score.metric


def train(int isa, network, real[::1] parameters not None, const real[:, ::1] values not None,
          const Py_ssize_t[::1] starts not None, const Py_ssize_t[::1] lengths, Py_ssize_t longest,
          const Py_ssize_t[::1] chosen not None, const int32_t[::1] labels, const real[:, ::1] target_values,
          const real[::1] weights, loss, double mean_weight, dropout, optimizer,
          real[::1] first_moment not None, real[::1] second_moment not None, real[::1] average,
          int parametrization, tuple arrays not None, Py_ssize_t batch_size, Py_ssize_t first, Py_ssize_t end, int n_threads):
    """Minibatches [first, end) of the chosen sequences, parameters, moments and average updated in place.

    Returns the sums (loss, weight, metric, penalty, gradient norm, updates) and whether it diverged.
    """
    cdef const Kernel *kernel = table_of(isa, sizeof(real))
    cdef Py_ssize_t P = parameters.shape[0], n = chosen.shape[0], refused = 0
    cdef Network net = make_any_network_spec(kernel, network, P)
    cdef Sequences seqs = sequences_of[real](&net, values, starts, lengths, longest, chosen, &refused)
    cdef Targets targets = targets_of[real](&net, starts.shape[0], labels, target_values, weights)
    cdef Loss minimised = make_loss(kernel, loss, &targets)
    cdef void *p = <void *>vector[real]("parameters", parameters, P)
    cdef Dropout dropped = dropout_of(dropout)
    cdef Optimizer settings = make_optimizer(optimizer)
    cdef Parametrization theta
    cdef const real[::1] array
    cdef const char *error  # a sentence, or NULL
    cdef EpochTotals done
    cdef int status
    settings.first = <void *>vector[real]("first moment", first_moment, P)
    settings.second = <void *>vector[real]("second moment", second_moment, P)
    settings.average = <void *>vector[real]("average", average, P)
    theta.kind = parametrization
    if len(arrays) > PARAMETRIZATION_ARRAYS:
        raise ValueError(f"A parametrization has at most {PARAMETRIZATION_ARRAYS} arrays, got {len(arrays)}.")
    for i in range(PARAMETRIZATION_ARRAYS):
        array = arrays[i] if i < len(arrays) else None
        theta.arrays[i] = vector[real]("array of the parametrization", array, P)
    error = kernel.parametrization_error(&theta)
    if error != NULL:
        raise ValueError(f"Parametrization {parametrization}: {error.decode()}.")
    if not isfinite(mean_weight):
        raise ValueError(f"The weights must be finite; their mean is {mean_weight}.")
    if batch_size < 1:
        raise ValueError(f"A minibatch cannot have {batch_size} sequences.")
    batch_size = min(batch_size, n)
    if not 0 <= first <= end <= (n - 1) // batch_size + 1:
        raise ValueError(f"There are no minibatches {first} to {end} of {batch_size} among {n} sequences.")
    check_threads(n_threads)
    targets.mean_weight = mean_weight
    done.score.loss = done.score.weight = done.score.metric = 0
    done.penalty = done.gradient_norm = 0
    done.n_updates = done.diverged = 0
    with nogil:
        status = kernel.train(
            &net, p, &seqs, &targets, &minimised, &dropped, &settings, &theta, batch_size, first, end, &done,
            n_threads)
    check(status, refused)
    return (done.score.loss, done.score.weight, done.score.metric, done.penalty, done.gradient_norm,
            done.n_updates, bool(done.diverged))
