/* Whole sets of sequences: cut into blocks, shared among threads, summed in a fixed order.
 *
 * Each block has a gradient slot of its own and the slots are added up by number, whichever thread
 * filled them, so the bits do not depend on the number of threads.
 */
#ifndef SKFASTGRNN_RUN_H
#define SKFASTGRNN_RUN_H

#include "head.h"
#include "losses.h"
#include "optimizers.h"
#include "stack.h"
#include "threads.h"

enum { SLOTS = 32 }; /* blocks summed at once: bounds the memory of large minibatches */

/* One call: what it is about, the weights that all threads read, and a workspace for each. */
typedef struct {
    Network net;
    Layout layout;
    Sequences seqs;
    Targets targets;
    Loss loss;
    Dropout dropout;
    Backward backward;
    Weights weights;
    ptrdiff_t rows;    /* of a block */
    ptrdiff_t n_slots; /* for gradients: that of a set, and those of the blocks of a wave */
    real *slots;       /* (n_slots, layout.count) */
    Score scores[1 + SLOTS];
    real *total; /* slots[0]: the gradient of the set, once summed */
    Score score; /* likewise */
    int refused; /* 0, or why a block was not computed: the call has failed */
    ThreadPool pool;
    ptrdiff_t wave, first_slot; /* position and slot where the present wave of blocks begins */
    void *output;               /* (n, O), for outputs_of_block */
    void *memory;
    int n_threads;
    Block workspaces[]; /* (n_threads) */
} Run;

static void run_free(Run *run) {
    if (run == NULL) return;
    free(run->memory);
    free(run);
}

static void run_layout(Run *run, Arena *a) {
    weights_layout(&run->weights, &run->layout, run->backward, a);
    run->total = run->slots = take_reals(a, (double)run->n_slots * (double)run->layout.count);
    for (int i = 0; i < run->n_threads; i++)
        block_layout(&run->workspaces[i], &run->layout, run->backward, a);
}

/* Rows of a block of sets of at most set_size sequences; `loss` may be NULL. */
static ptrdiff_t rows_of_block(const Sequences *seqs, const Loss *loss, ptrdiff_t set_size) {
    return loss != NULL && couples_rows(loss) ? set_size : block_rows(seqs->longest);
}

/* A run without memory for weights and workspaces, for sets of at most set_size sequences at a
 * time, of which `loss` (or NULL for none) is computed. NULL where memory ran out. */
static Run *run_plan(const Network *net, const Sequences *seqs, const Loss *loss, Backward backward,
                     ptrdiff_t set_size, int n_threads) {
    const ptrdiff_t rows = rows_of_block(seqs, loss, set_size);
    const ptrdiff_t most_blocks = (set_size + rows - 1) / rows;
    n_threads = n_threads < MAX_THREADS ? n_threads : MAX_THREADS;
    n_threads = n_threads < most_blocks ? n_threads : (int)most_blocks;
    Run *run = calloc(1, sizeof *run + (size_t)n_threads * sizeof run->workspaces[0]);
    if (run == NULL) return NULL;
    layout_init(&run->layout, net);
    run->net = *net;
    run->seqs = *seqs;
    if (loss != NULL) run->loss = *loss;
    run->backward = backward;
    run->rows = rows;
    run->n_slots = backward.of_parameters ? 1 + smaller(SLOTS, most_blocks) : 0;
    run->n_threads = n_threads;
    const ptrdiff_t steps = most_steps(seqs, set_size, rows);
    for (int i = 0; i < n_threads; i++) {
        run->workspaces[i].max_rows = smaller(rows, set_size);
        run->workspaces[i].couples_rows = loss != NULL && couples_rows(loss);
        run->workspaces[i].max_steps = seqs->longest;
        run->workspaces[i].most_steps = steps;
    }
    return run;
}

/* Bytes of a planned run. */
static double run_memory(Run *run) {
    Arena arena = {NULL, 0};
    run_layout(run, &arena);
    return arena.size + (double)(sizeof *run + (size_t)run->n_threads * sizeof run->workspaces[0]);
}

static Run *run_create(const Network *net, const Sequences *seqs, const Loss *loss,
                       Backward backward, ptrdiff_t set_size, int n_threads) {
    Run *run = run_plan(net, seqs, loss, backward, set_size, n_threads);
    if (run == NULL) return NULL;
    Arena arena = {NULL, 0};
    run_layout(run, &arena);
    run->memory = arena_allocate(&arena);
    if (run->memory == NULL) {
        run_free(run);
        return NULL;
    }
    run_layout(run, &arena);
    return run;
}

/* Take on a flat parameter vector. */
static void run_load(Run *run, const void *parameters) {
    pack(&run->layout, parameters, run->weights.parameters);
    prepare_weights(&run->layout, &run->weights);
}

/* Remember why the sequence at a position is refused; the first reason stands. */
static int run_refuse(Run *run, int why, ptrdiff_t position) {
    int none = 0;
    if (__atomic_compare_exchange_n(&run->refused, &none, why, 0, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        *run->seqs.refused = position;
    return 0;
}

/* Have a block take on the sequences at [first, first + n). Returns 0 where one is refused. */
static int run_assign(Run *run, Block *b, ptrdiff_t first, ptrdiff_t n) {
    const int wrong = block_assign(b, &run->seqs, first, n);
    return wrong ? run_refuse(run, wrong, first + b->n) : 1;
}

/* Likewise with their labels. */
static int run_assign_labelled(Run *run, Block *b, ptrdiff_t first, ptrdiff_t n) {
    if (!run_assign(run, b, first, n)) return 0;
    const int wrong = block_labels(&run->layout, &run->loss, &run->targets, b);
    return wrong ? run_refuse(run, wrong, first + b->n) : 1;
}

/* Score of the sequences at [first, first + n), and into `slot` its gradient. */
static Score block_gradient(Run *run, Block *b, ptrdiff_t first, ptrdiff_t n, real *slot) {
    const Network *net = &run->net;
    const Layout *l = &run->layout;
    if (!run_assign_labelled(run, b, first, n)) return (Score){0, 0, 0, 0};
    stack_forward(net, l, &run->weights, b, &run->dropout, run->seqs.values, NULL, NULL);
    head_forward(net, l, &run->weights, b, &run->dropout);
    const Score score = loss_block(l, &run->loss, &run->targets, b);
    if (!run->backward.of_parameters) return score;
    memset(slot, 0, (size_t)l->count * sizeof(real));
    head_backward(net, l, &run->weights, b, &run->dropout, head_at(l, slot));
    stack_backward(net, l, &run->weights, b, &run->dropout, run->backward.lowest, NULL, NULL, slot,
                   NULL, NULL);
    return score;
}

static void sum_of_block(void *task, int worker, ptrdiff_t begin, ptrdiff_t n) {
    Run *run = task;
    const ptrdiff_t slot = run->first_slot + (begin - run->wave) / run->rows;
    run->scores[slot] = block_gradient(run, &run->workspaces[worker], begin, n,
                                       run->slots + slot * run->layout.count);
}

/* Loss and gradient summed over positions [first, end) by the pool, left in run->score and
 * run->total.
 *
 * The first wave of blocks begins in slot 0, where the total will be; later waves leave it alone.
 */
static void sum_blocks(Run *run, ptrdiff_t first, ptrdiff_t end) {
    const ptrdiff_t size = run->layout.count;
    run->score = (Score){0, 0, 0, 0};
    for (run->wave = first; run->wave < end && !run->refused;) {
        const ptrdiff_t wave_end = smaller(end, run->wave + SLOTS * run->rows);
        run->first_slot = run->wave == first ? 0 : 1;
        pool_work(&run->pool, wave_end);
        const ptrdiff_t end_slot =
            run->first_slot + (wave_end - run->wave + run->rows - 1) / run->rows;
        for (ptrdiff_t slot = run->first_slot; slot < end_slot; slot++) {
            run->score.loss += run->scores[slot].loss;
            run->score.weight += run->scores[slot].weight;
            run->score.metric += run->scores[slot].metric;
            run->score.counted += run->scores[slot].counted;
            if (slot > 0 && run->backward.of_parameters)
                add_reals(size, run->slots + slot * size, run->total);
        }
        run->wave = wave_end;
    }
}

static void outputs_of_block(void *task, int worker, ptrdiff_t begin, ptrdiff_t n) {
    Run *run = task;
    const Layout *l = &run->layout;
    Block *b = &run->workspaces[worker];
    if (!run_assign(run, b, begin, n)) return;
    stack_forward(&run->net, l, &run->weights, b, &run->dropout, run->seqs.values, NULL, NULL);
    head_forward(&run->net, l, &run->weights, b, &run->dropout);
    for (ptrdiff_t r = 0; r < n; r++)
        copy_reals(l->O, b->outputs + r * l->Op, (real *)run->output + (begin + r) * l->O);
}

/* Start the run's threads to work on blocks of the positions from `first` on. */
static void run_start(Run *run, ptrdiff_t first, void (*work)(void *, int, ptrdiff_t, ptrdiff_t)) {
    pool_start(&run->pool, run->n_threads, first, run->rows, work, run);
}

#endif
