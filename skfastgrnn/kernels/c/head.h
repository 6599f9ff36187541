/* From the states of a block to its outputs, and back: pooling and the linear head.
 *
 *     s = pooling of the states of the last layer, with dropout;     o = V s + b
 */
#ifndef SKFASTGRNN_HEAD_H
#define SKFASTGRNN_HEAD_H

#include "dropout.h"
#include "matmul.h"
#include "pooling.h"

/* Drop what the head reads, or its gradient. */
static void drop_summary(const Network *net, const Layout *l, const Block *b,
                         const Dropout *dropout, real *summary) {
    if (dropout->rate == 0) return;
    for (ptrdiff_t r = 0; r < b->n; r++)
        drop(dropout, b->position + r, net->n_layers - 1, 0, l->R, summary + r * l->Rp);
}

/* Copy what the cells of the last layer have pooled. */
static void copy_pooled(const Layout *l, Block *b) {
    const ptrdiff_t H = l->H, Rp = l->Rp;
    const int last_layer = l->n_cells - l->n_directions;
    for (int reversed = 0; reversed < l->n_directions; reversed++) {
        const CellMemory *m = &b->cell[last_layer + reversed];
        const real *from = l->pooling == LAST ? m->last : m->pooled;
        if (l->n_directions == 1) { /* the same rows */
            memcpy(b->summary, from, (size_t)(b->n * Rp) * sizeof(real));
            break;
        }
        for (ptrdiff_t r = 0; r < b->n; r++)
            copy_reals(H, from + r * m->z.Hp, b->summary + r * Rp + reversed * H);
    }
}

/* Leaves outputs in b->outputs, and what they were made of in b->summary. */
static void head_forward(const Network *net, const Layout *l, const Weights *w, Block *b,
                         const Dropout *dropout) {
    const ptrdiff_t O = l->O, R = l->R, Op = l->Op, Rp = l->Rp;
    if (l->pooling == ATTENTION) attention_forward(l, w, b);
    else copy_pooled(l, b);
    if (net->pooling == MEAN)
        for (ptrdiff_t r = 0; r < b->n; r++)
            for (ptrdiff_t j = 0; j < Rp; j++) b->summary[r * Rp + j] /= (real)b->length[r];
    drop_summary(net, l, b, dropout, b->summary);
    for (ptrdiff_t r = 0; r < b->n; r++) copy_reals(Op, w->forward.bias, b->outputs + r * Op);
    matmul(b->n, O, R, b->summary, Rp, w->forward.weight_t, Op, b->outputs, Op, 1);
}

/* From the gradient of the outputs, in b->outputs: adds that of the head and leaves, where it is
 * wanted, that of each state that was read in b->d_summary or, of attention, in b->d_between. */
static void head_backward(const Network *net, const Layout *l, const Weights *w, Block *b,
                          const Dropout *dropout, HeadParts gradient) {
    const ptrdiff_t O = l->O, R = l->R, Op = l->Op, Rp = l->Rp;
    add_outer_products(R, O, b->n, b->summary, Rp, b->outputs, Op, gradient.weight_t, Op);
    for (ptrdiff_t k = 0; k < Op; k += LANES) {
        vec sum = load(gradient.bias + k);
        for (ptrdiff_t r = 0; r < b->n; r++) sum += load(b->outputs + r * Op + k);
        store(gradient.bias + k, sum);
    }
    if (w->head == NULL) return;
    matmul(b->n, R, O, b->outputs, Op, w->head, Rp, b->d_summary, Rp, 0);
    if (l->pooling == ATTENTION)
        for (ptrdiff_t r = 0; r < b->n;
             r++) /* dropout, which is in one of them, is in the product */
            b->d_scores[r] = dot(R, b->d_summary + r * Rp, b->summary + r * Rp);
    drop_summary(net, l, b, dropout, b->d_summary);
    if (net->pooling == MEAN)
        for (ptrdiff_t r = 0; r < b->n; r++)
            for (ptrdiff_t j = 0; j < Rp; j++) b->d_summary[r * Rp + j] /= (real)b->length[r];
    if (l->pooling == ATTENTION) attention_backward(l, w, b, gradient.attention);
}

#endif
