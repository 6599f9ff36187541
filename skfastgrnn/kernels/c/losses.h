/* From the outputs of a block to its loss and the gradient of it; class_losses.h has the equations
 * for classes that exclude each other. reference/_losses.py is the same in NumPy.
 *
 * Huber's loss (Huber, *Robust Estimation of a Location Parameter*, 1964), the mean over outputs:
 *
 *     e = o - y;   g = e cut to [-δ, δ];   loss = g (e - g / 2);   ∂loss/∂o = g
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
#include "class_losses.h"

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
        int correct = 0;
        double value = 0;
        switch (kind) {
        case CROSS_ENTROPY:
            value = softmax_loss(O, Op, o, label, soft, &correct);
            break;
        case DISTILLATION:
            value = softmax_distillation(O, Op, o, label, soft, loss, b->scratch, &correct);
            break;
        case FOCAL:
            value = softmax_focal(O, Op, o, label, loss, &correct);
            break;
        case HUBER:
        case MULTILABEL:
        case INFO_NCE:
            __builtin_unreachable(); /* loss_block sends them elsewhere */
        }
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
        switch (kind) {
        case CROSS_ENTROPY:
            value = logistic_loss(logit, target, &gradient);
            break;
        case DISTILLATION:
            value =
                logistic_distillation(logit, target, load(t + r), load(share + r), loss, &gradient);
            break;
        case FOCAL:
            value = logistic_focal(logit, target, loss, &gradient);
            break;
        case HUBER:
        case MULTILABEL:
        case INFO_NCE:
            __builtin_unreachable(); /* loss_block sends them elsewhere */
        }
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
