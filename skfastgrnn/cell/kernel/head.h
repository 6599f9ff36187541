/* From the states of a block to its outputs and loss, and back: readout, linear head, cross-entropy.
 *
 *     s = h_T  or  mean_t h_t;     o = V s + b;     p = softmax(o), or sigmoid(o) where there is one output
 *     loss = -Σ_k q_k log p_k      ∂loss/∂o = p - q
 */
#ifndef SKFASTGRNN_HEAD_H
#define SKFASTGRNN_HEAD_H

#include <tgmath.h>

#include "block.h"
#include "matmul.h"

/* Leaves logits in b->outputs, and what they were made of in b->summary. */
static void head_forward(const Network *net, const Weights *w, Block *b) {
    const Sizes z = b->z;
    if (net->readout == LAST) {
        memcpy(b->summary, b->last, (size_t)(b->n * z.Hp) * sizeof(real));
    } else {
        for (ptrdiff_t r = 0; r < b->n; r++)
            for (ptrdiff_t j = 0; j < z.Hp; j++) b->summary[r * z.Hp + j] /= (real)b->length[r];
    }
    for (ptrdiff_t r = 0; r < b->n; r++) copy_reals(z.Op, w->forward.head_bias, b->outputs + r * z.Op);
    matmul(b->n, z.Op, z.H, b->summary, z.Hp, w->forward.head_t, z.Op, b->outputs, z.Op, 1);
}

/* From the gradient of the logits, in b->outputs, to that of the states, in b->d_summary; adds that of the head. */
static void head_backward(const Network *net, const Weights *w, Block *b, Padded gradient) {
    const Sizes z = b->z;
    add_outer_products(z.H, z.Op, b->n, b->summary, z.Hp, b->outputs, z.Op, gradient.head_t, z.Op);
    for (ptrdiff_t r = 0; r < b->n; r++)
        for (ptrdiff_t k = 0; k < z.O; k++) gradient.head_bias[k] += b->outputs[r * z.Op + k];
    matmul(b->n, z.Hp, z.O, b->outputs, z.Op, w->head, z.Hp, b->d_summary, z.Hp, 0);
    if (net->readout == MEAN)
        for (ptrdiff_t r = 0; r < b->n; r++)
            for (ptrdiff_t j = 0; j < z.Hp; j++) b->d_summary[r * z.Hp + j] /= (real)b->length[r];
}

/* One logit o for two classes, q the probability of the second: loss, and its gradient in place of o. */
INLINE double logistic_loss(real *o, real q, int *correct) {
    const real logit = *o, e = exp(-fabs(logit));
    const real p = (logit > 0 ? 1 : e) / (1 + e);
    *correct = (logit > 0) == (q > (real)0.5);
    *o = p - q;
    return (double)((logit > 0 ? logit : 0) - logit * q + log1p(e));
}

INLINE ptrdiff_t largest(ptrdiff_t n, const real *x) {
    ptrdiff_t best = 0;
    for (ptrdiff_t k = 1; k < n; k++)
        if (x[k] > x[best]) best = k;
    return best;
}

/* Logits o (O) of one sequence with target label, or soft (O): loss, and its gradient in place of o. */
INLINE double softmax_loss(ptrdiff_t O, ptrdiff_t Op, real *o, ptrdiff_t label, const real *soft, int *correct) {
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
    for (ptrdiff_t j = 0; j < Op; j += LANES) store(o + j, vec_exp(load(o + j) - top));
    for (ptrdiff_t k = O; k < Op; k++) o[k] = 0;
    real sum = 0, scale;
    for (ptrdiff_t k = 0; k < O; k++) sum += o[k];
    scale = 1 / sum;
    for (ptrdiff_t k = 0; k < O; k++) o[k] *= scale;
    if (soft == NULL)
        o[label] -= 1;
    else
        for (ptrdiff_t k = 0; k < O; k++) o[k] -= soft[k];
    return (double)log(sum) - target_logit;
}

/* The weighted losses of a block, whose first sequence is the chosen one at `first`. Turns b->outputs from logits to
 * weighted gradients. */
static Score block_loss(const Sequences *seqs, const Targets *targets, Block *b, ptrdiff_t first) {
    const Sizes z = b->z;
    Score score = {0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = seqs->chosen[first + r];
        const ptrdiff_t label = targets->labels != NULL ? targets->labels[i] : 0;
        const real *soft = targets->soft != NULL ? (const real *)targets->soft + i * z.O : NULL;
        const real weight = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        real *o = b->outputs + r * z.Op;
        int correct;
        const double loss = z.O == 1 ? logistic_loss(o, soft != NULL ? soft[0] : (real)label, &correct)
                                     : softmax_loss(z.O, z.Op, o, label, soft, &correct);
        for (ptrdiff_t k = 0; k < z.O; k++) o[k] *= weight;
        score.loss += (double)weight * loss;
        score.weight += (double)weight;
        score.correct += correct ? (double)weight : 0;
    }
    return score;
}

#endif
