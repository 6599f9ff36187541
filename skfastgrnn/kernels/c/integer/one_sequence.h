/* A step of one sequence, with units side by side. */
#ifndef SKFASTGRNN_INTEGER_ONE_SEQUENCE_H
#define SKFASTGRNN_INTEGER_ONE_SEQUENCE_H

#include "vectors.h"

/* Vectors of rows at a time: those of 16 rows, to which matrices are padded. */
enum { GROUP = 16 / UNITS };

/* Rows i to i + 16 of the product with x, in the format of its results. */
INLINE void rows_of_product(const fastgrnn_matrix *m, const int16_t *x, uint32_t i, vec *results) {
    const size_t next = 2 * (size_t)m->n_rows;
    const int16_t *w = (const int16_t *)m->weights + 2 * i;
    vec even[GROUP], odd[GROUP];
    uint32_t c = 0;
    for (int k = 0; k < GROUP; k++) even[k] = odd[k] = all(0);
    for (; c + 4 <= m->n_columns; c += 4, w += 2 * next) {
        const vec first = all_pairs(x + c), second = all_pairs(x + c + 2);
        for (int k = 0; k < GROUP; k++) {
            even[k] = add_pairs(even[k], load(w + 2 * k * UNITS), first);
            odd[k] = add_pairs(odd[k], load(w + next + 2 * k * UNITS), second);
        }
    }
    if (c < m->n_columns)
        for (int k = 0; k < GROUP; k++)
            even[k] = add_pairs(even[k], load(w + 2 * k * UNITS), all_pairs(x + c));
    for (int k = 0; k < GROUP; k++)
        results[k] = requantized_all(V(add_epi32)(even[k], odd[k]),
                                     load_16(m->multiplier + i + k * UNITS), m->shift);
}

/* What the other factor reads: the product with x, or x itself without a factor. */
INLINE const int16_t *through_factor(const fastgrnn_matrix *m, const int16_t *x, int16_t *low) {
    vec results[GROUP];
    if (m->n_rows == 0) return x;
    for (uint32_t i = 0; i < m->n_rows; i += 16) {
        rows_of_product(m, x, i, results);
        if (GROUP == 1) {
            const vec narrow = in_order(join(results[0], results[0]));
            memcpy(low + i, &narrow, sizeof narrow / 2);
        } else
            for (int k = 0; k < GROUP / 2; k++)
                store(low + i + 2 * k * UNITS, in_order(join(results[2 * k], results[2 * k + 1])));
    }
    return low;
}

/* UNITS units from i on. */
INLINE Part part_of(const fastgrnn_cell *cell, const int32_t *pre, uint32_t i) {
    const __m128i shift = _mm_cvtsi32_si128(cell->bias_shift);
    const Part part = {load(pre + i), V(sll_epi32)(load_16(cell->bias_gate + i), shift),
                       V(sll_epi32)(load_16(cell->bias_update + i), shift)};
    return part;
}

INLINE void step_units(const fastgrnn_cell *cell, const fastgrnn_state *state, uint32_t n,
                       const int16_t *x, int16_t *h, int gate, int update) {
    const Update by = update_of(cell, gate, update);
    int32_t *pre = state->pre;
    vec results[GROUP];
    x = through_factor(&cell->w_low, x, state->low);
    for (uint32_t i = 0; i < n; i += 16) {
        rows_of_product(&cell->w, x, i, results);
        for (int k = 0; k < GROUP; k++) store(pre + i + k * UNITS, results[k]);
    }
    const int16_t *of_h = through_factor(&cell->u_low, h, state->low);
    for (uint32_t i = 0; i < n; i += 16) {
        rows_of_product(&cell->u, of_h, i, results);
        for (int k = 0; k < GROUP; k++) {
            int32_t *to = pre + i + k * UNITS;
            store(to, V(add_epi32)(load(to), results[k]));
        }
    }
    for (uint32_t i = 0; i < n; i += 2 * UNITS) {
        const uint32_t j = i + UNITS < n ? i + UNITS : i; /* an odd one is computed twice */
        const Part a = part_of(cell, pre, i), b = part_of(cell, pre, j);
        vec z, c;
        activations(&by, &a, &b, &z, &c);
        const vec h_before = load_two(h + i, h + j);
        store_two(h + i, h + j, new_state(&by, in_order(z), in_order(c), h_before));
    }
}

/* Add the state h (n_hidden) of a step to a softmax over the steps so far. */
static void attend_one(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *h) {
    const fastgrnn_matrix *m = &model->attention;
    const int16_t *w = m->weights;
    int32_t sum = 0;
    for (uint32_t i = 0; i < m->n_columns; i++) sum += w[i] * h[i];
    const int32_t score = requantized(sum, m->multiplier[0], m->shift);
    const int32_t exponent = shift_down(score, SCORE_BITS);
    if (state->n_steps == 0) state->reference = exponent;
    if (exponent > state->reference) {
        const int32_t more = exponent - state->reference, down = more > 62 ? 62 : more;
        const int64_t half = INT64_C(1) << (down - 1);
        state->reference = exponent;
        state->weight = shift_down_64(state->weight + half, down);
        for (uint32_t i = 0; i < model->n_hidden; i++)
            state->sum[i] = shift_down_64(state->sum[i] + half, down);
    }
    const int32_t weight = attention_weight(score, state->reference);
    state->weight += weight;
    for (uint32_t i = 0; i < model->n_hidden; i++) state->sum[i] += weight * h[i];
}

static void step_by_units(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *x) {
    const uint32_t n = model->n_hidden;
    for (uint32_t layer = 0; layer < model->n_layers; layer++) {
        const fastgrnn_cell *cell = &model->cells[layer];
        int16_t *h = state->h + layer * n;
        if (model->gate == FASTGRNN_SIGMOID && model->update == FASTGRNN_TANH)
            step_units(cell, state, n, x, h, FASTGRNN_SIGMOID, FASTGRNN_TANH);
        else step_units(cell, state, n, x, h, model->gate, model->update);
        x = h;
    }
    if (model->pooling == FASTGRNN_ATTENTION) attend_one(model, state, x);
    if (model->pooling == FASTGRNN_MEAN)
        for (uint32_t i = 0; i < n; i++) state->sum[i] += x[i];
    if (model->pooling == FASTGRNN_MAX)
        for (uint32_t i = 0; i < n; i++)
            state->summary[i] = x[i] > state->summary[i] ? x[i] : state->summary[i];
    state->n_steps++;
}

/* Outputs (n_rows of the head, which are padded) for the summary. */
static void add_head(const fastgrnn_matrix *head, const int16_t *summary, int32_t *logits) {
    vec results[GROUP];
    for (uint32_t i = 0; i < head->n_rows; i += 16) {
        rows_of_product(head, summary, i, results);
        for (int k = 0; k < GROUP; k++) {
            int32_t *to = logits + i + k * UNITS;
            store(to, V(add_epi32)(load(to), results[k]));
        }
    }
}

/* Whether the matrices of a model are those of vectors. */
static int has_vectors(const fastgrnn_model *model) { return model->cells[0].w.bits == 16; }

static void step(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *x) {
    if (has_vectors(model)) step_by_units(model, state, x);
    else fastgrnn_step(model, state, x);
}

/* R(sum / n), saturated. In double quotients of positive integers below 2^53 are rounded to no
 * integer that they are below. */
static inline int16_t quotient_of(int64_t sum, int64_t n) {
    const int64_t above_0 = 2 * (sum + 65536 * n) + n;
    if (n >= INT64_C(1) << 34) return saturated((int32_t)(above_0 / (2 * n) - 65536));
    return saturated((int32_t)((double)above_0 / (double)(2 * n)) - 65536);
}

/* Outputs (n_rows of the head, which are padded). */
static void compute_outputs(const fastgrnn_model *model, fastgrnn_state *state, int32_t *logits) {
    const uint32_t n = model->n_hidden;
    if (!has_vectors(model)) {
        fastgrnn_logits(model, state, logits);
        return;
    }
    const int16_t *summary = state->summary;
    if (model->pooling == FASTGRNN_LAST) summary = state->h + (model->n_layers - 1u) * n;
    const int64_t divisor = model->pooling == FASTGRNN_MEAN ? state->n_steps : state->weight;
    if (model->pooling == FASTGRNN_MEAN || model->pooling == FASTGRNN_ATTENTION)
        for (uint32_t i = 0; i < n; i++) state->summary[i] = quotient_of(state->sum[i], divisor);
    memset(logits, 0, model->head.n_rows * sizeof *logits);
    memcpy(logits, model->head_bias, model->n_outputs * sizeof *logits);
    add_head(&model->head, summary, logits);
}

#endif
