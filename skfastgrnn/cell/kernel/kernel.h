/* The compiled kernel as the rest of the package sees it: one table of functions for each precision
 * and instruction set, all made from the same source.
 *
 * Reals behind `void *` are float or double as the table says. Every array is C-contiguous; shapes
 * stand beside it, in the letters
 *
 *     N sequences, S steps of all sequences together, D channels, H hidden units, O outputs (1 for
 * two classes).
 *
 * The flat parameter vector is  W (H, D) | U (H, H) | head_weight (O, H) | bias_gate (H) |
 * bias_update (H) | zeta_hat | nu_hat | head_bias (O): what weight decay shrinks comes first.
 */
#ifndef SKFASTGRNN_KERNEL_H
#define SKFASTGRNN_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum activation { SIGMOID, TANH, RELU, HARD_SIGMOID, HARD_TANH };
enum readout { LAST, MEAN };
enum loss { CROSS_ENTROPY, HUBER };

/* What functions answer instead of 0. */
enum { KERNEL_NO_MEMORY = -1 };

typedef struct {
    ptrdiff_t n_channels, hidden_size, n_outputs;
    int gate, update, readout;
} Network;

/* Sequences where the user keeps them: sequence i is the lengths[i] steps from starts[i] on. They
 * may overlap. */
typedef struct {
    const void *values;       /* (S, D) */
    const ptrdiff_t *starts;  /* (N) */
    const ptrdiff_t *lengths; /* (N), or NULL where all sequences have `longest` steps */
    const ptrdiff_t *chosen;  /* (n): which sequences, in which order */
    ptrdiff_t n;
    ptrdiff_t longest; /* steps of the longest sequence */
} Sequences;

/* What the outputs should be, by sequence: labels or values, the other is NULL. */
typedef struct {
    int loss;
    double delta;       /* where HUBER becomes linear; HUGE_VAL makes it the squared error */
    double mean_weight; /* of all sequences of an epoch; a minibatch of n divides by n times it */
    const int32_t *labels; /* (N), class indices */
    const void *values;    /* (N, O): numbers for HUBER, otherwise probabilities; (N, 1) then holds
                              that of the second class */
    const void *weights;   /* (N) or NULL */
} Targets;

typedef struct {
    double loss;    /* sum of weight · loss */
    double weight;  /* sum of weights */
    double metric;  /* CROSS_ENTROPY: sum of weights where the largest output is the largest target;
                       HUBER: sum of weight · squared error */
    double counted; /* sequences of non-zero weight */
} Score;

typedef struct {
    double learning_rate, beta_1, beta_2, epsilon;
    double alpha;         /* L2 strength: gradient += alpha / divisor · parameter */
    double clip_value;    /* every gradient entry into [-clip_value, clip_value]; HUGE_VAL leaves it
                             alone */
    double clip_norm;     /* then the whole gradient to at most this norm; likewise */
    void *first, *second; /* (P), Adam's moment estimates */
    int64_t step;         /* updates made so far */
} Adam;

/* Totals over the minibatches of an epoch. */
typedef struct {
    Score score;
    double penalty;       /* sum of weight · L2 penalty per unit of weight */
    double gradient_norm; /* sum of norms before clipping */
    int64_t n_updates;
    int diverged; /* a loss or gradient was not finite; the parameters are those before that
                     minibatch */
} EpochTotals;

typedef struct {
    const char *name; /* of the instruction set */

    /* Steps through the cell: all states (S, H), where the steps are, and last states (n, H);
     * either may be NULL. h0 (n, H) or NULL. */
    int (*states)(const Network *, const void *parameters, const Sequences *, const void *h0,
                  void *all, void *last);

    /* The gradient of the cell's parameters, of the values (S, D) and of h0 (n, H), the last two
     * where not NULL, given that of every state (S, H). values_gradient is written where
     * the chosen sequences are. */
    int (*states_gradient)(const Network *, const void *parameters, const Sequences *,
                           const void *h0, const void *upstream, void *gradient,
                           void *values_gradient, void *h0_gradient);

    /* outputs (n, O): logits. */
    int (*outputs)(const Network *, const void *parameters, const Sequences *, void *outputs,
                   int n_threads);

    /* The weighted sum of losses and its gradient (P), without penalty; gradient may be NULL. */
    int (*loss_gradient)(const Network *, const void *parameters, const Sequences *,
                         const Targets *, Score *score, void *gradient, int n_threads);

    /* Trains on minibatches [first, end) of the chosen sequences. Answers 0 or KERNEL_NO_MEMORY. */
    int (*train)(const Network *, void *parameters, const Sequences *, const Targets *, Adam *,
                 ptrdiff_t batch_size, ptrdiff_t first, ptrdiff_t end, EpochTotals *,
                 int n_threads);
} Kernel;

#endif
