/* Parameters, as the products want them: transposed where that makes rows of whole vectors, and
 * padded with zeros.
 *
 * The same layout holds the gradients. Dp, Hp, Rp and Op are D, H, R and O rounded up to whole
 * vectors.
 */
#ifndef SKFASTGRNN_LAYOUT_H
#define SKFASTGRNN_LAYOUT_H

#include <math.h>

#include "kernel.h"
#include "vec.h"

typedef struct {
    ptrdiff_t D, H, Dp, Hp; /* D: what the cell reads, channels or states of the layer below */
} Sizes;

/* Where the parts of every cell and of the head begin in a padded vector. */
typedef struct {
    int n_cells, n_directions;
    Sizes cell[MAX_CELLS];
    ptrdiff_t H, R, O, Rp, Op;
    ptrdiff_t matrices[MAX_CELLS], biases[MAX_CELLS], head_t, head_bias;
    ptrdiff_t n_decayed; /* what weight decay shrinks is in front */
    ptrdiff_t count;
} Layout;

static Layout layout_of(const Network *net) {
    Layout l = {.H = net->hidden_size, .O = net->n_outputs};
    l.n_directions = net->bidirectional ? 2 : 1;
    l.n_cells = (int)net->n_layers * l.n_directions;
    l.R = l.n_directions * l.H;
    l.Rp = padded(l.R);
    l.Op = padded(l.O);
    ptrdiff_t place = 0;
    for (int c = 0; c < l.n_cells; c++) {
        const ptrdiff_t D = c < l.n_directions ? net->n_channels : l.R, Hp = padded(l.H);
        l.cell[c] = (Sizes){D, l.H, padded(D), Hp};
        l.matrices[c] = place;
        place += (D + l.H) * Hp;
    }
    l.head_t = place;
    l.n_decayed = place += l.R * l.Op;
    for (int c = 0; c < l.n_cells; c++) {
        l.biases[c] = place;
        place += 2 * l.cell[c].Hp + LANES;
    }
    l.head_bias = place;
    l.count = place + l.Op;
    return l;
}

/* Length of the flat vector that `pack` reads. */
static ptrdiff_t flat_count(const Layout *l) {
    ptrdiff_t count = l->O * l->R + l->O;
    for (int c = 0; c < l->n_cells; c++) count += l->H * (l->cell[c].D + l->H) + 2 * l->H + 2;
    return count;
}

/* Sizes are multiplied only where such a vector has room for each of the products. */
static int fits(const Network *net, ptrdiff_t n_parameters) {
    const ptrdiff_t H = net->hidden_size, D = net->n_channels, O = net->n_outputs;
    if (H < 1 || D < 1 || O < 1 || net->n_layers < 1 || net->n_layers > MAX_LAYERS) return 0;
    if (net->gate < SIGMOID || net->gate > HARD_TANH) return 0;
    if (net->update < SIGMOID || net->update > HARD_TANH) return 0;
    if (net->pooling < LAST || net->pooling > MEAN) return 0;
    if (H > n_parameters / H || D > n_parameters / H || O > n_parameters / H) return 0;
    const Layout l = layout_of(net);
    return flat_count(&l) == n_parameters;
}

/* Parts of a padded vector. `WUt` is [Wᵀ; Uᵀ], so that [x | h] times it is W x + U h. */
typedef struct {
    real *WUt;         /* (D + H, Hp) */
    real *bias_gate;   /* (Hp) */
    real *bias_update; /* (Hp) */
    real *scalars;     /* (LANES): zeta_hat, nu_hat */
} CellParts;

typedef struct {
    real *weight_t; /* (R, Op) */
    real *bias;     /* (Op) */
} HeadParts;

INLINE CellParts cell_at(const Layout *l, int c, real *vector) {
    const ptrdiff_t Hp = l->cell[c].Hp;
    real *biases = vector + l->biases[c];
    return (CellParts){vector + l->matrices[c], biases, biases + Hp, biases + 2 * Hp};
}

INLINE HeadParts head_at(const Layout *l, real *vector) {
    return (HeadParts){vector + l->head_t, vector + l->head_bias};
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
static void pack(const Layout *l, const real *flat, real *vector) {
    const ptrdiff_t H = l->H;
    const HeadParts head = head_at(l, vector);
    for (int c = 0; c < l->n_cells; c++) {
        const Sizes z = l->cell[c];
        const CellParts p = cell_at(l, c, vector);
        transpose(H, z.D, flat, z.D, p.WUt, z.Hp), flat += H * z.D;
        transpose(H, H, flat, H, p.WUt + z.D * z.Hp, z.Hp), flat += H * H;
    }
    transpose(l->O, l->R, flat, l->R, head.weight_t, l->Op), flat += l->O * l->R;
    for (int c = 0; c < l->n_cells; c++) {
        const CellParts p = cell_at(l, c, vector);
        copy_reals(H, flat, p.bias_gate), flat += H;
        copy_reals(H, flat, p.bias_update), flat += H;
        p.scalars[0] = *flat++;
        p.scalars[1] = *flat++;
    }
    copy_reals(l->O, flat, head.bias);
}

static void unpack(const Layout *l, real *vector, real *flat) {
    const ptrdiff_t H = l->H;
    const HeadParts head = head_at(l, vector);
    for (int c = 0; c < l->n_cells; c++) {
        const Sizes z = l->cell[c];
        const CellParts p = cell_at(l, c, vector);
        transpose(z.D, H, p.WUt, z.Hp, flat, z.D), flat += H * z.D;
        transpose(H, H, p.WUt + z.D * z.Hp, z.Hp, flat, H), flat += H * H;
    }
    transpose(l->R, l->O, head.weight_t, l->Op, flat, l->R), flat += l->O * l->R;
    for (int c = 0; c < l->n_cells; c++) {
        const CellParts p = cell_at(l, c, vector);
        copy_reals(H, p.bias_gate, flat), flat += H;
        copy_reals(H, p.bias_update, flat), flat += H;
        *flat++ = p.scalars[0];
        *flat++ = p.scalars[1];
    }
    copy_reals(l->O, head.bias, flat);
}

/* What the passes of one cell read. */
typedef struct {
    CellParts forward;
    real *W;             /* (H, Dp): backward, as rows */
    real *U;             /* (H, Hp) */
    real *kappa;         /* (Hp): see sigmoid_and_tanh */
    int one_exponential; /* whether kappa may be used */
    real zeta, nu;       /* after the sigmoid */
} CellWeights;

/* What forward and backward passes read; shared by all threads. */
typedef struct {
    real *parameters; /* (count): the memory of the forward parts */
    CellWeights cell[MAX_CELLS];
    HeadParts forward;
    real *head; /* (O, Rp): backward, as rows */
} Weights;

static ptrdiff_t weights_size(const Layout *l) {
    ptrdiff_t size = l->count + l->O * l->Rp;
    for (int c = 0; c < l->n_cells; c++)
        size += l->H * (l->cell[c].Dp + l->cell[c].Hp) + l->cell[c].Hp;
    return size;
}

/* Padding is zero before and stays so. */
static Weights weights_at(const Layout *l, real *p) {
    Weights w = {.parameters = p, .forward = head_at(l, p)};
    real *free_memory = p + l->count;
    for (int c = 0; c < l->n_cells; c++) {
        const Sizes z = l->cell[c];
        w.cell[c].forward = cell_at(l, c, p);
        w.cell[c].W = free_memory, free_memory += z.H * z.Dp;
        w.cell[c].U = free_memory, free_memory += z.H * z.Hp;
        w.cell[c].kappa = free_memory, free_memory += z.Hp;
    }
    w.head = free_memory;
    return w;
}

INLINE real logistic(real x) { return (real)(1 / (1 + exp(-(double)x))); }

#endif
