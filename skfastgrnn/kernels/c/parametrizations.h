/* What the optimizer may move of the parameters θ. Padded vectors only.
 * reference/_parametrizations.py is the same in NumPy.
 *
 *     restrict_gradient   the gradient of θ to that of what is trained
 *     project             θ to where it may be, after an update
 *
 *     IDENTITY    all of θ
 *     FROZEN      dθ = trained ⊙ gradient, and what is not trained stays. arrays[0] is 1 where a
 *                 parameter is trained, 0 where it is frozen
 */
#ifndef SKFASTGRNN_PARAMETRIZATIONS_H
#define SKFASTGRNN_PARAMETRIZATIONS_H

#include "arena.h"
#include "layout.h"

enum parametrization { IDENTITY, FROZEN };

/* How many arrays a kind has; -1 where there is no such kind. */
static int n_arrays_of(int kind) {
    switch ((enum parametrization)kind) {
    case IDENTITY:
        return 0;
    case FROZEN:
        return 1;
    }
    return -1;
}

static const char *parametrization_error(const Parametrization *p) {
    const int wanted = n_arrays_of(p->kind);
    if (wanted < 0) return "there is no such parametrization";
    for (int i = 0; i < PARAMETRIZATION_ARRAYS; i++)
        if ((p->arrays[i] != NULL) != (i < wanted))
            return "a parametrization must have its arrays, and no others";
    return NULL;
}

typedef struct {
    enum parametrization kind;
    real *theta;   /* (count) */
    real *trained; /* (count): of FROZEN, 1 or 0 */
    real *values;  /* (count): of FROZEN, those which θ begins with */
} Parametrized;

static void parametrized_layout(Parametrized *p, const Layout *l, Arena *a) {
    switch (p->kind) {
    case IDENTITY:
        break;
    case FROZEN:
        p->trained = take_reals(a, (double)l->count);
        p->values = take_reals(a, (double)l->count);
        break;
    }
}

/* Begin with this θ. */
static void parametrized_load(Parametrized *p, const Layout *l, const Parametrization *settings,
                              real *theta) {
    p->theta = theta;
    switch (p->kind) {
    case IDENTITY:
        break;
    case FROZEN:
        pack(l, settings->arrays[0], p->trained);
        copy_reals(l->count, theta, p->values);
        break;
    }
}

static void restrict_gradient(const Parametrized *p, const Layout *l, real *restrict gradient) {
    switch (p->kind) {
    case IDENTITY:
        break;
    case FROZEN:
        for (ptrdiff_t i = 0; i < l->count; i++) gradient[i] *= p->trained[i];
        break;
    }
}

static void project(const Parametrized *p, const Layout *l) {
    switch (p->kind) {
    case IDENTITY:
        break;
    case FROZEN:
        for (ptrdiff_t i = 0; i < l->count; i++)
            p->theta[i] = p->trained[i] != 0 ? p->theta[i] : p->values[i];
        break;
    }
}

static int any_trained(ptrdiff_t n, const real *trained) {
    for (ptrdiff_t i = 0; i < n; i++)
        if (trained[i] != 0) return 1;
    return 0;
}

/* The lowest layer with a trained cell, below which no gradient is needed; n_layers where all cells
 * are frozen. */
static int lowest_trained_layer(const Network *net, const Parametrization *settings) {
    int lowest = (int)net->n_layers;
    switch ((enum parametrization)settings->kind) {
    case IDENTITY:
        return 0;
    case FROZEN: {
        Layout l;
        layout_init(&l, net);
        const real *trained = settings->arrays[0];
        for (int i = 0; i < l.n_tensors; i++) {
            const Place *t = &l.tensor[i];
            const ptrdiff_t n = t->rows * t->columns;
            const int layer = t->cell / l.n_directions;
            if (TABLE_OF_TENSORS[t->kind].of_cell && layer < lowest && any_trained(n, trained))
                lowest = layer;
            trained += n;
        }
    }
    }
    return lowest;
}

#endif
