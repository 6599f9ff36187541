/* From the outputs of a block to its loss and the gradient of it.
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
 *
 * Focal loss (Lin et al., *Focal Loss for Dense Object Detection*, 2017), where p is the
 * probability of the label and p_k that of class k:
 *
 *     loss = -(1 - p)^γ log p;     ∂loss/∂o_k = (p_k - [k is the label]) (1 - p)^γ (1 + γ p r)
 *     r = -log p / (1 - p), which is 1 at p = 1
 *
 * Multilabel: the sum over outputs of the cross-entropy of each, which is a class by itself, with
 * p_k = σ(o_k):
 *
 *     loss = -Σ_k (q_k log p_k + (1 - q_k) log(1 - p_k));     ∂loss/∂o = p - q
 *
 * InfoNCE (van den Oord, Li & Vinyals, 2018) of labelled sequences (Khosla et al., *Supervised
 * Contrastive Learning*, 2020), which couples the rows of a minibatch. J of the other sequences j
 * have the label of i; where labels come in pairs, it is the NT-Xent of SimCLR:
 *
 *     z = o / |o|;   s_ij = z_i · z_j / T;   p_ij = e^s_ij / Σ_{a ≠ i} e^s_ia
 *     loss_i = -1/J Σ_j log p_ij, or 0 if J = 0;   ∂loss_i/∂s_ij = p_ij - [j has the label] / J
 */
#ifndef SKFASTGRNN_LOSSES_H
#define SKFASTGRNN_LOSSES_H

#include <math.h>

#include "block.h"

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

/* Copy the labels of a block's sequences, or -1 for none. Returns 0, or KERNEL_BAD_LABEL; b->n is
 * then the row that is wrong. */
static int block_labels(const Layout *l, const Loss *loss, const Targets *targets, Block *b) {
    const ptrdiff_t least = loss->kind == DISTILLATION ? -1 : 0, n = b->n;
    const ptrdiff_t n_classes = l->O == 1 ? 2 : l->O;
    const ptrdiff_t n_labels = (loss->kind == INFO_NCE ? PTRDIFF_MAX : n_classes) - least;
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
static __attribute__((noinline)) void add_loss(Score *score, double weight, double value,
                                               int correct) {
    score->loss += weight * value;
    score->weight += weight;
    score->metric += correct ? weight : 0;
    score->counted += weight > 0;
}

/* The weighted losses of a block, whose labels have been read. Turns b->outputs from logits to
 * weighted gradients. Compiled once for each kind. */
INLINE Score softmax_block(const Layout *l, const Loss *loss, const Targets *targets, Block *b,
                           const enum loss kind) {
    const ptrdiff_t O = l->O, Op = l->Op;
    Score score = {0, 0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = b->row[r], label = b->label[r];
        const real *soft = targets->values != NULL ? (const real *)targets->values + i * O : NULL;
        const real weight = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        real *o = b->outputs + r * Op;
        int correct;
        double value;
        if (kind == DISTILLATION)
            value = softmax_distillation(O, Op, o, label, soft, loss, b->scratch, &correct);
        else if (kind == FOCAL) value = softmax_focal(O, Op, o, label, loss, &correct);
        else value = softmax_loss(O, Op, o, label, soft, &correct);
        for (ptrdiff_t k = 0; k < O; k++) o[k] *= weight;
        add_loss(&score, (double)weight, value, correct);
    }
    return score;
}

/* Likewise where there is one output. */
INLINE Score logistic_block(const Layout *l, const Loss *loss, const Targets *targets, Block *b,
                            const enum loss kind) {
    const ptrdiff_t Op = l->Op;
    const int taught = kind == DISTILLATION;
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
            share[r] = label < 0 ? 0 : (real)(1 - loss->alpha);
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
        vec value, gradient;
        if (taught)
            value =
                logistic_distillation(logit, target, load(t + r), load(share + r), loss, &gradient);
        else if (kind == FOCAL) value = logistic_focal(logit, target, loss, &gradient);
        else value = logistic_loss(logit, target, &gradient);
        score.loss += (double)vec_sum(w * value);
        score.weight += (double)vec_sum(w);
        score.metric += (double)vec_sum(where(agree, w, splat(0)));
        store(o + r, w * gradient);
    }
    for (ptrdiff_t r = 0; r < b->n; r++) b->outputs[r * Op] = o[r];
    return score;
}

/* Likewise for targets that are numbers. */
static Score huber_block(const Layout *l, const Loss *loss, const Targets *targets, Block *b) {
    const ptrdiff_t O = l->O, Op = l->Op;
    const real delta = (real)loss->delta;
    Score score = {0, 0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = b->row[r];
        const real *y = (const real *)targets->values + i * O;
        const real weight = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        real *o = b->outputs + r * Op;
        real value = 0, square = 0;
        for (ptrdiff_t k = 0; k < O; k++) {
            const real e = o[k] - y[k];
            const real g = e > delta ? delta : e < -delta ? -delta : e;
            value += g * (e - g / 2);
            square += e * e;
            o[k] = weight * g / (real)O;
        }
        score.loss += (double)weight * (double)value / (double)O;
        score.metric += (double)weight * (double)square / (double)O;
        score.weight += (double)weight;
        score.counted += weight > 0;
    }
    return score;
}

/* Likewise where each output is a class by itself, for a vector of outputs. */
static Score multilabel_block(const Layout *l, const Targets *targets, Block *b) {
    const ptrdiff_t O = l->O, Op = l->Op;
    real *q = b->scratch, *parts = b->scratch + Op;
    Score score = {0, 0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const ptrdiff_t i = b->row[r];
        const real weight = targets->weights != NULL ? ((const real *)targets->weights)[i] : 1;
        real *o = b->outputs + r * Op;
        double value = 0;
        int correct = 1;
        copy_reals(O, (const real *)targets->values + i * O, q);
        for (ptrdiff_t k = 0; k < O; k++) correct &= (o[k] > 0) == (q[k] > (real)0.5);
        for (ptrdiff_t k = 0; k < Op; k += LANES) {
            vec gradient;
            store(parts + k, logistic_loss(load(o + k), load(q + k), &gradient));
            store(o + k, weight * gradient);
        }
        for (ptrdiff_t k = 0; k < O; k++) value += (double)parts[k];
        for (ptrdiff_t k = O; k < Op; k++) o[k] = 0;
        add_loss(&score, (double)weight, value, correct);
    }
    return score;
}

INLINE real dot(ptrdiff_t Op, const real *a, const real *b) {
    vec sum = splat(0);
    for (ptrdiff_t k = 0; k < Op; k += LANES) sum += load(a + k) * load(b + k);
    return vec_sum(sum);
}

INLINE void add_times(ptrdiff_t Op, real factor, const real *from, real *to) {
    for (ptrdiff_t k = 0; k < Op; k += LANES) store(to + k, load(to + k) + factor * load(from + k));
}

/* Turns the similarities s (n, padded) of sequence i with all others to its loss, and to the
 * gradient of that. */
INLINE double contrast(const Block *b, ptrdiff_t i, real *s, int *correct) {
    ptrdiff_t nearest = -1, n_alike = 0;
    double alike = 0, sum = 0;
    for (ptrdiff_t j = 0; j < b->n; j++)
        if (j != i && (nearest < 0 || s[j] > s[nearest])) nearest = j;
    *correct = nearest >= 0 && b->label[nearest] == b->label[i];
    const real top = nearest < 0 ? 0 : s[nearest];
    for (ptrdiff_t j = 0; j < b->n; j++)
        if (j != i && b->label[j] == b->label[i]) n_alike++, alike += (double)(s[j] - top);
    for (ptrdiff_t j = 0; j < b->n; j += LANES) store(s + j, vec_exp(load(s + j) - top));
    s[i] = 0;
    for (ptrdiff_t j = 0; j < b->n; j++) sum += (double)s[j];
    const real scale = n_alike == 0 ? 0 : (real)(1 / sum);
    for (ptrdiff_t j = 0; j < b->n; j++) {
        s[j] *= scale;
        if (j != i && b->label[j] == b->label[i]) s[j] -= 1 / (real)n_alike;
    }
    return n_alike == 0 ? 0 : log(sum) - alike / (double)n_alike;
}

/* The weighted losses of a minibatch, which is one block. A sequence without direction, of outputs
 * 0, has the gradient 0. */
static Score info_nce_block(const Layout *l, const Loss *loss, const Targets *targets, Block *b) {
    const ptrdiff_t O = l->O, Op = l->Op;
    const real coldness = (real)(1 / loss->temperature);
    real *z = b->directions, *s = b->similarity, *d = b->outputs;
    Score score = {0, 0, 0, 0};
    for (ptrdiff_t r = 0; r < b->n; r++) {
        const real *o = b->outputs + r * Op;
        double square = 0;
        for (ptrdiff_t k = 0; k < O; k++) square += (double)o[k] * (double)o[k];
        b->inverse_norm[r] = square == 0 ? 0 : (real)(1 / sqrt(square));
        for (ptrdiff_t k = 0; k < Op; k++) z[r * Op + k] = o[k] * b->inverse_norm[r];
    }
    memset(d, 0, (size_t)(b->n * Op) * sizeof(real));
    for (ptrdiff_t i = 0; i < b->n; i++) {
        const real weight =
            targets->weights != NULL ? ((const real *)targets->weights)[b->row[i]] : 1;
        int correct;
        for (ptrdiff_t j = 0; j < b->n; j++) s[j] = dot(Op, z + i * Op, z + j * Op) * coldness;
        const double value = contrast(b, i, s, &correct);
        add_loss(&score, (double)weight, value, correct);
        for (ptrdiff_t j = 0; j < b->n; j++) {
            add_times(Op, weight * coldness * s[j], z + j * Op, d + i * Op);
            add_times(Op, weight * coldness * s[j], z + i * Op, d + j * Op);
        }
    }
    for (ptrdiff_t r = 0; r < b->n; r++) { /* from directions to outputs */
        add_times(Op, -dot(Op, d + r * Op, z + r * Op), z + r * Op, d + r * Op);
        for (ptrdiff_t k = 0; k < Op; k++) d[r * Op + k] *= b->inverse_norm[r];
    }
    return score;
}

/* Whether the loss of a sequence depends on the other sequences of its minibatch, which then is one
 * block. */
static int couples_rows(const Loss *loss) {
    switch ((enum loss)loss->kind) {
    case CROSS_ENTROPY:
    case HUBER:
    case DISTILLATION:
    case FOCAL:
    case MULTILABEL:
        return 0;
    case INFO_NCE:
        return 1;
    }
    __builtin_unreachable();
}

/* What is wrong with a loss, or with these targets for it: a sentence, or NULL. */
static const char *loss_error(const Loss *loss, const Targets *targets) {
    const int has_labels = targets->labels != NULL, has_values = targets->values != NULL;
    if (!(loss->delta > 0)) return "delta must be positive.";
    if (!(loss->temperature > 0 && isfinite(loss->temperature)))
        return "temperature must be positive and finite.";
    if (!(loss->alpha >= 0 && loss->alpha <= 1)) return "alpha must be within [0, 1].";
    if (!(loss->gamma >= 0 && isfinite((real)loss->gamma)))
        return "gamma must be finite and at least 0.";
    switch ((enum loss)loss->kind) {
    case CROSS_ENTROPY:
        return has_values != has_labels ? NULL : "It needs either labels or values.";
    case HUBER:
        return has_values && !has_labels ? NULL : "It needs values and no labels.";
    case DISTILLATION:
        return has_values ? NULL : "It needs values, the logits of a teacher.";
    case FOCAL:
        return has_labels && !has_values ? NULL : "It needs labels and no values.";
    case MULTILABEL:
        return has_values && !has_labels ? NULL : "It needs values and no labels.";
    case INFO_NCE:
        return has_labels && !has_values ? NULL : "It needs labels and no values.";
    }
    return "There is no loss of that number.";
}

/* Of a loss of classes that exclude each other; `kind` is a constant. */
INLINE Score classes_block(const Layout *l, const Loss *loss, const Targets *targets, Block *b,
                           const enum loss kind) {
    return l->O == 1 ? logistic_block(l, loss, targets, b, kind)
                     : softmax_block(l, loss, targets, b, kind);
}

/* Turns b->outputs from outputs to weighted gradients of their losses. */
static Score loss_block(const Layout *l, const Loss *loss, const Targets *targets, Block *b) {
    const enum loss kind = loss->kind == FOCAL && loss->gamma == 0 ? CROSS_ENTROPY : loss->kind;
    switch (kind) {
    case CROSS_ENTROPY:
        return classes_block(l, loss, targets, b, CROSS_ENTROPY);
    case HUBER:
        return huber_block(l, loss, targets, b);
    case DISTILLATION:
        return classes_block(l, loss, targets, b, DISTILLATION);
    case FOCAL:
        return classes_block(l, loss, targets, b, FOCAL);
    case MULTILABEL:
        return multilabel_block(l, targets, b);
    case INFO_NCE:
        return info_nce_block(l, loss, targets, b);
    }
    __builtin_unreachable(); /* loss_error has seen to it */
}

#endif
