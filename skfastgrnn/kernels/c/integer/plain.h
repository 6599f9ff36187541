/* A step of a model whose weights have 16 bits, as compilers make it: for processors without the
 * vectors of vectors.h.
 */
#ifndef SKFASTGRNN_INTEGER_PLAIN_H
#define SKFASTGRNN_INTEGER_PLAIN_H

/* Sums (n_rows) of weights times x. */
static void vector_sums(const fastgrnn_matrix *m, const int16_t *restrict x,
                        int32_t *restrict sums) {
    const uint32_t n = m->n_rows;
    const int16_t *restrict w = m->weights;
    for (uint32_t i = 0; i < n; i++) sums[i] = 0;
    for (uint32_t c = 0; c < m->n_columns; c += 2, w += 2 * n) {
        const int32_t left = x[c], right = x[c + 1];
        for (uint32_t i = 0; i < n; i++) sums[i] += w[2 * i] * left + w[2 * i + 1] * right;
    }
}

/* low (n_rows) = m · x, saturated. */
static void multiply_low(const fastgrnn_matrix *m, const int16_t *x, int16_t *restrict low,
                         int32_t *restrict vector) {
    const int16_t *restrict multiplier = m->multiplier;
    const int8_t shift = m->shift;
    vector_sums(m, x, vector);
    for (uint32_t i = 0; i < m->n_rows; i++)
        low[i] = saturated(requantized(vector[i], multiplier[i], shift));
}

/* result (n_rows) += m · x. */
static void add_product(const fastgrnn_matrix *m, const int16_t *x, int32_t *restrict result,
                        int32_t *restrict vector) {
    const int16_t *restrict multiplier = m->multiplier;
    const int8_t shift = m->shift;
    vector_sums(m, x, vector);
    for (uint32_t i = 0; i < m->n_rows; i++)
        result[i] += requantized(vector[i], multiplier[i], shift);
}

static void step_cell_of_vectors(const fastgrnn_model *model, const fastgrnn_cell *cell,
                                 fastgrnn_state *state, const int16_t *x, int16_t *restrict h) {
    const uint32_t n = model->n_hidden;
    const int32_t unit = INT32_C(1) << cell->bias_shift;
    const int16_t zeta = cell->zeta, nu = cell->nu;
    const uint8_t state_bits = cell->state_bits;
    const int16_t *restrict bias_gate = cell->bias_gate;
    const int16_t *restrict bias_update = cell->bias_update;
    int32_t *restrict pre = state->pre;
    const int16_t *of_h = h;
    for (uint32_t i = 0; i < n; i++) pre[i] = 0;
    if (cell->w_low.n_rows > 0) {
        multiply_low(&cell->w_low, x, state->low, state->vector);
        x = state->low;
    }
    add_product(&cell->w, x, pre, state->vector);
    if (cell->u_low.n_rows > 0) {
        multiply_low(&cell->u_low, h, state->low, state->vector);
        of_h = state->low;
    }
    add_product(&cell->u, of_h, pre, state->vector);

#define UPDATE(GATE, CANDIDATE)                                                                    \
    for (uint32_t i = 0; i < n; i++) {                                                             \
        const int32_t to_gate = pre[i] + bias_gate[i] * unit;                                      \
        const int32_t to_update = pre[i] + bias_update[i] * unit;                                  \
        h[i] = updated(GATE(to_gate), CANDIDATE, h[i], zeta, nu);                                  \
    }                                                                                              \
    break
#define UPDATE_BY(GATE)                                                                            \
    switch (model->update) {                                                                       \
    case FASTGRNN_SIGMOID:                                                                         \
        UPDATE(GATE, reduced(sigmoid(to_update), state_bits));                                     \
    case FASTGRNN_TANH:                                                                            \
        UPDATE(GATE, reduced(hyperbolic_tangent(to_update), state_bits));                          \
    case FASTGRNN_HARD_SIGMOID:                                                                    \
        UPDATE(GATE, reduced(hard_sigmoid(to_update), state_bits));                                \
    case FASTGRNN_HARD_TANH:                                                                       \
        UPDATE(GATE, reduced(hard_tanh(to_update), state_bits));                                   \
    default:                                                                                       \
        UPDATE(GATE, rectified(to_update, state_bits));                                            \
    }
    if (model->gate == FASTGRNN_SIGMOID) {
        UPDATE_BY(sigmoid)
    } else {
        UPDATE_BY(hard_sigmoid)
    }
#undef UPDATE
#undef UPDATE_BY
}

/* Whether weights have 16 bits. */
static int has_vectors(const fastgrnn_model *model) { return model->cells[0].w.bits == 16; }

static void step(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *x) {
    if (!has_vectors(model)) {
        fastgrnn_step(model, state, x);
        return;
    }
    for (uint32_t layer = 0; layer < model->n_layers; layer++) {
        int16_t *h = state->h + layer * model->n_hidden;
        step_cell_of_vectors(model, &model->cells[layer], state, x, h);
        x = h;
    }
    if (model->pooling != FASTGRNN_ATTENTION) {
        pool(model, state, x);
        return;
    }
    int32_t score = 0;
    add_product(&model->attention, x, &score, state->vector);
    attend(model, state, x, score);
}

/* Outputs (n_rows of the head, which are padded). */
static void compute_outputs(const fastgrnn_model *model, fastgrnn_state *state, int32_t *logits) {
    if (!has_vectors(model)) {
        fastgrnn_logits(model, state, logits);
        return;
    }
    for (uint32_t i = 0; i < model->head.n_rows; i++)
        logits[i] = i < model->n_outputs ? model->head_bias[i] : 0;
    add_product(&model->head, summarize(model, state), logits, state->vector);
}

static void quantize_floats(const float *from, ptrdiff_t n, const float *center,
                            const float *factor, int16_t *x) {
    for (ptrdiff_t i = 0; i < n; i++) x[i] = fastgrnn_quantize_input(from[i], center[i], factor[i]);
}

#endif
