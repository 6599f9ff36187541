/* The functions of the kernel table, for the precision and instruction set that the compiler's flags name:
 * REAL_BITS (32, 64), VEC_BYTES (16, 32, 64), TABLE (the table's symbol) and ISA_NAME. */
#include "kernel.h"

#include "job.h"

static int states(const Network *net, const void *parameters, const Sequences *seqs, const void *h0, void *all,
                  void *last) {
    Job *job = job_create(net, seqs, NULL, 0, seqs->n, 1);
    if (job == NULL) return KERNEL_NO_MEMORY;
    const ptrdiff_t H = job->z.H;
    Block *b = &job->blocks[0];
    job_load(job, parameters);
    for (ptrdiff_t begin = 0; begin < seqs->n; begin += job->rows) {
        block_assign(b, seqs, begin, smaller(job->rows, seqs->n - begin));
        cell_forward(net, &job->weights, b, seqs->values, h0 == NULL ? NULL : (const real *)h0 + begin * H, all);
        if (last != NULL)
            for (ptrdiff_t r = 0; r < b->n; r++) copy_reals(H, b->last + r * job->z.Hp, (real *)last + (begin + r) * H);
    }
    job_free(job);
    return 0;
}

static int states_gradient(const Network *net, const void *parameters, const Sequences *seqs, const void *h0,
                           const void *upstream, void *gradient, void *values_gradient, void *h0_gradient) {
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
        cell_backward(net, &job->weights, b, first_state, (Upstream){.all = upstream}, padded_at(job->z, job->total),
                      values_gradient, d_first_state);
    }
    unpack(job->z, job->total, gradient);
    job_free(job);
    return 0;
}

static int outputs(const Network *net, const void *parameters, const Sequences *seqs, void *output, int n_threads) {
    Job *job = job_create(net, seqs, NULL, 0, seqs->n, n_threads);
    if (job == NULL) return KERNEL_NO_MEMORY;
    job->output = output;
    job_load(job, parameters);
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
    Job *job = job_create(net, seqs, targets, gradient != NULL, seqs->n, n_threads);
    if (job == NULL) return KERNEL_NO_MEMORY;
    job_load(job, parameters);
    job_begin(job, 0);
    team_run(&job->team, job->n_threads, loss_work, job);
    *score = job->score;
    if (gradient != NULL) unpack(job->z, job->total, gradient);
    job_free(job);
    return 0;
}

typedef struct {
    Job *job;
    const Adam *adam;
    real *first, *second; /* Adam's moments, padded */
    Progress *progress;
    ptrdiff_t batch_size, begin, end;
} Training;

/* One update from job->score and job->total. Leaves the parameters as they are where something is not finite. */
static void update(Training *run) {
    Job *job = run->job;
    Progress *progress = run->progress;
    const Score score = job->score;
    real *parameters = job->weights.parameters;
    if (score.weight == 0) return;
    const double norm = finish_gradient(job->z, run->adam, score.weight, parameters, job->total);
    if (!isfinite(score.loss) || !isfinite(norm)) {
        progress->diverged = 1;
        return;
    }
    progress->penalty += 0.5 * run->adam->alpha * squared_norm(n_decayed(job->z), parameters);
    progress->score.loss += score.loss;
    progress->score.weight += score.weight;
    progress->score.correct += score.correct;
    progress->gradient_norm += norm;
    progress->n_updates += 1;
    adam_step(run->adam, run->adam->step + progress->n_updates, padded_size(job->z), job->total, run->first,
              run->second, parameters);
}

static void train_work(void *task, int member) {
    Training *run = task;
    Job *job = run->job;
    for (ptrdiff_t batch = run->begin; batch < run->end; batch++) {
        const ptrdiff_t first = batch * run->batch_size;
        if (member == 0) {
            prepare_weights(job->z, &job->weights, 0);
            job_begin(job, first);
        }
        sum_blocks(job, member, first, smaller(job->seqs.n, first + run->batch_size));
        if (member == 0) update(run);
        team_meet(&job->team);
        if (run->progress->diverged) return;
    }
}

/* Parameters and moments stay padded for the whole call. */
static int train(const Network *net, void *parameters, const Sequences *seqs, const Targets *targets, Adam *adam,
                 ptrdiff_t batch_size, ptrdiff_t begin, ptrdiff_t end, Progress *progress, int n_threads) {
    Job *job = job_create(net, seqs, targets, 1, batch_size, n_threads);
    void *memory = NULL;
    real *moments = job == NULL ? NULL : allocate_reals(2 * padded_size(job->z), &memory);
    if (moments == NULL) {
        job_free(job);
        return KERNEL_NO_MEMORY;
    }
    Training run = {job, adam, moments, moments + padded_size(job->z), progress, batch_size, begin, end};
    pack(job->z, parameters, job->weights.parameters);
    pack(job->z, adam->first, run.first);
    pack(job->z, adam->second, run.second);
    team_run(&job->team, job->n_threads, train_work, &run);
    unpack(job->z, job->weights.parameters, parameters);
    unpack(job->z, run.first, adam->first);
    unpack(job->z, run.second, adam->second);
    free(memory);
    job_free(job);
    return 0;
}

const Kernel TABLE = {ISA_NAME, states, states_gradient, outputs, loss_gradient, train};
