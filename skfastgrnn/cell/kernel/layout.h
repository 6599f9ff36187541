/* Parameters, as the products want them: transposed where that makes rows of whole vectors, and
 * padded with zeros.
 *
 * The same layout holds the gradients. Dp, Hp and Op are D, H and O rounded up to whole vectors.
 */
#ifndef SKFASTGRNN_LAYOUT_H
#define SKFASTGRNN_LAYOUT_H

#include <math.h>

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

/* Views of one block of memory, in an order that keeps what weight decay shrinks in front
 * (n_decayed). `WUt` is [Wᵀ; Uᵀ], so that [x | h] times it is W x + U h. */
typedef struct {
    real *WUt;         /* (D + H, Hp) */
    real *head_t;      /* (H, Op) */
    real *bias_gate;   /* (Hp) */
    real *bias_update; /* (Hp) */
    real *head_bias;   /* (Op) */
    real *scalars;     /* (LANES): zeta_hat, nu_hat */
} Padded;

INLINE ptrdiff_t n_decayed(Sizes z) { return (z.D + z.H) * z.Hp + z.H * z.Op; }
INLINE ptrdiff_t padded_size(Sizes z) { return n_decayed(z) + 2 * z.Hp + z.Op + LANES; }

INLINE Padded padded_at(Sizes z, real *p) {
    Padded q;
    q.WUt = p;
    q.head_t = q.WUt + (z.D + z.H) * z.Hp;
    q.bias_gate = p + n_decayed(z);
    q.bias_update = q.bias_gate + z.Hp;
    q.head_bias = q.bias_update + z.Hp;
    q.scalars = q.head_bias + z.Op;
    return q;
}

/* to (columns, to_row) = from (rows, from_row)ᵀ. */
static void transpose(ptrdiff_t rows, ptrdiff_t columns, const real *from, ptrdiff_t from_row,
                      real *to, ptrdiff_t to_row) {
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j++) to[j * to_row + i] = from[i * from_row + j];
}

INLINE void copy_reals(ptrdiff_t n, const real *from, real *to) {
    for (; n >= LANES; n -= LANES, from += LANES, to += LANES) store(to, load(from));
    for (ptrdiff_t i = 0; i < n; i++) to[i] = from[i];
}

/* A flat vector to a padded one whose padding is zero. */
static void pack(Sizes z, const real *flat, real *padded_vector) {
    const Flat f = flat_of(z);
    const Padded p = padded_at(z, padded_vector);
    transpose(z.H, z.D, flat + f.W, z.D, p.WUt, z.Hp);
    transpose(z.H, z.H, flat + f.U, z.H, p.WUt + z.D * z.Hp, z.Hp);
    transpose(z.O, z.H, flat + f.head_weight, z.H, p.head_t, z.Op);
    copy_reals(z.H, flat + f.bias_gate, p.bias_gate);
    copy_reals(z.H, flat + f.bias_update, p.bias_update);
    copy_reals(z.O, flat + f.head_bias, p.head_bias);
    p.scalars[0] = flat[f.zeta_hat];
    p.scalars[1] = flat[f.nu_hat];
}

static void unpack(Sizes z, real *padded_vector, real *flat) {
    const Flat f = flat_of(z);
    const Padded p = padded_at(z, padded_vector);
    transpose(z.D, z.H, p.WUt, z.Hp, flat + f.W, z.D);
    transpose(z.H, z.H, p.WUt + z.D * z.Hp, z.Hp, flat + f.U, z.H);
    transpose(z.H, z.O, p.head_t, z.Op, flat + f.head_weight, z.H);
    copy_reals(z.H, p.bias_gate, flat + f.bias_gate);
    copy_reals(z.H, p.bias_update, flat + f.bias_update);
    copy_reals(z.O, p.head_bias, flat + f.head_bias);
    flat[f.zeta_hat] = p.scalars[0];
    flat[f.nu_hat] = p.scalars[1];
}

/* What forward and backward passes read; shared by all threads. */
typedef struct {
    Padded forward;
    real *parameters;    /* (padded_size): the memory of `forward` */
    real *W;             /* (H, Dp): backward, as rows */
    real *U;             /* (H, Hp) */
    real *head;          /* (O, Hp) */
    real *kappa;         /* (Hp): see sigmoid_and_tanh */
    int one_exponential; /* whether kappa may be used */
    real zeta, nu;       /* after the sigmoid */
} Weights;

INLINE ptrdiff_t weights_size(Sizes z) {
    return padded_size(z) + z.H * (z.Dp + z.Hp) + (z.O + 1) * z.Hp;
}

/* Padding is zero before and stays so. */
INLINE Weights weights_at(Sizes z, real *p) {
    Weights w = {.forward = padded_at(z, p), .parameters = p};
    w.W = p + padded_size(z);
    w.U = w.W + z.H * z.Dp;
    w.head = w.U + z.H * z.Hp;
    w.kappa = w.head + z.O * z.Hp;
    return w;
}

INLINE real logistic(real x) { return (real)(1 / (1 + exp(-(double)x))); }

#endif
