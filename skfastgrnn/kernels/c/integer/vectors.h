/* The arithmetic of a step by vectors of x86: the same integers as in fastgrnn_integer.c.
 *
 * For matrices of 16 bits whose rows are padded. What compilers make of the plain loops is several
 * times slower: they know neither the product of pairs nor a table that lies in registers.
 */
#ifndef SKFASTGRNN_INTEGER_VECTORS_H
#define SKFASTGRNN_INTEGER_VECTORS_H

#include "sigmoid_lanes.h"

INLINE vec rounded_all(vec v, int n) {
    return V(sra_epi32)(V(add_epi32)(v, all(INT32_C(1) << n >> 1)), _mm_cvtsi32_si128(n));
}

/* Sums in the format of results. The multipliers are int32, below 2^15. */
INLINE vec requantized_all(vec sum, vec multiplier, int shift) {
    const int down = shift < 1 ? 1 : shift;
    if (shift < 1) sum = V(sll_epi32)(sum, _mm_cvtsi32_si128(1 - shift));
    const vec half = all(INT32_C(1) << down >> 1);
    const vec upper = add_pairs(half, sum, V(slli_epi32)(multiplier, 16));
    const vec lower = V(mulhi_epu16)(sum, multiplier);
    return V(sra_epi32)(V(add_epi32)(upper, lower), _mm_cvtsi32_si128(down));
}

/* ---- activations of int16 v / 2^PRE_BITS, with 15 fractional bits ---- */

/* |v|, at most 2^15 - 1. */
INLINE vec size_of(vec v) { return V(max_epi16)(v, V(subs_epi16)(all(0), v)); }

INLINE vec interpolated(const Segments *segments, vec size) {
    /* R(rise part, 10): the product with twice the rise is cut off one bit before, and halved. */
    const vec part = V(slli_epi16)(size, 16 - SEGMENT_BITS);
    const vec twice = V(mulhi_epu16)(segments->twice_rise, part);
    return V(add_epi16)(segments->left, V(avg_epu16)(twice, all(0)));
}

/* The sigmoid less 1/2, of two vectors. */
INLINE void two_sigmoids(vec *a, vec *b) {
    const vec size_a = size_of(*a), size_b = size_of(*b);
    Segments of_a, of_b;
    look_up(V(srli_epi16)(size_a, SEGMENT_BITS), V(srli_epi16)(size_b, SEGMENT_BITS), &of_a, &of_b);
    *a = negated_where_negative(*a, interpolated(&of_a, size_a));
    *b = negated_where_negative(*b, interpolated(&of_b, size_b));
}

INLINE vec doubled(vec v) { return V(adds_epi16)(v, v); }

INLINE vec hard_sigmoid_all(vec v) {
    const vec from_0 = V(max_epi16)(V(adds_epi16)(v, all_16(PRE_ONE)), all(0));
    return doubled(doubled(from_0)); /* saturated, since 1 is 2^15 */
}

INLINE vec hard_tanh_all(vec v) {
    return V(max_epi16)(doubled(doubled(doubled(v))), all_16(-INT16_MAX));
}

/* The rectifier in the format of the state, from int32. */
INLINE vec rectified_two(int state_bits, vec first, vec second) {
    const int down = PRE_BITS - state_bits;
    if (down > 0) {
        first = rounded_all(first, down);
        second = rounded_all(second, down);
    }
    vec y = V(max_epi16)(join(first, second), all(0));
    for (int i = down; i < 0; i++) y = doubled(y);
    return y;
}

/* R(v, n). */
INLINE vec rounded_16(vec v, int n) {
    const vec cut = V(sra_epi16)(v, _mm_cvtsi32_si128(n - 1));
    return V(sub_epi16)(cut, V(srai_epi16)(cut, 1)); /* cannot overflow, as (cut + 1) >> 1 could */
}

/* ---- the state ---- */

/* What the update of a cell is made with. */
typedef struct {
    int gate, update, state_bits, is_small;
    vec zeta, share; /* ζ + ν, if that is small: an int16 */
    vec nu_and_half;
} Update;

INLINE Update update_of(const fastgrnn_cell *cell, int gate, int update) {
    const int share = cell->zeta + cell->nu;
    const Update by = {gate,
                       update,
                       cell->state_bits,
                       share <= INT16_MAX,
                       all_16(cell->zeta),
                       all_16(share <= INT16_MAX ? share : cell->zeta),
                       all(cell->nu | 1 << (16 + 14))};
    return by;
}

/* int32 of two vectors: pre-activations, and the biases in front of gate and update. */
typedef struct {
    vec pre, to_gate, to_update;
} Part;

/* Gate and candidate, in the order of `join`. */
INLINE void activations(const Update *by, const Part *a, const Part *b, vec *gate, vec *candidate) {
    const vec update_a = V(add_epi32)(a->pre, a->to_update);
    const vec update_b = V(add_epi32)(b->pre, b->to_update);
    vec z = join(V(add_epi32)(a->pre, a->to_gate), V(add_epi32)(b->pre, b->to_gate));
    vec c = by->update == FASTGRNN_RELU ? rectified_two(by->state_bits, update_a, update_b)
                                        : join(update_a, update_b);
    const int curved_update = by->update == FASTGRNN_SIGMOID || by->update == FASTGRNN_TANH;
    if (by->update == FASTGRNN_TANH) c = doubled(c);
    if (by->gate == FASTGRNN_SIGMOID || curved_update) {
        vec curved_z = z, curved_c = curved_update ? c : z;
        two_sigmoids(&curved_z, &curved_c);
        if (by->gate == FASTGRNN_SIGMOID) z = V(add_epi16)(curved_z, all_16(ONE / 2));
        if (curved_update) c = curved_c;
    }
    if (by->gate != FASTGRNN_SIGMOID) z = hard_sigmoid_all(z);
    if (by->update == FASTGRNN_SIGMOID) c = V(add_epi16)(c, all_16(ONE / 2));
    if (by->update == FASTGRNN_TANH) c = V(add_epi16)(c, c);
    if (by->update == FASTGRNN_HARD_SIGMOID) c = hard_sigmoid_all(c);
    if (by->update == FASTGRNN_HARD_TANH) c = hard_tanh_all(c);
    if (by->update != FASTGRNN_RELU && by->state_bits < 15) c = rounded_16(c, 15 - by->state_bits);
    *gate = z;
    *candidate = c;
}

/* The new state, of gate, candidate and state. */
INLINE vec new_state(const Update *by, vec z, vec c, vec h) {
    /* (ζ + ν - R(ζ z)) c + z h + 1/2, where ν is a product of its own unless the sum is small */
    const vec share = V(sub_epi16)(by->share, rounded_product(by->zeta, z));
    vec low = by->nu_and_half, high = by->nu_and_half;
    if (by->is_small) {
        low = high = all(ONE / 2);
    } else {
        low = V(madd_epi16)(low_pairs(c, all_16(1)), low);
        high = V(madd_epi16)(high_pairs(c, all_16(1)), high);
    }
    low = add_pairs(low, low_pairs(share, z), low_pairs(c, h));
    high = add_pairs(high, high_pairs(share, z), high_pairs(c, h));
    return join(V(srai_epi32)(low, 15), V(srai_epi32)(high, 15));
}

/* ---- the border ---- */

/* UNITS numbers as `fastgrnn_quantize_input` makes them, as int32. */
INLINE vec quantized_units(const float *from, const float *center, const float *factor) {
    const vreal scaled =
        V(mul_ps)(V(sub_ps)(V(loadu_ps)(from), V(loadu_ps)(center)), V(loadu_ps)(factor));
    const vreal high = V(set1_ps)(32767.0f), low = V(set1_ps)(-32767.0f);
    const vreal inside = V(max_ps)(V(min_ps)(scaled, high), low);
    /* By the greatest number below 1/2 away from 0, then towards 0: a half becomes the next integer
     * when the sum is rounded, and nothing below it does. */
    const vreal away = with_sign(V(set1_ps)(0.49999997f), inside);
    return V(cvttps_epi32)(V(add_ps)(inside, away));
}

static void quantize_floats(const float *from, ptrdiff_t n, const float *center,
                            const float *factor, int16_t *x) {
    ptrdiff_t i = 0;
    for (; i + 2 * UNITS <= n; i += 2 * UNITS) {
        const vec first = quantized_units(from + i, center + i, factor + i);
        const ptrdiff_t j = i + UNITS;
        store(x + i, in_order(join(first, quantized_units(from + j, center + j, factor + j))));
    }
    for (; i < n; i++) x[i] = fastgrnn_quantize_input(from[i], center[i], factor[i]);
}

#endif
