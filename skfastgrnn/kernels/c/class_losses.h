/* Losses of outputs that are classes which exclude each other: those of one sequence, or of a
 * vector of them. reference/_class_losses.py is the same in NumPy.
 *
 * Cross-entropy, where p = softmax(o), or σ(o) if there is one output:
 *
 *     loss = -Σ_k q_k log p_k;     ∂loss/∂o = p - q
 *
 * Distillation from the logits t of a teacher (Hinton, Vinyals & Dean, *Distilling the Knowledge in
 * a Neural Network*, 2015), where p and q are now the probabilities of o / T and t / T, and c is
 * the cross-entropy of the label, or 0 where there is none:
 *
 *     loss = α T² Σ_k q_k log(q_k / p_k) + (1 - α) c;     ∂loss/∂o = α T (p - q) + (1 - α) ∂c/∂o
 *
 * Focal loss (Lin et al., *Focal Loss for Dense Object Detection*, 2017), where p is the
 * probability of the label and p_k that of class k:
 *
 *     loss = -(1 - p)^γ log p;     ∂loss/∂o_k = (p_k - [k is the label]) (1 - p)^γ (1 + γ p r)
 *     r = -log p / (1 - p), which is 1 at p = 1
 */
#ifndef SKFASTGRNN_CLASS_LOSSES_H
#define SKFASTGRNN_CLASS_LOSSES_H

#include <math.h>

#include "kernel.h"
#include "vec.h"

/* One logit o for two classes, q the probability of the second, for a vector of sequences:
 *
 *     loss = log(1 + e^o) - q o = max(o, 0) + log(1 + e^-|o|) - q o;   its gradient is σ(o) - q. */
INLINE vec logistic_loss(vec o, vec q, vec *gradient) {
    const bits positive = (bits)(o > splat(0));
    const vec size = where(positive, o, -o);
    const vec e = vec_exp(-size);
    *gradient = where(positive, splat(1), e) / (1 + e) - q;
    return where(positive, o, splat(0)) + vec_log1p(e) - q * o;
}

/* Likewise with the logits t of a teacher, and this share of the loss of q. The divergence is how
 * far the student's loss of the teacher's probability exceeds the teacher's own. */
INLINE vec logistic_distillation(vec o, vec q, vec t, vec share, const Loss *loss, vec *gradient) {
    const real T = (real)loss->temperature, weight = (real)loss->alpha * T;
    vec probability, own, slope;
    logistic_loss(t / T, splat(0), &probability);
    const vec divergence =
        logistic_loss(o / T, probability, &slope) - logistic_loss(t / T, probability, &own);
    const vec of_label = logistic_loss(o, q, gradient);
    *gradient = weight * slope + share * *gradient;
    return weight * T * vec_max(divergence, 0) + share * of_label;
}

/* Focal loss where q is the label, 0 or 1. With a = ±o the logit of the label, 1 - p is σ(-a). */
INLINE vec logistic_focal(vec o, vec q, const Loss *loss, vec *gradient) {
    const real gamma = (real)loss->gamma;
    const vec sign = 2 * q - 1, a = sign * o;
    const bits positive = (bits)(a > splat(0));
    const vec e = vec_exp(-where(positive, a, -a)), log_1_e = vec_log1p(e);
    const vec of_label = where(positive, splat(1), e) / (1 + e);
    const vec of_other = where(positive, e, splat(1)) / (1 + e); /* not 0: vec_exp never is */
    const vec surprise = where(positive, splat(0), -a) + log_1_e;
    const vec focus = vec_exp(-gamma * (where(positive, a, splat(0)) + log_1_e));
    *gradient = -sign * of_other * focus * (1 + gamma * of_label * (surprise / of_other));
    return focus * surprise;
}

INLINE ptrdiff_t largest(ptrdiff_t n, const real *x) {
    ptrdiff_t best = 0;
    for (ptrdiff_t k = 1; k < n; k++)
        if (x[k] > x[best]) best = k;
    return best;
}

/* Turns logits x (O), of which `top` is the largest, to probabilities; returns Σ_k e^(x_k - top).
 */
INLINE real softmax(ptrdiff_t O, ptrdiff_t Op, real *x, real top) {
    for (ptrdiff_t j = 0; j < Op; j += LANES) store(x + j, vec_exp(load(x + j) - top));
    for (ptrdiff_t k = O; k < Op; k++) x[k] = 0;
    real sum = 0, scale;
    for (ptrdiff_t k = 0; k < O; k++) sum += x[k];
    scale = 1 / sum;
    for (ptrdiff_t k = 0; k < O; k++) x[k] *= scale;
    return sum;
}

/* Logits o (O) of one sequence with target label, or soft (O): loss, and its gradient in place of
 * o. */
INLINE double softmax_loss(ptrdiff_t O, ptrdiff_t Op, real *o, ptrdiff_t label, const real *soft,
                           int *correct) {
    const ptrdiff_t predicted = largest(O, o);
    const real top = o[predicted];
    double target_logit = 0; /* Σ q_k (o_k - top) */
    if (soft == NULL) {
        *correct = predicted == label;
        target_logit = (double)(o[label] - top);
    } else {
        *correct = predicted == largest(O, soft);
        for (ptrdiff_t k = 0; k < O; k++) target_logit += (double)(soft[k] * (o[k] - top));
    }
    const real sum = softmax(O, Op, o, top);
    if (soft == NULL) o[label] -= 1;
    else
        for (ptrdiff_t k = 0; k < O; k++) o[k] -= soft[k];
    return log((double)sum) - target_logit;
}

/* Likewise for focal loss. What is left to the other classes, 1 - p, is summed up: beside a p of
 * almost 1 it would be lost in rounding. */
INLINE double softmax_focal(ptrdiff_t O, ptrdiff_t Op, real *o, ptrdiff_t label, const Loss *loss,
                            int *correct) {
    const ptrdiff_t predicted = largest(O, o);
    const real top = o[predicted];
    const double below = (double)(o[label] - top), gamma = loss->gamma;
    const double log_p = below - log((double)softmax(O, Op, o, top)), p = exp(log_p);
    double others = 0;
    o[label] = 0;
    for (ptrdiff_t k = 0; k < O; k++) others += (double)o[k];
    o[label] = (real)-others;
    *correct = predicted == label;
    const double surprise = others < 0.5 ? -log1p(-others) : -log_p;
    const double focus = exp(gamma * (p < 0.5 ? log1p(-p) : log(others)));
    const double slope = focus * (1 + gamma * p * (others > 0 ? surprise / others : 1));
    for (ptrdiff_t k = 0; k < O; k++) o[k] *= (real)slope;
    return focus * surprise;
}

/* Likewise with the logits t (O) of a teacher, whose class stands in for the label where there is
 * none, with no share in the loss. `tempered` is (2, Op). */
INLINE double softmax_distillation(ptrdiff_t O, ptrdiff_t Op, real *o, ptrdiff_t label,
                                   const real *t, const Loss *loss, real *tempered, int *correct) {
    const double T = loss->temperature, alpha = loss->alpha;
    const double share = label < 0 ? 0 : 1 - alpha;
    const ptrdiff_t taught = largest(O, t);
    const real top = o[largest(O, o)], t_top = t[taught], coldness = (real)(1 / T);
    real *p = tempered, *q = tempered + Op;
    for (ptrdiff_t k = 0; k < O; k++) {
        p[k] = (o[k] - top) * coldness;
        q[k] = (t[k] - t_top) * coldness;
    }
    const double ratio = (double)softmax(O, Op, p, 0) / (double)softmax(O, Op, q, 0);
    double apart = 0; /* Σ q_k (t_k - o_k), each from its largest */
    for (ptrdiff_t k = 0; k < O; k++) apart += (double)(q[k] * ((t[k] - t_top) - (o[k] - top)));
    const double divergence = log(ratio) + apart / T;
    const double of_label = softmax_loss(O, Op, o, label < 0 ? taught : label, NULL, correct);
    for (ptrdiff_t k = 0; k < O; k++) o[k] = (real)(alpha * T) * (p[k] - q[k]) + (real)share * o[k];
    return alpha * T * T * (divergence < 0 ? 0 : divergence) + share * of_label;
}

#endif
