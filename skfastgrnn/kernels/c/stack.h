/* Cells in layers and directions over a block: the first layer reads the values, every other one
 * the states of the layer below, those of both directions side by side.
 *
 *     layer l, forward:   h_t = cell(x_t, h_{t-1})         reversed:   h_t = cell(x_t, h_{t+1})
 *     x_t of layer l + 1 = [forward h_t ; reversed h_t], with dropout
 *
 * Schuster & Paliwal, *Bidirectional Recurrent Neural Networks*, IEEE Transactions on Signal
 * Processing 45, 1997.
 */
#ifndef SKFASTGRNN_STACK_H
#define SKFASTGRNN_STACK_H

#include "cell.h"
#include "dropout.h"

/* Drop states that a layer has passed, or their gradients, on the way to the next one. */
static void drop_between(const Layout *l, const Dropout *dropout, const Block *b, int layer,
                         real *states) {
    if (dropout->rate == 0) return;
    for (ptrdiff_t r = 0; r < b->n; r++)
        drop(dropout, b->position + r, layer, 0, b->length[r] * l->R, states + b->local[r] * l->R);
}

/* h0 (n, C, H) or NULL for zeros; all_states (S, R), where not NULL, receives the states of the
 * last layer. Leaves in the memory of its cells the last states, and what is pooled of all. */
static void stack_forward(const Network *net, const Layout *l, const Weights *w, Block *b,
                          const Dropout *dropout, const real *values, const real *h0,
                          real *all_states) {
    const int top = (int)net->n_layers - 1;
    Input x = {values, b->start, net->n_channels};
    for (int layer = 0; layer <= top; layer++) {
        Output states = {all_states, b->start, l->R};
        if (layer < top || (all_states == NULL && b->between[top] != NULL))
            states = (Output){b->between[layer], b->local, l->R};
        for (int reversed = 0; reversed < l->n_directions; reversed++) {
            const int c = layer * l->n_directions + reversed;
            cell_forward(net, &w->cell[c], b, &b->cell[c], reversed,
                         layer == top && b->between[top] == NULL ? l->pooling : LAST,
                         w->forward.attention, x, h0 == NULL ? NULL : h0 + c * l->H,
                         l->n_cells * l->H, states);
            if (states.values != NULL) states.values += l->H;
        }
        if (layer < top) {
            drop_between(l, dropout, b, layer, b->between[layer]);
            x = (Input){b->between[layer], b->local, l->R};
        }
    }
}

/* After stack_forward, from the gradient of all states of the last layer (S, R), or where that is
 * NULL from that of what the head read, in b->d_summary, down to the layer `lowest`. */
static void stack_backward(const Network *net, const Layout *l, const Weights *w, Block *b,
                           const Dropout *dropout, int lowest, const real *h0, const real *upstream,
                           real *gradient, real *values_gradient, real *h0_gradient) {
    const int top = (int)net->n_layers - 1;
    for (int layer = top; layer >= lowest; layer--) {
        Output d_x = {NULL, NULL, 0};
        if (layer == 0) d_x = (Output){values_gradient, b->start, net->n_channels};
        else if (layer > lowest) {
            d_x = (Output){b->d_between[layer - 1], b->local, l->R};
            memset(d_x.values, 0, (size_t)(b->first_row[b->n_steps] * l->R) * sizeof(real));
        }
        for (int reversed = 0; reversed < l->n_directions; reversed++) {
            const int c = layer * l->n_directions + reversed;
            const ptrdiff_t at = reversed * l->H;
            Upstream up = {.summary_row = l->Rp, .whole = l->n_directions == 1};
            if (layer == top && upstream != NULL) up.all = (Input){upstream + at, b->start, l->R};
            else if (b->d_between[layer] != NULL)
                up.all = (Input){b->d_between[layer] + at, b->local, l->R};
            else if (net->pooling == LAST) up.last = b->d_summary + at;
            else if (net->pooling == MAX) up.most = b->d_summary + at;
            else up.every = b->d_summary + at;
            cell_backward(net, &w->cell[c], b, &b->cell[c], reversed,
                          h0 == NULL ? NULL : h0 + c * l->H, up, cell_at(l, c, gradient), d_x,
                          h0_gradient == NULL ? NULL : h0_gradient + c * l->H, l->n_cells * l->H);
        }
        if (layer > lowest) drop_between(l, dropout, b, layer - 1, d_x.values);
    }
}

#endif
