/* L2 penalty, gradient clipping and Adam. */
#ifndef SKFASTGRNN_ADAM_H
#define SKFASTGRNN_ADAM_H

#include <math.h>

#include "layout.h"

/* Padded vectors only. */
static double squared_norm(ptrdiff_t n, const real *x) {
    vec sum = splat(0);
    for (ptrdiff_t i = 0; i < n; i += LANES) sum += load(x + i) * load(x + i);
    return (double)vec_sum(sum);
}

/* From a sum over the minibatch to the gradient of its mean (sum / divisor) plus the L2 penalty,
 * clipped. Answers the norm before clipping. Padded vectors only. */
static double finish_gradient(Sizes z, const Adam *adam, double divisor,
                              const real *restrict parameters, real *restrict gradient) {
    const ptrdiff_t decayed = n_decayed(z), count = padded_size(z);
    const real scale = (real)(1 / divisor), decay = (real)(adam->alpha / divisor);
    for (ptrdiff_t i = 0; i < decayed; i++)
        gradient[i] = scale * gradient[i] + decay * parameters[i];
    for (ptrdiff_t i = decayed; i < count; i++) gradient[i] *= scale;
    double norm = sqrt(squared_norm(count, gradient));
    const double unclipped = norm;
    if (adam->clip_value < HUGE_VAL) {
        const real limit = (real)adam->clip_value;
        for (ptrdiff_t i = 0; i < count; i++)
            gradient[i] = gradient[i] > limit ? limit : gradient[i] < -limit ? -limit : gradient[i];
        norm = sqrt(squared_norm(count, gradient));
    }
    if (norm > adam->clip_norm) {
        const real shrink = (real)(adam->clip_norm / norm);
        for (ptrdiff_t i = 0; i < count; i++) gradient[i] *= shrink;
    }
    return unclipped;
}

INLINE real square_root(real x) {
    return REAL_BITS == 32 ? (real)sqrtf((float)x) : (real)sqrt((double)x);
}

/* Kingma & Ba, Adam, ICLR 2015, algorithm 1, after `step` updates:
 *
 *     m = β1 m + (1 - β1) g;   v = β2 v + (1 - β2) g²
 *     θ = θ - rate · m / (1 - β1^t) / (√(v / (1 - β2^t)) + ε)
 *
 * All vectors have n entries; padding stays zero. */
static void adam_step(const Adam *adam, int64_t step, ptrdiff_t n, const real *restrict gradient,
                      real *restrict m, real *restrict v, real *restrict parameters) {
    const real beta_1 = (real)adam->beta_1, beta_2 = (real)adam->beta_2,
               epsilon = (real)fmax(adam->epsilon, SMALLEST_NORMAL);
    const real new_1 = (real)(1 - adam->beta_1), new_2 = (real)(1 - adam->beta_2);
    const real rate = (real)(adam->learning_rate / (1 - pow(adam->beta_1, (double)step)));
    const real unbias = (real)(1 / sqrt(1 - pow(adam->beta_2, (double)step)));
    for (ptrdiff_t i = 0; i < n; i++) {
        const real g = gradient[i];
        m[i] = beta_1 * m[i] + new_1 * g;
        v[i] = beta_2 * v[i] + new_2 * g * g;
        parameters[i] -= rate * m[i] / (square_root(v[i]) * unbias + epsilon);
    }
}

#endif
