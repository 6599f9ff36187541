/* Numbers of a network in integers: how they are shifted, multiplied and activated.
 *
 * Products have factors of at most 16 bits, and are shifted by 16, where machines of 8 bits gain by
 * it.
 */
#ifndef FASTGRNN_ARITHMETIC_H
#define FASTGRNN_ARITHMETIC_H

#include "fastgrnn_integer.h"

/* Functions that are called often: part of the one that calls them, or on machines of 8 bits never,
 * where they are smaller and faster so. */
#ifdef __GNUC__
#define FASTGRNN_INLINE inline __attribute__((always_inline))
#else
#define FASTGRNN_INLINE inline
#endif
#ifdef __AVR__
#define FASTGRNN_APART __attribute__((noinline))
#else
#define FASTGRNN_APART
#endif

/* Arm cores that multiply a word by 16 bits, and two pairs of 16 bits at once, as Cortex-M4, M7 and
 * M33 do. */
#if defined __ARM_FEATURE_DSP && defined __GNUC__
#define FASTGRNN_DSP
#endif

enum {
    PRE_BITS = 12,       /* fractional bits of pre-activations */
    PRE_LIMIT = 32767,   /* from 8 on, a sigmoid is 1 */
    SEGMENT_BITS = 10,   /* 32 segments of the sigmoid between 0 and 8 */
    SCORE_BITS = 10,     /* fractional bits of scores, which are powers of two */
    EXP_SEGMENT_BITS = 6 /* 16 segments of 2^x between 0 and 1 */
};

#ifndef FASTGRNN_WITHOUT_CLIPS
/* 1 with 15 fractional bits, which gates and candidates stay below. An enumeration of a 16-bit int
 * could not hold it. */
static const int32_t ONE = 32768;
#endif
#ifndef FASTGRNN_WITHOUT_HARD
static const int32_t PRE_ONE = INT32_C(1) << PRE_BITS; /* likewise of pre-activations */
#endif

#ifndef FASTGRNN_WITHOUT_SIGMOID
/* sigmoid(i / 4), 15 fractional bits, shifted by half of what interpolation would err by. */
static const FASTGRNN_FLASH int16_t sigmoid_table[33] = {
    16384, 18425, 20404, 22265, 23967, 25483, 26802, 27928, 28872, 29653, 30290,
    30805, 31219, 31549, 31811, 32018, 32181, 32309, 32409, 32488, 32550, 32598,
    32635, 32664, 32687, 32705, 32719, 32730, 32738, 32745, 32750, 32754, 32767,
};
#endif

#ifndef FASTGRNN_WITHOUT_ATTENTION
/* 2^(i / 16), 14 fractional bits. */
static const FASTGRNN_FLASH uint16_t exp2_table[17] = {
    16384, 17109, 17867, 18658, 19484, 20347, 21247, 22188, 23170,
    24196, 25268, 26386, 27554, 28774, 30048, 31379, 32768,
};
#endif

/* floor(v / 2^n). Compilers choose: where the sign moves down with the other bits, one shift is
 * enough. */
#define SHIFTED_DOWN(v, n) ((-1 >> 1) == -1 ? (v) >> (n) : (v) < 0 ? ~(~(v) >> (n)) : (v) >> (n))

static inline int32_t shift_down(int32_t v, int n) { return SHIFTED_DOWN(v, n); }

/* floor(v / 2^n + 1/2) for n > 0, of any v. */
static inline int32_t rounded(int32_t v, int n) { return shift_down(shift_down(v, n - 1) + 1, 1); }

static inline int32_t clipped(int32_t v, int32_t least, int32_t most) {
    return v < least ? least : v > most ? most : v;
}

static inline int16_t saturated(int32_t v) { return (int16_t)clipped(v, INT16_MIN, INT16_MAX); }

/* floor(v / 2^15 + 1/2), saturated. Machines of 8 bits move bytes and not bits. */
static inline int16_t saturated_15(int32_t v) {
    const int32_t raised = v + (INT32_C(1) << 14);
    if (sizeof(int) > 2) return saturated(shift_down(raised, 15));
    const int16_t upper = (int16_t)shift_down(raised, 16);
    if (upper >= 0x4000) return INT16_MAX;
    if (upper < -0x4000) return INT16_MIN;
    return (int16_t)(2 * upper + (int16_t)((uint16_t)raised >> 15));
}

/* a * b. */
static FASTGRNN_INLINE int32_t product(int16_t a, uint16_t b) {
#ifdef __AVR_HAVE_MUL__ /* without a call */
    int32_t result;
    uint8_t zero;
    __asm__("mul %A[a], %A[b]\n\t"
            "movw %A[y], r0\n\t"
            "mulsu %B[a], %B[b]\n\t"
            "movw %C[y], r0\n\t"
            "clr %[zero]\n\t"
            "mulsu %B[a], %A[b]\n\t"
            "sbc %D[y], %[zero]\n\t"
            "add %B[y], r0\n\t"
            "adc %C[y], r1\n\t"
            "adc %D[y], %[zero]\n\t"
            "mul %B[b], %A[a]\n\t"
            "add %B[y], r0\n\t"
            "adc %C[y], r1\n\t"
            "adc %D[y], %[zero]\n\t"
            "clr __zero_reg__"
            : [y] "=&r"(result), [zero] "=&r"(zero)
            : [a] "a"(a), [b] "a"(b));
    return result;
#else
    return (int32_t)a * b;
#endif
}

/* floor(sum * multiplier / 2^16) in 32 bits, of a multiplier that is not negative: the upper and
 * the lower half of the sum by themselves. */
static FASTGRNN_INLINE int32_t scaled(int32_t sum, int16_t multiplier) {
#ifdef __AVR_HAVE_MUL__
    uint8_t least, zero;
    uint16_t high;
    __asm__("clr %[zero]\n\t"
            "mul %A[s], %A[m]\n\t"
            "mov %[least], r1\n\t"
            "mul %B[s], %B[m]\n\t"
            "movw %A[high], r0\n\t"
            "mul %A[s], %B[m]\n\t"
            "add %[least], r0\n\t"
            "adc %A[high], r1\n\t"
            "adc %B[high], %[zero]\n\t"
            "mul %B[s], %A[m]\n\t"
            "add %[least], r0\n\t"
            "adc %A[high], r1\n\t"
            "adc %B[high], %[zero]\n\t"
            "movw %A[s], %A[high]\n\t"
            "mulsu %D[s], %B[m]\n\t"
            "movw %A[high], r0\n\t"
            "mul %C[s], %A[m]\n\t"
            "add %A[s], r0\n\t"
            "adc %B[s], r1\n\t"
            "adc %A[high], %[zero]\n\t"
            "adc %B[high], %[zero]\n\t"
            "mul %C[s], %B[m]\n\t"
            "add %B[s], r0\n\t"
            "adc %A[high], r1\n\t"
            "adc %B[high], %[zero]\n\t"
            "mulsu %D[s], %A[m]\n\t"
            "sbc %B[high], %[zero]\n\t"
            "add %B[s], r0\n\t"
            "adc %A[high], r1\n\t"
            "adc %B[high], %[zero]\n\t"
            "movw %C[s], %A[high]\n\t"
            "clr __zero_reg__"
            : [s] "+a"(sum), [least] "=&r"(least), [high] "=&r"(high), [zero] "=&r"(zero)
            : [m] "a"(multiplier));
    return sum;
#elif defined FASTGRNN_DSP
    int32_t result;
    __asm__("smulwb %0, %1, %2" : "=r"(result) : "r"(sum), "r"(multiplier));
    return result;
#else
    const int16_t upper = (int16_t)shift_down(sum, 16);
    const uint32_t lower = ((uint32_t)sum & 0xFFFFu) * (uint32_t)multiplier;
    return (int32_t)upper * multiplier + (int32_t)(lower >> 16);
#endif
}

/* floor(sum * multiplier / 2^(16 + shift) + 1/2), at most 2^29 in absolute value. A shift below 1
 * is one of the sum. */
static inline int32_t requantized(int32_t sum, int16_t multiplier, int8_t shift) {
#ifndef FASTGRNN_WITHOUT_SHIFT_UP
    if (shift < 1) {
        do sum *= 2;
        while (++shift < 1);
    }
#endif
    return rounded(scaled(sum, multiplier), shift);
}

#ifndef FASTGRNN_WITHOUT_SIGMOID
/* |v|, at most `most`. */
static inline uint16_t magnitude(int32_t v, int32_t most) {
    const int32_t size = v < 0 ? -v : v;
    return (uint16_t)(size > most ? most : size);
}

/* sigmoid(size / 2^PRE_BITS), 15 fractional bits, of a size of at most PRE_LIMIT. */
static uint16_t upper_sigmoid(uint16_t size) {
    const FASTGRNN_FLASH int16_t *const segment = &sigmoid_table[size >> SEGMENT_BITS];
    const int16_t left = segment[0], rise = (int16_t)(segment[1] - left);
    const uint16_t part = size & ((1u << SEGMENT_BITS) - 1);
    const uint32_t raised = (uint32_t)product(rise, part) + (1u << (SEGMENT_BITS - 1));
    const uint16_t above = (uint16_t)(raised >> 8); /* machines of 8 bits move bytes */
    return (uint16_t)((uint16_t)left + (above >> (SEGMENT_BITS - 8)));
}
#endif

#ifndef FASTGRNN_WITHOUT_LOGISTIC
/* sigmoid(v / 2^PRE_BITS), 15 fractional bits, 1 to 2^15 - 1. */
static inline int16_t sigmoid(int32_t v) {
    const uint16_t y = upper_sigmoid(magnitude(v, PRE_LIMIT));
    return (int16_t)(v < 0 ? 0x8000u - y : y);
}
#endif

#ifndef FASTGRNN_WITHOUT_TANH
/* 2 sigmoid(2 v) - 1, 15 fractional bits. */
static inline int16_t hyperbolic_tangent(int32_t v) {
    const uint16_t half = magnitude(v, 0x4000);
    const uint16_t size = half > PRE_LIMIT / 2 ? PRE_LIMIT : (uint16_t)(2 * half);
    const int16_t y = (int16_t)(2 * (upper_sigmoid(size) - 0x4000u));
    return (int16_t)(v < 0 ? -y : y);
}
#endif

#ifndef FASTGRNN_WITHOUT_HARD_SIGMOID
static inline int16_t hard_sigmoid(int32_t v) {
    return saturated(clipped(v + PRE_ONE, 0, 2 * PRE_ONE) * (ONE / (2 * PRE_ONE)));
}
#endif

#ifndef FASTGRNN_WITHOUT_HARD_TANH
static inline int16_t hard_tanh(int32_t v) {
    return (int16_t)clipped(clipped(v, -PRE_ONE, PRE_ONE) * (ONE / PRE_ONE), -32767, 32767);
}
#endif

#ifndef FASTGRNN_WITHOUT_RELU
/* With state_bits fractional bits. */
static inline int16_t rectified(int32_t v, uint8_t state_bits) {
    if (state_bits < PRE_BITS)
        return saturated(rounded(clipped(v, 0, INT32_MAX >> 1), PRE_BITS - state_bits));
    return saturated(clipped(v, 0, ONE) * (INT32_C(1) << (state_bits - PRE_BITS)));
}
#endif

#ifndef FASTGRNN_WITHOUT_REDUCTION
/* A candidate of 15 fractional bits with state_bits of them. */
static inline int16_t reduced(int16_t v, uint8_t state_bits) {
    if (state_bits == 15) return v;
    return (int16_t)SHIFTED_DOWN(SHIFTED_DOWN(v, 14 - state_bits) + 1, 1);
}
#endif

/* The new state, of the gate z, the candidate c and the state h. */
static inline int16_t updated(int16_t z, int16_t c, int16_t h, int16_t zeta, int16_t nu) {
    const uint16_t gate = (uint16_t)z;
    const uint32_t part = (((uint32_t)product(zeta, gate) << 1) + 0x8000u) >> 16;
    const uint16_t rest = (uint16_t)((uint16_t)zeta - (uint16_t)part);
    const uint16_t share = (uint16_t)((uint16_t)nu + rest);
    return saturated_15(product(c, share) + product(h, gate));
}

#endif
