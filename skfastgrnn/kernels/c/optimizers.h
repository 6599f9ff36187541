/* From a sum of gradients to new parameters: penalty, clipping, optimizers.
 * reference/_optimizers.py is the same in NumPy. Padded vectors only; padding stays zero.
 */
#ifndef SKFASTGRNN_OPTIMIZERS_H
#define SKFASTGRNN_OPTIMIZERS_H

#include <math.h>

#include "layout.h"

static double squared_norm(ptrdiff_t n, const real *x) {
    vec sum = splat(0);
    for (ptrdiff_t i = 0; i < n; i += LANES) sum += load(x + i) * load(x + i);
    return (double)vec_sum(sum);
}

/* From a sum over the minibatch to the gradient of its mean (sum / divisor) plus the L2 penalty. */
static void mean_gradient(const Layout *l, const Optimizer *optimizer, double divisor,
                          const real *restrict parameters, real *restrict gradient) {
    const real scale = (real)(1 / divisor);
    const real decay = optimizer->solver == ADAMW ? 0 : (real)(optimizer->alpha / divisor);
    for (ptrdiff_t i = 0; i < l->n_decayed; i++)
        gradient[i] = scale * gradient[i] + decay * parameters[i];
    for (ptrdiff_t i = l->n_decayed; i < l->count; i++) gradient[i] *= scale;
}

/* Clips a gradient; returns its norm before. */
static double clip(const Optimizer *optimizer, ptrdiff_t n, real *restrict gradient) {
    double norm = sqrt(squared_norm(n, gradient));
    const double unclipped = norm;
    if (optimizer->clip_value < HUGE_VAL) {
        const real limit = (real)optimizer->clip_value;
        for (ptrdiff_t i = 0; i < n; i++)
            gradient[i] = gradient[i] > limit ? limit : gradient[i] < -limit ? -limit : gradient[i];
        norm = sqrt(squared_norm(n, gradient));
    }
    if (norm > optimizer->clip_norm) {
        const real shrink = (real)(optimizer->clip_norm / norm);
        for (ptrdiff_t i = 0; i < n; i++) gradient[i] *= shrink;
    }
    return unclipped;
}

INLINE real square_root(real x) {
    return REAL_BITS == 32 ? (real)sqrtf((float)x) : (real)sqrt((double)x);
}

/* Kingma & Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015, algorithm 1, after t
 * updates:
 *
 *     m = β1 m + (1 - β1) g;   v = β2 v + (1 - β2) g²
 *     θ = θ - rate · m / (1 - β1^t) / (√(v / (1 - β2^t)) + ε)
 */
static void adam(const Optimizer *o, int64_t t, ptrdiff_t n, const real *restrict gradient,
                 real *restrict m, real *restrict v, real *restrict parameters) {
    const real beta_1 = (real)o->beta_1, beta_2 = (real)o->beta_2,
               epsilon = (real)fmax(o->epsilon, SMALLEST_NORMAL);
    const real new_1 = (real)(1 - o->beta_1), new_2 = (real)(1 - o->beta_2);
    const real rate = (real)(o->learning_rate / (1 - pow(o->beta_1, (double)t)));
    const real unbias = (real)(1 / sqrt(1 - pow(o->beta_2, (double)t)));
    for (ptrdiff_t i = 0; i < n; i++) {
        const real g = gradient[i];
        m[i] = beta_1 * m[i] + new_1 * g;
        v[i] = beta_2 * v[i] + new_2 * g * g;
        parameters[i] -= rate * m[i] / (square_root(v[i]) * unbias + epsilon);
    }
}

/* Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019: before Adam's update
 *
 *     θ = θ - rate · α θ
 */
static void decoupled_decay(const Optimizer *o, ptrdiff_t n_decayed, real *restrict parameters) {
    const real kept = (real)(1 - o->learning_rate * o->alpha);
    for (ptrdiff_t i = 0; i < n_decayed; i++) parameters[i] *= kept;
}

/* Sutskever et al., *On the importance of initialization and momentum in deep learning*, ICML 2013,
 * in the form of PyTorch, in which a change of the rate takes effect at once:
 *
 *     m = μ m + g;   θ = θ - rate · m,  or with Nesterov  θ - rate · (g + μ m)
 */
static void sgd(const Optimizer *o, ptrdiff_t n, const real *restrict gradient, real *restrict m,
                real *restrict parameters) {
    const real momentum = (real)o->momentum, rate = (real)o->learning_rate;
    const real now = o->nesterov ? 1 : 0, before = o->nesterov ? momentum : 1;
    for (ptrdiff_t i = 0; i < n; i++) {
        m[i] = momentum * m[i] + gradient[i];
        parameters[i] -= rate * (now * gradient[i] + before * m[i]);
    }
}

/* Tieleman & Hinton, *Neural Networks for Machine Learning*, lecture 6.5, Coursera 2012:
 *
 *     v = β2 v + (1 - β2) g²;   θ = θ - rate · g / (√v + ε)
 */
static void rmsprop(const Optimizer *o, ptrdiff_t n, const real *restrict gradient,
                    real *restrict v, real *restrict parameters) {
    const real rate = (real)o->learning_rate, epsilon = (real)fmax(o->epsilon, SMALLEST_NORMAL);
    const real beta_2 = (real)o->beta_2, new_2 = (real)(1 - o->beta_2);
    for (ptrdiff_t i = 0; i < n; i++) {
        const real g = gradient[i];
        v[i] = beta_2 * v[i] + new_2 * g * g;
        parameters[i] -= rate * g / (square_root(v[i]) + epsilon);
    }
}

/* Duchi, Hazan & Singer, *Adaptive Subgradient Methods*, JMLR 2011:
 *
 *     v = v + g²;   θ = θ - rate · g / (√v + ε)
 */
static void adagrad(const Optimizer *o, ptrdiff_t n, const real *restrict gradient,
                    real *restrict v, real *restrict parameters) {
    const real rate = (real)o->learning_rate, epsilon = (real)fmax(o->epsilon, SMALLEST_NORMAL);
    for (ptrdiff_t i = 0; i < n; i++) {
        const real g = gradient[i];
        v[i] += g * g;
        parameters[i] -= rate * g / (square_root(v[i]) + epsilon);
    }
}

/* The exponential moving average of θ after every update (Polyak & Juditsky, *Acceleration of
 * Stochastic Approximation by Averaging*, 1992), after n updates before:
 *
 *     average = average + (1 - d) (θ - average),   d = min(ema, (1 + n) / (10 + n))
 *
 * The average of what does not change is that, to the last bit. */
static void moving_average(const Optimizer *o, int64_t n, ptrdiff_t count,
                           const real *restrict theta, real *restrict average) {
    const double warm = (1.0 + (double)n) / (10.0 + (double)n);
    const real share = (real)(1 - (o->ema < warm ? o->ema : warm));
    for (ptrdiff_t i = 0; i < count; i++) average[i] += share * (theta[i] - average[i]);
}

/* The t-th update, from 1. */
static void optimizer_step(const Layout *l, const Optimizer *o, int64_t t, const real *gradient,
                           real *m, real *v, real *parameters) {
    switch ((enum solver)o->solver) {
    case ADAM:
        adam(o, t, l->count, gradient, m, v, parameters);
        break;
    case ADAMW:
        decoupled_decay(o, l->n_decayed, parameters);
        adam(o, t, l->count, gradient, m, v, parameters);
        break;
    case SGD:
        sgd(o, l->count, gradient, m, parameters);
        break;
    case RMSPROP:
        rmsprop(o, l->count, gradient, v, parameters);
        break;
    case ADAGRAD:
        adagrad(o, l->count, gradient, v, parameters);
        break;
    }
}

#endif
