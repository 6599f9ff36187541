/* The FastGRNN cell over a block: forward through time, and exact backpropagation through time.
 *
 *     a_t = W x_t + U h_{t-1}
 *     z_t = gate(a_t + b_z)
 *     c_t = update(a_t + b_h)
 *     h_t = (ζ (1 - z_t) + ν) ⊙ c_t + z_t ⊙ h_{t-1}
 *
 * Kusupati et al., NeurIPS 2018, equations 3-5 and the cell of section 3.2. reference/_cell.py is
 * the same in NumPy.
 */
#ifndef SKFASTGRNN_CELL_H
#define SKFASTGRNN_CELL_H

#include "activations.h"
#include "block.h"
#include "matmul.h"

/* What the passes of a cell read beside its forward parts. The gradient of what it reads needs W
 * too. */
static void prepare_cell(Sizes z, CellWeights *w, int with_W) {
    const CellParts p = w->forward;
    if (with_W) transpose(z.D, z.H, p.WUt, z.Hp, w->W, z.Dp);
    transpose(z.H, z.H, p.WUt + z.D * z.Hp, z.Hp, w->U, z.Hp);
    w->zeta = logistic(p.scalars[0]);
    w->nu = logistic(p.scalars[1]);
    w->one_exponential = 1;
    for (ptrdiff_t j = 0; j < z.Hp; j += LANES) {
        const vec log2_kappa = (load(p.bias_gate + j) - load(p.bias_update + j)) * (2 * LOG2_E);
        store(w->kappa + j, vec_exp2(log2_kappa, PAIR_LIMIT));
        for (int i = 0; i < LANES; i++)
            w->one_exponential &= fabs((double)log2_kappa[i]) <= (double)PAIR_LIMIT;
    }
}

/* Where a cell reads or writes something for every step: step t of row r is
 * values + (start[r] + t) · row. */
typedef struct {
    const real *values;
    const ptrdiff_t *start;
    ptrdiff_t row;
} Input;

typedef struct {
    real *values;
    const ptrdiff_t *start;
    ptrdiff_t row;
} Output;

/* From a_t in m->pre to z_t, c_t and h_t: column by column of vectors, rows [0, n) of step t.
 * Rows [0, n_next) go on to step t + 1, the others end here. `pair` says sigmoid_and_tanh, `keep`
 * is b->keep, `summed` asks for sums of states. */
INLINE void gates_forward(const int pair, const int keep, int summed, const Network *net,
                          const CellWeights *w, const Block *b, const CellMemory *m, ptrdiff_t t,
                          ptrdiff_t n, ptrdiff_t n_next) {
    const ptrdiff_t Hp = m->z.Hp, row = m->input_row, step = row_of(b, t);
    const real *h_prev = m->inputs + step * row + m->h_at;
    real *h_next = m->inputs + row_of(b, t + 1) * row + m->h_at;
    real *gate = m->gate + step * Hp, *candidate = m->candidate + step * Hp;
    for (ptrdiff_t j = 0; j < Hp; j += LANES) {
        const vec bias_gate = load(w->forward.bias_gate + j),
                  bias_update = load(w->forward.bias_update + j);
        const vec kappa = load(w->kappa + j);
        for (ptrdiff_t r = 0; r < n; r++) {
            const vec a = load(m->pre + r * Hp + j);
            vec z, c;
            if (pair) {
                sigmoid_and_tanh(a, bias_gate, kappa, &z, &c);
            } else {
                z = activate((enum activation)net->gate, a + bias_gate);
                c = activate((enum activation)net->update, a + bias_update);
            }
            const vec h = (w->zeta * (1 - z) + w->nu) * c + z * load(h_prev + r * row + j);
            if (keep) {
                store(gate + r * Hp + j, z);
                store(candidate + r * Hp + j, c);
            }
            store(r < n_next ? h_next + r * row + j : m->last + r * Hp + j, h);
            if (summed) store(m->sum + r * Hp + j, load(m->sum + r * Hp + j) + h);
        }
    }
}

/* Step t of the first n rows, D numbers each, to rows that are `row` apart. */
INLINE void read_step(const int reversed, const Block *b, Input x, ptrdiff_t t, ptrdiff_t n,
                      ptrdiff_t D, real *to, ptrdiff_t row) {
    for (ptrdiff_t r = 0; r < n; r++) {
        const real *from = x.values + (x.start[r] + step_of(b, reversed, r, t)) * x.row;
        copy_reals(D, from, to + r * row);
        prefetch((const char *)from + PREFETCH_AHEAD, D * (ptrdiff_t)sizeof(real));
    }
}

/* Run the block through time. h0 holds the first state of each row, h0_row apart; NULL for zeros.
 * `states`, where its values are not NULL, receives every h_t. Leaves the last state of each row in
 * m->last and, if `summed`, the sum of its states in m->sum. */
static void cell_forward(const Network *net, const CellWeights *w, const Block *b, CellMemory *m,
                         int reversed, int summed, Input x, const real *h0, ptrdiff_t h0_row,
                         Output states) {
    const Sizes z = m->z;
    const ptrdiff_t row = m->input_row;
    const int pair = net->gate == SIGMOID && net->update == TANH && w->one_exponential;
    real *h_first = m->inputs + m->h_at;
    for (ptrdiff_t r = 0; r < b->n; r++) {
        memset(h_first + r * row, 0, (size_t)z.Hp * sizeof(real));
        if (h0 != NULL) copy_reals(z.H, h0 + r * h0_row, h_first + r * row);
    }
    if (summed) memset(m->sum, 0, (size_t)(b->n * z.Hp) * sizeof(real));

    for (ptrdiff_t t = 0; t < b->n_steps; t++) {
        const ptrdiff_t n = active(b, t), n_next = t + 1 < b->n_steps ? active(b, t + 1) : 0;
        real *x_t = m->inputs + row_of(b, t) * row + m->x_at;
        if (reversed) read_step(1, b, x, t, n, z.D, x_t, row);
        else read_step(0, b, x, t, n, z.D, x_t, row);

        /* Before the first step of a sequence that starts from nothing U has nothing to say. */
        const ptrdiff_t k = t == 0 && h0 == NULL ? z.D : z.D + z.H;
        matmul(n, z.H, k, x_t, row, w->forward.WUt, z.Hp, m->pre, z.Hp, 0);
        if (pair && b->keep) gates_forward(1, 1, summed, net, w, b, m, t, n, n_next);
        else if (pair) gates_forward(1, 0, summed, net, w, b, m, t, n, n_next);
        else gates_forward(0, b->keep, summed, net, w, b, m, t, n, n_next);

        if (states.values != NULL) {
            const real *h_next = m->inputs + row_of(b, t + 1) * row + m->h_at;
            for (ptrdiff_t r = 0; r < n; r++)
                copy_reals(z.H, r < n_next ? h_next + r * row : m->last + r * z.Hp,
                           states.values +
                               (states.start[r] + step_of(b, reversed, r, t)) * states.row);
        }
    }
}

/* Gradients that reach the states of a cell from outside. */
typedef struct {
    const real *last;  /* of the last state of each row, summary_row apart, or NULL */
    const real *every; /* of each state of a row alike, likewise, or NULL */
    ptrdiff_t summary_row;
    int whole; /* these rows are those of one cell, padded alike */
    Input all; /* of every state, unless its values are NULL */
} Upstream;

/* One step back through the gates: from dh_t in m->d_state to da_t (left where z_t was), and to the
 * part of dh_{t-1} that came past the products. Adds the gradients of biases, ζ and ν. */
INLINE void gates_backward(const enum activation gate_kind, const enum activation update_kind,
                           const CellWeights *w, const Block *b, CellMemory *m, ptrdiff_t t,
                           ptrdiff_t n, CellParts gradient, vec *d_zeta, vec *d_nu) {
    const ptrdiff_t Hp = m->z.Hp, row = m->input_row, step = row_of(b, t);
    const real *h_prev = m->inputs + step * row + m->h_at;
    real *gate = m->gate + step * Hp;
    const real *candidate = m->candidate + step * Hp;
    for (ptrdiff_t j = 0; j < Hp; j += LANES) {
        vec d_bias_gate = load(gradient.bias_gate + j),
            d_bias_update = load(gradient.bias_update + j);
        for (ptrdiff_t r = 0; r < n; r++) {
            const vec dh = load(m->d_state + r * Hp + j);
            const vec z = load(gate + r * Hp + j), c = load(candidate + r * Hp + j);
            const vec dz =
                dh * (load(h_prev + r * row + j) - w->zeta * c) * activation_slope(gate_kind, z);
            const vec dc = dh * (w->zeta * (1 - z) + w->nu) * activation_slope(update_kind, c);
            *d_zeta += dh * c * (1 - z);
            *d_nu += dh * c;
            d_bias_gate += dz;
            d_bias_update += dc;
            store(gate + r * Hp + j, dz + dc);
            store(m->d_state + r * Hp + j, dh * z);
        }
        store(gradient.bias_gate + j, d_bias_gate);
        store(gradient.bias_update + j, d_bias_update);
    }
}

INLINE void add_reals(ptrdiff_t n, const real *from, real *to) {
    for (ptrdiff_t i = 0; i < n; i++) to[i] += from[i];
}

/* Adds rows of H, from_row apart, to rows of a cell; `whole` where they are rows of one too. */
INLINE void add_rows(ptrdiff_t n, Sizes z, const real *from, ptrdiff_t from_row, int whole,
                     real *to) {
    if (whole) add_reals(n * z.Hp, from, to);
    else
        for (ptrdiff_t r = 0; r < n; r++) add_reals(z.H, from + r * from_row, to + r * z.Hp);
}

/* Back through time after cell_forward with keep. Adds to `gradient` and to that of what the cell
 * read, d_x, unless its values are NULL; h0_gradient, h0_row apart, is written where not NULL. */
static void cell_backward(const Network *net, const CellWeights *w, const Block *b, CellMemory *m,
                          int reversed, const real *h0, Upstream up, CellParts gradient, Output d_x,
                          real *h0_gradient, ptrdiff_t h0_row) {
    const Sizes z = m->z;
    const ptrdiff_t row = m->input_row;
    vec d_zeta = splat(0), d_nu = splat(0);
    memset(m->d_state, 0, (size_t)(b->n * z.Hp) * sizeof(real));

    ptrdiff_t rows_end =
        b->first_row[b->n_steps]; /* history rows whose weight gradient is still to be taken */
    for (ptrdiff_t t = b->n_steps - 1; t >= 0; t--) {
        const ptrdiff_t n = active(b, t), n_later = t + 1 < b->n_steps ? active(b, t + 1) : 0;
        if (up.last != NULL)
            add_rows(n - n_later, z, up.last + n_later * up.summary_row, up.summary_row, up.whole,
                     m->d_state + n_later * z.Hp);
        if (up.every != NULL) add_rows(n, z, up.every, up.summary_row, up.whole, m->d_state);
        if (up.all.values != NULL)
            for (ptrdiff_t r = 0; r < n; r++)
                add_reals(z.H,
                          up.all.values +
                              (up.all.start[r] + step_of(b, reversed, r, t)) * up.all.row,
                          m->d_state + r * z.Hp);

        if (net->gate == SIGMOID && net->update == TANH)
            gates_backward(SIGMOID, TANH, w, b, m, t, n, gradient, &d_zeta, &d_nu);
        else
            gates_backward((enum activation)net->gate, (enum activation)net->update, w, b, m, t, n,
                           gradient, &d_zeta, &d_nu);

        const real *d_a = m->gate + b->first_row[t] * z.Hp;
        const int from_nothing = t == 0 && h0 == NULL;
        if (!from_nothing || h0_gradient != NULL)
            matmul(n, z.H, z.H, d_a, z.Hp, w->U, z.Hp, m->d_state, z.Hp, 1);
        if (d_x.values != NULL) {
            matmul(n, z.D, z.H, d_a, z.Hp, w->W, z.Dp, m->d_input, z.Dp, 0);
            for (ptrdiff_t r = 0; r < n; r++)
                add_reals(z.D, m->d_input + r * z.Dp,
                          d_x.values + (d_x.start[r] + step_of(b, reversed, r, t)) * d_x.row);
        }

        const ptrdiff_t rows_begin = b->first_row[t];
        if (t <= 1 || rows_end - rows_begin >= GRADIENT_ROWS) {
            add_outer_products(from_nothing ? z.D : z.D + z.H, z.H, rows_end - rows_begin,
                               m->inputs + rows_begin * row + m->x_at, row, d_a, z.Hp, gradient.WUt,
                               z.Hp);
            rows_end = rows_begin;
        }
    }
    gradient.scalars[0] += vec_sum(d_zeta) * w->zeta * (1 - w->zeta);
    gradient.scalars[1] += vec_sum(d_nu) * w->nu * (1 - w->nu);
    if (h0_gradient != NULL)
        for (ptrdiff_t r = 0; r < b->n; r++)
            copy_reals(z.H, m->d_state + r * z.Hp, h0_gradient + r * h0_row);
}

#endif
