/* A step by vectors of x86: the same integers as `fastgrnn_step`, for several units at a time and
 * SLOTS sequences side by side, whose long chains of operations then overlap.
 *
 * For matrices of 16 bits whose rows are padded. What compilers make of the plain loops is several
 * times slower: they know neither the dot product of pairs nor a table that lies in registers.
 */
#ifndef SKFASTGRNN_INTEGER_VECTORS_H
#define SKFASTGRNN_INTEGER_VECTORS_H

#include "lanes.h"

static inline vec rounded_all(vec v, int n) {
    return V(sra_epi32)(V(add_epi32)(v, all(INT32_C(1) << n >> 1)), _mm_cvtsi32_si128(n));
}

static inline vec requantized_all(vec sum, vec multiplier, int shift) {
    const int down = shift < 1 ? 1 : shift;
    const vec shifted = shift < 1 ? V(sll_epi32)(sum, _mm_cvtsi32_si128(1 - shift)) : sum;
    const vec upper = V(mullo_epi32)(V(srai_epi32)(shifted, 16), multiplier);
    const vec lower = V(mullo_epi32)(V_BITS (and)(shifted, all(0xFFFF)), multiplier);
    return rounded_all(V(add_epi32)(upper, V(srli_epi32)(lower, 16)), down);
}

/* Rows i to i + UNITS of the product with x of each slot, in the format of its results. */
INLINE void rows_of_products(const fastgrnn_matrix *m, const int16_t *const *x, uint32_t i,
                             int slots, vec *results) {
    const size_t next = 2 * (size_t)m->n_rows;
    const int16_t *w = (const int16_t *)m->weights + 2 * i;
    const vec multiplier = load_16(m->multiplier + i);
    vec even[SLOTS], odd[SLOTS];
    int32_t pair;
    uint32_t c = 0;
    for (int r = 0; r < slots; r++) even[r] = odd[r] = all(0);
    for (; c + 4 <= m->n_columns; c += 4, w += 2 * next) {
        const vec first = load(w), second = load(w + next);
        for (int r = 0; r < slots; r++) {
            memcpy(&pair, x[r] + c, sizeof pair);
            even[r] = add_pairs(even[r], first, all(pair));
            memcpy(&pair, x[r] + c + 2, sizeof pair);
            odd[r] = add_pairs(odd[r], second, all(pair));
        }
    }
    if (c < m->n_columns)
        for (int r = 0; r < slots; r++) {
            memcpy(&pair, x[r] + c, sizeof pair);
            even[r] = add_pairs(even[r], load(w), all(pair));
        }
    for (int r = 0; r < slots; r++)
        results[r] = requantized_all(V(add_epi32)(even[r], odd[r]), multiplier, m->shift);
}

/* What the other factor reads: the product with x of each slot, or x itself without a factor. */
INLINE void through_factor(const fastgrnn_matrix *m, const int16_t *const *x,
                           const fastgrnn_state *states, int slots, const int16_t **read) {
    vec results[SLOTS];
    for (int r = 0; r < slots; r++) read[r] = m->n_rows > 0 ? states[r].low : x[r];
    for (uint32_t i = 0; i < m->n_rows; i += UNITS) {
        rows_of_products(m, x, i, slots, results);
        for (int r = 0; r < slots; r++) store_16(states[r].low + i, results[r]);
    }
}

static inline vec all_16(int v) { return V(set1_epi16)((short)v); }

/* Of int16 v / 2^PRE_BITS: a size that is greater saturates in the same segment. */
static inline vec sigmoid_of_size(vec v, vec size) {
    vec left, rise;
    look_up(V(srli_epi16)(size, SEGMENT_BITS), &left, &rise);
    /* The product of a rise and a part is rounded as by (rise part + 2^9) >> 10. */
    const vec part = V_BITS (and)(V(slli_epi16)(size, 15 - SEGMENT_BITS), all_16(0x7FE0));
    const vec y = V(add_epi16)(left, V(mulhrs_epi16)(rise, part));
    return negated_where_negative(v, y, all_16(-ONE)); /* -2^15 is 2^15 */
}

INLINE vec activation(int kind, vec v) {
    const vec size = V(min_epu16)(V(abs_epi16)(v), all_16(PRE_LIMIT));
    switch (kind) {
    case FASTGRNN_SIGMOID:
        return sigmoid_of_size(v, size);
    case FASTGRNN_TANH: {
        const vec inside = V(min_epu16)(size, all_16(PRE_LIMIT / 2));
        const vec y = sigmoid_of_size(v, V(add_epi16)(inside, inside));
        return V(sub_epi16)(V(add_epi16)(y, y), all_16(-ONE));
    }
    case FASTGRNN_HARD_SIGMOID: {
        const vec inside = V(max_epi16)(V(min_epi16)(v, all_16(PRE_ONE)), all_16(-PRE_ONE));
        const vec doubled = V(slli_epi16)(V(add_epi16)(inside, all_16(PRE_ONE)), 2);
        return V(min_epu16)(doubled, all_16(INT16_MAX));
    }
    default: {
        const vec inside = V(max_epi16)(V(min_epi16)(v, all_16(PRE_ONE)), all_16(-PRE_ONE));
        /* Thrice with saturation, since 1 is 2^15. */
        vec y = V(adds_epi16)(inside, inside);
        y = V(adds_epi16)(y, y);
        return V(max_epi16)(V(adds_epi16)(y, y), all_16(-INT16_MAX));
    }
    }
}

/* What the update of a cell is made with. */
typedef struct {
    int gate, update, surplus;
    vec zeta, nu_and_half, scale; /* without a surplus, the candidate is not scaled */
} Update;

/* UNITS of a sequence: pre-activations, states, and the biases in front of gate and update. */
typedef struct {
    const int32_t *pre;
    int16_t *h;
    vec to_gate, to_update;
} Part;

static inline vec biases(const int16_t *from, __m128i shift) {
    return V(sll_epi32)(load_16(from), shift);
}

/* The candidate of the rectifier, from int32: more than an int16 may fit one when it is scaled. */
INLINE vec rectified_two(int surplus, vec first, vec second) {
    const int down = PRE_BITS - (15 - surplus);
    first = V(max_epi32)(first, all(0));
    second = V(max_epi32)(second, all(0));
    if (down > 0) return narrow(rounded_all(first, down), rounded_all(second, down));
    const __m128i up = _mm_cvtsi32_si128(-down);
    first = V(min_epi32)(first, all(ONE));
    second = V(min_epi32)(second, all(ONE));
    return narrow(V(sll_epi32)(first, up), V(sll_epi32)(second, up));
}

/* The candidate, from pre-activations. */
INLINE vec candidate_two(const Update *by, vec first, vec second) {
    if (by->update == FASTGRNN_RELU) return rectified_two(by->surplus, first, second);
    const vec y = activation(by->update, narrow(first, second));
    const vec scaled = V(mulhrs_epi16)(y, by->scale);
    return by->surplus == 0 ? y : scaled;
}

INLINE void update_two(const Update *by, const Part *a, const Part *b) {
    const vec first = load(a->pre), second = load(b->pre), one = all_16(1);
    const vec z = activation(
        by->gate, narrow(V(add_epi32)(first, a->to_gate), V(add_epi32)(second, b->to_gate)));
    const vec c =
        candidate_two(by, V(add_epi32)(first, a->to_update), V(add_epi32)(second, b->to_update));
    const vec h = load_two(a->h, b->h);
    /* (ζ - ζ z) c + z h, and ν c + 1/2 */
    const vec share = V(sub_epi16)(by->zeta, V(mulhrs_epi16)(by->zeta, z));
    const vec low = add_pairs(V(madd_epi16)(low_pairs(share, z), low_pairs(c, h)),
                              low_pairs(c, one), by->nu_and_half);
    const vec high = add_pairs(V(madd_epi16)(high_pairs(share, z), high_pairs(c, h)),
                               high_pairs(c, one), by->nu_and_half);
    store_two(a->h, b->h, join(V(srai_epi32)(low, 15), V(srai_epi32)(high, 15)));
}

/* One step of a cell in each slot. */
INLINE void step_cells(const fastgrnn_cell *cell, const fastgrnn_state *states, int slots,
                       uint32_t n, const int16_t *const *x, int16_t *const *h, int gate,
                       int update) {
    const int surplus = 15 - cell->state_bits;
    const __m128i bias_shift = _mm_cvtsi32_si128(cell->bias_shift);
    const int16_t *read[SLOTS], *of_h[SLOTS];
    vec results[SLOTS];
    through_factor(&cell->w_low, x, states, slots, read);
    for (uint32_t i = 0; i < n; i += UNITS) {
        rows_of_products(&cell->w, read, i, slots, results);
        for (int r = 0; r < slots; r++) store(states[r].pre + i, results[r]);
    }
    through_factor(&cell->u_low, (const int16_t *const *)h, states, slots, of_h);
    for (uint32_t i = 0; i < n; i += UNITS) {
        rows_of_products(&cell->u, of_h, i, slots, results);
        for (int r = 0; r < slots; r++) {
            int32_t *pre = states[r].pre + i;
            store(pre, V(add_epi32)(load(pre), results[r]));
        }
    }
    const Update by = {gate,
                       update,
                       surplus,
                       all_16(cell->zeta),
                       all(cell->nu | 1 << (16 + 14)),
                       all_16(surplus == 0 ? 0 : 1 << (15 - surplus))};
    if (slots == 1) { /* two parts of it */
        for (uint32_t i = 0; i < n; i += 2 * UNITS) {
            const uint32_t j = i + UNITS < n ? i + UNITS : i; /* an odd one is computed twice */
            const Part first = {states[0].pre + i, h[0] + i,
                                biases(cell->bias_gate + i, bias_shift),
                                biases(cell->bias_update + i, bias_shift)};
            const Part second = {states[0].pre + j, h[0] + j,
                                 biases(cell->bias_gate + j, bias_shift),
                                 biases(cell->bias_update + j, bias_shift)};
            update_two(&by, &first, &second);
        }
        return;
    }
    for (uint32_t i = 0; i < n; i += UNITS) {
        const vec to_gate = biases(cell->bias_gate + i, bias_shift);
        const vec to_update = biases(cell->bias_update + i, bias_shift);
        for (int r = 0; r < slots; r += 2) {
            const Part first = {states[r].pre + i, h[r] + i, to_gate, to_update};
            const Part second = {states[r + 1].pre + i, h[r + 1] + i, to_gate, to_update};
            update_two(&by, &first, &second);
        }
    }
}

/* One step of the network in each slot. */
INLINE void step_slots(const fastgrnn_model *model, fastgrnn_state *states, int slots,
                       const int16_t *const *inputs) {
    const uint32_t n = model->n_hidden;
    const int16_t *x[SLOTS];
    int16_t *h[SLOTS];
    for (int r = 0; r < slots; r++) x[r] = inputs[r];
    for (uint32_t layer = 0; layer < model->n_layers; layer++) {
        const fastgrnn_cell *cell = &model->cells[layer];
        for (int r = 0; r < slots; r++) h[r] = states[r].h + layer * n;
        if (model->gate == FASTGRNN_SIGMOID && model->update == FASTGRNN_TANH)
            step_cells(cell, states, slots, n, x, h, FASTGRNN_SIGMOID, FASTGRNN_TANH);
        else step_cells(cell, states, slots, n, x, h, model->gate, model->update);
        for (int r = 0; r < slots; r++) x[r] = h[r];
    }
    for (int r = 0; r < slots; r++) {
        if (model->pooling != FASTGRNN_LAST) pool(model, &states[r], x[r]);
        states[r].n_steps++;
    }
}

static void step_one(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *x) {
    step_slots(model, state, 1, &x);
}

static void step_all(const fastgrnn_model *model, fastgrnn_state *states, const int16_t *const *x) {
    step_slots(model, states, SLOTS, x);
}

/* UNITS numbers as `fastgrnn_quantize_input` makes them. */
static inline void quantize_units(const float *from, const float *center, const float *factor,
                                  int16_t *x) {
    const vreal scaled =
        V(mul_ps)(V(sub_ps)(V(loadu_ps)(from), V(loadu_ps)(center)), V(loadu_ps)(factor));
    const vreal high = V(set1_ps)(32767.0f), low = V(set1_ps)(-32767.0f);
    const vreal inside = V(max_ps)(V(min_ps)(scaled, high), low);
    const vec towards_zero = V(cvttps_epi32)(inside);
    const vreal rest = V(sub_ps)(inside, V(cvtepi32_ps)(towards_zero));
    /* twice the rest, towards 0: ±1 where it is at least a half */
    store_16(x, V(add_epi32)(towards_zero, V(cvttps_epi32)(V(add_ps)(rest, rest))));
}

static void quantize_floats(const float *from, ptrdiff_t n, const float *center,
                            const float *factor, int16_t *x) {
    ptrdiff_t i = 0;
    for (; i + UNITS <= n; i += UNITS) quantize_units(from + i, center + i, factor + i, x + i);
    for (; i < n; i++) x[i] = fastgrnn_quantize_input(from[i], center[i], factor[i]);
}

/* Outputs (n_rows of the head, which are padded) for the summary. */
static void add_head(const fastgrnn_matrix *head, const int16_t *summary, int32_t *logits) {
    vec results[SLOTS];
    for (uint32_t i = 0; i < head->n_rows; i += UNITS) {
        rows_of_products(head, &summary, i, 1, results);
        store(logits + i, V(add_epi32)(load(logits + i), results[0]));
    }
}

/* Whether there is such a step of a model. */
static int has_vectors(const fastgrnn_model *model) { return model->cells[0].w.bits == 16; }

#endif
