/* Entries of the table of the sigmoid, for vectors. */
#ifndef SKFASTGRNN_INTEGER_SIGMOID_LANES_H
#define SKFASTGRNN_INTEGER_SIGMOID_LANES_H

#include "lanes.h"

/* Segments: their left ends less 1/2, and twice what they rise by. */
typedef struct {
    vec left, twice_rise;
} Segments;

#if defined(__AVX512VNNI__)

static const int16_t segment_left[32] __attribute__((aligned(64))) = {
    0,     2041,  4020,  5881,  7583,  9099,  10418, 11544, 12488, 13269, 13906,
    14421, 14835, 15165, 15427, 15634, 15797, 15925, 16025, 16104, 16166, 16214,
    16251, 16280, 16303, 16321, 16335, 16346, 16354, 16361, 16366, 16370,
};
static const int16_t segment_twice_rise[32] __attribute__((aligned(64))) = {
    4082, 3958, 3722, 3404, 3032, 2638, 2252, 1888, 1562, 1274, 1030, 828, 660, 524, 414, 326,
    256,  200,  158,  124,  96,   74,   58,   46,   36,   28,   22,   16,  14,  10,  8,   26,
};

/* Of two vectors of segments' numbers, 0 to 31 (int16). */
INLINE void look_up(vec a, vec b, Segments *of_a, Segments *of_b) {
    const vec left = _mm512_load_si512(segment_left);
    const vec twice_rise = _mm512_load_si512(segment_twice_rise);
    of_a->left = _mm512_permutexvar_epi16(a, left);
    of_b->left = _mm512_permutexvar_epi16(b, left);
    of_a->twice_rise = _mm512_permutexvar_epi16(a, twice_rise);
    of_b->twice_rise = _mm512_permutexvar_epi16(b, twice_rise);
}

#elif defined(__AVX2__)

/* The bytes of the entries, since a shuffle looks up bytes. */
static const uint8_t segment_left_low[32] __attribute__((aligned(16))) = {
    0,   249, 180, 249, 159, 139, 178, 24,  200, 213, 82,  85,  243, 61,  67,  18,
    181, 53,  153, 232, 38,  86,  123, 152, 175, 193, 207, 218, 226, 233, 238, 242};
static const uint8_t segment_left_high[32]
    __attribute__((aligned(16))) = {0,  7,  15, 22, 29, 35, 40, 45, 48, 51, 54, 56, 57, 59, 60, 61,
                                    61, 62, 62, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63};
static const uint8_t segment_twice_rise_low[32] __attribute__((aligned(16))) = {
    242, 118, 138, 76,  216, 78, 204, 96, 26, 250, 6,  60, 148, 12, 158, 70,
    0,   200, 158, 124, 96,  74, 58,  46, 36, 28,  22, 16, 14,  10, 8,   26};
static const uint8_t segment_twice_rise_high[32]
    __attribute__((aligned(16))) = {15, 15, 14, 13, 11, 10, 8, 7, 6, 4, 4, 3, 2, 2, 1, 1,
                                    1,  0,  0,  0,  0,  0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

INLINE vec of_16(const uint8_t *entries, vec at) {
    const __m128i half = _mm_load_si128((const __m128i *)entries);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(half), at);
}

INLINE vec of_32(const uint8_t *entries, vec in_first, vec in_second) {
    return _mm256_or_si256(of_16(entries, in_first), of_16(entries + 16, in_second));
}

INLINE void look_up(vec a, vec b, Segments *of_a, Segments *of_b) {
    /* A shuffle yields 0 where the highest bit of an index is set. */
    const vec at = _mm256_packus_epi16(a, b);
    const vec in_first = _mm256_add_epi8(at, _mm256_set1_epi8(0x70));
    const vec in_second = _mm256_sub_epi8(at, _mm256_set1_epi8(16));
    const vec left_low = of_32(segment_left_low, in_first, in_second);
    const vec left_high = of_32(segment_left_high, in_first, in_second);
    const vec rise_low = of_32(segment_twice_rise_low, in_first, in_second);
    const vec rise_high = of_32(segment_twice_rise_high, in_first, in_second);
    of_a->left = _mm256_unpacklo_epi8(left_low, left_high);
    of_b->left = _mm256_unpackhi_epi8(left_low, left_high);
    of_a->twice_rise = _mm256_unpacklo_epi8(rise_low, rise_high);
    of_b->twice_rise = _mm256_unpackhi_epi8(rise_low, rise_high);
}

#else /* SSE2 */

/* The left end in the lower half of an entry, twice the rise in the upper. */
static const int32_t segment_entry[32] = {
    267517952, 259393529, 243929012, 223090425, 198712735, 172893067, 147597490, 123743512,
    102379720, 83506133,  67515986,  54278229,  43268595,  34356029,  27147331,  21380370,
    16793013,  13123125,  10370713,  8142568,   6307622,   4865878,   3817339,   3030936,
    2375599,   1851329,   1458127,   1064922,   933858,    671721,    540654,    1720306};

INLINE vec four_entries(const uint16_t *at) {
    const __m128i a = _mm_cvtsi32_si128(segment_entry[at[0]]);
    const __m128i b = _mm_cvtsi32_si128(segment_entry[at[1]]);
    const __m128i c = _mm_cvtsi32_si128(segment_entry[at[2]]);
    const __m128i d = _mm_cvtsi32_si128(segment_entry[at[3]]);
    return _mm_unpacklo_epi64(_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d));
}

INLINE Segments segments_of(vec numbers) {
    uint16_t at[8];
    store(at, numbers);
    const vec first = four_entries(at), second = four_entries(at + 4);
    const vec lower = all(0xFFFF);
    const Segments found = {
        _mm_packs_epi32(_mm_and_si128(first, lower), _mm_and_si128(second, lower)),
        _mm_packs_epi32(_mm_srli_epi32(first, 16), _mm_srli_epi32(second, 16)),
    };
    return found;
}

INLINE void look_up(vec a, vec b, Segments *of_a, Segments *of_b) {
    *of_a = segments_of(a);
    *of_b = segments_of(b);
}

#endif

#endif
