/* Vectors of x86: of 16 units with AVX-512, of 8 with AVX2. Integers are of 32 bits, or of 16 where
 * a name says so.
 */
#ifndef SKFASTGRNN_INTEGER_LANES_H
#define SKFASTGRNN_INTEGER_LANES_H

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

#endif
