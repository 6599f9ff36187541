/* From the states of a block to its outputs and loss, and back: readout, linear head, loss.
 *
 *     s = h_T  or  mean_t h_t of the last layer, with dropout;     o = V s + b
 *
 * Cross-entropy, where p = softmax(o), or σ(o) if there is one output:
 *
 *     loss = -Σ_k q_k log p_k;     ∂loss/∂o = p - q
 *
 * Huber's loss (Huber, *Robust Estimation of a Location Parameter*, 1964), the mean over outputs:
 *
 *     e = o - y;   g = e cut to [-δ, δ];   loss = g (e - g / 2);   ∂loss/∂o = g
 */
#ifndef SKFASTGRNN_HEAD_H
#define SKFASTGRNN_HEAD_H

#include <math.h>

#include "block.h"
#include "dropout.h"
#include "matmul.h"

/* Drop what the head reads, or its gradient. */
static void drop_summary(const Network *net, const Layout *l, const Block *b,
                         const Dropout *dropout, real *summary) {
    if (dropout->rate == 0) return;
    for (ptrdiff_t r = 0; r < b->n; r++)
        drop(dropout, b->position + r, net->n_layers - 1, 0, l->R, summary + r * l->Rp);
}

/* Leaves outputs in b->outputs, and what they were made of in b->summary. */
static void head_forward(const Network *net, const Layout *l, const Weights *w, Block *b,
                         const Dropout *dropout) {
    const ptrdiff_t O = l->O, R = l->R, H = l->H, Op = l->Op, Rp = l->Rp;
    const int last_layer = l->n_cells - l->n_directions;
    for (int reversed = 0; reversed < l->n_directions; reversed++) {
        const CellMemory *m = &b->cell[last_layer + reversed];
        const real *from = net->readout == LAST ? m->last : m->sum;
        if (l->n_directions == 1) { /* the same rows */
            memcpy(b->summary, from, (size_t)(b->n * Rp) * sizeof(real));
            break;
        }
        for (ptrdiff_t r = 0; r < b->n; r++)
            copy_reals(H, from + r * m->z.Hp, b->summary + r * Rp + reversed * H);
    }
    if (net->readout == MEAN)
        for (ptrdiff_t r = 0; r < b->n; r++)
            for (ptrdiff_t j = 0; j < Rp; j++) b->summary[r * Rp + j] /= (real)b->length[r];
    drop_summary(net, l, b, dropout, b->summary);
    for (ptrdiff_t r = 0; r < b->n; r++) copy_reals(Op, w->forward.bias, b->outputs + r * Op);
    matmul(b->n, O, R, b->summary, Rp, w->forward.weight_t, Op, b->outputs, Op, 1);
}

/* From the gradient of the outputs, in b->outputs, to that of each state that was read, in
 * b->d_summary; adds that of the head. */
static void head_backward(const Network *net, const Layout *l, const Weights *w, Block *b,
                          const Dropout *dropout, HeadParts gradient) {
    const ptrdiff_t O = l->O, R = l->R, Op = l->Op, Rp = l->Rp;
    add_outer_products(R, O, b->n, b->summary, Rp, b->outputs, Op, gradient.weight_t, Op);
    for (ptrdiff_t k = 0; k < Op; k += LANES) {
        vec sum = load(gradient.bias + k);
        for (ptrdiff_t r = 0; r < b->n; r++) sum += load(b->outputs + r * Op + k);
        store(gradient.bias + k, sum);
    }
    matmul(b->n, R, O, b->outputs, Op, w->head, Rp, b->d_summary, Rp, 0);
    drop_summary(net, l, b, dropout, b->d_summary);
    if (net->readout == MEAN)
        for (ptrdiff_t r = 0; r < b->n; r++)
            for (ptrdiff_t j = 0; j < Rp; j++) b->d_summary[r * Rp + j] /= (real)b->length[r];
}

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

INLINE ptrdiff_t largest(ptrdiff_t n, const real *x) {
    ptrdiff_t best = 0;
    for (ptrdiff_t k = 1; k < n; k++)
        if (x[k] > x[best]) best = k;
    return best;
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
    for (ptrdiff_t j = 0; j < Op; j += LANES) store(o + j, vec_exp(load(o + j) - top));
    for (ptrdiff_t k = O; k < Op; k++) o[k] = 0;
    real sum = 0, scale;
    for (ptrdiff_t k = 0; k < O; k++) sum += o[k];
    scale = 1 / sum;
    for (ptrdiff_t k = 0; k < O; k++) o[k] *= scale;
    if (soft == NULL) o[label] -= 1;
    else
        for (ptrdiff_t k = 0; k < O; k++) o[k] -= soft[k];
    return log((double)sum) - target_logit;
}

/* The weighted losses of a block, whose first sequence is the chosen one at `first`. Turns
 * b->outputs from logits to weighted gradients. */
static Score softmax_block(const Layout *l, const Sequences *seqs, const Targets *targets, Block *b,
                           ptrdiff_t first) {
    const ptrdiff_t O = l->O, Op = l->Op;
    Score score = {0, 0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = seqs->chosen[first + r];
        const ptrdiff_t label = targets->labels != NULL ? targets->labels[i] : 0;
        const real *soft = targets->values != NULL ? (const real *)targets->values + i * O : NULL;
        const real weight = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        real *o = b->outputs + r * Op;
        int correct;
        const double loss = softmax_loss(O, Op, o, label, soft, &correct);
        for (ptrdiff_t k = 0; k < O; k++) o[k] *= weight;
        score.loss += (double)weight * loss;
        score.weight += (double)weight;
        score.metric += correct ? (double)weight : 0;
        score.counted += weight > 0;
    }
    return score;
}

/* Likewise where there is one output. */
static Score logistic_block(const Layout *l, const Sequences *seqs, const Targets *targets,
                            Block *b, ptrdiff_t first) {
    const ptrdiff_t Op = l->Op;
    Score score = {0, 0, 0, 0};
    real o[MOST_ROWS + LANES], q[MOST_ROWS + LANES], weight[MOST_ROWS + LANES];
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = seqs->chosen[first + r];
        o[r] = b->outputs[r * Op];
        q[r] =
            targets->labels != NULL ? (real)targets->labels[i] : ((const real *)targets->values)[i];
        weight[r] = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        score.counted += weight[r] > 0;
    }
    for (ptrdiff_t r = b->n; r < padded(b->n); r++) o[r] = q[r] = weight[r] = 0;
    for (ptrdiff_t r = 0; r < b->n; r += LANES) {
        const vec logit = load(o + r), target = load(q + r), w = load(weight + r);
        const bits agree = ~((bits)(logit > splat(0)) ^ (bits)(target > splat((real)0.5)));
        vec gradient;
        score.loss += (double)vec_sum(w * logistic_loss(logit, target, &gradient));
        score.weight += (double)vec_sum(w);
        score.metric += (double)vec_sum(where(agree, w, splat(0)));
        store(o + r, w * gradient);
    }
    for (ptrdiff_t r = 0; r < b->n; r++) b->outputs[r * Op] = o[r];
    return score;
}

/* Likewise for targets that are numbers. */
static Score huber_block(const Layout *l, const Sequences *seqs, const Targets *targets, Block *b,
                         ptrdiff_t first) {
    const ptrdiff_t O = l->O, Op = l->Op;
    const real delta = (real)targets->delta;
    Score score = {0, 0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = seqs->chosen[first + r];
        const real *y = (const real *)targets->values + i * O;
        const real weight = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        real *o = b->outputs + r * Op;
        real loss = 0, square = 0;
        for (ptrdiff_t k = 0; k < O; k++) {
            const real e = o[k] - y[k];
            const real g = e > delta ? delta : e < -delta ? -delta : e;
            loss += g * (e - g / 2);
            square += e * e;
            o[k] = weight * g / (real)O;
        }
        score.loss += (double)weight * (double)loss / (double)O;
        score.metric += (double)weight * (double)square / (double)O;
        score.weight += (double)weight;
        score.counted += weight > 0;
    }
    return score;
}

/* Turns b->outputs from outputs to weighted gradients of their losses. */
static Score loss_block(const Layout *l, const Sequences *seqs, const Targets *targets, Block *b,
                        ptrdiff_t first) {
    if (targets->loss == HUBER) return huber_block(l, seqs, targets, b, first);
    if (l->O == 1) return logistic_block(l, seqs, targets, b, first);
    return softmax_block(l, seqs, targets, b, first);
}

#endif
