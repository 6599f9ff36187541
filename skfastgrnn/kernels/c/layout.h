/* Parameters, as the products want them: transposed where that makes rows of whole vectors, and
 * padded with zeros.
 *
 * The same layout holds the gradients. Dp, Hp, Rp and Op are D, H, R and O rounded up to whole
 * vectors.
 */
#ifndef SKFASTGRNN_LAYOUT_H
#define SKFASTGRNN_LAYOUT_H

#include "kernel.h"
#include "transpose.h"

typedef struct {
    ptrdiff_t D, H, Dp, Hp; /* D: what the cell reads, channels or states of the layer below */
} Sizes;

/* What the flat vector is made of, in its order, in which a run of neighbours of one cell is
 * repeated cell by cell: network/_tensors.py is the same in Python. Sizes are letters, as in
 * kernel.h; D is R from the second layer on. Matrices come first, and the logarithms of their steps
 * last, in the same order. */
enum kind {
    TENSOR_W,
    TENSOR_W1,
    TENSOR_W2,
    TENSOR_U,
    TENSOR_U1,
    TENSOR_U2,
    HEAD_WEIGHT,
    ATTENTION_WEIGHT,
    BIAS_GATE,
    BIAS_UPDATE,
    ZETA_HAT,
    NU_HAT,
    HEAD_BIAS,
    LOG_STEP, /* of TENSOR_W, and so on */
    KINDS = LOG_STEP + ATTENTION_WEIGHT + 1
};

static int has_whole_w(const Network *net) { return net->rank_w == 0; }
static int has_factors_of_w(const Network *net) { return net->rank_w != 0; }
static int has_whole_u(const Network *net) { return net->rank_u == 0; }
static int has_factors_of_u(const Network *net) { return net->rank_u != 0; }
static int has_attention(const Network *net) { return net->pooling == ATTENTION; }
static int has_nu(const Network *net) { return !net->bounded; }

static const struct {
    const char *name;
    char rows, columns;
    int decayed, of_cell;
    int (*when)(const Network *); /* whether a network has it; NULL for always */
} TABLE_OF_TENSORS[KINDS] = {
    [TENSOR_W] = {"W", 'H', 'D', 1, 1, has_whole_w},
    [TENSOR_W1] = {"W1", 'H', 'K', 1, 1, has_factors_of_w},
    [TENSOR_W2] = {"W2", 'K', 'D', 1, 1, has_factors_of_w},
    [TENSOR_U] = {"U", 'H', 'H', 1, 1, has_whole_u},
    [TENSOR_U1] = {"U1", 'H', 'L', 1, 1, has_factors_of_u},
    [TENSOR_U2] = {"U2", 'L', 'H', 1, 1, has_factors_of_u},
    [HEAD_WEIGHT] = {"head_weight", 'O', 'R', 1, 0, NULL},
    [ATTENTION_WEIGHT] = {"attention", 'R', '1', 1, 0, has_attention},
    [BIAS_GATE] = {"bias_gate", 'H', '1', 0, 1, NULL},
    [BIAS_UPDATE] = {"bias_update", 'H', '1', 0, 1, NULL},
    [ZETA_HAT] = {"zeta_hat", '1', '1', 0, 1, NULL},
    [NU_HAT] = {"nu_hat", '1', '1', 0, 1, has_nu},
    [HEAD_BIAS] = {"head_bias", 'O', '1', 0, 0, NULL},
    [LOG_STEP + TENSOR_W] = {"W_log_step", 'H', '1', 0, 1, NULL},
    [LOG_STEP + TENSOR_W1] = {"W1_log_step", 'H', '1', 0, 1, NULL},
    [LOG_STEP + TENSOR_W2] = {"W2_log_step", 'K', '1', 0, 1, NULL},
    [LOG_STEP + TENSOR_U] = {"U_log_step", 'H', '1', 0, 1, NULL},
    [LOG_STEP + TENSOR_U1] = {"U1_log_step", 'H', '1', 0, 1, NULL},
    [LOG_STEP + TENSOR_U2] = {"U2_log_step", 'L', '1', 0, 1, NULL},
    [LOG_STEP + HEAD_WEIGHT] = {"head_weight_log_step", 'O', '1', 0, 0, NULL},
    [LOG_STEP + ATTENTION_WEIGHT] = {"attention_log_step", '1', '1', 0, 0, NULL},
};
/* A cell has at most four factors, their steps and four others. */
enum { MAX_TENSORS = MAX_CELLS * 12 + KINDS };

/* A matrix has steps where the network has bits and the matrix. */
static int has_tensor(const Network *net, int kind) {
    if (kind >= LOG_STEP) return net->bits != 0 && has_tensor(net, kind - LOG_STEP);
    return TABLE_OF_TENSORS[kind].when == NULL || TABLE_OF_TENSORS[kind].when(net);
}

/* Where a tensor (rows, columns) of the flat vector lies in a padded one, as its transpose
 * (columns, padded(rows)). */
typedef struct {
    enum kind kind;
    int cell; /* of the head: 0 */
    ptrdiff_t rows, columns, place;
} Place;

/* A padded vector: the tensors, and what weight decay shrinks in front. */
typedef struct {
    int n_cells, n_directions, n_tensors, bounded;
    enum pooling pooling;
    ptrdiff_t H, R, O, Rp, Op, rank_w, rank_u;
    Sizes cell[MAX_CELLS];
    Place tensor[MAX_TENSORS];
    ptrdiff_t place[KINDS][MAX_CELLS];
    ptrdiff_t n_decayed, count;
} Layout;

static ptrdiff_t size_of(const Layout *l, char letter, int cell) {
    switch (letter) {
    case 'D':
        return l->cell[cell].D;
    case 'H':
        return l->H;
    case 'R':
        return l->R;
    case 'O':
        return l->O;
    case 'K':
        return smaller(l->rank_w, smaller(l->cell[cell].D, l->H));
    case 'L':
        return smaller(l->rank_u, l->H);
    }
    return 1;
}

/* Lay the tensor out behind those before it. Single numbers share a vector. */
static void add_tensor(Layout *l, enum kind kind, int cell) {
    const char letter = TABLE_OF_TENSORS[kind].rows;
    const int shares = letter == '1' && kind > 0 && TABLE_OF_TENSORS[kind - 1].rows == '1';
    Place *t = &l->tensor[l->n_tensors++];
    t->kind = kind;
    t->cell = cell;
    t->rows = size_of(l, letter, cell);
    t->columns = size_of(l, TABLE_OF_TENSORS[kind].columns, cell);
    t->place = shares ? t[-1].place + 1 : l->count;
    if (!shares) l->count += t->columns * padded(t->rows);
    if (TABLE_OF_TENSORS[kind].decayed) l->n_decayed = l->count;
    l->place[kind][cell] = t->place;
}

static void layout_init(Layout *l, const Network *net) {
    l->H = net->hidden_size;
    l->O = net->n_outputs;
    l->rank_w = net->rank_w;
    l->rank_u = net->rank_u;
    l->pooling = (enum pooling)net->pooling;
    l->bounded = net->bounded;
    l->n_directions = net->bidirectional ? 2 : 1;
    l->n_cells = (int)net->n_layers * l->n_directions;
    l->R = l->n_directions * l->H;
    l->Rp = padded(l->R);
    l->Op = padded(l->O);
    for (int c = 0; c < l->n_cells; c++) {
        const ptrdiff_t D = c < l->n_directions ? net->n_channels : l->R;
        l->cell[c] = (Sizes){D, l->H, padded(D), padded(l->H)};
    }
    l->n_tensors = 0;
    l->count = l->n_decayed = 0;
    const int n_kinds = net->bits != 0 ? KINDS : LOG_STEP;
    for (int first = 0, end; first < n_kinds; first = end) {
        const int of_cell = TABLE_OF_TENSORS[first].of_cell;
        for (end = first; end < n_kinds && TABLE_OF_TENSORS[end].of_cell == of_cell;) end++;
        for (int c = 0; c < (of_cell ? l->n_cells : 1); c++)
            for (int kind = first; kind < end; kind++)
                if (has_tensor(net, kind)) add_tensor(l, (enum kind)kind, c);
    }
}

/* Length of the flat vector. */
static ptrdiff_t flat_count(const Layout *l) {
    ptrdiff_t count = 0;
    for (int i = 0; i < l->n_tensors; i++) count += l->tensor[i].rows * l->tensor[i].columns;
    return count;
}

static int is_dense(const Network *net) {
    return net->rank_w == 0 && net->rank_u == 0 && net->bits == 0;
}

/* What the network computes: the same, of whole matrices that are not rounded. */
static Network dense_of(const Network *net) {
    Network dense = *net;
    dense.rank_w = dense.rank_u = dense.bits = 0;
    return dense;
}

/* Sizes are multiplied only where such a vector has room for each of the products, or where all
 * products of a low rank, padded and added up, have room in a ptrdiff_t. */
static int fits(const Network *net, ptrdiff_t n_parameters) {
    const ptrdiff_t H = net->hidden_size, D = net->n_channels, O = net->n_outputs;
    if (H < 1 || D < 1 || O < 1 || net->n_layers < 1 || net->n_layers > MAX_LAYERS) return 0;
    if (net->gate < 0 || net->gate >= N_ACTIVATIONS) return 0;
    if (net->update < 0 || net->update >= N_ACTIVATIONS) return 0;
    if (net->pooling < 0 || net->pooling >= N_POOLINGS) return 0;
    if (net->rank_w < 0 || net->rank_u < 0) return 0;
    if (net->bits != 0 && net->bits != 4 && net->bits != 8) return 0;
    const ptrdiff_t room = PTRDIFF_MAX / (4 * MAX_CELLS * LANES);
    if (H > (net->rank_u != 0 ? room : n_parameters) / H) return 0;
    if (D > (net->rank_w != 0 ? room : n_parameters) / H) return 0;
    if (O > n_parameters / H) return 0;
    Layout l;
    layout_init(&l, net);
    return flat_count(&l) == n_parameters;
}

/* Part i of the flat vector, as kernel.h promises. */
static int tensor(const Network *net, int i, Tensor *found) {
    Layout l;
    layout_init(&l, net);
    if (i < 0 || i >= l.n_tensors) return 0;
    const Place *t = &l.tensor[i];
    *found = (Tensor){.name = TABLE_OF_TENSORS[t->kind].name,
                      .cell = TABLE_OF_TENSORS[t->kind].of_cell ? t->cell : -1,
                      .rows = t->rows,
                      .columns = t->columns,
                      .decayed = TABLE_OF_TENSORS[t->kind].decayed};
    return 1;
}

/* Tensors of a padded vector. `WUt` is [Wᵀ; Uᵀ], so that [x | h] times it is W x + U h. */
typedef struct {
    real *WUt;         /* (D + H, Hp) */
    real *bias_gate;   /* (Hp) */
    real *bias_update; /* (Hp) */
    real *scalars;     /* (LANES): zeta_hat, and nu_hat where there is one */
} CellParts;

typedef struct {
    real *weight_t;  /* (R, Op) */
    real *attention; /* (Rp), or NULL */
    real *bias;      /* (Op) */
} HeadParts;

INLINE CellParts cell_at(const Layout *l, int c, real *vector) {
    return (CellParts){vector + l->place[TENSOR_W][c], vector + l->place[BIAS_GATE][c],
                       vector + l->place[BIAS_UPDATE][c], vector + l->place[ZETA_HAT][c]};
}

INLINE HeadParts head_at(const Layout *l, real *vector) {
    return (HeadParts){vector + l->place[HEAD_WEIGHT][0],
                       l->pooling == ATTENTION ? vector + l->place[ATTENTION_WEIGHT][0] : NULL,
                       vector + l->place[HEAD_BIAS][0]};
}

INLINE void copy_reals(ptrdiff_t n, const real *from, real *to) {
    for (; n >= LANES; n -= LANES, from += LANES, to += LANES) store(to, load(from));
    for (ptrdiff_t i = 0; i < n; i++) to[i] = from[i];
}

/* A flat vector to a padded one whose padding is zero. */
static void pack(const Layout *l, const real *flat, real *vector) {
    for (int i = 0; i < l->n_tensors; i++) {
        const Place *t = &l->tensor[i];
        transpose(t->rows, t->columns, flat, t->columns, vector + t->place, padded(t->rows));
        flat += t->rows * t->columns;
    }
}

static void unpack(const Layout *l, const real *vector, real *flat) {
    for (int i = 0; i < l->n_tensors; i++) {
        const Place *t = &l->tensor[i];
        transpose(t->columns, t->rows, vector + t->place, padded(t->rows), flat, t->columns);
        flat += t->rows * t->columns;
    }
}

#endif
