/* From the parameters θ of a network of low rank or few bits to those that are computed with, whole
 * matrices, and back. Padded vectors only. reference/_expansion.py is the same in NumPy.
 *
 *     ŵ = s clip(round(w / s), -L, L)   of every row of every matrix, with bits; θ has log s
 *     W = Ŵ1 Ŵ2                         of factors
 *
 *     ∂ŵ/∂w = 1 where nothing is clipped, else 0
 *     ∂ŵ/∂s = round(w / s) - w / s      where nothing is clipped, else ±L
 *
 * Esser et al., *Learned Step Size Quantization*, ICLR 2020, equations 3 and 5.
 */
#ifndef SKFASTGRNN_EXPANSION_H
#define SKFASTGRNN_EXPANSION_H

#include <math.h>

#include "arena.h"
#include "layout.h"
#include "matmul.h"

typedef struct {
    int needed;     /* 0 where θ are the parameters; then there is nothing else */
    Network net;    /* of θ */
    Layout own;     /* of θ */
    real most;      /* L; 0 where nothing is rounded */
    real *theta;    /* (own.count) */
    real *gradient; /* (own.count): of θ */
    real *rounded;  /* (own.n_decayed): the matrices of θ, those of theta without bits */
    real *steps;    /* (own.n_decayed): for each row, in the place of its first entry */
    real *factor;   /* (H, padded(rank)): a left factor as rows */
} Expansion;

static void expansion_init(Expansion *e, const Network *net) {
    e->needed = !is_dense(net);
    if (!e->needed) return;
    e->net = *net;
    e->most = net->bits == 8 ? 127 : net->bits == 4 ? 7 : 0;
    layout_init(&e->own, net);
}

static void expansion_layout(Expansion *e, Arena *a) {
    if (!e->needed) return;
    const Layout *l = &e->own;
    const ptrdiff_t rank = padded(smaller(l->H, l->rank_w > l->rank_u ? l->rank_w : l->rank_u));
    e->theta = take_reals(a, (double)l->count);
    e->gradient = take_reals(a, (double)l->count);
    e->rounded = e->most == 0 ? e->theta : take_reals(a, (double)l->n_decayed);
    e->steps = e->most == 0 ? NULL : take_reals(a, (double)l->n_decayed);
    e->factor = take_reals(a, (double)l->H * (double)rank);
}

INLINE vec clipped(vec x, real most) { return vec_min(vec_max(x, -most), most); }

/* The nearest integer, the even one of two; of large numbers one beyond `most`. */
INLINE vec nearest_integer(vec x, real most) {
    return (clipped(x, most + 1) + ROUNDING) - ROUNDING;
}

/* Which step row i of a matrix has: the attention, a vector, is a single row of its matrix. */
INLINE ptrdiff_t step_of_row(const Place *t, ptrdiff_t i) {
    return t->kind == ATTENTION_WEIGHT ? 0 : i;
}

/* What the rows of a matrix are rounded to. Its columns lie one after the other. */
static void round_matrix(const Expansion *e, const Place *t) {
    const Layout *l = &e->own;
    const ptrdiff_t Rp = padded(t->rows);
    const real *weights = e->theta + t->place;
    const real *log_steps = e->theta + l->place[LOG_STEP + t->kind][t->cell];
    real *rounded = e->rounded + t->place, *steps = e->steps + t->place;
    for (ptrdiff_t i = 0; i < Rp; i++)
        steps[i] = i < t->rows ? (real)exp((double)log_steps[step_of_row(t, i)]) : 1;
    for (ptrdiff_t j = 0; j < t->columns; j++)
        for (ptrdiff_t i = 0; i < Rp; i += LANES) {
            const vec step = load(steps + i), scaled = load(weights + j * Rp + i) / step;
            store(rounded + j * Rp + i, step * clipped(nearest_integer(scaled, e->most), e->most));
        }
}

/* From the gradient of rounded rows to that of weights, in its place, and of log s. */
static void pull_back_rounding(const Expansion *e, const Place *t) {
    const Layout *l = &e->own;
    const ptrdiff_t Rp = padded(t->rows);
    const real *weights = e->theta + t->place, *steps = e->steps + t->place, most = e->most;
    real *gradient = e->gradient + t->place;
    real *d_log_steps = e->gradient + l->place[LOG_STEP + t->kind][t->cell];
    for (ptrdiff_t i = 0; i < Rp; i += LANES) {
        const vec step = load(steps + i);
        vec sum = splat(0);
        for (ptrdiff_t j = 0; j < t->columns; j++) {
            const vec d = load(gradient + j * Rp + i), scaled = load(weights + j * Rp + i) / step;
            const vec nearest = nearest_integer(scaled, most);
            const bits kept = (bits)(nearest <= most) & (bits)(nearest >= -most);
            sum += d * where(kept, nearest - scaled, clipped(nearest, most));
            store(gradient + j * Rp + i, where(kept, d, splat(0)));
        }
        if (t->kind == ATTENTION_WEIGHT) d_log_steps[0] += vec_sum(sum * step);
        else store(d_log_steps + i, sum * step);
    }
}

/* Where the factors of a matrix begin, and their rank. */
typedef struct {
    ptrdiff_t left, right, rank;
} Factors;

static Factors factors_of(const Layout *own, const Place *whole) {
    const int is_w = whole->kind == TENSOR_W, cell = whole->cell;
    return (Factors){.left = own->place[is_w ? TENSOR_W1 : TENSOR_U1][cell],
                     .right = own->place[is_w ? TENSOR_W2 : TENSOR_U2][cell],
                     .rank = size_of(own, is_w ? 'K' : 'L', cell)};
}

static void copy_columns(const Place *t, const real *from, real *to) {
    const ptrdiff_t Rp = padded(t->rows);
    for (ptrdiff_t j = 0; j < t->columns; j++) copy_reals(t->rows, from + j * Rp, to + j * Rp);
}

/* The parameters, laid out by l, from e->theta. */
static void expand(const Expansion *e, const Layout *l, real *parameters) {
    if (!e->needed) return;
    for (int i = 0; e->most != 0 && i < e->own.n_tensors; i++)
        if (TABLE_OF_TENSORS[e->own.tensor[i].kind].decayed) round_matrix(e, &e->own.tensor[i]);
    for (int i = 0; i < l->n_tensors; i++) {
        const Place *t = &l->tensor[i];
        const real *from = TABLE_OF_TENSORS[t->kind].decayed ? e->rounded : e->theta;
        real *to = parameters + t->place;
        if (has_tensor(&e->net, (int)t->kind)) {
            copy_columns(t, from + e->own.place[t->kind][t->cell], to);
            continue;
        }
        const Factors f = factors_of(&e->own, t); /* Wᵀ = W2ᵀ W1ᵀ */
        const ptrdiff_t Hp = padded(t->rows);
        matmul(t->columns, t->rows, f.rank, from + f.right, padded(f.rank), from + f.left, Hp, to,
               Hp, 0);
    }
}

/* Into e->gradient, after expand, from the gradient of the parameters. */
static void pull_back(const Expansion *e, const Layout *l, const real *gradient) {
    if (!e->needed) return;
    memset(e->gradient, 0, (size_t)e->own.count * sizeof(real));
    for (int i = 0; i < l->n_tensors; i++) {
        const Place *t = &l->tensor[i];
        const real *d = gradient + t->place;
        if (has_tensor(&e->net, (int)t->kind)) {
            copy_columns(t, d, e->gradient + e->own.place[t->kind][t->cell]);
            continue;
        }
        const Factors f = factors_of(&e->own, t);
        const ptrdiff_t Hp = padded(t->rows), Kp = padded(f.rank);
        memset(e->factor, 0, (size_t)(t->rows * Kp) * sizeof(real));
        transpose(f.rank, t->rows, e->rounded + f.left, Hp, e->factor, Kp);
        /* dW1ᵀ = W2 dWᵀ, dW2ᵀ = dWᵀ W1 */
        add_outer_products(f.rank, t->rows, t->columns, e->rounded + f.right, Kp, d, Hp,
                           e->gradient + f.left, Hp);
        matmul(t->columns, f.rank, t->rows, d, Hp, e->factor, Kp, e->gradient + f.right, Kp, 0);
    }
    for (int i = 0; e->most != 0 && i < e->own.n_tensors; i++)
        if (TABLE_OF_TENSORS[e->own.tensor[i].kind].decayed)
            pull_back_rounding(e, &e->own.tensor[i]);
}

#endif
