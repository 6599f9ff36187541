/* Whole sets of sequences: cut into blocks, shared among threads, summed in a fixed order.
 *
 * Each block has a gradient slot of its own and the slots are added up by number, whichever thread
 * filled them, so the bits do not depend on the number of threads.
 */
#ifndef SKFASTGRNN_JOB_H
#define SKFASTGRNN_JOB_H

#include "head.h"
#include "losses.h"
#include "optimizers.h"
#include "stack.h"
#include "threads.h"

enum { SLOTS = 32 }; /* blocks summed at once: bounds the memory of large minibatches */

typedef struct {
    Network net;
    Layout layout;
    Sequences seqs;
    Targets targets;
    Loss loss;
    Dropout dropout;
    Weights weights;
    int with_gradient;
    ptrdiff_t rows; /* of a block */
    int n_threads;
    Block blocks[MAX_THREADS]; /* one a thread */
    real *slots;               /* (1 + SLOTS, layout.count) */
    Score scores[1 + SLOTS];
    real *total; /* slots[0]: the gradient of the set, once summed */
    Score score; /* likewise */
    int refused; /* 0, or why a block was not computed: the call has failed */
    void *memory;
    ThreadPool pool;
    ptrdiff_t wave, first_slot; /* position and slot where the present wave of blocks begins */
    void *output;               /* (n, O), for outputs_of_block */
} Job;

static void job_free(Job *job) {
    if (job == NULL) return;
    for (int i = 0; i < job->n_threads; i++) block_free(&job->blocks[i]);
    free(job->memory);
    free(job);
}

/* For sets of at most set_size sequences at a time. NULL where memory ran out. */
static Job *job_create(const Network *net, const Sequences *seqs, const Targets *targets,
                       const Loss *loss, int with_gradient, ptrdiff_t set_size, int n_threads) {
    Job *job = calloc(1, sizeof *job);
    if (job == NULL) return NULL;
    const Layout *l = &job->layout;
    layout_init(&job->layout, net);
    job->net = *net;
    job->seqs = *seqs;
    if (targets != NULL) job->targets = *targets;
    if (loss != NULL) job->loss = *loss;
    job->with_gradient = with_gradient;
    job->rows = block_rows(seqs->longest);
    const ptrdiff_t most_blocks = (set_size + job->rows - 1) / job->rows;
    n_threads = n_threads < MAX_THREADS ? n_threads : MAX_THREADS;
    n_threads = n_threads < most_blocks ? n_threads : (int)most_blocks;

    const ptrdiff_t gradients = with_gradient ? (1 + smaller(SLOTS, most_blocks)) * l->count : 0;
    real *p = allocate_reals((double)(weights_size(l) + gradients), &job->memory);
    if (p == NULL) {
        job_free(job);
        return NULL;
    }
    job->weights = weights_at(l, p);
    job->total = job->slots = p + weights_size(l);
    const ptrdiff_t steps = most_steps(seqs, set_size, job->rows);
    for (; job->n_threads < n_threads; job->n_threads++)
        if (!block_init(&job->blocks[job->n_threads], l, smaller(job->rows, set_size),
                        seqs->longest, steps, with_gradient)) {
            job_free(job);
            return NULL;
        }
    return job;
}

/* Take on a flat parameter vector. */
static void job_load(Job *job, const void *parameters) {
    pack(&job->layout, parameters, job->weights.parameters);
    prepare_weights(&job->layout, &job->weights, 1);
}

/* Remember why the sequence at a position is refused; the first reason stands. */
static int job_refuse(Job *job, int why, ptrdiff_t position) {
    int none = 0;
    if (__atomic_compare_exchange_n(&job->refused, &none, why, 0, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        *job->seqs.refused = position;
    return 0;
}

/* Have a block take on the sequences at [first, first + n). Returns 0 where one is refused. */
static int job_assign(Job *job, Block *b, ptrdiff_t first, ptrdiff_t n) {
    const int wrong = block_assign(b, &job->seqs, first, n);
    return wrong ? job_refuse(job, wrong, first + b->n) : 1;
}

/* Likewise with their labels. */
static int job_assign_labelled(Job *job, Block *b, ptrdiff_t first, ptrdiff_t n) {
    if (!job_assign(job, b, first, n)) return 0;
    const int wrong = block_labels(&job->layout, &job->loss, &job->targets, b);
    return wrong ? job_refuse(job, wrong, first + b->n) : 1;
}

/* Score of the sequences at [first, first + n), and into `slot` its gradient. */
static Score block_gradient(Job *job, Block *b, ptrdiff_t first, ptrdiff_t n, real *slot) {
    const Network *net = &job->net;
    const Layout *l = &job->layout;
    if (!job_assign_labelled(job, b, first, n)) return (Score){0, 0, 0, 0};
    stack_forward(net, l, &job->weights, b, &job->dropout, job->seqs.values, NULL, NULL);
    head_forward(net, l, &job->weights, b, &job->dropout);
    const Score score = loss_block(l, &job->loss, &job->targets, b);
    if (!job->with_gradient) return score;
    memset(slot, 0, (size_t)l->count * sizeof(real));
    head_backward(net, l, &job->weights, b, &job->dropout, head_at(l, slot));
    stack_backward(net, l, &job->weights, b, &job->dropout, NULL, NULL, slot, NULL, NULL);
    return score;
}

static void sum_of_block(void *task, int worker, ptrdiff_t begin, ptrdiff_t n) {
    Job *job = task;
    const ptrdiff_t slot = job->first_slot + (begin - job->wave) / job->rows;
    job->scores[slot] =
        block_gradient(job, &job->blocks[worker], begin, n, job->slots + slot * job->layout.count);
}

/* Loss and gradient summed over positions [first, end) by the pool, left in job->score and
 * job->total.
 *
 * The first wave of blocks begins in slot 0, where the total will be; later waves leave it alone.
 */
static void sum_blocks(Job *job, ptrdiff_t first, ptrdiff_t end) {
    const ptrdiff_t size = job->layout.count;
    job->score = (Score){0, 0, 0, 0};
    for (job->wave = first; job->wave < end && !job->refused;) {
        const ptrdiff_t wave_end = smaller(end, job->wave + SLOTS * job->rows);
        job->first_slot = job->wave == first ? 0 : 1;
        pool_work(&job->pool, wave_end);
        const ptrdiff_t end_slot =
            job->first_slot + (wave_end - job->wave + job->rows - 1) / job->rows;
        for (ptrdiff_t slot = job->first_slot; slot < end_slot; slot++) {
            job->score.loss += job->scores[slot].loss;
            job->score.weight += job->scores[slot].weight;
            job->score.metric += job->scores[slot].metric;
            job->score.counted += job->scores[slot].counted;
            if (slot > 0 && job->with_gradient)
                add_reals(size, job->slots + slot * size, job->total);
        }
        job->wave = wave_end;
    }
}

static void outputs_of_block(void *task, int worker, ptrdiff_t begin, ptrdiff_t n) {
    Job *job = task;
    const Layout *l = &job->layout;
    Block *b = &job->blocks[worker];
    if (!job_assign(job, b, begin, n)) return;
    stack_forward(&job->net, l, &job->weights, b, &job->dropout, job->seqs.values, NULL, NULL);
    head_forward(&job->net, l, &job->weights, b, &job->dropout);
    for (ptrdiff_t r = 0; r < n; r++)
        copy_reals(l->O, b->outputs + r * l->Op, (real *)job->output + (begin + r) * l->O);
}

/* Start the job's threads to work on blocks of the positions from `first` on. */
static void job_start(Job *job, ptrdiff_t first, void (*work)(void *, int, ptrdiff_t, ptrdiff_t)) {
    pool_start(&job->pool, job->n_threads, first, job->rows, work, job);
}

#endif
