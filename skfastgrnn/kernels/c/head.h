/* From the states of a block to its outputs and loss, and back: pooling, linear head, loss.
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
 *
 * Distillation from the logits t of a teacher (Hinton, Vinyals & Dean, *Distilling the Knowledge in
 * a Neural Network*, 2015), where p and q are now the probabilities of o / T and t / T, and c is
 * the cross-entropy of the label, or 0 where there is none:
 *
 *     loss = α T² Σ_k q_k log(q_k / p_k) + (1 - α) c;     ∂loss/∂o = α T (p - q) + (1 - α) ∂c/∂o
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
        const real *from = net->pooling == LAST ? m->last : m->sum;
        if (l->n_directions == 1) { /* the same rows */
            memcpy(b->summary, from, (size_t)(b->n * Rp) * sizeof(real));
            break;
        }
        for (ptrdiff_t r = 0; r < b->n; r++)
            copy_reals(H, from + r * m->z.Hp, b->summary + r * Rp + reversed * H);
    }
    if (net->pooling == MEAN)
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
    if (net->pooling == MEAN)
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

/* Likewise with the logits t of a teacher, and this share of the loss of q. The divergence is how
 * far the student's loss of the teacher's probability exceeds the teacher's own. */
INLINE vec logistic_distillation(vec o, vec q, vec t, vec share, const Targets *targets,
                                 vec *gradient) {
    const real T = (real)targets->temperature, weight = (real)targets->alpha * T;
    vec probability, own, slope;
    logistic_loss(t / T, splat(0), &probability);
    const vec divergence =
        logistic_loss(o / T, probability, &slope) - logistic_loss(t / T, probability, &own);
    const vec loss = logistic_loss(o, q, gradient);
    *gradient = weight * slope + share * *gradient;
    return weight * T * vec_max(divergence, 0) + share * loss;
}

INLINE ptrdiff_t largest(ptrdiff_t n, const real *x) {
    ptrdiff_t best = 0;
    for (ptrdiff_t k = 1; k < n; k++)
        if (x[k] > x[best]) best = k;
    return best;
}

/* Turns logits x (O), of which `top` is the largest, to probabilities; answers Σ_k e^(x_k - top).
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

/* Likewise with the logits t (O) of a teacher, whose class stands in for the label where there is
 * none, with no share in the loss. `tempered` is (2, Op). */
INLINE double softmax_distillation(ptrdiff_t O, ptrdiff_t Op, real *o, ptrdiff_t label,
                                   const real *t, const Targets *targets, real *tempered,
                                   int *correct) {
    const double T = targets->temperature, alpha = targets->alpha;
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
    const double loss = softmax_loss(O, Op, o, label < 0 ? taught : label, NULL, correct);
    for (ptrdiff_t k = 0; k < O; k++) o[k] = (real)(alpha * T) * (p[k] - q[k]) + (real)share * o[k];
    return alpha * T * T * (divergence < 0 ? 0 : divergence) + share * loss;
}

/* Copy the labels of a block's sequences, or -1 for none. Returns 0, or KERNEL_BAD_LABEL; b->n is
 * then the row that is wrong. */
static int block_labels(const Layout *l, const Targets *targets, Block *b) {
    const ptrdiff_t least = targets->loss == DISTILLATION ? -1 : 0, n = b->n;
    const ptrdiff_t n_labels = (l->O == 1 ? 2 : l->O) - least;
    size_t wrong = 0;
    for (ptrdiff_t r = 0; r < n; r++) b->label[r] = -1;
    if (targets->labels == NULL) return 0;
    for (ptrdiff_t r = 0; r < n; r++) b->label[r] = targets->labels[b->row[r]];
    read_no_more();
    for (ptrdiff_t r = 0; r < n; r++) wrong |= beyond((size_t)(b->label[r] - least), n_labels);
    if (!has_highest_bit(wrong)) return 0;
    for (b->n = 0; is_below(b->label[b->n] - least, n_labels);) b->n++;
    return KERNEL_BAD_LABEL;
}

/* Add one sequence's loss. Not inlined, so that all losses are rounded alike. */
static __attribute__((noinline)) void add_loss(Score *score, double weight, double loss,
                                               int correct) {
    score->loss += weight * loss;
    score->weight += weight;
    score->metric += correct ? weight : 0;
    score->counted += weight > 0;
}

/* The weighted losses of a block, whose labels have been read. Turns b->outputs from logits to
 * weighted gradients. Compiled once with and once without a teacher. */
INLINE Score softmax_block(const Layout *l, const Targets *targets, Block *b, const int taught) {
    const ptrdiff_t O = l->O, Op = l->Op;
    Score score = {0, 0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = b->row[r], label = b->label[r];
        const real *soft = targets->values != NULL ? (const real *)targets->values + i * O : NULL;
        const real weight = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        real *o = b->outputs + r * Op;
        int correct;
        const double loss =
            taught ? softmax_distillation(O, Op, o, label, soft, targets, b->tempered, &correct)
                   : softmax_loss(O, Op, o, label, soft, &correct);
        for (ptrdiff_t k = 0; k < O; k++) o[k] *= weight;
        add_loss(&score, (double)weight, loss, correct);
    }
    return score;
}

/* Likewise where there is one output. */
INLINE Score logistic_block(const Layout *l, const Targets *targets, Block *b, const int taught) {
    const ptrdiff_t Op = l->Op;
    Score score = {0, 0, 0, 0};
    real o[MOST_ROWS + LANES], q[MOST_ROWS + LANES], weight[MOST_ROWS + LANES];
    real t[MOST_ROWS + LANES], share[MOST_ROWS + LANES]; /* where taught */
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = b->row[r];
        const int label = b->label[r];
        o[r] = b->outputs[r * Op];
        if (taught) {
            t[r] = ((const real *)targets->values)[i];
            q[r] = label < 0 ? (real)(t[r] > 0) : (real)label;
            share[r] = label < 0 ? 0 : (real)(1 - targets->alpha);
        } else q[r] = targets->labels != NULL ? (real)label : ((const real *)targets->values)[i];
        weight[r] = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        score.counted += weight[r] > 0;
    }
    for (ptrdiff_t r = b->n; r < padded(b->n); r++) {
        o[r] = q[r] = weight[r] = 0;
        if (taught) t[r] = share[r] = 0;
    }
    for (ptrdiff_t r = 0; r < b->n; r += LANES) {
        const vec logit = load(o + r), target = load(q + r), w = load(weight + r);
        const bits agree = ~((bits)(logit > splat(0)) ^ (bits)(target > splat((real)0.5)));
        vec gradient;
        const vec loss = taught ? logistic_distillation(logit, target, load(t + r), load(share + r),
                                                        targets, &gradient)
                                : logistic_loss(logit, target, &gradient);
        score.loss += (double)vec_sum(w * loss);
        score.weight += (double)vec_sum(w);
        score.metric += (double)vec_sum(where(agree, w, splat(0)));
        store(o + r, w * gradient);
    }
    for (ptrdiff_t r = 0; r < b->n; r++) b->outputs[r * Op] = o[r];
    return score;
}

/* Likewise for targets that are numbers. */
static Score huber_block(const Layout *l, const Targets *targets, Block *b) {
    const ptrdiff_t O = l->O, Op = l->Op;
    const real delta = (real)targets->delta;
    Score score = {0, 0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = b->row[r];
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
static Score loss_block(const Layout *l, const Targets *targets, Block *b) {
    if (targets->loss == HUBER) return huber_block(l, targets, b);
    if (targets->loss == DISTILLATION)
        return l->O == 1 ? logistic_block(l, targets, b, 1) : softmax_block(l, targets, b, 1);
    return l->O == 1 ? logistic_block(l, targets, b, 0) : softmax_block(l, targets, b, 0);
}

#endif
