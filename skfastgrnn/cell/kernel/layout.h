/* Parameters, as the products want them: transposed where that makes rows of whole vectors, and padded with zeros.
 *
 * The same layout holds the gradients. Dp, Hp and Op are D, H and O rounded up to whole vectors.
 */
#ifndef SKFASTGRNN_LAYOUT_H
#define SKFASTGRNN_LAYOUT_H

#include "kernel.h"
#include "vec.h"

typedef struct {
    ptrdiff_t D, H, O, Dp, Hp, Op;
} Sizes;

INLINE Sizes sizes_of(const Network *net) {
    const ptrdiff_t D = net->n_channels, H = net->hidden_size, O = net->n_outputs;
    return (Sizes){D, H, O, padded(D), padded(H), padded(O)};
}

/* Offsets into the flat parameter vector (kernel.h). */
typedef struct {
    ptrdiff_t W, U, head_weight, bias_gate, bias_update, zeta_hat, nu_hat, head_bias, count;
} Flat;

INLINE Flat flat_of(Sizes z) {
    Flat f;
    f.W = 0;
    f.U = f.W + z.H * z.D;
    f.head_weight = f.U + z.H * z.H;
    f.bias_gate = f.head_weight + z.O * z.H;
    f.bias_update = f.bias_gate + z.H;
    f.zeta_hat = f.bias_update + z.H;
    f.nu_hat = f.zeta_hat + 1;
    f.head_bias = f.nu_hat + 1;
    f.count = f.head_bias + z.O;
    return f;
}

/* Views of one block of memory. `WUt` is [Wᵀ; Uᵀ], so that [x | h] times it is W x + U h. */
typedef struct {
    real *WUt;         /* (D + H, Hp) */
    real *head_t;      /* (H, Op) */
    real *bias_gate;   /* (Hp) */
    real *bias_update; /* (Hp) */
    real *head_bias;   /* (Op) */
    real *scalars;     /* (LANES): zeta_hat, nu_hat */
} Padded;

INLINE ptrdiff_t padded_size(Sizes z) {
    return (z.D + z.H) * z.Hp + z.H * z.Op + 2 * z.Hp + z.Op + LANES;
}

INLINE Padded padded_at(Sizes z, real *p) {
    Padded q;
    q.WUt = p;
    q.head_t = q.WUt + (z.D + z.H) * z.Hp;
    q.bias_gate = q.head_t + z.H * z.Op;
    q.bias_update = q.bias_gate + z.Hp;
    q.head_bias = q.bias_update + z.Hp;
    q.scalars = q.head_bias + z.Op;
    return q;
}

/* What a forward and a backward pass read; shared by all threads. */
typedef struct {
    Padded forward;
    real *W, *U;  /* (H, Dp), (H, Hp): backward, rows as they are */
    real *head;   /* (O, Hp) */
    real zeta, nu; /* after the sigmoid */
} Weights;

INLINE ptrdiff_t weights_size(Sizes z) { return padded_size(z) + z.H * (z.Dp + z.Hp) + z.O * z.Hp; }

/* Padding is zero before and stays so. */
INLINE Weights weights_at(Sizes z, real *p) {
    Weights w = {.forward = padded_at(z, p)};
    w.W = p + padded_size(z);
    w.U = w.W + z.H * z.Dp;
    w.head = w.U + z.H * z.Hp;
    return w;
}

/* to (columns, to_row) = from (rows, columns)ᵀ; the rows of `to` are longer than the columns of `from`. */
static void copy_transposed(ptrdiff_t rows, ptrdiff_t columns, const real *from, real *to, ptrdiff_t to_row) {
    for (ptrdiff_t j = 0; j < columns; j++)
        for (ptrdiff_t i = 0; i < rows; i++) to[j * to_row + i] = from[i * columns + j];
}

/* from (columns, from_row)ᵀ back to (rows, columns). */
static void copy_back_transposed(ptrdiff_t rows, ptrdiff_t columns, const real *from, ptrdiff_t from_row, real *to) {
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j++) to[i * columns + j] = from[j * from_row + i];
}

static void copy_rows(ptrdiff_t rows, ptrdiff_t columns, const real *from, ptrdiff_t from_row, real *to,
                      ptrdiff_t to_row) {
    for (ptrdiff_t i = 0; i < rows; i++)
        memcpy(to + i * to_row, from + i * from_row, (size_t)columns * sizeof(real));
}

INLINE real logistic(real x) { return (real)(1 / (1 + exp(-(double)x))); }

static void pack_weights(Sizes z, const real *flat, Weights *w) {
    const Flat f = flat_of(z);
    Padded *p = &w->forward;
    copy_transposed(z.H, z.D, flat + f.W, p->WUt, z.Hp);
    copy_transposed(z.H, z.H, flat + f.U, p->WUt + z.D * z.Hp, z.Hp);
    copy_transposed(z.O, z.H, flat + f.head_weight, p->head_t, z.Op);
    copy_rows(1, z.H, flat + f.bias_gate, z.H, p->bias_gate, z.Hp);
    copy_rows(1, z.H, flat + f.bias_update, z.H, p->bias_update, z.Hp);
    copy_rows(1, z.O, flat + f.head_bias, z.O, p->head_bias, z.Op);
    copy_rows(z.H, z.D, flat + f.W, z.D, w->W, z.Dp);
    copy_rows(z.H, z.H, flat + f.U, z.H, w->U, z.Hp);
    copy_rows(z.O, z.H, flat + f.head_weight, z.H, w->head, z.Hp);
    w->zeta = logistic(flat[f.zeta_hat]);
    w->nu = logistic(flat[f.nu_hat]);
}

static void unpack_gradient(Sizes z, Padded g, real *flat) {
    const Flat f = flat_of(z);
    copy_back_transposed(z.H, z.D, g.WUt, z.Hp, flat + f.W);
    copy_back_transposed(z.H, z.H, g.WUt + z.D * z.Hp, z.Hp, flat + f.U);
    copy_back_transposed(z.O, z.H, g.head_t, z.Op, flat + f.head_weight);
    copy_rows(1, z.H, g.bias_gate, z.Hp, flat + f.bias_gate, z.H);
    copy_rows(1, z.H, g.bias_update, z.Hp, flat + f.bias_update, z.H);
    copy_rows(1, z.O, g.head_bias, z.Op, flat + f.head_bias, z.O);
    flat[f.zeta_hat] = g.scalars[0];
    flat[f.nu_hat] = g.scalars[1];
}

#endif
