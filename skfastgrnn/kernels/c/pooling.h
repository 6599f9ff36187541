/* From the states of all steps to what the head reads, and back. reference/_pooling.py is the same
 * in NumPy.
 *
 *     LAST   s = h_T, which in a reversed cell is the state of the first step
 *     MEAN   s = mean_t h_t; the cell adds up the states, the head divides by the steps
 *     MAX    s_j = max_t h_tj; of equal ones the first takes the gradient
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

#endif
