/* The functions of the kernel table, for the precision and instruction set that the compiler's
 * flags name: REAL_BITS (32, 64), VEC_BYTES (16, 32, 64), TABLE (the table's symbol) and ISA_NAME.
 */
#include "kernel.h"

#include "expansion.h"
#include "parametrizations.h"
#include "run.h"

/* Free a run that has done its work; returns 0, or why it has not. */
static int run_end(Run *run) {
    const int refused = run->refused;
    run_free(run);
    return refused;
}

static int states(const Network *net, const void *parameters, const Sequences *seqs, const void *h0,
                  void *all, void *final) {
    Run *run = run_create(net, seqs, NULL, forward_only(net), seqs->n, 1);
    if (run == NULL) return KERNEL_NO_MEMORY;
    const Layout *l = &run->layout;
    const ptrdiff_t row = l->n_cells * l->H;
    Block *b = &run->workspaces[0];
    run_load(run, parameters);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += run->rows) {
        if (!run_assign(run, b, begin, smaller(run->rows, seqs->n - begin))) break;
        stack_forward(net, l, &run->weights, b, &run->dropout, seqs->values,
                      h0 == NULL ? NULL : (const real *)h0 + begin * row, all);
        for (int c = 0; c < l->n_cells; c++)
            for (ptrdiff_t r = 0; r < b->n; r++)
                copy_reals(l->H, b->cell[c].last + r * b->cell[c].z.Hp,
                           (real *) final + (begin + r) * row + c * l->H);
    }
    return run_end(run);
}

static int states_gradient(const Network *net, const void *parameters, const Sequences *seqs,
                           const void *h0, const void *upstream, void *gradient,
                           void *values_gradient, void *h0_gradient) {
    const Backward backward = {.of_parameters = 1, .of_values = values_gradient != NULL};
    Run *run = run_create(net, seqs, NULL, backward, seqs->n, 1);
    if (run == NULL) return KERNEL_NO_MEMORY;
    const Layout *l = &run->layout;
    const ptrdiff_t h0_row = l->n_cells * l->H;
    Block *b = &run->workspaces[0];
    run_load(run, parameters);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += run->rows) {
        const real *first_state = h0 == NULL ? NULL : (const real *)h0 + begin * h0_row;
        real *d_first_state = h0_gradient == NULL ? NULL : (real *)h0_gradient + begin * h0_row;
        if (!run_assign(run, b, begin, smaller(run->rows, seqs->n - begin))) break;
        stack_forward(net, l, &run->weights, b, &run->dropout, seqs->values, first_state, NULL);
        stack_backward(net, l, &run->weights, b, &run->dropout, 0, first_state, upstream,
                       run->total, values_gradient, d_first_state);
    }
    unpack(l, run->total, gradient);
    return run_end(run);
}

static int outputs(const Network *net, const void *parameters, const Sequences *seqs, void *output,
                   int n_threads) {
    Run *run = run_create(net, seqs, NULL, forward_only(net), seqs->n, n_threads);
    if (run == NULL) return KERNEL_NO_MEMORY;
    run->output = output;
    run_load(run, parameters);
    run_start(run, 0, outputs_of_block);
    pool_work(&run->pool, seqs->n);
    pool_stop(&run->pool);
    return run_end(run);
}

static double outputs_memory(const Network *net, const Sequences *seqs, int n_threads) {
    Run *run = run_plan(net, seqs, NULL, forward_only(net), seqs->n, n_threads);
    const double bytes = run == NULL ? 0 : run_memory(run);
    run_free(run);
    return bytes;
}

static int loss_gradient(const Network *net, const void *parameters, const Sequences *seqs,
                         const Targets *targets, const Loss *loss, const Dropout *dropout,
                         Score *score, void *gradient, int n_threads) {
    const Backward backward = gradient != NULL ? (Backward){.of_parameters = 1} : forward_only(net);
    Run *run = run_create(net, seqs, loss, backward, seqs->n, n_threads);
    if (run == NULL) return KERNEL_NO_MEMORY;
    run->targets = *targets;
    run->dropout = *dropout;
    run_load(run, parameters);
    run_start(run, 0, sum_of_block);
    sum_blocks(run, 0, seqs->n);
    pool_stop(&run->pool);
    *score = run->score;
    if (gradient != NULL && !run->refused) unpack(&run->layout, run->total, gradient);
    return run_end(run);
}

/* What an optimizer moves, and its moments. */
typedef struct {
    Expansion expansion;
    Parametrized parametrized;
    const Layout *layout; /* of theta, the moments and the average */
    real *theta, *first, *second;
    real *average; /* or NULL */
    void *memory;
} Moving;

static void moving_layout(Moving *m, int has_average, Arena *a) {
    m->first = take_reals(a, (double)m->layout->count);
    m->second = take_reals(a, (double)m->layout->count);
    if (has_average) m->average = take_reals(a, (double)m->layout->count);
    parametrized_layout(&m->parametrized, m->layout, a);
    expansion_layout(&m->expansion, a);
}

/* Take on θ, which lies where the parameters do unless they must be expanded. Returns 0 where
 * memory ran out. */
static int moving_load(Moving *m, const Network *net, const Run *run, const void *theta,
                       const Optimizer *optimizer, const Parametrization *parametrization) {
    Arena arena = {NULL, 0};
    m->parametrized.kind = (enum parametrization)parametrization->kind;
    expansion_init(&m->expansion, net);
    m->layout = m->expansion.needed ? &m->expansion.own : &run->layout;
    const int has_average = optimizer->average != NULL;
    moving_layout(m, has_average, &arena);
    m->memory = arena_allocate(&arena);
    if (m->memory == NULL) return 0;
    moving_layout(m, has_average, &arena);
    m->theta = m->expansion.needed ? m->expansion.theta : run->weights.parameters;
    pack(m->layout, theta, m->theta);
    pack(m->layout, optimizer->first, m->first);
    pack(m->layout, optimizer->second, m->second);
    if (has_average) pack(m->layout, optimizer->average, m->average);
    parametrized_load(&m->parametrized, m->layout, parametrization, m->theta);
    return 1;
}

/* One update from run->score and run->total, the sums over a minibatch: divided by the weight that
 * so many sequences have on the average. Leaves the parameters as they are where something is not
 * finite. */
static void update(Run *run, const Optimizer *optimizer, const Moving *m, EpochTotals *totals) {
    const Layout *l = m->layout;
    const Score score = run->score;
    if (score.weight == 0) return;
    pull_back(&m->expansion, &run->layout, run->total);
    real *gradient = m->expansion.needed ? m->expansion.gradient : run->total;
    mean_gradient(l, optimizer, score.counted * run->targets.mean_weight, m->theta, gradient);
    restrict_gradient(&m->parametrized, l, gradient);
    const double norm = clip(optimizer, l->count, gradient);
    if (!isfinite(score.loss) || !isfinite(norm)) {
        totals->diverged = 1;
        return;
    }
    if (optimizer->solver != ADAMW)
        totals->penalty += 0.5 * optimizer->alpha * squared_norm(l->n_decayed, m->theta);
    totals->score.loss += score.loss;
    totals->score.weight += score.weight;
    totals->score.metric += score.metric;
    totals->gradient_norm += norm;
    totals->n_updates += 1;
    optimizer_step(l, optimizer, optimizer->step + totals->n_updates, gradient, m->first, m->second,
                   m->theta);
    project(&m->parametrized, l);
    if (m->average != NULL)
        moving_average(optimizer, optimizer->n_averaged + totals->n_updates - 1, l->count, m->theta,
                       m->average);
}

/* θ and moments stay padded for the whole call, and private: where a sequence is refused, those of
 * the caller are as before. */
static int train(const Network *net, void *theta, const Sequences *seqs, const Targets *targets,
                 const Loss *loss, const Dropout *dropout, Optimizer *optimizer,
                 const Parametrization *parametrization, ptrdiff_t batch_size, ptrdiff_t begin,
                 ptrdiff_t end, EpochTotals *totals, int n_threads) {
    Moving moving = {0};
    const Backward backward = {1, lowest_trained_layer(net, parametrization), 0};
    const Network dense = dense_of(net);
    Run *run = run_create(&dense, seqs, loss, backward, batch_size, n_threads);
    if (run == NULL) return KERNEL_NO_MEMORY;
    run->targets = *targets;
    run->dropout = *dropout;
    if (!moving_load(&moving, net, run, theta, optimizer, parametrization)) {
        run_free(run);
        return KERNEL_NO_MEMORY;
    }
    run_start(run, begin * batch_size, sum_of_block);
    for (ptrdiff_t batch = begin; batch < end && !totals->diverged && !run->refused; batch++) {
        const ptrdiff_t first = batch * batch_size;
        expand(&moving.expansion, &run->layout, run->weights.parameters);
        prepare_weights(&run->layout, &run->weights);
        sum_blocks(run, first, smaller(seqs->n, first + batch_size));
        if (!run->refused) update(run, optimizer, &moving, totals);
    }
    pool_stop(&run->pool);
    if (!run->refused) {
        unpack(moving.layout, moving.theta, theta);
        unpack(moving.layout, moving.first, optimizer->first);
        unpack(moving.layout, moving.second, optimizer->second);
        if (moving.average != NULL) unpack(moving.layout, moving.average, optimizer->average);
    }
    free(moving.memory);
    return run_end(run);
}

const Kernel TABLE = {ISA_NAME,      fits,
                      is_dense,      tensor,
                      loss_error,    parametrization_error,
                      states,        states_gradient,
                      outputs,       outputs_memory,
                      loss_gradient, train};
