/* FastGRNN networks in integers: see fastgrnn_integer.h. */
#include "fastgrnn_integer.h"

enum {
    PRE_BITS = 12,       /* fractional bits of pre-activations */
    PRE_LIMIT = 32767,   /* from 8 on, a sigmoid is 1 */
    SEGMENT_BITS = 10,   /* 32 segments of the sigmoid between 0 and 8 */
    SCORE_BITS = 10,     /* fractional bits of scores, which are powers of two */
    EXP_SEGMENT_BITS = 6 /* 16 segments of 2^x between 0 and 1 */
};

/* 1 with 15 fractional bits, which gates and candidates stay below, and with those of
 * pre-activations. An enumeration of a 16-bit int could not hold the former. */
static const int32_t ONE = 32768, PRE_ONE = INT32_C(1) << PRE_BITS;

/* sigmoid(i / 4), 15 fractional bits, shifted by half of what interpolation would err by. */
static const int16_t sigmoid_table[33] = {
    16384, 18425, 20404, 22265, 23967, 25483, 26802, 27928, 28872, 29653, 30290,
    30805, 31219, 31549, 31811, 32018, 32181, 32309, 32409, 32488, 32550, 32598,
    32635, 32664, 32687, 32705, 32719, 32730, 32738, 32745, 32750, 32754, 32767,
};

/* 2^(i / 16), 14 fractional bits. */
static const uint16_t exp2_table[17] = {
    16384, 17109, 17867, 18658, 19484, 20347, 21247, 22188, 23170,
    24196, 25268, 26386, 27554, 28774, 30048, 31379, 32768,
};

/* floor(v / 2^n). */
static inline int32_t shift_down(int32_t v, int n) { return v < 0 ? ~(~v >> n) : v >> n; }

static inline int64_t shift_down_64(int64_t v, int n) { return v < 0 ? ~(~v >> n) : v >> n; }

/* floor(v / 2^n + 1/2). */
static inline int32_t rounded(int32_t v, int n) {
    return shift_down(v + (INT32_C(1) << n >> 1), n);
}

static inline int64_t rounded_64(int64_t v, int n) {
    return shift_down_64(v + (INT64_C(1) << n >> 1), n);
}

/* floor(v / n + 1/2) for n > 0. */
static inline int64_t rounded_quotient(int64_t v, int64_t n) {
    const int64_t doubled = 2 * v + n, quotient = doubled / (2 * n);
    return doubled % (2 * n) < 0 ? quotient - 1 : quotient;
}

static inline int16_t saturated(int32_t v) {
    return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

/* floor(sum · multiplier / 2^(16 + shift) + 1/2), in 32 bits: the upper and the lower half of the
 * sum by themselves. Its absolute value is at most 2^29. A shift below 1 is one of the sum. */
static inline int32_t requantized(int32_t sum, int32_t multiplier, int shift) {
    const int up = shift < 1 ? 1 - shift : 0, down = shift < 1 ? 1 : shift;
    const int32_t shifted = sum * (INT32_C(1) << up), upper = shift_down(shifted, 16);
    const uint32_t lower = (uint32_t)shifted & 0xFFFFu;
    const uint32_t carried = (lower * (uint32_t)multiplier) >> 16;
    return rounded(upper * multiplier + (int32_t)carried, down);
}

/* What reads the stored weights of a matrix one after the other. */
typedef struct {
    const uint8_t *weights, *mask;
    uint32_t weight, group; /* the next */
    int bits;
} reader;

static inline int32_t next_weight(reader *r) {
    const uint32_t at = r->weight++;
    if (r->bits == 8) {
        const int32_t byte = r->weights[at];
        return byte < 128 ? byte : byte - 256;
    }
    const int32_t half = (r->weights[at >> 1] >> (at & 1 ? 4 : 0)) & 15;
    return half < 8 ? half : half - 16;
}

static inline int next_is_kept(reader *r) {
    const uint32_t at = r->group++;
    return (r->mask[at >> 3] >> (at & 7)) & 1;
}

/* The next row of a matrix times x (n_columns). */
static inline int32_t row_sum(const fastgrnn_matrix *m, reader *r, const int16_t *x) {
    const uint32_t n = m->n_columns;
    int32_t sum = 0;
    if (m->mask == 0 && m->bits == 8) {
        const uint8_t *w = r->weights + r->weight;
        r->weight += n;
        for (uint32_t c = 0; c < n; c++) sum += (((int32_t)w[c] ^ 128) - 128) * x[c];
        return sum;
    }
    if (m->mask == 0) {
        for (uint32_t c = 0; c < n; c++) sum += next_weight(r) * x[c];
        return sum;
    }
    for (uint32_t first = 0; first < n; first += m->block_size) {
        if (!next_is_kept(r)) continue;
        for (uint32_t c = first; c < n && c < first + m->block_size; c++)
            sum += next_weight(r) * x[c];
    }
    return sum;
}

/* Sums (n_rows) of weights of 16 bits times x. */
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
    const int shift = m->shift;
    if (m->bits == 16) {
        vector_sums(m, x, vector);
        for (uint32_t i = 0; i < m->n_rows; i++)
            low[i] = saturated(requantized(vector[i], multiplier[i], shift));
        return;
    }
    reader r = {m->weights, m->mask, 0, 0, m->bits};
    for (uint32_t i = 0; i < m->n_rows; i++)
        low[i] = saturated(requantized(row_sum(m, &r, x), multiplier[i], shift));
}

/* result (n_rows) += m · x. */
static void add_product(const fastgrnn_matrix *m, const int16_t *x, int32_t *restrict result,
                        int32_t *restrict vector) {
    const int16_t *restrict multiplier = m->multiplier;
    const int shift = m->shift;
    if (m->bits == 16) {
        vector_sums(m, x, vector);
        for (uint32_t i = 0; i < m->n_rows; i++)
            result[i] += requantized(vector[i], multiplier[i], shift);
        return;
    }
    reader r = {m->weights, m->mask, 0, 0, m->bits};
    for (uint32_t i = 0; i < m->n_rows; i++)
        result[i] += requantized(row_sum(m, &r, x), multiplier[i], shift);
}

/* sigmoid(v / 2^PRE_BITS), 15 fractional bits, 1 to 2^15 - 1. */
static inline int32_t sigmoid(int32_t v) {
    const int32_t magnitude = v < 0 ? -v : v;
    const int32_t size = magnitude > PRE_LIMIT ? PRE_LIMIT : magnitude;
    const int32_t at = size >> SEGMENT_BITS, part = size & ((1 << SEGMENT_BITS) - 1);
    const int32_t left = sigmoid_table[at], right = sigmoid_table[at + 1];
    const int32_t y = left + (((right - left) * part + (1 << (SEGMENT_BITS - 1))) >> SEGMENT_BITS);
    return v < 0 ? ONE - y : y;
}

static inline int32_t clipped(int32_t v, int32_t least, int32_t most) {
    return v < least ? least : v > most ? most : v;
}

static inline int32_t hyperbolic_tangent(int32_t v) {
    return 2 * sigmoid(2 * clipped(v, -PRE_LIMIT, PRE_LIMIT)) - ONE;
}

static inline int32_t hard_sigmoid(int32_t v) {
    return saturated(clipped(v + PRE_ONE, 0, 2 * PRE_ONE) * (ONE / (2 * PRE_ONE)));
}

static inline int32_t hard_tanh(int32_t v) {
    return clipped(clipped(v, -PRE_ONE, PRE_ONE) * (ONE / PRE_ONE), -INT16_MAX, INT16_MAX);
}

/* With state_bits fractional bits. */
static inline int32_t rectified(int32_t v, int state_bits) {
    if (state_bits < PRE_BITS)
        return saturated(rounded(clipped(v, 0, INT32_MAX >> 1), PRE_BITS - state_bits));
    return saturated(clipped(v, 0, ONE) * (INT32_C(1) << (state_bits - PRE_BITS)));
}

/* The new state, of the gate z, the candidate c and the state h. */
static inline int16_t updated(int32_t z, int32_t c, int16_t h, int32_t zeta, int32_t nu) {
    const int32_t share = nu + zeta - rounded(zeta * z, 15);
    return saturated(rounded(share * c + z * h, 15));
}

/* One step of a cell that reads x and has the state h (n_hidden). */
static void step_cell(const fastgrnn_model *model, const fastgrnn_cell *cell, fastgrnn_state *state,
                      const int16_t *x, int16_t *restrict h) {
    const uint32_t n = model->n_hidden;
    const int32_t unit = INT32_C(1) << cell->bias_shift, zeta = cell->zeta, nu = cell->nu;
    const int state_bits = cell->state_bits, surplus = 15 - state_bits;
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
        UPDATE(GATE, rounded(sigmoid(to_update), surplus));                                        \
    case FASTGRNN_TANH:                                                                            \
        UPDATE(GATE, rounded(hyperbolic_tangent(to_update), surplus));                             \
    case FASTGRNN_HARD_SIGMOID:                                                                    \
        UPDATE(GATE, rounded(hard_sigmoid(to_update), surplus));                                   \
    case FASTGRNN_HARD_TANH:                                                                       \
        UPDATE(GATE, rounded(hard_tanh(to_update), surplus));                                      \
    default:                                                                                       \
        UPDATE(GATE, rectified(to_update, state_bits));                                            \
    }
    if (model->gate == FASTGRNN_SIGMOID) {
        UPDATE_BY(sigmoid)
    } else {
        UPDATE_BY(hard_sigmoid)
    }
}

/* 2^(v / 2^SCORE_BITS - reference), 14 fractional bits; the exponent is not above 1. */
static int32_t attention_weight(int32_t v, int32_t reference) {
    const int32_t exponent = shift_down(v, SCORE_BITS);
    const int32_t fraction = v - exponent * (INT32_C(1) << SCORE_BITS);
    const int32_t at = fraction >> EXP_SEGMENT_BITS;
    const int32_t part = fraction & ((1 << EXP_SEGMENT_BITS) - 1);
    const int32_t left = exp2_table[at], right = exp2_table[at + 1];
    const int32_t y =
        left + (((right - left) * part + (1 << (EXP_SEGMENT_BITS - 1))) >> EXP_SEGMENT_BITS);
    const int32_t below = reference - exponent;
    return rounded(y, below > 30 ? 30 : below);
}

/* Add the state h (n_hidden) of a step to a softmax over the steps so far. A greater exponent than
 * all before moves the sums to it. */
static void attend(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *h) {
    int32_t score = 0;
    add_product(&model->attention, h, &score, state->vector);
    const int32_t exponent = shift_down(score, SCORE_BITS);
    if (state->n_steps == 0) state->reference = exponent;
    int32_t down = exponent > state->reference ? exponent - state->reference : 0;
    if (down > 0) state->reference = exponent;
    if (down > 62) down = 62;
    const int32_t weight = attention_weight(score, state->reference);
    if (down > 0) { /* rarely, and shifts of 64 bits take long */
        state->weight = rounded_64(state->weight, down);
        for (uint32_t i = 0; i < model->n_hidden; i++)
            state->sum[i] = rounded_64(state->sum[i], down);
    }
    state->weight += weight;
    for (uint32_t i = 0; i < model->n_hidden; i++) state->sum[i] += weight * h[i];
}

/* Take in the states h of a step for the pooling. */
static void pool(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *h) {
    const uint32_t n = model->n_hidden;
    switch (model->pooling) {
    case FASTGRNN_MEAN:
        for (uint32_t i = 0; i < n; i++) state->sum[i] += h[i];
        break;
    case FASTGRNN_MAX:
        for (uint32_t i = 0; i < n; i++)
            state->summary[i] = h[i] > state->summary[i] ? h[i] : state->summary[i];
        break;
    case FASTGRNN_ATTENTION:
        attend(model, state, h);
        break;
    default:
        break;
    }
}

FASTGRNN_API void fastgrnn_reset(const fastgrnn_model *model, fastgrnn_state *state) {
    const uint32_t n = model->n_hidden;
    for (uint32_t i = 0; i < n * model->n_layers; i++) state->h[i] = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (model->pooling == FASTGRNN_MAX) state->summary[i] = INT16_MIN;
        if (model->pooling == FASTGRNN_MEAN || model->pooling == FASTGRNN_ATTENTION)
            state->sum[i] = 0;
    }
    state->weight = 0;
    state->reference = 0;
    state->n_steps = 0;
}

FASTGRNN_API void fastgrnn_step(const fastgrnn_model *model, fastgrnn_state *state,
                                const int16_t *x) {
    for (uint32_t layer = 0; layer < model->n_layers; layer++) {
        int16_t *h = state->h + layer * model->n_hidden;
        step_cell(model, &model->cells[layer], state, x, h);
        x = h;
    }
    pool(model, state, x);
    state->n_steps++;
}

/* What the head reads. */
static const int16_t *summarize(const fastgrnn_model *model, fastgrnn_state *state) {
    const uint32_t n = model->n_hidden;
    if (model->pooling == FASTGRNN_LAST) return state->h + (model->n_layers - 1u) * n;
    if (model->pooling != FASTGRNN_MAX) {
        const int64_t divisor = model->pooling == FASTGRNN_MEAN ? state->n_steps : state->weight;
        for (uint32_t i = 0; i < n; i++)
            state->summary[i] = saturated((int32_t)rounded_quotient(state->sum[i], divisor));
    }
    return state->summary;
}

FASTGRNN_API void fastgrnn_logits(const fastgrnn_model *model, fastgrnn_state *state,
                                  int32_t *logits) {
    for (uint32_t i = 0; i < model->n_outputs; i++) logits[i] = model->head_bias[i];
    add_product(&model->head, summarize(model, state), logits, state->vector);
}

FASTGRNN_API int16_t fastgrnn_quantize_input(float x, float center, float factor) {
    const float unbounded = (x - center) * factor;
    const float bounded = unbounded < 32767.0f ? unbounded : 32767.0f;
    const float scaled = bounded > -32767.0f ? bounded : -32767.0f;
    const int32_t towards_zero = (int32_t)scaled;
    const float rest = scaled - (float)towards_zero;
    return (int16_t)(towards_zero + (rest >= 0.5f) - (rest <= -0.5f));
}
