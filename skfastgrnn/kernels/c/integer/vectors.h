/* A step by vectors of x86: the same integers as `fastgrnn_step`, for several units at a time and
 * SLOTS sequences side by side, whose long chains of operations then overlap.
 *
 * For matrices of 16 bits whose rows are padded, and for gates and updates by the table or by
 * clips. What compilers make of the plain loops is several times slower: they know neither the dot
 * product of pairs nor a table that lies in registers.
 */
#ifndef SKFASTGRNN_INTEGER_VECTORS_H
#define SKFASTGRNN_INTEGER_VECTORS_H

#include <immintrin.h>
#include <string.h>

#if defined(__AVX512VNNI__)

/* Segments of the sigmoid: their left ends, and what they rise by. */
static const int16_t sigmoid_left[32] __attribute__((aligned(64))) = {
    16384, 18425, 20404, 22265, 23967, 25483, 26802, 27928, 28872, 29653, 30290,
    30805, 31219, 31549, 31811, 32018, 32181, 32309, 32409, 32488, 32550, 32598,
    32635, 32664, 32687, 32705, 32719, 32730, 32738, 32745, 32750, 32754,
};
static const int16_t sigmoid_rise[32] __attribute__((aligned(64))) = {
    2041, 1979, 1861, 1702, 1516, 1319, 1126, 944, 781, 637, 515, 414, 330, 262, 207, 163,
    128,  100,  79,   62,   48,   37,   29,   23,  18,  14,  11,  8,   7,   5,   4,   13,
};

typedef __m512i vec;
typedef __m512 vreal;
enum { UNITS = 16, SLOTS = 8 };
#define V(operation) _mm512_##operation
#define V_BITS(operation) _mm512_##operation##_si512

static inline vec load_16(const int16_t *from) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)from));
}

/* Saturated. */
static inline void store_16(int16_t *to, vec v) {
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtsepi32_epi16(v));
}

static inline vec add_pairs(vec sum, vec weights, vec pair) {
    return _mm512_dpwssd_epi32(sum, weights, pair);
}

/* Pairs of neighbours, in an order that `join` undoes, saturated. */
static inline vec low_pairs(vec a, vec b) { return _mm512_unpacklo_epi16(a, b); }
static inline vec high_pairs(vec a, vec b) { return _mm512_unpackhi_epi16(a, b); }
static inline vec join(vec low, vec high) { return _mm512_packs_epi32(low, high); }

/* int16 of two vectors of int32 one after the other, saturated. */
static inline vec narrow(vec first, vec second) {
    const __m512i low = _mm512_castsi256_si512(_mm512_cvtsepi32_epi16(first));
    return _mm512_inserti64x4(low, _mm512_cvtsepi32_epi16(second), 1);
}

static inline vec negated_where_negative(vec v, vec y, vec of) {
    return _mm512_mask_sub_epi16(y, _mm512_movepi16_mask(v), of, y);
}

/* Entry `at` of 32 of each table. */
static inline void look_up(vec at, vec *left, vec *rise) {
    *left = _mm512_permutexvar_epi16(at, _mm512_load_si512(sigmoid_left));
    *rise = _mm512_permutexvar_epi16(at, _mm512_load_si512(sigmoid_rise));
}

/* UNITS from one place on and UNITS from another. */
static inline vec load_two(const int16_t *first, const int16_t *second) {
    const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)first));
    return _mm512_inserti64x4(low, _mm256_loadu_si256((const __m256i *)second), 1);
}

static inline void store_two(int16_t *first, int16_t *second, vec v) {
    _mm256_storeu_si256((__m256i *)first, _mm512_castsi512_si256(v));
    _mm256_storeu_si256((__m256i *)second, _mm512_extracti64x4_epi64(v, 1));
}

#else /* AVX2 */

typedef __m256i vec;
typedef __m256 vreal;
enum { UNITS = 8, SLOTS = 4 };
#define V(operation) _mm256_##operation
#define V_BITS(operation) _mm256_##operation##_si256

static inline vec load_16(const int16_t *from) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)from));
}

static inline void store_16(int16_t *to, vec v) {
    const __m128i halves =
        _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storeu_si128((__m128i *)to, halves);
}

static inline vec add_pairs(vec sum, vec weights, vec pair) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(weights, pair));
}

static inline vec low_pairs(vec a, vec b) { return _mm256_unpacklo_epi16(a, b); }
static inline vec high_pairs(vec a, vec b) { return _mm256_unpackhi_epi16(a, b); }
static inline vec join(vec low, vec high) { return _mm256_packs_epi32(low, high); }

static inline vec narrow(vec first, vec second) {
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xD8);
}

static inline vec negated_where_negative(vec v, vec y, vec of) {
    const __m256i negative = _mm256_srai_epi16(v, 15);
    return _mm256_blendv_epi8(y, _mm256_sub_epi16(of, y), negative);
}

/* The bytes of the entries, since a shuffle looks up bytes. */
static const uint8_t left_low[32] = {
    0,   249, 180, 249, 159, 139, 178, 24,  200, 213, 82,  85,  243, 61,  67,  18,
    181, 53,  153, 232, 38,  86,  123, 152, 175, 193, 207, 218, 226, 233, 238, 242,
};
static const uint8_t left_high[32] = {
    64,  71,  79,  86,  93,  99,  104, 109, 112, 115, 118, 120, 121, 123, 124, 125,
    125, 126, 126, 126, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127,
};
static const uint8_t rise_low[32] = {
    249, 187, 69, 166, 236, 39, 102, 176, 13, 125, 3,  158, 74, 6, 207, 163,
    128, 100, 79, 62,  48,  37, 29,  23,  18, 14,  11, 8,   7,  5, 4,   13,
};
static const uint8_t rise_high[32] = {
    7, 7, 7, 6, 5, 5, 4, 3, 3, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static inline __m256i of_16(const uint8_t *entries, __m256i at) {
    const __m128i half = _mm_loadu_si128((const __m128i *)entries);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(half), at);
}

static inline void look_up(vec at, vec *left, vec *rise) {
    /* A shuffle yields 0 where the highest bit of an index is set: in the other byte, and where the
     * entry is in the other half of the table. */
    const __m256i none = _mm256_set1_epi16(0x80), other = _mm256_set1_epi16((short)0x8000);
    const __m256i in_second = _mm256_and_si256(_mm256_cmpgt_epi16(at, _mm256_set1_epi16(15)), none);
    const __m256i first = _mm256_or_si256(at, in_second);
    const __m256i low_1 = _mm256_or_si256(first, other);
    const __m256i high_1 = _mm256_or_si256(_mm256_slli_epi16(first, 8), none);
    const __m256i inside = _mm256_and_si256(at, _mm256_set1_epi16(15));
    const __m256i of_second = _mm256_or_si256(inside, _mm256_xor_si256(in_second, none));
    const __m256i low_2 = _mm256_or_si256(of_second, other);
    const __m256i high_2 = _mm256_or_si256(_mm256_slli_epi16(of_second, 8), none);
    *left = _mm256_or_si256(
        _mm256_or_si256(of_16(left_low, low_1), of_16(left_high, high_1)),
        _mm256_or_si256(of_16(left_low + 16, low_2), of_16(left_high + 16, high_2)));
    *rise = _mm256_or_si256(
        _mm256_or_si256(of_16(rise_low, low_1), of_16(rise_high, high_1)),
        _mm256_or_si256(of_16(rise_low + 16, low_2), of_16(rise_high + 16, high_2)));
}

static inline vec load_two(const int16_t *first, const int16_t *second) {
    return _mm256_loadu2_m128i((const __m128i *)second, (const __m128i *)first);
}

static inline void store_two(int16_t *first, int16_t *second, vec v) {
    _mm256_storeu2_m128i((__m128i *)second, (__m128i *)first, v);
}

#endif

#define INLINE static inline __attribute__((always_inline))

static inline vec load(const void *from) { return V_BITS(loadu)((const vec *)from); }
static inline void store(void *to, vec v) { V_BITS(storeu)((vec *)to, v); }
static inline vec all(int32_t v) { return V(set1_epi32)(v); }

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

INLINE void update_two(const Update *by, const Part *a, const Part *b) {
    const vec first = load(a->pre), second = load(b->pre), one = all_16(1);
    const vec z = activation(
        by->gate, narrow(V(add_epi32)(first, a->to_gate), V(add_epi32)(second, b->to_gate)));
    const vec y = activation(
        by->update, narrow(V(add_epi32)(first, a->to_update), V(add_epi32)(second, b->to_update)));
    const vec scaled = V(mulhrs_epi16)(y, by->scale);
    const vec c = by->surplus == 0 ? y : scaled;
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
static int has_vectors(const fastgrnn_model *model) {
    return model->cells[0].w.bits == 16 && model->update != FASTGRNN_RELU;
}

#endif
