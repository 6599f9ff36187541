/* A block: up to max_rows sequences that are computed side by side, and the memory for it, which is
 * the workspace of one thread.
 *
 * Sequences of a block come in decreasing length, so those still running at step t are its first
 * active(t) rows and their steps are stored without gaps: step t of row r is row first_row[t] + r
 * of every history. One row of a cell's `inputs` is
 *
 *     [ 0 .. 0 | x_t (D) | h_{t-1} (H) | 0 .. 0 ]
 *              ^ x_at      ^ h_at, on a whole vector
 *
 * so that [W | U] [x; h] is one product. A reversed cell takes the steps of each row from its end:
 * its step t is the row's step length - 1 - t.
 */
#ifndef SKFASTGRNN_BLOCK_H
#define SKFASTGRNN_BLOCK_H

#include "weights.h"

/* A block of long sequences has LEAST_ROWS, enough for full tiles and few enough for the history of
 * a hundred steps to stay in the second cache level. Short sequences leave room for more, up to
 * MOST_ROWS, which spares the per-block work. */
enum { LEAST_ROWS = 16, MOST_ROWS = 64, HISTORY_ROWS = 256 };
/* History rows per weight-gradient product: enough to amortise its accumulators, few enough for the
 * first level. */
enum { GRADIENT_ROWS = 128 };

/* Rows of a block for sequences of at most `steps` steps. */
INLINE ptrdiff_t block_rows(ptrdiff_t steps) {
    ptrdiff_t rows = MOST_ROWS;
    while (rows > LEAST_ROWS && rows * steps > HISTORY_ROWS) rows /= 2;
    return rows;
}

/* The histories of one cell. */
typedef struct {
    Sizes z;
    int keep;             /* keep the histories, for a backward pass */
    ptrdiff_t input_row;  /* Dp + Hp */
    ptrdiff_t x_at, h_at; /* in a row of inputs */
    real *inputs;         /* (rows, input_row) */
    real *gate;           /* (rows, Hp): z_t; the backward pass leaves the gradient of a_t here */
    real *candidate;      /* (rows, Hp): c_t */
    real *pre;            /* (max_rows, Hp): a_t */
    real *last;           /* (max_rows, Hp): the last state of each row */
    real *pooled;         /* (max_rows, Hp): for MEAN the sum of its states, for MAX the maximum */
    real_bits *winner;    /* (max_rows, Hp): the step of the cell that MAX took it from */
    real *d_state;        /* (max_rows, Hp) */
    real *d_input;        /* (max_rows, Dp) */
} CellMemory;

typedef struct {
    ptrdiff_t max_rows;   /* room for so many sequences */
    ptrdiff_t max_steps;  /* of so many steps each */
    ptrdiff_t most_steps; /* and of so many steps together */

    ptrdiff_t n, n_steps; /* sequences and longest length of this block */
    ptrdiff_t position;   /* of its first sequence among the chosen */
    ptrdiff_t *row;       /* (max_rows): which sequence each is */
    ptrdiff_t *start;     /* (max_rows): first step of each, in values */
    ptrdiff_t *length;    /* (max_rows) */
    ptrdiff_t *local;     /* (max_rows): first step of each, in `between` */
    int32_t *label;       /* (max_rows): of each, or -1 */
    ptrdiff_t *first_row; /* (max_steps + 1) */

    CellMemory cell[MAX_CELLS];
    real *between[MAX_LAYERS];   /* (steps, R): states of each layer that the next one reads, or
                                    that attention reads when all of them are known */
    real *d_between[MAX_LAYERS]; /* (steps, R), as d_summary where it is needed */
    real *score;                 /* (steps), of ATTENTION; with a gradient only */
    real *highest;               /* (max_rows), of ATTENTION: the highest score so far */
    real *total;                 /* (max_rows), likewise: the sum of exp(score - highest) */
    real *d_scores;              /* (max_rows), likewise: d_summary · summary */
    real *summary;               /* (max_rows, Rp): what the head reads */
    real *d_summary;             /* (max_rows, Rp) */
    real *outputs;               /* (max_rows, Op): then their gradient */
    real *scratch;               /* (2, Op): of one sequence, for its loss */
    int couples_rows;            /* whether the loss does, and needs what follows */
    real *directions;            /* (max_rows, Op) */
    real *inverse_norm;          /* (max_rows) */
    real *similarity;            /* (max_rows, in whole vectors) */
} Block;

INLINE ptrdiff_t active(const Block *b, ptrdiff_t t) {
    return b->first_row[t + 1] - b->first_row[t];
}

/* Where step t begins in the histories; a forward pass that keeps none alternates between two
 * steps. */
INLINE ptrdiff_t row_of(const Block *b, const CellMemory *m, ptrdiff_t t) {
    return m->keep ? b->first_row[t] : (t & 1) * b->max_rows;
}

/* Which step of a row a cell takes as its step t. */
INLINE ptrdiff_t step_of(const Block *b, int reversed, ptrdiff_t r, ptrdiff_t t) {
    return reversed ? b->length[r] - 1 - t : t;
}

enum { PREFETCH_AHEAD = 4 * CACHE_LINE };

/* Call for memory that will soon be read; an address beyond the end of an array is harmless. */
INLINE void prefetch(const void *from, ptrdiff_t bytes) {
    for (ptrdiff_t byte = 0; byte < bytes; byte += CACHE_LINE)
        __builtin_prefetch((const char *)from + byte);
}

static void cell_memory_layout(CellMemory *m, const Block *b, Sizes z, int keep, int maximal,
                               Arena *a) {
    const double max_rows = (double)b->max_rows;
    const double rows = keep ? (double)b->most_steps : 2 * max_rows;
    const double Hp = (double)z.Hp, Dp = (double)z.Dp;
    *m = (CellMemory){
        .z = z, .keep = keep, .input_row = z.Dp + z.Hp, .x_at = z.Dp - z.D, .h_at = z.Dp};
    m->inputs = take_reals(a, rows * (Dp + Hp));
    m->pre = take_reals(a, max_rows * Hp);
    m->last = take_reals(a, max_rows * Hp);
    m->pooled = take_reals(a, max_rows * Hp);
    if (!keep) return;
    m->gate = take_reals(a, rows * Hp);
    m->candidate = take_reals(a, rows * Hp);
    m->d_state = take_reals(a, max_rows * Hp);
    m->d_input = take_reals(a, max_rows * Dp);
    if (maximal) m->winner = take(a, max_rows * Hp, sizeof *m->winner);
}

/* For max_rows sequences of at most max_steps steps each and most_steps together. */
static void block_layout(Block *b, const Layout *l, Backward backward, Arena *a) {
    const double rows = (double)b->max_rows, states = (double)b->most_steps * (double)l->R;
    const int n_layers = l->n_cells / l->n_directions;
    b->row = take(a, rows, sizeof *b->row);
    b->start = take(a, rows, sizeof *b->start);
    b->length = take(a, rows, sizeof *b->length);
    b->local = take(a, rows, sizeof *b->local);
    b->label = take(a, rows, sizeof *b->label);
    b->first_row = take(a, (double)b->max_steps + 1, sizeof *b->first_row);
    for (int c = 0; c < l->n_cells; c++) {
        const int layer = c / l->n_directions;
        cell_memory_layout(&b->cell[c], b, l->cell[c], layer >= backward.lowest,
                           layer == n_layers - 1 && l->pooling == MAX, a);
    }
    b->summary = take_reals(a, rows * (double)l->Rp);
    if (reaches_summary(l, backward)) b->d_summary = take_reals(a, rows * (double)l->Rp);
    b->outputs = take_reals(a, rows * (double)l->Op);
    b->scratch = take_reals(a, 2 * (double)l->Op);
    if (b->couples_rows) {
        b->directions = take_reals(a, rows * (double)l->Op);
        b->inverse_norm = take_reals(a, rows);
        b->similarity = take_reals(a, (double)padded(b->max_rows));
    }
    int n_between = n_layers - 1;
    if (l->pooling == ATTENTION) {
        /* One direction without a gradient needs each state once only, when the cell has it. */
        n_between += backward.of_parameters || l->n_directions == 2;
        b->highest = take_reals(a, rows);
        b->total = take_reals(a, rows);
        b->d_scores = take_reals(a, rows);
        if (backward.of_parameters) b->score = take_reals(a, (double)b->most_steps);
    }
    for (int layer = 0; layer < n_between; layer++) {
        b->between[layer] = take_reals(a, states);
        if (layer >= backward.lowest) b->d_between[layer] = take_reals(a, states);
    }
}

/* Memory that others may write to: what is checked must be what is used. */
INLINE ptrdiff_t read_once(const ptrdiff_t *p) { return *(const volatile ptrdiff_t *)p; }

/* Likewise between copying such memory and using the copy. */
INLINE void read_no_more(void) { __atomic_signal_fence(__ATOMIC_ACQ_REL); }

/* Whether 0 <= i < n. */
INLINE int is_below(ptrdiff_t i, ptrdiff_t n) { return (size_t)i < (size_t)n; }

/* The same without a branch, for vectors of indices: the highest bit is set unless 0 <= i < n. */
INLINE size_t beyond(size_t i, ptrdiff_t n) { return i | ((size_t)n - 1 - i); }
INLINE int has_highest_bit(size_t bits) { return bits > (size_t)PTRDIFF_MAX; }

INLINE ptrdiff_t length_of(const Sequences *seqs, ptrdiff_t i) {
    return seqs->lengths != NULL ? read_once(seqs->lengths + i) : seqs->longest;
}

/* Steps of the chosen sequence at a position; 0 where that cannot be right, which block_assign will
 * find out. */
INLINE ptrdiff_t length_at(const Sequences *seqs, ptrdiff_t position) {
    const ptrdiff_t i = read_once(seqs->chosen + position);
    const ptrdiff_t length = is_below(i, seqs->n_sequences) ? length_of(seqs, i) : 0;
    return is_below(length, seqs->longest + 1) ? length : 0;
}

/* Steps of the largest block, where each set of set_size sequences is cut into blocks. */
static ptrdiff_t most_steps(const Sequences *seqs, ptrdiff_t set_size, ptrdiff_t rows) {
    if (seqs->lengths == NULL) return smaller(rows, set_size) * seqs->longest;
    ptrdiff_t most = 0;
    for (ptrdiff_t set = 0; set < seqs->n; set += set_size)
        for (ptrdiff_t begin = set; begin < smaller(seqs->n, set + set_size); begin += rows) {
            ptrdiff_t steps = 0;
            for (ptrdiff_t i = begin; i < smaller(smaller(seqs->n, set + set_size), begin + rows);
                 i++)
                steps += length_at(seqs, i);
            most = steps > most ? steps : most;
        }
    return most;
}

/* Why row r of a block cannot be computed, or 0. */
static int wrong_with(const Block *b, const Sequences *seqs, ptrdiff_t r) {
    const ptrdiff_t length = b->length[r];
    if (!is_below(b->row[r], seqs->n_sequences)) return KERNEL_BAD_ROW;
    if (length < 1 || length > seqs->longest) return KERNEL_BAD_PLACE;
    if (!is_below(b->start[r], seqs->n_values - length + 1)) return KERNEL_BAD_PLACE;
    return r > 0 && length > b->length[r - 1] ? KERNEL_BAD_ORDER : 0;
}

/* Copy what there is to know about the chosen sequences from position b->position on. Returns
 * whether something of it is wrong. */
static int copy_sequences(Block *b, const Sequences *seqs) {
    const ptrdiff_t n = b->n, longest = seqs->longest, *chosen = seqs->chosen + b->position;
    ptrdiff_t *row = b->row, *start = b->start, *length = b->length;
    size_t wrong = 0;
    for (ptrdiff_t r = 0; r < n; r++) row[r] = chosen[r];
    for (ptrdiff_t r = 0; r < n; r++) length[r] = longest;
    read_no_more();
    for (ptrdiff_t r = 0; r < n; r++) wrong |= beyond((size_t)row[r], seqs->n_sequences);
    if (has_highest_bit(wrong)) {
        memset(start, 0, (size_t)n * sizeof *start); /* for wrong_with */
        return 1;
    }

    for (ptrdiff_t r = 0; r < n; r++) start[r] = seqs->starts[row[r]];
    if (seqs->lengths != NULL)
        for (ptrdiff_t r = 0; r < n; r++) length[r] = seqs->lengths[row[r]];
    read_no_more();
    if (seqs->lengths != NULL) {
        for (ptrdiff_t r = 0; r < n; r++) wrong |= beyond((size_t)length[r] - 1, longest);
        for (ptrdiff_t r = 1; r < n; r++) wrong |= (size_t)length[r - 1] - (size_t)length[r];
        if (has_highest_bit(wrong)) return 1;
    }
    for (ptrdiff_t r = 0; r < n; r++)
        wrong |= beyond((size_t)start[r], seqs->n_values - length[r] + 1);
    return has_highest_bit(wrong);
}

/* Call for the steps of the chosen sequences at positions [begin, end). */
static void prefetch_sequences(const Sequences *seqs, ptrdiff_t D, ptrdiff_t begin, ptrdiff_t end) {
    const ptrdiff_t step = D * (ptrdiff_t)sizeof(real), most = PREFETCH_AHEAD / step;
    for (ptrdiff_t p = begin; p < end; p++) {
        const ptrdiff_t i = read_once(seqs->chosen + p);
        if (!is_below(i, seqs->n_sequences)) continue;
        const ptrdiff_t start = read_once(seqs->starts + i);
        if (!is_below(start, seqs->n_values)) continue;
        const ptrdiff_t length = length_of(seqs, i);
        const ptrdiff_t bytes = is_below(length, most) ? length * step : PREFETCH_AHEAD;
        prefetch((const real *)seqs->values + start * D, bytes);
    }
}

/* Take on n of the chosen sequences, from position `first`; their lengths must not increase.
 * Returns 0, or why not; b->n is then the row that is wrong. */
static int block_assign(Block *b, const Sequences *seqs, ptrdiff_t first, ptrdiff_t n) {
    b->n = n;
    b->position = first;
    if (copy_sequences(b, seqs))
        for (b->n = 0; b->n < n; b->n++) {
            const int wrong = wrong_with(b, seqs, b->n);
            if (wrong) return wrong;
        }
    if (seqs->lengths != NULL) { /* which may no longer be those that the memory was made for */
        ptrdiff_t steps = 0;
        for (ptrdiff_t r = 0; r < n; r++) steps += b->length[r];
        if (steps > b->most_steps) {
            b->n = 0;
            return KERNEL_BAD_LENGTHS;
        }
    }
    if (b->between[0] != NULL)
        for (ptrdiff_t r = 0; r < n; r++)
            b->local[r] = r == 0 ? 0 : b->local[r - 1] + b->length[r - 1];
    /* Shuffled sequences lie anywhere: call for those of the next block while this one is computed.
     */
    prefetch_sequences(seqs, b->cell[0].z.D, first + n, smaller(seqs->n, first + 2 * n));
    b->n_steps = b->length[0];
    b->first_row[0] = 0;
    for (ptrdiff_t t = 0, rows = n; t < b->n_steps; t++) {
        while (b->length[rows - 1] <= t) rows--;
        b->first_row[t + 1] = b->first_row[t] + rows;
    }
    return 0;
}

#endif
