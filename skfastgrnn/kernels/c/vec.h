/* One vector of the instruction set this file is compiled for.
 *
 * GCC and Clang lower these vector types to whatever the target has, so the arithmetic is written
 * once: REAL is float or double, VEC_BYTES is 16 (SSE2, NEON), 32 (AVX2) or 64 (AVX-512).
 */
#ifndef SKFASTGRNN_VEC_H
#define SKFASTGRNN_VEC_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if REAL_BITS == 32
typedef float real;
typedef uint32_t real_bits;
#else
typedef double real;
typedef uint64_t real_bits;
#endif

enum { LANES = VEC_BYTES / sizeof(real) };

typedef real vec __attribute__((vector_size(VEC_BYTES)));
typedef real_bits bits __attribute__((vector_size(VEC_BYTES)));
/* The same vector at any address of a real. */
typedef real vec_at __attribute__((vector_size(VEC_BYTES), aligned(sizeof(real)), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const real *p) { return *(const vec_at *)p; }
INLINE void store(real *p, vec x) { *(vec_at *)p = x; }
/* x - 0 is x for every x, also -0: compilers make a plain broadcast of it. */
INLINE vec splat(real x) { return x - (vec){0}; }

/* Comparing vectors is all ones where true. */
INLINE vec where(bits mask, vec yes, vec no) {
    return (vec)((mask & (bits)yes) | (~mask & (bits)no));
}

/* NaN in x stays NaN. x86 has one instruction for each; compilers make several of the comparison.
 */
#if defined(__x86_64__)
#define JOIN(a, b) a##b
#if VEC_BYTES == 64
#define X86(name) JOIN(_mm512_, name)
#elif VEC_BYTES == 32
#define X86(name) JOIN(_mm256_, name)
#else
#define X86(name) JOIN(_mm_, name)
#endif
#if REAL_BITS == 32
INLINE vec vec_max(vec x, real low) { return X86(max_ps)(splat(low), x); }
INLINE vec vec_min(vec x, real high) { return X86(min_ps)(splat(high), x); }
#else
INLINE vec vec_max(vec x, real low) { return X86(max_pd)(splat(low), x); }
INLINE vec vec_min(vec x, real high) { return X86(min_pd)(splat(high), x); }
#endif
#else
INLINE vec vec_max(vec x, real low) { return where((bits)(x < low), splat(low), x); }
INLINE vec vec_min(vec x, real high) { return where((bits)(x > high), splat(high), x); }
#endif

/* Half a vector, for the last columns of a product: worth its code where a whole one is 16 floats
 * long. */
#if VEC_BYTES == 64
enum { HALF_LANES = LANES / 2 };
typedef real half __attribute__((vector_size(VEC_BYTES / 2)));
typedef real half_at __attribute__((vector_size(VEC_BYTES / 2), aligned(sizeof(real)), may_alias));
INLINE half load_half(const real *p) { return *(const half_at *)p; }
INLINE void store_half(real *p, half x) { *(half_at *)p = x; }
INLINE half splat_half(real x) { return x - (half){0}; }
#endif

INLINE real vec_sum(vec x) {
    real sum = 0;
    for (int i = 0; i < LANES; i++) sum += x[i];
    return sum;
}

/* Σ a_i b_i */
INLINE real dot(ptrdiff_t n, const real *a, const real *b) {
    vec sum = splat(0);
    real rest = 0;
    for (; n >= LANES; n -= LANES, a += LANES, b += LANES) sum += load(a) * load(b);
    for (ptrdiff_t i = 0; i < n; i++) rest += a[i] * b[i];
    return vec_sum(sum) + rest;
}

INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/* n rounded up to whole vectors. */
INLINE ptrdiff_t padded(ptrdiff_t n) { return (n + LANES - 1) / LANES * LANES; }

/* 2^y for y within the exponents that EXP2_LIMIT leaves: 2^n · 2^f with n = round(y), |f| <= 1/2.
 *
 * Adding ROUNDING leaves n in the low mantissa bits, from where a shift adds it to the exponent of
 * the polynomial. The polynomials are relative least-squares fits of 2^f that keep 2^0 = 1; their
 * error (2e-9 and 4e-18) is below rounding.
 */
#if REAL_BITS == 32
enum { MANTISSA = 23 };
#define ROUNDING 12582912.0f /* 1.5 · 2^23 */
#define EXP2_LIMIT 126.0f
#define LOG2_E 1.44269504f
#define SMALLEST_NORMAL FLT_MIN
static const real EXP2[] = {1.0f,
                            0.693147205577f,
                            0.240226484623f,
                            0.0555032903515f,
                            0.00961837325135f,
                            0.00133998482907f,
                            0.000153707048166f};
#else
enum { MANTISSA = 52 };
#define ROUNDING 6755399441055744.0 /* 1.5 · 2^52 */
#define EXP2_LIMIT 1022.0
#define LOG2_E 1.4426950408889634
#define SMALLEST_NORMAL DBL_MIN
static const real EXP2[] = {1.0,
                            0.693147180559945335,
                            0.240226506959101325,
                            0.0555041086648195465,
                            0.00961812910759373496,
                            0.00133335581468747268,
                            0.000154035304575188347,
                            0.0000152527334121407174,
                            1.32154351062474748e-6,
                            1.01782292580493941e-7,
                            7.07381015509986209e-9,
                            4.43072789840146544e-10};
#endif
enum { EXP2_TERMS = sizeof(EXP2) / sizeof(EXP2[0]) };

INLINE vec vec_exp2(vec y, real limit) {
    y = vec_min(vec_max(y, -limit), limit);
    const vec shifted = y + ROUNDING;
    const vec f = y - (shifted - ROUNDING);
    vec p = splat(EXP2[EXP2_TERMS - 1]);
    for (int i = EXP2_TERMS - 2; i >= 0; i--) p = p * f + EXP2[i];
    return (vec)((bits)p + ((bits)shifted << MANTISSA));
}

/* 1 / x for normal x. AVX-512 has an estimate good to 2^-14, which one Newton step squares: enough
 * for float. */
INLINE vec vec_reciprocal(vec x) {
#if REAL_BITS == 32 && VEC_BYTES == 64
    const vec estimate = _mm512_rcp14_ps(x);
    return estimate * (2 - x * estimate);
#else
    return 1 / x;
#endif
}

/* log(1 + x) for 0 <= x <= 1: 2 artanh(s) with s = x / (2 + x) <= 1/3, by its series. */
INLINE vec vec_log1p(vec x) {
    enum { TERMS = REAL_BITS == 32 ? 8 : 17 };
    const vec s = x / (2 + x), s2 = s * s;
    vec sum = splat((real)1 / (2 * TERMS - 1));
    for (int k = TERMS - 2; k >= 0; k--) sum = sum * s2 + 1 / (real)(2 * k + 1);
    return 2 * s * sum;
}

INLINE vec vec_exp(vec x) { return vec_exp2(x * LOG2_E, EXP2_LIMIT); }

#endif
