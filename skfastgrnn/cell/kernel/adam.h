/* L2 penalty, gradient clipping and Adam over the flat parameter vector. */
#ifndef SKFASTGRNN_ADAM_H
#define SKFASTGRNN_ADAM_H

#include <math.h>

#include "layout.h"

static double squared_norm(ptrdiff_t n, const real *x) {
    enum { SUMS = 8 }; /* independent sums, so that the additions overlap; in double against overflow */
    double sums[SUMS] = {0}, total = 0;
    ptrdiff_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (int k = 0; k < SUMS; k++) sums[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < n; i++) total += (double)x[i] * (double)x[i];
    for (int k = 0; k < SUMS; k++) total += sums[k];
    return total;
}

/* gradient (P): from a sum over the minibatch to the gradient of its mean plus the L2 penalty, clipped.
 * Answers the norm before clipping. */
static double finish_gradient(Sizes z, const Adam *adam, double weight, const real *parameters, real *gradient) {
    const Flat f = flat_of(z);
    const real scale = (real)(1 / weight), decay = (real)(adam->alpha / weight);
    for (ptrdiff_t i = 0; i < f.bias_gate; i++) gradient[i] = scale * gradient[i] + decay * parameters[i];
    for (ptrdiff_t i = f.bias_gate; i < f.count; i++) gradient[i] *= scale;
    double norm = sqrt(squared_norm(f.count, gradient));
    const double unclipped = norm;
    if (adam->clip_value < HUGE_VAL) {
        const real limit = (real)adam->clip_value;
        for (ptrdiff_t i = 0; i < f.count; i++)
            gradient[i] = gradient[i] > limit ? limit : gradient[i] < -limit ? -limit : gradient[i];
        norm = sqrt(squared_norm(f.count, gradient));
    }
    if (norm > adam->clip_norm) {
        const real shrink = (real)(adam->clip_norm / norm);
        for (ptrdiff_t i = 0; i < f.count; i++) gradient[i] *= shrink;
    }
    return unclipped;
}

/* Kingma & Ba, Adam, ICLR 2015, algorithm 1:
 *
 *     m = β1 m + (1 - β1) g;   v = β2 v + (1 - β2) g²
 *     θ = θ - rate · m / (1 - β1^t) / (√(v / (1 - β2^t)) + ε)
 */
static void adam_step(Adam *adam, ptrdiff_t n, const real *restrict gradient, real *restrict parameters) {
    adam->step += 1;
    real *restrict m = adam->first, *restrict v = adam->second;
    const real beta_1 = (real)adam->beta_1, beta_2 = (real)adam->beta_2, epsilon = (real)adam->epsilon;
    const real new_1 = (real)(1 - adam->beta_1), new_2 = (real)(1 - adam->beta_2);
    const real rate = (real)(adam->learning_rate / (1 - pow(adam->beta_1, (double)adam->step)));
    const real unbias = (real)(1 / sqrt(1 - pow(adam->beta_2, (double)adam->step)));
    for (ptrdiff_t i = 0; i < n; i++) {
        const real g = gradient[i];
        m[i] = beta_1 * m[i] + new_1 * g;
        v[i] = beta_2 * v[i] + new_2 * g * g;
#if REAL_BITS == 32
        parameters[i] -= rate * m[i] / (sqrtf(v[i]) * unbias + epsilon);
#else
        parameters[i] -= rate * m[i] / (sqrt(v[i]) * unbias + epsilon);
#endif
    }
}

#endif
