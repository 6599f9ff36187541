/* Vectors of x86: of 16 units of 32 bits with AVX-512, of 8 with AVX2, of 4 with SSE2. Integers are
 * of 32 bits, or of 16 where a name says so.
 */
#ifndef SKFASTGRNN_INTEGER_LANES_H
#define SKFASTGRNN_INTEGER_LANES_H

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512VNNI__)

typedef __m512i vec;
typedef __m512 vreal;
enum { UNITS = 16 };
#define V(operation) _mm512_##operation
#define V_BITS(operation) _mm512_##operation##_si512

INLINE vec load_16(const int16_t *from) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)from));
}

INLINE vec add_pairs(vec sum, vec weights, vec pair) {
    return _mm512_dpwssd_epi32(sum, weights, pair);
}

/* UNITS from one place on and UNITS from another. */
INLINE vec load_two(const int16_t *first, const int16_t *second) {
    const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)first));
    return _mm512_inserti64x4(low, _mm256_loadu_si256((const __m256i *)second), 1);
}

INLINE void store_two(int16_t *first, int16_t *second, vec v) {
    _mm256_storeu_si256((__m256i *)first, _mm512_castsi512_si256(v));
    _mm256_storeu_si256((__m256i *)second, _mm512_extracti64x4_epi64(v, 1));
}

/* From the order of `join` to that of two vectors one after the other. */
INLINE vec in_order(vec joined) {
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), joined);
}

INLINE vec negated_where_negative(vec v, vec y) {
    return _mm512_mask_sub_epi16(y, _mm512_movepi16_mask(v), _mm512_setzero_si512(), y);
}

/* R(a b, 15) of int16. */
INLINE vec rounded_product(vec a, vec b) { return _mm512_mulhrs_epi16(a, b); }

#elif defined(__AVX2__)

typedef __m256i vec;
typedef __m256 vreal;
enum { UNITS = 8 };
#define V(operation) _mm256_##operation
#define V_BITS(operation) _mm256_##operation##_si256

INLINE vec load_16(const int16_t *from) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)from));
}

INLINE vec add_pairs(vec sum, vec weights, vec pair) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(weights, pair));
}

INLINE vec load_two(const int16_t *first, const int16_t *second) {
    return _mm256_loadu2_m128i((const __m128i *)second, (const __m128i *)first);
}

INLINE void store_two(int16_t *first, int16_t *second, vec v) {
    _mm256_storeu2_m128i((__m128i *)second, (__m128i *)first, v);
}

INLINE vec in_order(vec joined) { return _mm256_permute4x64_epi64(joined, 0xD8); }

/* 0 where v is 0. */
INLINE vec negated_where_negative(vec v, vec y) { return _mm256_sign_epi16(y, v); }

INLINE vec rounded_product(vec a, vec b) { return _mm256_mulhrs_epi16(a, b); }

#else /* SSE2 */

typedef __m128i vec;
typedef __m128 vreal;
enum { UNITS = 4 };
#define V(operation) _mm_##operation
#define V_BITS(operation) _mm_##operation##_si128

INLINE vec load_16(const int16_t *from) {
    const __m128i v = _mm_loadl_epi64((const __m128i *)from);
    return _mm_srai_epi32(_mm_unpacklo_epi16(v, v), 16);
}

INLINE vec add_pairs(vec sum, vec weights, vec pair) {
    return _mm_add_epi32(sum, _mm_madd_epi16(weights, pair));
}

INLINE vec load_two(const int16_t *first, const int16_t *second) {
    const __m128i low = _mm_loadl_epi64((const __m128i *)first);
    return _mm_unpacklo_epi64(low, _mm_loadl_epi64((const __m128i *)second));
}

INLINE void store_two(int16_t *first, int16_t *second, vec v) {
    _mm_storel_epi64((__m128i *)first, v);
    _mm_storel_epi64((__m128i *)second, _mm_unpackhi_epi64(v, v));
}

INLINE vec in_order(vec joined) { return joined; }

INLINE vec negated_where_negative(vec v, vec y) {
    const __m128i negative = _mm_srai_epi16(v, 15);
    return _mm_sub_epi16(_mm_xor_si128(y, negative), negative);
}

/* Of a, b >= 0. */
INLINE vec rounded_product(vec a, vec b) {
    const __m128i twice = _mm_mulhi_epu16(_mm_add_epi16(a, a), _mm_add_epi16(b, b));
    return _mm_avg_epu16(twice, _mm_setzero_si128());
}

#endif

INLINE vec bits_of(vreal v) { return (vec)v; }
INLINE vreal real_of(vec v) { return (vreal)v; }
INLINE vec load(const void *from) { return V_BITS(loadu)((const vec *)from); }
INLINE void store(void *to, vec v) { V_BITS(storeu)((vec *)to, v); }
INLINE vec all(int32_t v) { return V(set1_epi32)(v); }
INLINE vec all_16(int v) { return V(set1_epi16)((short)v); }

/* A positive number with the sign of another. */
INLINE vreal with_sign(vreal positive, vreal of) {
    const vec sign = V_BITS (and)(bits_of(of), all(INT32_MIN));
    return real_of(V_BITS(or)(bits_of(positive), sign));
}

/* The two int16 at a place, everywhere. */
INLINE vec all_pairs(const int16_t *from) {
    int32_t pair;
    memcpy(&pair, from, sizeof pair);
    return all(pair);
}

/* int16 of two vectors of int32, saturated, in an order that `low_pairs` and `high_pairs` undo:
 * they have the pairs of what came from the first and from the second vector. */
INLINE vec join(vec first, vec second) { return V(packs_epi32)(first, second); }
INLINE vec low_pairs(vec a, vec b) { return V(unpacklo_epi16)(a, b); }
INLINE vec high_pairs(vec a, vec b) { return V(unpackhi_epi16)(a, b); }

#endif
