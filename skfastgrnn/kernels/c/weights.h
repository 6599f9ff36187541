/* What forward and backward passes read of the parameters, packed once for all threads.
 */
#ifndef SKFASTGRNN_WEIGHTS_H
#define SKFASTGRNN_WEIGHTS_H

#include <math.h>

#include "activations.h"
#include "arena.h"
#include "layout.h"

/* Which gradients a call computes. */
typedef struct {
    int of_parameters;
    int lowest;    /* the lowest layer that is back-propagated through; n_layers where none is */
    int of_values; /* of what the first layer reads */
} Backward;

INLINE Backward forward_only(const Network *net) { return (Backward){0, (int)net->n_layers, 0}; }

/* Whether a gradient of what the head reads is wanted: attention makes one of its own of it. */
INLINE int reaches_summary(const Layout *l, Backward backward) {
    return backward.lowest < l->n_cells / l->n_directions ||
           (l->pooling == ATTENTION && backward.of_parameters);
}

/* Of one cell. */
typedef struct {
    CellParts forward;
    real *W;     /* (H, Dp): backward, as rows; NULL where no gradient goes to what it reads */
    real *U;     /* (H, Hp): likewise; NULL where the cell is not back-propagated through */
    real *kappa; /* (Hp): see sigmoid_and_tanh */
    int one_exponential; /* whether kappa may be used */
    real zeta, nu;       /* after the sigmoid */
} CellWeights;

typedef struct {
    real *parameters; /* a padded vector: the memory of the forward parts */
    CellWeights cell[MAX_CELLS];
    HeadParts forward;
    real *head; /* (O, Rp): backward, as rows; NULL where the head's gradient goes no further */
} Weights;

static void weights_layout(Weights *w, const Layout *l, Backward backward, Arena *a) {
    real *p = w->parameters = take_reals(a, (double)l->count);
    w->head = reaches_summary(l, backward) ? take_reals(a, (double)(l->O * l->Rp)) : NULL;
    if (p != NULL) w->forward = head_at(l, p);
    for (int c = 0; c < l->n_cells; c++) {
        const Sizes z = l->cell[c];
        CellWeights *cell = &w->cell[c];
        const int layer = c / l->n_directions;
        const int passes_on = layer > backward.lowest || (layer == 0 && backward.of_values);
        if (p != NULL) cell->forward = cell_at(l, c, p);
        cell->kappa = take_reals(a, (double)z.Hp);
        cell->U = layer >= backward.lowest ? take_reals(a, (double)(z.H * z.Hp)) : NULL;
        cell->W = passes_on ? take_reals(a, (double)(z.H * z.Dp)) : NULL;
    }
}

INLINE real logistic(real x) { return (real)(1 / (1 + exp(-(double)x))); }

static void prepare_cell(Sizes z, int bounded, CellWeights *w) {
    const CellParts p = w->forward;
    if (w->W != NULL) transpose(z.D, z.H, p.WUt, z.Hp, w->W, z.Dp);
    if (w->U != NULL) transpose(z.H, z.H, p.WUt + z.D * z.Hp, z.Hp, w->U, z.Hp);
    w->zeta = logistic(p.scalars[0]);
    w->nu = bounded ? 0 : logistic(p.scalars[1]);
    w->one_exponential = 1;
    for (ptrdiff_t j = 0; j < z.Hp; j += LANES) {
        const vec log2_kappa = (load(p.bias_gate + j) - load(p.bias_update + j)) * (2 * LOG2_E);
        store(w->kappa + j, vec_exp2(log2_kappa, PAIR_LIMIT));
        for (int i = 0; i < LANES; i++)
            w->one_exponential &= fabs((double)log2_kappa[i]) <= (double)PAIR_LIMIT;
    }
}

/* All that derives from the parameters, after these have changed. */
static void prepare_weights(const Layout *l, Weights *w) {
    for (int c = 0; c < l->n_cells; c++) prepare_cell(l->cell[c], l->bounded, &w->cell[c]);
    if (w->head != NULL) transpose(l->R, l->O, w->forward.weight_t, l->Op, w->head, l->Rp);
}

#endif
