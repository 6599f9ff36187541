/* A block: up to BLOCK_ROWS sequences that are computed side by side, and the memory for it.
 *
 * Sequences of a block come in decreasing length, so those still running at step t are its first active(t) rows and
 * their steps are stored without gaps: step t of row r is row first_row[t] + r of every history. One row of `inputs` is
 *
 *     [ 0 .. 0 | x_t (D) | h_{t-1} (H) | 0 .. 0 ]
 *              ^ x_at      ^ h_at, on a whole vector
 *
 * so that [W | U] [x; h] is one product.
 */
#ifndef SKFASTGRNN_BLOCK_H
#define SKFASTGRNN_BLOCK_H

#include <stdlib.h>

#include "layout.h"

/* Rows enough for full tiles, few enough for the history of a hundred steps to stay in the second cache level. */
enum { BLOCK_ROWS = 16 };
/* History rows per weight-gradient product: enough to amortise its accumulators, few enough for the first level. */
enum { GRADIENT_ROWS = 128 };

typedef struct {
    Sizes z;
    int keep;             /* keep the histories, for a backward pass */
    ptrdiff_t max_steps;  /* room for sequences of this length */
    ptrdiff_t input_row;  /* Dp + Hp */
    ptrdiff_t x_at, h_at; /* in a row of inputs */

    ptrdiff_t n, n_steps;          /* sequences and longest length of this block */
    ptrdiff_t start[BLOCK_ROWS];   /* first step of each, in values */
    ptrdiff_t length[BLOCK_ROWS];
    ptrdiff_t *first_row;          /* (max_steps + 1) */

    real *inputs;     /* (rows, input_row) */
    real *gate;       /* (rows, Hp): z_t; the backward pass leaves the gradient of a_t here */
    real *candidate;  /* (rows, Hp): c_t */
    real *pre;        /* (BLOCK_ROWS, Hp): a_t */
    real *last;       /* (BLOCK_ROWS, Hp): the last state of each */
    real *summary;    /* (BLOCK_ROWS, Hp): what the head reads */
    real *d_summary;  /* (BLOCK_ROWS, Hp) */
    real *d_state;    /* (BLOCK_ROWS, Hp) */
    real *d_input;    /* (BLOCK_ROWS, Dp) */
    real *outputs;    /* (BLOCK_ROWS, Op): logits, then their gradient */
    void *memory;
} Block;

INLINE ptrdiff_t active(const Block *b, ptrdiff_t t) { return b->first_row[t + 1] - b->first_row[t]; }

/* Where step t begins in the histories; a forward pass that keeps none alternates between two steps. */
INLINE ptrdiff_t row_of(const Block *b, ptrdiff_t t) { return b->keep ? b->first_row[t] : (t & 1) * BLOCK_ROWS; }

/* Zeroed memory for reals, aligned to whole vectors and cache lines; `*memory` is what to free. */
static real *allocate_reals(ptrdiff_t count, void **memory) {
    enum { CACHE_LINE = 64 };
    *memory = calloc((size_t)count * sizeof(real) + CACHE_LINE, 1);
    if (*memory == NULL) return NULL;
    return (real *)(((uintptr_t)*memory + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

static void block_free(Block *b) {
    free(b->memory);
    free(b->first_row);
}

/* Answers 0 where memory ran out. */
static int block_init(Block *b, Sizes z, ptrdiff_t max_steps, int keep) {
    memset(b, 0, sizeof *b);
    b->z = z;
    b->keep = keep;
    b->max_steps = max_steps;
    b->input_row = z.Dp + z.Hp;
    b->x_at = z.Dp - z.D;
    b->h_at = z.Dp;
    const ptrdiff_t rows = (keep ? max_steps : 2) * BLOCK_ROWS;
    const ptrdiff_t per_row = b->input_row + 2 * z.Hp, per_sequence = 5 * z.Hp + z.Dp + z.Op;
    b->first_row = malloc((size_t)(max_steps + 1) * sizeof *b->first_row);
    real *p = allocate_reals(rows * per_row + BLOCK_ROWS * per_sequence, &b->memory);
    if (p == NULL || b->first_row == NULL) {
        block_free(b);
        return 0;
    }
    b->inputs = p, p += rows * b->input_row;
    b->gate = p, p += rows * z.Hp;
    b->candidate = p, p += rows * z.Hp;
    b->pre = p, p += BLOCK_ROWS * z.Hp;
    b->last = p, p += BLOCK_ROWS * z.Hp;
    b->summary = p, p += BLOCK_ROWS * z.Hp;
    b->d_summary = p, p += BLOCK_ROWS * z.Hp;
    b->d_state = p, p += BLOCK_ROWS * z.Hp;
    b->d_input = p, p += BLOCK_ROWS * z.Dp;
    b->outputs = p;
    return 1;
}

/* Take on n of the chosen sequences, from position `first`; their lengths must not increase. */
static void block_assign(Block *b, const Sequences *seqs, ptrdiff_t first, ptrdiff_t n) {
    b->n = n;
    for (ptrdiff_t r = 0; r < n; r++) {
        const ptrdiff_t i = seqs->chosen[first + r];
        b->start[r] = seqs->offsets[i];
        b->length[r] = seqs->offsets[i + 1] - seqs->offsets[i];
    }
    b->n_steps = b->length[0];
    b->first_row[0] = 0;
    for (ptrdiff_t t = 0, rows = n; t < b->n_steps; t++) {
        while (b->length[rows - 1] <= t) rows--;
        b->first_row[t + 1] = b->first_row[t] + rows;
    }
}

INLINE void copy_reals(ptrdiff_t n, const real *from, real *to) {
    for (; n >= LANES; n -= LANES, from += LANES, to += LANES) store(to, load(from));
    for (ptrdiff_t i = 0; i < n; i++) to[i] = from[i];
}

#endif
