/* From the states of all steps to what the head reads, and back. reference/_pooling.py is the same
 * in NumPy.
 *
 *     LAST        s = h_T, which in a reversed cell is the state of the first step
 *     MEAN        s = mean_t h_t; the cell adds up the states, the head divides by the steps
 *     MAX         s_j = max_t h_tj; of equal ones the first takes the gradient
 *     ATTENTION   s = Σ_t α_t h_t,   α = softmax of the scores v · h_t over the steps
 *
 * The softmax is a running one: after each step there are the highest score m, Σ exp(score - m) and
 * Σ exp(score - m) h, which are scaled down when a higher score comes.
 */
#ifndef SKFASTGRNN_POOLING_H
#define SKFASTGRNN_POOLING_H

#include "block.h"

/* Where the state of row r lies after a step of n rows, of which n_next take a further one: see
 * Step in cell.h. */
INLINE const real *state_after(const CellMemory *m, ptrdiff_t r, ptrdiff_t n_next,
                               const real *next) {
    return r < n_next ? next + r * m->input_row : m->last + r * m->z.Hp;
}

/* After step t of a cell. A reversed cell takes the first of equal steps last. NaN stays. */
INLINE void raise_maximum(CellMemory *m, int reversed, ptrdiff_t t, ptrdiff_t n, ptrdiff_t n_next,
                          const real *next) {
    const ptrdiff_t Hp = m->z.Hp;
    const vec step = (vec)((bits){0} + (real_bits)t);
    for (ptrdiff_t r = 0; r < n; r++) {
        const real *state = state_after(m, r, n_next, next);
        for (ptrdiff_t j = 0; j < Hp; j += LANES) {
            real *most = m->pooled + r * Hp + j;
            const vec h = load(state + j), before = load(most);
            bits lower = reversed ? (bits)(h < before) : (bits)(h <= before);
            if (t == 0) lower = (bits){0};
            store(most, where(lower, before, h));
            if (m->winner == NULL) continue;
            real *winner = (real *)(m->winner + r * Hp + j);
            store(winner, where(lower, load(winner), step));
        }
    }
}

/* Before step t of the way back: the gradients of the maxima, `row` apart, that it holds. */
INLINE void add_to_maximum(const CellMemory *m, ptrdiff_t t, ptrdiff_t n, const real *gradient,
                           ptrdiff_t row) {
    for (ptrdiff_t r = 0; r < n; r++) {
        const real_bits *winner = m->winner + r * m->z.Hp;
        real *d_state = m->d_state + r * m->z.Hp;
        for (ptrdiff_t j = 0; j < m->z.H; j++)
            d_state[j] += winner[j] == (real_bits)t ? gradient[r * row + j] : 0;
    }
}

INLINE real exponential(real x) { return vec_exp(splat(x))[0]; }

/* to (n) = to · scale + from · share */
INLINE void mix(ptrdiff_t n, real scale, real *to, real share, const real *from) {
    for (; n >= LANES; n -= LANES, to += LANES, from += LANES)
        store(to, load(to) * scale + load(from) * share);
    for (ptrdiff_t i = 0; i < n; i++) to[i] = to[i] * scale + from[i] * share;
}

/* Take step t of row r, with state (R), into the running softmax, whose sum of states is in
 * b->summary. Returns the score. */
INLINE real attend(const Block *b, const real *attention, ptrdiff_t R, ptrdiff_t Rp, ptrdiff_t r,
                   ptrdiff_t t, const real *state) {
    const real score = dot(R, attention, state), before = b->highest[r];
    if (t == 0) {
        b->highest[r] = score;
        b->total[r] = 1;
        copy_reals(R, state, b->summary + r * Rp);
    } else if (score > before) {
        const real scale = exponential(before - score);
        b->highest[r] = score;
        b->total[r] = b->total[r] * scale + 1;
        mix(R, scale, b->summary + r * Rp, 1, state);
    } else {
        const real share = exponential(score - before);
        b->total[r] += share;
        mix(R, 1, b->summary + r * Rp, share, state);
    }
    return score;
}

/* Leaves the summary of each row; a cell of one direction may have attended to its states. */
static void attention_forward(const Layout *l, const Weights *w, Block *b) {
    const ptrdiff_t R = l->R, Rp = l->Rp;
    const real *states = b->between[l->n_cells / l->n_directions - 1];
    for (ptrdiff_t r = 0; r < b->n; r++) {
        for (ptrdiff_t t = 0; states != NULL && t < b->length[r]; t++) {
            const ptrdiff_t step = b->local[r] + t;
            const real score = attend(b, w->forward.attention, R, Rp, r, t, states + step * R);
            if (b->score != NULL) b->score[step] = score;
        }
        for (ptrdiff_t j = 0; j < R; j++) b->summary[r * Rp + j] /= b->total[r];
    }
}

/* From the gradient of the summaries: adds that of v and leaves, where it is wanted, that of every
 * state. With g the gradient of s:
 *
 *     dscore_t = α_t (g · h_t - g · s),   dv += dscore_t h_t,   dh_t = α_t g + dscore_t v
 */
static void attention_backward(const Layout *l, const Weights *w, Block *b, real *gradient) {
    const ptrdiff_t R = l->R;
    const int top = l->n_cells / l->n_directions - 1;
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const real *d_summary = b->d_summary + r * l->Rp;
        for (ptrdiff_t t = 0; t < b->length[r]; t++) {
            const ptrdiff_t step = b->local[r] + t;
            const real *state = b->between[top] + step * R;
            const real share = exponential(b->score[step] - b->highest[r]) / b->total[r];
            const real d_score = share * (dot(R, d_summary, state) - b->d_scores[r]);
            mix(R, 1, gradient, d_score, state);
            if (b->d_between[top] == NULL) continue;
            real *d_state = b->d_between[top] + step * R;
            copy_reals(R, d_summary, d_state);
            mix(R, share, d_state, d_score, w->forward.attention);
        }
    }
}

#endif
