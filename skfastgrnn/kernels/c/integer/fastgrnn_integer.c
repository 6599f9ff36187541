/* FastGRNN networks in integers: see fastgrnn_integer.h. */
#include "fastgrnn_rows.h"

#ifndef FASTGRNN_ONE_MODEL
static inline int16_t gate_of(const fastgrnn_model *model, int32_t v) {
    return model->gate == FASTGRNN_SIGMOID ? sigmoid(v) : hard_sigmoid(v);
}

static inline int16_t candidate_of(const fastgrnn_model *model, int32_t v, uint8_t state_bits) {
    switch (model->update) {
    case FASTGRNN_SIGMOID:
        return reduced(sigmoid(v), state_bits);
    case FASTGRNN_TANH:
        return reduced(hyperbolic_tangent(v), state_bits);
    case FASTGRNN_HARD_SIGMOID:
        return reduced(hard_sigmoid(v), state_bits);
    case FASTGRNN_HARD_TANH:
        return reduced(hard_tanh(v), state_bits);
    default:
        return rectified(v, state_bits);
    }
}
#endif

/* One step of a cell that reads x and has the states h (n_hidden). */
static void step_cell(const fastgrnn_model *model, const FASTGRNN_FLASH fastgrnn_cell *cell,
                      fastgrnn_state *state, const int16_t *x, int16_t *h) {
    const int16_t *of_h = h;
    int16_t *next = h; /* states after the step */
#ifndef FASTGRNN_WITHOUT_FULL_U
    next = state->next;
#endif
#ifndef FASTGRNN_WITHOUT_W_LOW
    if (cell->w_low.n_rows > 0) {
        fastgrnn_reader low = first_row(&cell->w_low);
        multiply(&low, cell->w_low.multiplier, cell->w_low.n_rows, x, state->low);
        x = state->low;
    }
#endif
#ifndef FASTGRNN_WITHOUT_U_LOW
    if (cell->u_low.n_rows > 0) {
        fastgrnn_reader low = first_row(&cell->u_low);
        multiply(&low, cell->u_low.multiplier, cell->u_low.n_rows, h, state->low_h);
        of_h = state->low_h;
        next = h;
    }
#endif
#ifndef FASTGRNN_WITHOUT_BIAS_SHIFT
    const int32_t unit = INT32_C(1) << cell->bias_shift;
#else
    const int32_t unit = 1;
#endif
    fastgrnn_reader w = first_row(&cell->w), u = first_row(&cell->u);
    for (fastgrnn_size i = 0; i < model->n_hidden; i++) {
        const int32_t pre = next_result(&w, x, cell->w.multiplier[i]) +
                            next_result(&u, of_h, cell->u.multiplier[i]);
        const int16_t z = gate_of(model, pre + cell->bias_gate[i] * unit);
        const int16_t c = candidate_of(model, pre + cell->bias_update[i] * unit, cell->state_bits);
        next[i] = updated(z, c, h[i], cell->zeta, cell->nu);
    }
#ifndef FASTGRNN_WITHOUT_FULL_U
    if (next != h)
        for (fastgrnn_size i = 0; i < model->n_hidden; i++) h[i] = next[i];
#endif
}

#ifndef FASTGRNN_WITHOUT_LAST
static const int16_t *summary_of_last(const fastgrnn_model *model, fastgrnn_state *state) {
    return state->h + (model->n_layers - 1) * model->n_hidden;
}
#endif

#ifndef FASTGRNN_WITHOUT_SUMS
/* floor(v / n + 1/2) for n > 0. */
static inline int64_t rounded_quotient(int64_t v, int64_t n) {
    const int64_t doubled = 2 * v + n, quotient = doubled / (2 * n);
    return doubled % (2 * n) < 0 ? quotient - 1 : quotient;
}

static void begin_sums(const fastgrnn_model *model, fastgrnn_state *state) {
    for (fastgrnn_size i = 0; i < model->n_hidden; i++) state->sum[i] = 0;
}

/* What the head reads (n_hidden): the sums, divided; 0 before the first step. */
static const int16_t *divided(const fastgrnn_model *model, fastgrnn_state *state, int64_t divisor) {
    if (divisor == 0) divisor = 1;
    for (fastgrnn_size i = 0; i < model->n_hidden; i++)
        state->summary[i] = saturated((int32_t)rounded_quotient(state->sum[i], divisor));
    return state->summary;
}
#endif

#ifndef FASTGRNN_WITHOUT_MEAN
static void begin_mean(const fastgrnn_model *model, fastgrnn_state *state) {
    begin_sums(model, state);
    state->n_steps = 0;
}

/* Take in the states h (n_hidden) of a step, as all `pool_...`. */
static void pool_mean(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *h) {
    for (fastgrnn_size i = 0; i < model->n_hidden; i++) state->sum[i] += h[i];
    state->n_steps++;
}

static const int16_t *summary_of_mean(const fastgrnn_model *model, fastgrnn_state *state) {
    return divided(model, state, state->n_steps);
}
#endif

#ifndef FASTGRNN_WITHOUT_MAX
static void begin_max(const fastgrnn_model *model, fastgrnn_state *state) {
    for (fastgrnn_size i = 0; i < model->n_hidden; i++) state->summary[i] = INT16_MIN;
}

static void pool_max(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *h) {
    for (fastgrnn_size i = 0; i < model->n_hidden; i++)
        if (h[i] > state->summary[i]) state->summary[i] = h[i];
}

static const int16_t *summary_of_max(const fastgrnn_state *state) { return state->summary; }
#endif

#ifndef FASTGRNN_WITHOUT_ATTENTION
static inline int64_t shift_down_64(int64_t v, int n) { return SHIFTED_DOWN(v, n); }

static void begin_attention(const fastgrnn_model *model, fastgrnn_state *state) {
    begin_sums(model, state);
    state->weight = 0;
    state->reference = 0;
}

/* 2^(v / 2^SCORE_BITS - reference), 14 fractional bits; the exponent is not above 1. */
static uint16_t attention_weight(int32_t v, int32_t reference) {
    const int32_t exponent = shift_down(v, SCORE_BITS);
    const int32_t fraction = v - exponent * (INT32_C(1) << SCORE_BITS);
    const int32_t at = fraction >> EXP_SEGMENT_BITS;
    const int32_t part = fraction & ((1 << EXP_SEGMENT_BITS) - 1);
    const int32_t left = exp2_table[at], right = exp2_table[at + 1];
    const int32_t y =
        left + (((right - left) * part + (1 << (EXP_SEGMENT_BITS - 1))) >> EXP_SEGMENT_BITS);
    const int32_t below = reference - exponent;
    return (uint16_t)(below < 1 ? y : rounded(y, below > 30 ? 30 : (int)below));
}

/* Add the states h of a step of this score to a softmax over the steps so far. A greater exponent
 * than all before moves the sums to it. */
static void attend(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *h,
                   int32_t score) {
    const int32_t exponent = shift_down(score, SCORE_BITS);
    if (state->weight == 0) state->reference = exponent;
    const int32_t more = exponent - state->reference;
    const int down = more > 62 ? 62 : (int)more;
    if (more > 0) { /* rarely, and shifts of 64 bits take long */
        const int64_t half = INT64_C(1) << down >> 1;
        state->reference = exponent;
        state->weight = shift_down_64(state->weight + half, down);
        for (fastgrnn_size i = 0; i < model->n_hidden; i++)
            state->sum[i] = shift_down_64(state->sum[i] + half, down);
    }
    const uint16_t weight = attention_weight(score, state->reference);
    state->weight += weight;
    for (fastgrnn_size i = 0; i < model->n_hidden; i++) state->sum[i] += (int32_t)weight * h[i];
}

static void pool_attention(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *h) {
    fastgrnn_reader row = first_row(&model->attention);
    const int16_t multiplier = model->attention.multiplier[0];
    attend(model, state, h, next_result(&row, h, multiplier));
}

static const int16_t *summary_of_attention(const fastgrnn_model *model, fastgrnn_state *state) {
    return divided(model, state, state->weight);
}
#endif

#ifndef FASTGRNN_ONE_MODEL
static void begin_pooling(const fastgrnn_model *model, fastgrnn_state *state) {
    if (model->pooling == FASTGRNN_MEAN) begin_mean(model, state);
    if (model->pooling == FASTGRNN_MAX) begin_max(model, state);
    if (model->pooling == FASTGRNN_ATTENTION) begin_attention(model, state);
}

static void pool(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *h) {
    if (model->pooling == FASTGRNN_MEAN) pool_mean(model, state, h);
    if (model->pooling == FASTGRNN_MAX) pool_max(model, state, h);
    if (model->pooling == FASTGRNN_ATTENTION) pool_attention(model, state, h);
}

static const int16_t *summarize(const fastgrnn_model *model, fastgrnn_state *state) {
    if (model->pooling == FASTGRNN_MEAN) return summary_of_mean(model, state);
    if (model->pooling == FASTGRNN_MAX) return summary_of_max(state);
    if (model->pooling == FASTGRNN_ATTENTION) return summary_of_attention(model, state);
    return summary_of_last(model, state);
}
#endif

FASTGRNN_API void fastgrnn_reset(const fastgrnn_model *model, fastgrnn_state *state) {
    const fastgrnn_size n_states = model->n_layers * model->n_hidden;
    for (fastgrnn_size i = 0; i < n_states; i++) state->h[i] = 0;
#ifndef FASTGRNN_WITHOUT_SUMMARY
    begin_pooling(model, state);
#endif
}

FASTGRNN_API void fastgrnn_step(const fastgrnn_model *model, fastgrnn_state *state,
                                const int16_t *x) {
    for (fastgrnn_size layer = 0; layer < model->n_layers; layer++) {
        int16_t *const h = state->h + layer * model->n_hidden;
        step_cell(model, &model->cells[layer], state, x, h);
        x = h;
    }
#ifndef FASTGRNN_WITHOUT_SUMMARY
    pool(model, state, x);
#endif
}

FASTGRNN_API void fastgrnn_logits(const fastgrnn_model *model, fastgrnn_state *state,
                                  int32_t *logits) {
    const int16_t *const summary = summarize(model, state);
    fastgrnn_reader row = first_row(&model->head);
    for (fastgrnn_size i = 0; i < model->n_outputs; i++)
        logits[i] = model->head_bias[i] + next_result(&row, summary, model->head.multiplier[i]);
}

/* By the bits of the product, faster where software computes floats. */
FASTGRNN_API int16_t fastgrnn_quantize_input(float x, float center, float factor) {
    union {
        float value;
        uint32_t bits;
    } scaled;
    scaled.value = (x - center) * factor;
    const uint16_t high = (uint16_t)(scaled.bits >> 16);
    uint8_t exponent = (uint8_t)(high >> 7); /* 127 from 1 to 2 */
    uint16_t size = 32767;
    if (exponent < 142) {
        if (exponent < 126) return 0;
        size = (uint16_t)((scaled.bits >> 8) | 0x8000u); /* significant bits */
        exponent = (uint8_t)(141 - exponent);
        size = (uint16_t)(size >> exponent); /* twice the size */
        size = (uint16_t)((uint16_t)(size >> 1) + (size & 1));
        if (size > 32767) size = 32767;
    }
    return (int16_t)((high & 0x8000u) != 0 ? 0u - size : size);
}
