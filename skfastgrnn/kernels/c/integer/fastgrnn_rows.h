/* Rows of the matrices of a network in integers, as a device stores them, times a vector. */
#ifndef FASTGRNN_ROWS_H
#define FASTGRNN_ROWS_H

#include "fastgrnn_arithmetic.h"

/* Words of four or eight weights. Those of 8 bits are read from two rows at once, which share the
 * loads of x. */
#if defined FASTGRNN_DSP && defined __ARM_FEATURE_UNALIGNED && defined __ARMEL__
#define FASTGRNN_WORDS
#endif

/* What reads the rows of a matrix one after the other: where the next of each is. */
typedef struct {
    const FASTGRNN_FLASH int8_t *weights;
#ifndef FASTGRNN_WITHOUT_MASKS
    const FASTGRNN_FLASH uint8_t *mask;
    uint_fast16_t groups; /* bits of the mask below a 1; in the assembly, bits and their number */
#endif
#ifndef FASTGRNN_WITHOUT_4_BITS
    uint8_t is_upper; /* half of a byte */
#endif
#ifndef FASTGRNN_WITHOUT_8_BITS
#ifdef FASTGRNN_WORDS
    int32_t ahead; /* the sum of the next row with the same x, if is_ahead */
    fastgrnn_count n_rows;
    uint8_t is_ahead;
#endif
#endif
    fastgrnn_count n_columns; /* this and what follows is as in the matrix */
    int8_t shift;
#ifndef FASTGRNN_ONE_MODEL
    uint8_t bits;
#endif
#ifndef FASTGRNN_WITHOUT_BLOCKS
    uint8_t block_size;
#endif
#ifndef FASTGRNN_WITHOUT_GAPS
    uint8_t gap, is_skip, gap_is_upper; /* places before the next weight, or without one */
#endif
} fastgrnn_reader;

#ifndef FASTGRNN_WITHOUT_GAPS
enum { SKIP = 15 };

static void read_gap(fastgrnn_reader *r) {
    const uint8_t byte = *r->mask;
    r->gap = r->gap_is_upper ? byte >> 4 : byte & 15;
    r->is_skip = r->gap == SKIP;
    r->mask += r->gap_is_upper;
    r->gap_is_upper ^= 1;
}
#endif

static inline fastgrnn_reader first_row(const FASTGRNN_FLASH fastgrnn_matrix *m) {
    fastgrnn_reader r;
    r.weights = m->weights;
#ifndef FASTGRNN_WITHOUT_MASKS
    r.mask = m->mask;
    r.groups = 1;
#endif
#ifndef FASTGRNN_WITHOUT_4_BITS
    r.is_upper = 0;
#endif
#ifndef FASTGRNN_WITHOUT_8_BITS
#ifdef FASTGRNN_WORDS
    r.ahead = 0;
    r.n_rows = m->n_rows;
    r.is_ahead = 0;
#endif
#endif
    r.n_columns = m->n_columns;
    r.shift = m->shift;
#ifndef FASTGRNN_ONE_MODEL
    r.bits = m->bits;
#endif
#ifndef FASTGRNN_WITHOUT_BLOCKS
    r.block_size = m->block_size;
#endif
#ifndef FASTGRNN_WITHOUT_GAPS
    r.gap_is_upper = 0;
    if (r.block_size == 0) read_gap(&r);
#endif
    return r;
}

#ifndef FASTGRNN_WITHOUT_8_BITS
static inline int8_t next_byte(const FASTGRNN_FLASH int8_t **weights) { return *(*weights)++; }
#endif

#ifndef FASTGRNN_WITHOUT_4_BITS
static inline int8_t next_half(const FASTGRNN_FLASH int8_t **weights, uint8_t *is_upper) {
    const uint8_t byte = (uint8_t)**weights;
    const int half = *is_upper ? byte >> 4 : byte & 15;
    *weights += *is_upper;
    *is_upper ^= 1;
    return (int8_t)((half ^ 8) - 8);
}
#endif

#ifndef FASTGRNN_ONE_MODEL
static inline int8_t next_weight(const fastgrnn_reader *r, const int8_t **weights,
                                 uint8_t *is_upper) {
    return r->bits == 8 ? next_byte(weights) : next_half(weights, is_upper);
}
#endif

#ifndef FASTGRNN_WITHOUT_GAPS
/* The same as row_sum of weights with a list of gaps, of which the first has been read. */
static FASTGRNN_APART int32_t sum_between_gaps(fastgrnn_count n, fastgrnn_reader *r,
                                               const int16_t *x) {
    const FASTGRNN_FLASH int8_t *weights = r->weights;
    const int16_t *const end = x + n;
    int32_t sum = 0;
#ifndef FASTGRNN_WITHOUT_4_BITS
    uint8_t is_upper = r->is_upper;
#endif
    for (; r->gap < end - x; read_gap(r)) {
        x += r->gap;
        if (r->is_skip) continue;
        const int32_t value = *x++;
        sum += value * next_weight(r, &weights, &is_upper);
    }
    r->gap = (uint8_t)(r->gap - (end - x));
    r->weights = weights;
#ifndef FASTGRNN_WITHOUT_4_BITS
    r->is_upper = is_upper;
#endif
    return sum;
}
#endif

#ifdef FASTGRNN_WORDS
/* Four bytes from any address. */
static inline uint32_t word_at(const void *p) {
    uint32_t word;
    __builtin_memcpy(&word, p, 4);
    return word;
}

/* sum + the weights in four bytes times x: a word of the 1st and 3rd, one of the 2nd and 4th. */
static inline int32_t four_products(int32_t sum, uint32_t weights, uint32_t x_1_3, uint32_t x_2_4) {
    uint32_t pair;
    __asm__("sxtb16 %[pair], %[weights]\n\t"
            "smlad %[sum], %[pair], %[x_1_3], %[sum]\n\t"
            "sxtb16 %[pair], %[weights], ror #8\n\t"
            "smlad %[sum], %[pair], %[x_2_4], %[sum]"
            : [sum] "+r"(sum), [pair] "=&r"(pair)
            : [weights] "r"(weights), [x_1_3] "r"(x_1_3), [x_2_4] "r"(x_2_4));
    return sum;
}

/* The lower halves of two words, and the upper ones. */
static inline uint32_t lower_halves(uint32_t a, uint32_t b) {
    uint32_t y;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(y) : "r"(a), "r"(b));
    return y;
}

static inline uint32_t upper_halves(uint32_t a, uint32_t b) {
    uint32_t y;
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(y) : "r"(a), "r"(b));
    return y;
}

#ifndef FASTGRNN_WITHOUT_4_BITS
/* Eight weights of 4 bits times x. Those of the lower halves of bytes, and those of the upper ones,
 * are the upper halves of bytes: 16 times as large. */
static inline int32_t eight_products(const int8_t *weights, const int16_t *x) {
    const uint32_t w = word_at(weights);
    const uint32_t x_1_2 = word_at(x), x_3_4 = word_at(x + 2);
    const uint32_t x_5_6 = word_at(x + 4), x_7_8 = word_at(x + 6);
    int32_t sum = four_products(0, (w << 4) & 0xF0F0F0F0u, lower_halves(x_1_2, x_5_6),
                                lower_halves(x_3_4, x_7_8));
    sum =
        four_products(sum, w & 0xF0F0F0F0u, upper_halves(x_1_2, x_5_6), upper_halves(x_3_4, x_7_8));
    return shift_down(sum, 4);
}
#endif

#ifndef FASTGRNN_WITHOUT_8_BITS
/* The sum of the next row, by two of 8 bits without a mask; the last of an odd number twice. In one
 * place, as compilers run out of registers where they make it a part of others. */
static __attribute__((noinline)) int32_t sum_of_two_rows(fastgrnn_reader *r, const int16_t *x) {
    const fastgrnn_count n = r->n_columns;
    const int8_t *const weights = r->weights;
    const int8_t *const below = r->n_rows > 1 ? weights + n : weights;
    int32_t sum = 0, ahead = 0;
    fastgrnn_size i = 0;
    for (; i + 4 <= n; i += 4) {
        const uint32_t x_1_2 = word_at(x + i), x_3_4 = word_at(x + i + 2);
        const uint32_t x_1_3 = lower_halves(x_1_2, x_3_4), x_2_4 = upper_halves(x_1_2, x_3_4);
        sum = four_products(sum, word_at(weights + i), x_1_3, x_2_4);
        ahead = four_products(ahead, word_at(below + i), x_1_3, x_2_4);
    }
    for (; i < n; i++) {
        sum += (int32_t)x[i] * weights[i];
        ahead += (int32_t)x[i] * below[i];
    }
    r->weights = below + n;
    r->n_rows = (fastgrnn_count)(r->n_rows - 2);
    r->ahead = ahead;
    r->is_ahead = 1;
    return sum;
}
#endif
#endif

/* The sum of products of the next row of a matrix with x (n_columns). */
static FASTGRNN_APART int32_t row_sum(fastgrnn_count n, fastgrnn_reader *r, const int16_t *x) {
    int32_t sum = 0;
#ifndef FASTGRNN_WITHOUT_ASSEMBLY
#ifdef __AVR_HAVE_MUL__ /* compilers make three times as many instructions of this loop */
    uint8_t groups = 255, left = 255, weight, sign;
    int16_t value;
#ifndef FASTGRNN_WITHOUT_MASKS
    const FASTGRNN_FLASH uint8_t *mask = r->mask;
    groups = (uint8_t)r->groups;
    if (mask != 0) left = (uint8_t)(r->groups >> 8);
    else groups = 255;
#else
    const FASTGRNN_FLASH uint8_t *mask = 0;
#endif
    __asm__("1: subi %[left], 1\n\t"
            "brcc 2f\n\t"
            "movw %[v], %[weights]\n\t" /* another byte of the mask */
            "movw %[weights], %[mask]\n\t"
            "lpm %[groups], %a[weights]+\n\t"
            "movw %[mask], %[weights]\n\t"
            "movw %[weights], %[v]\n\t"
            "ldi %[left], 7\n"
            "2: asr %[groups]\n\t" /* of 255 without a mask, which stays */
            "brcc 3f\n\t"
            "lpm %[w], %a[weights]+\n\t"
            "ld %A[v], %a[x]+\n\t"
            "ld %B[v], %a[x]+\n\t"
            "mulsu %[w], %A[v]\n\t"
            "sbc %[s], %[s]\n\t"
            "add %A[sum], r0\n\t"
            "adc %B[sum], r1\n\t"
            "adc %C[sum], %[s]\n\t"
            "adc %D[sum], %[s]\n\t"
            "muls %[w], %B[v]\n\t"
            "sbc %[s], %[s]\n\t"
            "add %B[sum], r0\n\t"
            "adc %C[sum], r1\n\t"
            "adc %D[sum], %[s]\n\t"
            "dec %[n]\n\t"
            "brne 1b\n\t"
            "rjmp 4f\n"
            "3: adiw %[x], 2\n\t"
            "dec %[n]\n\t"
            "brne 1b\n"
            "4: clr __zero_reg__"
            : [sum] "+r"(sum), [s] "=&r"(sign), [w] "=&a"(weight), [v] "=&a"(value),
              [weights] "+z"(r->weights), [x] "+x"(x), [groups] "+r"(groups), [n] "+r"(n),
              [left] "+d"(left), [mask] "+r"(mask)
            :
            : "memory");
#ifndef FASTGRNN_WITHOUT_MASKS
    r->mask = mask;
    r->groups = (uint16_t)(groups | (uint16_t)left << 8);
#endif
    return sum;
#endif
#endif
#ifndef FASTGRNN_WITHOUT_8_BITS
#ifdef FASTGRNN_WORDS
    if (r->is_ahead != 0) {
        r->is_ahead = 0;
        return r->ahead;
    }
#ifndef FASTGRNN_WITHOUT_MASKS
    if (r->mask == 0)
#endif
#ifndef FASTGRNN_ONE_MODEL
        if (r->bits == 8)
#endif
            return sum_of_two_rows(r, x);
#endif
#endif
    const FASTGRNN_FLASH int8_t *weights = r->weights;
    const int16_t *const end = x + n;
#ifndef FASTGRNN_WITHOUT_4_BITS
    uint8_t is_upper = r->is_upper;
#endif
#ifndef FASTGRNN_WITHOUT_MASKS
    if (r->mask != 0) {
        uint_fast16_t groups = r->groups;
        do {
            if (groups == 1) groups = 0x100u | *r->mask++;
#ifndef FASTGRNN_WITHOUT_BLOCKS
            const int16_t *const next = end - x > r->block_size ? x + r->block_size : end;
            if ((groups & 1) != 0)
                for (; x < next; x++) sum += (int32_t)next_weight(r, &weights, &is_upper) * *x;
            x = next;
#else
            if ((uint32_t)groups << 31 != 0) { /* the lowest bit, in one instruction */
                /* Volatile, so that its sign is extended after it was loaded: a Cortex-M0+ has then
                 * enough registers. */
                const int16_t value = *(const volatile int16_t *)x;
                sum += (int32_t)value * next_weight(r, &weights, &is_upper);
            }
            x++;
#endif
            groups >>= 1;
        } while (x != end);
        r->groups = groups;
    } else
#endif
    {
#ifndef FASTGRNN_WITHOUT_4_BITS
#ifdef FASTGRNN_WORDS
        if (is_upper != 0) sum = (int32_t)*x++ * next_weight(r, &weights, &is_upper);
#ifndef FASTGRNN_ONE_MODEL
        if (r->bits == 4)
#endif
            for (; end - x > 7; x += 8, weights += 4) sum += eight_products(weights, x);
        if (x != end)
#endif
#endif
            do {
                sum += (int32_t)*x++ * next_weight(r, &weights, &is_upper);
            } while (x != end);
    }
    r->weights = weights;
#ifndef FASTGRNN_WITHOUT_4_BITS
    r->is_upper = is_upper;
#endif
    return sum;
}

/* The next row of a matrix times x (n_columns), in the format of its results. */
static FASTGRNN_APART int32_t next_result(fastgrnn_reader *r, const int16_t *x,
                                          int16_t multiplier) {
#ifndef FASTGRNN_WITHOUT_GAPS
    if (r->block_size == 0)
        return requantized(sum_between_gaps(r->n_columns, r, x), multiplier, r->shift);
#endif
    const int32_t sum = row_sum(r->n_columns, r, x);
    return requantized(sum, multiplier, r->shift);
}

#ifndef FASTGRNN_WITHOUT_LOW
/* low (n_rows) = the product with x, saturated. */
static void multiply(fastgrnn_reader *r, const FASTGRNN_FLASH int16_t *multiplier,
                     fastgrnn_count n_rows, const int16_t *x, int16_t *low) {
    for (; n_rows > 0; n_rows--) *low++ = saturated(next_result(r, x, *multiplier++));
}
#endif

#endif
