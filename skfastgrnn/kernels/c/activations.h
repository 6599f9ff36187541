/* The activation functions, and their derivatives as functions of their own output.
 *
 * The hard forms are FastGRNN's quantSigmoid and quantTanh (EdgeML): a shift, an addition and a
 * clip in integers.
 */
#ifndef SKFASTGRNN_ACTIVATIONS_H
#define SKFASTGRNN_ACTIVATIONS_H

#include <math.h>

#include "kernel.h"
#include "vec.h"

/* y = f(x). `kind` is loop-invariant wherever this is called. */
INLINE vec activate(enum activation kind, vec x) {
    switch (kind) {
    case SIGMOID:
        return 1 / (1 + vec_exp2(x * -LOG2_E, EXP2_LIMIT));
    case TANH: {
        const vec e = vec_exp2(x * (-2 * LOG2_E), EXP2_LIMIT);
        return (1 - e) / (1 + e);
    }
    case RELU:
        return vec_max(x, 0);
    case HARD_SIGMOID:
        return vec_min(vec_max((real)0.5 * x + (real)0.5, 0), 1);
    case HARD_TANH:
        return vec_min(vec_max(x, -1), 1);
    }
    __builtin_unreachable(); /* `fits` has checked the kind */
}

/* 1 where low < y < high, else 0: the slope of a clip, seen from its output. */
INLINE vec inside(vec y, real low, real high) {
    return where((bits)(y > low) & (bits)(y < high), splat(1), splat(0));
}

/* f'(x), given y = f(x). */
INLINE vec activation_slope(enum activation kind, vec y) {
    switch (kind) {
    case SIGMOID:
        return y * (1 - y);
    case TANH:
        return 1 - y * y;
    case RELU:
        return inside(y, 0, (real)HUGE_VAL);
    case HARD_SIGMOID:
        return (real)0.5 * inside(y, 0, 1);
    case HARD_TANH:
        return inside(y, -1, 1);
    }
    __builtin_unreachable();
}

/* The default pair, gate = sigmoid and update = tanh, from one exponential and one division:
 *
 *     p = exp(-(a + b_z)),  q = exp(-2 (a + b_h)) = κ p²  with  κ = exp(2 (b_z - b_h)),
 *     sigmoid(a + b_z) = 1 / (1 + p),  tanh(a + b_h) = (1 - q) / (1 + q),  and 1 / ((1 + p)(1 + q))
 * serves both.
 *
 * |log2 p| is held to PAIR_LIMIT, where both functions have long reached their limits, and κ must
 * keep within the same bounds, so that nothing overflows. Biases further apart than that take the
 * separate functions.
 */
#define PAIR_LIMIT (EXP2_LIMIT / 4)

INLINE void sigmoid_and_tanh(vec a, vec bias_gate, vec kappa, vec *gate, vec *update) {
    const vec p = vec_exp2((a + bias_gate) * -LOG2_E, PAIR_LIMIT);
    const vec q = kappa * (p * p);
    const vec r = vec_reciprocal((1 + p) * (1 + q));
    *gate = (1 + q) * r;
    *update = (1 - q) * ((1 + p) * r);
}

#endif
