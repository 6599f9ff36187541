/* The functions of the kernel table, for the precision and instruction set that the compiler's flags name:
 * REAL_BITS (32, 64), VEC_BYTES (16, 32, 64), TABLE (the table's symbol) and ISA_NAME. */
#include "kernel.h"

#include "job.h"

static int states(const Network *net, const void *parameters, const Sequences *seqs, const void *h0, void *all,
                  void *last) {
    Job *job = job_create(net, seqs, NULL, 0, 1);
    if (job == NULL) return KERNEL_NO_MEMORY;
    const ptrdiff_t H = job->z.H;
    Block *b = &job->blocks[0];
    pack_weights(job->z, parameters, &job->weights);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += BLOCK_ROWS) {
        block_assign(b, seqs, begin, smaller(BLOCK_ROWS, seqs->n - begin));
        cell_forward(net, &job->weights, b, seqs->values, h0 == NULL ? NULL : (const real *)h0 + begin * H, all);
        if (last != NULL)
            for (ptrdiff_t r = 0; r < b->n; r++) copy_reals(H, b->last + r * job->z.Hp, (real *)last + (begin + r) * H);
    }
    job_free(job);
    return 0;
}

static int states_gradient(const Network *net, const void *parameters, const Sequences *seqs, const void *h0,
                           const void *upstream, void *gradient, void *values_gradient, void *h0_gradient) {
    Job *job = job_create(net, seqs, NULL, 1, 1);
    if (job == NULL) return KERNEL_NO_MEMORY;
    const ptrdiff_t H = job->z.H;
    Block *b = &job->blocks[0];
    pack_weights(job->z, parameters, &job->weights);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += BLOCK_ROWS) {
        const real *first_state = h0 == NULL ? NULL : (const real *)h0 + begin * H;
        real *d_first_state = h0_gradient == NULL ? NULL : (real *)h0_gradient + begin * H;
        block_assign(b, seqs, begin, smaller(BLOCK_ROWS, seqs->n - begin));
        cell_forward(net, &job->weights, b, seqs->values, first_state, NULL);
        cell_backward(net, &job->weights, b, first_state, (Upstream){.all = upstream}, padded_at(job->z, job->total),
                      values_gradient, d_first_state);
    }
    unpack_gradient(job->z, padded_at(job->z, job->total), gradient);
    job_free(job);
    return 0;
}

static int outputs(const Network *net, const void *parameters, const Sequences *seqs, void *output, int n_threads) {
    Job *job = job_create(net, seqs, NULL, 0, n_threads);
    if (job == NULL) return KERNEL_NO_MEMORY;
    job->output = output;
    pack_weights(job->z, parameters, &job->weights);
    team_run(&job->team, job->n_threads, outputs_work, job);
    job_free(job);
    return 0;
}

static void loss_work(void *task, int member) {
    Job *job = task;
    sum_blocks(job, member, 0, job->seqs.n);
}

static int loss_gradient(const Network *net, const void *parameters, const Sequences *seqs, const Targets *targets,
                         Score *score, void *gradient, int n_threads) {
    Job *job = job_create(net, seqs, targets, gradient != NULL, n_threads);
    if (job == NULL) return KERNEL_NO_MEMORY;
    pack_weights(job->z, parameters, &job->weights);
    job_begin(job, 0);
    team_run(&job->team, job->n_threads, loss_work, job);
    *score = job->score;
    if (gradient != NULL) unpack_gradient(job->z, padded_at(job->z, job->total), gradient);
    job_free(job);
    return 0;
}

typedef struct {
    Job *job;
    real *parameters;
    real *gradient; /* (P) */
    Adam *adam;
    Progress *progress;
    ptrdiff_t batch_size, first, end;
} Training;

/* One update from job->score and job->total. Leaves the parameters as they are where something is not finite. */
static void update(Training *run) {
    Job *job = run->job;
    const Score score = job->score;
    const Flat f = flat_of(job->z);
    if (score.weight == 0) return;
    unpack_gradient(job->z, padded_at(job->z, job->total), run->gradient);
    const double norm = finish_gradient(job->z, run->adam, score.weight, run->parameters, run->gradient);
    if (!isfinite(score.loss) || !isfinite(norm)) {
        run->progress->diverged = 1;
        return;
    }
    run->progress->penalty += 0.5 * run->adam->alpha * squared_norm(f.bias_gate, run->parameters);
    run->progress->score.loss += score.loss;
    run->progress->score.weight += score.weight;
    run->progress->score.correct += score.correct;
    run->progress->gradient_norm += norm;
    run->progress->n_updates += 1;
    adam_step(run->adam, f.count, run->gradient, run->parameters);
}

static void train_work(void *task, int member) {
    Training *run = task;
    Job *job = run->job;
    for (ptrdiff_t batch = run->first; batch < run->end; batch++) {
        const ptrdiff_t first = batch * run->batch_size;
        if (member == 0) {
            pack_weights(job->z, run->parameters, &job->weights);
            job_begin(job, first);
        }
        sum_blocks(job, member, first, smaller(job->seqs.n, first + run->batch_size));
        if (member == 0) update(run);
        team_meet(&job->team);
        if (run->progress->diverged) return;
    }
}

static int train(const Network *net, void *parameters, const Sequences *seqs, const Targets *targets, Adam *adam,
                 ptrdiff_t batch_size, ptrdiff_t first, ptrdiff_t end, Progress *progress, int n_threads) {
    const ptrdiff_t blocks_of_batch = (batch_size + BLOCK_ROWS - 1) / BLOCK_ROWS;
    n_threads = blocks_of_batch < n_threads ? (int)blocks_of_batch : n_threads;
    Job *job = job_create(net, seqs, targets, 1, n_threads);
    void *memory = NULL;
    real *gradient = job == NULL ? NULL : allocate_reals(flat_of(job->z).count, &memory);
    if (gradient == NULL) {
        job_free(job);
        return KERNEL_NO_MEMORY;
    }
    Training run = {job, parameters, gradient, adam, progress, batch_size, first, end};
    team_run(&job->team, job->n_threads, train_work, &run);
    free(memory);
    job_free(job);
    return 0;
}

const Kernel TABLE = {ISA_NAME, states, states_gradient, outputs, loss_gradient, train};
