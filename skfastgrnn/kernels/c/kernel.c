/* The functions of the kernel table, for the precision and instruction set that the compiler's
 * flags name: REAL_BITS (32, 64), VEC_BYTES (16, 32, 64), TABLE (the table's symbol) and ISA_NAME.
 */
#include "kernel.h"

#include "job.h"

/* Free a job that has done its work; returns 0, or why it has not. */
static int job_end(Job *job) {
    const int refused = job->refused;
    job_free(job);
    return refused;
}

static int states(const Network *net, const void *parameters, const Sequences *seqs, const void *h0,
                  void *all, void *last) {
    Job *job = job_create(net, seqs, NULL, NULL, 0, seqs->n, 1);
    if (job == NULL) return KERNEL_NO_MEMORY;
    const Layout *l = &job->layout;
    const ptrdiff_t h0_row = l->n_cells * l->H;
    Block *b = &job->blocks[0];
    job_load(job, parameters);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += job->rows) {
        if (!job_assign(job, b, begin, smaller(job->rows, seqs->n - begin))) break;
        stack_forward(net, l, &job->weights, b, &job->dropout, seqs->values,
                      h0 == NULL ? NULL : (const real *)h0 + begin * h0_row, all);
        if (last == NULL) continue;
        for (int reversed = 0; reversed < l->n_directions; reversed++) {
            const CellMemory *m = &b->cell[l->n_cells - l->n_directions + reversed];
            for (ptrdiff_t r = 0; r < b->n; r++)
                copy_reals(l->H, m->last + r * m->z.Hp,
                           (real *)last + (begin + r) * l->R + reversed * l->H);
        }
    }
    return job_end(job);
}

static int states_gradient(const Network *net, const void *parameters, const Sequences *seqs,
                           const void *h0, const void *upstream, void *gradient,
                           void *values_gradient, void *h0_gradient) {
    Job *job = job_create(net, seqs, NULL, NULL, 1, seqs->n, 1);
    if (job == NULL) return KERNEL_NO_MEMORY;
    const Layout *l = &job->layout;
    const ptrdiff_t h0_row = l->n_cells * l->H;
    Block *b = &job->blocks[0];
    job_load(job, parameters);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += job->rows) {
        const real *first_state = h0 == NULL ? NULL : (const real *)h0 + begin * h0_row;
        real *d_first_state = h0_gradient == NULL ? NULL : (real *)h0_gradient + begin * h0_row;
        if (!job_assign(job, b, begin, smaller(job->rows, seqs->n - begin))) break;
        stack_forward(net, l, &job->weights, b, &job->dropout, seqs->values, first_state, NULL);
        stack_backward(net, l, &job->weights, b, &job->dropout, first_state, upstream, job->total,
                       values_gradient, d_first_state);
    }
    unpack(l, job->total, gradient);
    return job_end(job);
}

static int outputs(const Network *net, const void *parameters, const Sequences *seqs, void *output,
                   int n_threads) {
    Job *job = job_create(net, seqs, NULL, NULL, 0, seqs->n, n_threads);
    if (job == NULL) return KERNEL_NO_MEMORY;
    job->output = output;
    job_load(job, parameters);
    job_start(job, 0, outputs_of_block);
    pool_work(&job->pool, seqs->n);
    pool_stop(&job->pool);
    return job_end(job);
}

static int loss_gradient(const Network *net, const void *parameters, const Sequences *seqs,
                         const Targets *targets, const Loss *loss, const Dropout *dropout,
                         Score *score, void *gradient, int n_threads) {
    Job *job = job_create(net, seqs, targets, loss, gradient != NULL, seqs->n, n_threads);
    if (job == NULL) return KERNEL_NO_MEMORY;
    job->dropout = *dropout;
    job_load(job, parameters);
    job_start(job, 0, sum_of_block);
    sum_blocks(job, 0, seqs->n);
    pool_stop(&job->pool);
    *score = job->score;
    if (gradient != NULL && !job->refused) unpack(&job->layout, job->total, gradient);
    return job_end(job);
}

/* The optimizer's vectors, padded. */
typedef struct {
    real *first, *second;
    const real *trained; /* or NULL */
    void *memory;
} Moments;

/* Returns 0 where memory ran out. */
static int moments_load(Moments *moments, const Layout *l, const Optimizer *optimizer) {
    real *p = allocate_reals((double)(3 * l->count), &moments->memory);
    if (p == NULL) return 0;
    moments->first = p;
    moments->second = p + l->count;
    moments->trained = NULL;
    pack(l, optimizer->first, moments->first);
    pack(l, optimizer->second, moments->second);
    if (optimizer->trained != NULL) {
        pack(l, optimizer->trained, p + 2 * l->count);
        moments->trained = p + 2 * l->count;
    }
    return 1;
}

/* One update from job->score and job->total, the sums over a minibatch: divided by the weight that
 * so many sequences have on the average. Leaves the parameters as they are where something is not
 * finite. */
static void update(Job *job, const Optimizer *optimizer, const Moments *moments,
                   EpochTotals *totals) {
    const Layout *l = &job->layout;
    const Score score = job->score;
    real *parameters = job->weights.parameters;
    if (score.weight == 0) return;
    const double norm = finish_gradient(l, optimizer, score.counted * job->targets.mean_weight,
                                        moments->trained, parameters, job->total);
    if (!isfinite(score.loss) || !isfinite(norm)) {
        totals->diverged = 1;
        return;
    }
    if (optimizer->solver != ADAMW)
        totals->penalty += 0.5 * optimizer->alpha * squared_norm(l->n_decayed, parameters);
    totals->score.loss += score.loss;
    totals->score.weight += score.weight;
    totals->score.metric += score.metric;
    totals->gradient_norm += norm;
    totals->n_updates += 1;
    optimizer_step(l, optimizer, optimizer->step + totals->n_updates, moments->trained, job->total,
                   moments->first, moments->second, parameters);
}

/* Parameters and moments stay padded for the whole call, and private: where a sequence is refused,
 * those of the caller are as before. */
static int train(const Network *net, void *parameters, const Sequences *seqs,
                 const Targets *targets, const Loss *loss, const Dropout *dropout,
                 Optimizer *optimizer, ptrdiff_t batch_size, ptrdiff_t begin, ptrdiff_t end,
                 EpochTotals *totals, int n_threads) {
    Moments moments;
    Job *job = job_create(net, seqs, targets, loss, 1, batch_size, n_threads);
    if (job == NULL || !moments_load(&moments, &job->layout, optimizer)) {
        job_free(job);
        return KERNEL_NO_MEMORY;
    }
    const Layout *l = &job->layout;
    job->dropout = *dropout;
    pack(l, parameters, job->weights.parameters);
    job_start(job, begin * batch_size, sum_of_block);
    for (ptrdiff_t batch = begin; batch < end && !totals->diverged && !job->refused; batch++) {
        const ptrdiff_t first = batch * batch_size;
        prepare_weights(l, &job->weights, 0);
        sum_blocks(job, first, smaller(seqs->n, first + batch_size));
        if (!job->refused) update(job, optimizer, &moments, totals);
    }
    pool_stop(&job->pool);
    if (!job->refused) {
        unpack(l, job->weights.parameters, parameters);
        unpack(l, moments.first, optimizer->first);
        unpack(l, moments.second, optimizer->second);
    }
    free(moments.memory);
    return job_end(job);
}

const Kernel TABLE = {ISA_NAME,        fits,    tensor,        loss_error, states,
                      states_gradient, outputs, loss_gradient, train};
