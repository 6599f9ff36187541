/* The functions of the kernel table, for the precision and instruction set that the compiler's
 * flags name: REAL_BITS (32, 64), VEC_BYTES (16, 32, 64), TABLE (the table's symbol) and ISA_NAME.
 */
#include "kernel.h"

#include "job.h"

static int states(const Network *net, const void *parameters, const Sequences *seqs, const void *h0,
                  void *all, void *last) {
    Job *job = job_create(net, seqs, NULL, 0, seqs->n, 1);
    if (job == NULL) return KERNEL_NO_MEMORY;
    const ptrdiff_t H = job->z.H;
    Block *b = &job->blocks[0];
    job_load(job, parameters);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += job->rows) {
        block_assign(b, seqs, begin, smaller(job->rows, seqs->n - begin));
        cell_forward(net, &job->weights, b, seqs->values,
                     h0 == NULL ? NULL : (const real *)h0 + begin * H, all);
        if (last != NULL)
            for (ptrdiff_t r = 0; r < b->n; r++)
                copy_reals(H, b->last + r * job->z.Hp, (real *)last + (begin + r) * H);
    }
    job_free(job);
    return 0;
}

static int states_gradient(const Network *net, const void *parameters, const Sequences *seqs,
                           const void *h0, const void *upstream, void *gradient,
                           void *values_gradient, void *h0_gradient) {
    Job *job = job_create(net, seqs, NULL, 1, seqs->n, 1);
    if (job == NULL) return KERNEL_NO_MEMORY;
    const ptrdiff_t H = job->z.H;
    Block *b = &job->blocks[0];
    job_load(job, parameters);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += job->rows) {
        const real *first_state = h0 == NULL ? NULL : (const real *)h0 + begin * H;
        real *d_first_state = h0_gradient == NULL ? NULL : (real *)h0_gradient + begin * H;
        block_assign(b, seqs, begin, smaller(job->rows, seqs->n - begin));
        cell_forward(net, &job->weights, b, seqs->values, first_state, NULL);
        cell_backward(net, &job->weights, b, first_state, (Upstream){.all = upstream},
                      padded_at(job->z, job->total), values_gradient, d_first_state);
    }
    unpack(job->z, job->total, gradient);
    job_free(job);
    return 0;
}

static int outputs(const Network *net, const void *parameters, const Sequences *seqs, void *output,
                   int n_threads) {
    Job *job = job_create(net, seqs, NULL, 0, seqs->n, n_threads);
    if (job == NULL) return KERNEL_NO_MEMORY;
    job->output = output;
    job_load(job, parameters);
    job_start(job, 0, outputs_of_block);
    team_work(&job->team, seqs->n);
    team_stop(&job->team);
    job_free(job);
    return 0;
}

static int loss_gradient(const Network *net, const void *parameters, const Sequences *seqs,
                         const Targets *targets, Score *score, void *gradient, int n_threads) {
    Job *job = job_create(net, seqs, targets, gradient != NULL, seqs->n, n_threads);
    if (job == NULL) return KERNEL_NO_MEMORY;
    job_load(job, parameters);
    job_start(job, 0, sum_of_block);
    sum_blocks(job, 0, seqs->n);
    team_stop(&job->team);
    *score = job->score;
    if (gradient != NULL) unpack(job->z, job->total, gradient);
    job_free(job);
    return 0;
}

/* One update from job->score and job->total, the sums over a minibatch: divided by the weight that
 * so many sequences have on the average. Leaves the parameters as they are where something is not
 * finite. */
static void update(Job *job, const Adam *adam, real *first_moment, real *second_moment,
                   EpochTotals *totals) {
    const Score score = job->score;
    real *parameters = job->weights.parameters;
    if (score.weight == 0) return;
    const double norm = finish_gradient(job->z, adam, score.counted * job->targets.mean_weight,
                                        parameters, job->total);
    if (!isfinite(score.loss) || !isfinite(norm)) {
        totals->diverged = 1;
        return;
    }
    totals->penalty += 0.5 * adam->alpha * squared_norm(n_decayed(job->z), parameters);
    totals->score.loss += score.loss;
    totals->score.weight += score.weight;
    totals->score.metric += score.metric;
    totals->gradient_norm += norm;
    totals->n_updates += 1;
    adam_step(adam, adam->step + totals->n_updates, padded_size(job->z), job->total, first_moment,
              second_moment, parameters);
}

/* Parameters and moments stay padded for the whole call. */
static int train(const Network *net, void *parameters, const Sequences *seqs,
                 const Targets *targets, Adam *adam, ptrdiff_t batch_size, ptrdiff_t begin,
                 ptrdiff_t end, EpochTotals *totals, int n_threads) {
    Job *job = job_create(net, seqs, targets, 1, batch_size, n_threads);
    void *memory = NULL;
    real *moments = job == NULL ? NULL : allocate_reals(2 * padded_size(job->z), &memory);
    if (moments == NULL) {
        job_free(job);
        return KERNEL_NO_MEMORY;
    }
    real *first_moment = moments, *second_moment = moments + padded_size(job->z);
    pack(job->z, parameters, job->weights.parameters);
    pack(job->z, adam->first, first_moment);
    pack(job->z, adam->second, second_moment);
    job_start(job, begin * batch_size, sum_of_block);
    for (ptrdiff_t batch = begin; batch < end && !totals->diverged; batch++) {
        const ptrdiff_t first = batch * batch_size;
        prepare_weights(job->z, &job->weights, 0);
        sum_blocks(job, first, smaller(seqs->n, first + batch_size));
        update(job, adam, first_moment, second_moment, totals);
    }
    team_stop(&job->team);
    unpack(job->z, job->weights.parameters, parameters);
    unpack(job->z, first_moment, adam->first);
    unpack(job->z, second_moment, adam->second);
    free(memory);
    job_free(job);
    return 0;
}

const Kernel TABLE = {ISA_NAME, states, states_gradient, outputs, loss_gradient, train};
