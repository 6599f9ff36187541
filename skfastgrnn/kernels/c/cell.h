/* The FastGRNN cell over a block: forward through time, and exact backpropagation through time.
 *
 *     a_t = W x_t + U h_{t-1}
 *     z_t = gate(a_t + b_z)
 *     c_t = update(a_t + b_h)
 *     h_t = (ζ (1 - z_t) + ν) ⊙ c_t + z_t ⊙ h_{t-1}
 *
 * Kusupati et al., NeurIPS 2018, equations 3-5 and the cell of section 3.2. Where states are
 * bounded, ν is 0. reference/_cell.py is the same in NumPy.
 */
#ifndef SKFASTGRNN_CELL_H
#define SKFASTGRNN_CELL_H

#include "matmul.h"
#include "pooling.h"

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

/* What a step of n sequences leaves. Those of rows [0, n_next) take a further step, the others end
 * here. */
typedef struct {
    ptrdiff_t n, n_next;
    real *pre;              /* (n, Hp): a_t */
    real *next;             /* (n_next, next_row): h_t */
    real *last;             /* (n, Hp): h_t of rows [n_next, n) */
    real *sum;              /* (n, Hp): h_t is added to it; or NULL */
    real *gate, *candidate; /* (n, Hp): z_t and c_t; or NULL */
    ptrdiff_t next_row;
} Step;

/* From a_t to z_t, c_t and h_t, column by column of vectors. `pair` says sigmoid_and_tanh, `keep`
 * that z_t and c_t are wanted.
 *
 * Like all functions here that are INLINE and take constants, it is compiled once for each
 * combination of constants that it is called with, and no copy has the branches of another. */
INLINE void gates_forward(const int pair, const int keep, const Network *net, const CellWeights *w,
                          ptrdiff_t Hp, const real *h_prev, ptrdiff_t row, Step s) {
    for (ptrdiff_t j = 0; j < Hp; j += LANES) {
        const vec bias_gate = load(w->forward.bias_gate + j),
                  bias_update = load(w->forward.bias_update + j);
        const vec kappa = load(w->kappa + j);
        for (ptrdiff_t r = 0; r < s.n; r++) {
            const vec a = load(s.pre + r * Hp + j);
            vec z, c;
            if (pair) {
                sigmoid_and_tanh(a, bias_gate, kappa, &z, &c);
            } else {
                z = activate((enum activation)net->gate, a + bias_gate);
                c = activate((enum activation)net->update, a + bias_update);
            }
            const vec h = (w->zeta * (1 - z) + w->nu) * c + z * load(h_prev + r * row + j);
            if (keep) {
                store(s.gate + r * Hp + j, z);
                store(s.candidate + r * Hp + j, c);
            }
            store(r < s.n_next ? s.next + r * s.next_row + j : s.last + r * Hp + j, h);
            if (s.sum != NULL) store(s.sum + r * Hp + j, load(s.sum + r * Hp + j) + h);
        }
    }
}

/* One step of s.n sequences, from rows [x_t (D) | h_{t-1} (H)] that are `row` apart, h_{t-1} padded
 * with zeros to Hp. Before the first step of sequences that start `from_nothing`, where h_{t-1} is
 * zero, U has nothing to say. */
INLINE void cell_step(const Network *net, const CellWeights *w, Sizes z, const real *x_and_h,
                      ptrdiff_t row, int from_nothing, Step s) {
    const int pair = net->gate == SIGMOID && net->update == TANH && w->one_exponential;
    const real *h_prev = x_and_h + z.D;
    matmul(s.n, z.H, from_nothing ? z.D : z.D + z.H, x_and_h, row, w->forward.WUt, z.Hp, s.pre,
           z.Hp, 0);
    if (pair && s.gate != NULL) gates_forward(1, 1, net, w, z.Hp, h_prev, row, s);
    else if (pair) gates_forward(1, 0, net, w, z.Hp, h_prev, row, s);
    else gates_forward(0, s.gate != NULL, net, w, z.Hp, h_prev, row, s);
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
 * m->last and, for MEAN and MAX, what `pooling` makes of all of them in m->pooled, for ATTENTION
 * in the block. */
static void cell_forward(const Network *net, const CellWeights *w, const Block *b, CellMemory *m,
                         int reversed, enum pooling pooling, const real *attention, Input x,
                         const real *h0, ptrdiff_t h0_row, Output states) {
    const int summed = pooling == MEAN;
    const Sizes z = m->z;
    const ptrdiff_t row = m->input_row;
    real *h_first = m->inputs + m->h_at;
    for (ptrdiff_t r = 0; r < b->n; r++) {
        memset(h_first + r * row, 0, (size_t)z.Hp * sizeof(real));
        if (h0 != NULL) copy_reals(z.H, h0 + r * h0_row, h_first + r * row);
    }
    if (summed) memset(m->pooled, 0, (size_t)(b->n * z.Hp) * sizeof(real));

    for (ptrdiff_t t = 0; t < b->n_steps; t++) {
        const ptrdiff_t n = active(b, t), n_next = t + 1 < b->n_steps ? active(b, t + 1) : 0;
        const ptrdiff_t at = row_of(b, m, t);
        real *x_t = m->inputs + at * row + m->x_at;
        real *h_next = m->inputs + row_of(b, m, t + 1) * row + m->h_at;
        if (reversed) read_step(1, b, x, t, n, z.D, x_t, row);
        else read_step(0, b, x, t, n, z.D, x_t, row);
        const Step step = {.n = n,
                           .n_next = n_next,
                           .pre = m->pre,
                           .next = h_next,
                           .next_row = row,
                           .last = m->last,
                           .sum = summed ? m->pooled : NULL,
                           .gate = m->keep ? m->gate + at * z.Hp : NULL,
                           .candidate = m->keep ? m->candidate + at * z.Hp : NULL};
        cell_step(net, w, z, x_t, row, t == 0 && h0 == NULL, step);
        if (pooling == MAX) raise_maximum(m, reversed, t, n, n_next, h_next);
        if (pooling == ATTENTION)
            for (ptrdiff_t r = 0; r < n; r++)
                attend(b, attention, z.H, z.Hp, r, t, state_after(m, r, n_next, h_next));

        if (states.values != NULL)
            for (ptrdiff_t r = 0; r < n; r++)
                copy_reals(z.H, r < n_next ? h_next + r * row : m->last + r * z.Hp,
                           states.values +
                               (states.start[r] + step_of(b, reversed, r, t)) * states.row);
    }
}

/* Gradients that reach the states of a cell from outside. */
typedef struct {
    const real *last;  /* of the last state of each row, summary_row apart, or NULL */
    const real *every; /* of each state of a row alike, likewise, or NULL */
    const real *most;  /* of the state of each unit that MAX took, likewise, or NULL */
    ptrdiff_t summary_row;
    int whole; /* these rows are those of one cell, padded alike */
    Input all; /* of every state, unless its values are NULL */
} Upstream;

/* One step back through the gates: from dh_t in m->d_state to da_t (left where z_t was), and to the
 * part of dh_{t-1} that came past the products. Adds the gradients of biases, ζ and ν. */
INLINE void gates_backward(const enum activation gate_kind, const enum activation update_kind,
                           const CellWeights *w, const Block *b, CellMemory *m, ptrdiff_t t,
                           ptrdiff_t n, CellParts gradient, vec *d_zeta, vec *d_nu) {
    const ptrdiff_t Hp = m->z.Hp, row = m->input_row, step = row_of(b, m, t);
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
        if (up.most != NULL) add_to_maximum(m, t, n, up.most, up.summary_row);
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
    if (!net->bounded) gradient.scalars[1] += vec_sum(d_nu) * w->nu * (1 - w->nu);
    if (h0_gradient != NULL)
        for (ptrdiff_t r = 0; r < b->n; r++)
            copy_reals(z.H, m->d_state + r * z.Hp, h0_gradient + r * h0_row);
}

#endif
