/* The compiled kernel as the rest of the package sees it: one table of functions for each precision
 * and instruction set, all made from the same source.
 *
 * Reals behind `void *` are float or double as the table says. Every array is C-contiguous; shapes
 * stand beside it, in the letters
 *
 *     N sequences, S steps of all sequences together, D channels, H hidden units of a cell, C
 * cells, R states that are read (H, or 2 H of a bidirectional network), O outputs (1 for two
 * classes).
 *
 * Cells are numbered layer by layer, in a layer the forward one first. A cell of the first layer
 * reads the channels, those of others the R states of the layer below. The flat parameter vector is
 *
 *     W, U of every cell | head_weight (O, R), attention (R) | bias_gate (H), bias_update (H),
 * zeta_hat, nu_hat of every cell | head_bias (O)
 *
 * so that what weight decay shrinks comes first. W is (H, D) or (H, R), U is (H, H).
 * There is `attention` only where it is the pooling, and no nu_hat where states are bounded.
 *
 * A network of low rank has factors W1 (H, K) and W2 (K, D) in the place of W, U1 (H, L) and U2
 * (L, H) in that of U; one of few bits has at the end of the vector the logarithm of the step that
 * each row of each matrix is rounded to, matrices in the same order. Only `train` takes such
 * networks: see expansion.h.
 */
#ifndef SKFASTGRNN_KERNEL_H
#define SKFASTGRNN_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum activation { SIGMOID, TANH, RELU, HARD_SIGMOID, HARD_TANH };
enum pooling { LAST, MEAN, MAX, ATTENTION };
enum loss { CROSS_ENTROPY, HUBER, DISTILLATION, FOCAL, MULTILABEL, INFO_NCE };
enum solver { ADAM, ADAMW, SGD, RMSPROP, ADAGRAD };
/* Constants by themselves, since a switch has a case for each of an enumeration. */
enum { N_ACTIVATIONS = HARD_TANH + 1, N_POOLINGS = ATTENTION + 1, N_SOLVERS = ADAGRAD + 1 };
enum { MAX_LAYERS = 16, MAX_CELLS = 2 * MAX_LAYERS };

/* What functions return instead of 0. */
enum {
    KERNEL_NO_MEMORY = -1,
    KERNEL_BAD_ROW = -2,    /* a chosen sequence does not exist */
    KERNEL_BAD_PLACE = -3,  /* a sequence does not lie within the values */
    KERNEL_BAD_ORDER = -4,  /* a sequence is longer than the one chosen before it */
    KERNEL_BAD_LABEL = -5,  /* a label is no class */
    KERNEL_BAD_LENGTHS = -6 /* lengths have changed in the meantime */
};

typedef struct {
    ptrdiff_t n_channels, hidden_size, n_outputs, n_layers;
    int bidirectional, gate, update, pooling;
    int bounded;              /* whether ν is 0, so that no state can grow beyond the candidates */
    ptrdiff_t rank_w, rank_u; /* of W and U, at most; 0 for whole matrices */
    int bits;                 /* 4 or 8, or 0 for matrices that are not rounded */
} Network;

/* Sequences where the user keeps them: sequence i is the lengths[i] steps from starts[i] on. They
 * may overlap.
 *
 * Other threads may write to these arrays at any time. Rows, starts, lengths and labels are read
 * once, checked, and used from private memory; a sequence that does not fit ends the call, which
 * then leaves parameters and optimizer as they were. */
typedef struct {
    const void *values;       /* (S, D) */
    const ptrdiff_t *starts;  /* (N) */
    const ptrdiff_t *lengths; /* (N), or NULL where all sequences have `longest` steps */
    const ptrdiff_t *chosen;  /* (n): which sequences, in which order */
    ptrdiff_t n_values;       /* S */
    ptrdiff_t n_sequences;    /* N */
    ptrdiff_t n;
    ptrdiff_t longest;  /* at least the steps of the longest sequence, at most S */
    ptrdiff_t *refused; /* receives the position in `chosen` of a sequence that does not fit */
} Sequences;

/* What the outputs should be, by sequence: labels or values. DISTILLATION has values, and may have
 * labels beside them. What there is not is NULL. */
typedef struct {
    double mean_weight; /* of all sequences of an epoch; a minibatch of n divides by n times it */
    const int32_t *labels; /* (N), class indices; of DISTILLATION also -1, or NULL, for none; of
                              INFO_NCE any from 0 on, the same for what belongs together */
    const void *values;    /* (N, O): numbers for HUBER, logits of the teacher for DISTILLATION,
                              probability of each class for MULTILABEL; for CROSS_ENTROPY
                              probabilities, (N, 1) then holds that of the second class */
    const void *weights;   /* (N) or NULL */
} Targets;

/* How outputs are compared with targets. */
typedef struct {
    int kind;           /* enum loss */
    double delta;       /* where HUBER becomes linear; HUGE_VAL makes it the squared error */
    double temperature; /* what DISTILLATION divides logits by, and INFO_NCE similarities */
    double alpha;       /* share of the teacher in DISTILLATION; the rest is that of the label */
    double gamma;       /* how much less FOCAL counts what is predicted well; 0 counts all alike */
} Loss;

typedef struct {
    double loss;    /* sum of weight · loss */
    double weight;  /* sum of weights */
    double metric;  /* HUBER: sum of weight · squared error; otherwise sum of weights where the
                       largest output is the label, or the largest target; of MULTILABEL where
                       all outputs are on the right side of 0; of INFO_NCE where the most similar
                       sequence has the same label */
    double counted; /* sequences of non-zero weight */
} Score;

/* Which states are dropped in training: see dropout.h. */
typedef struct {
    double rate; /* 0 drops none */
    uint64_t seed;
} Dropout;

typedef struct {
    int solver;
    double learning_rate, beta_1, beta_2, epsilon, momentum;
    int nesterov;
    double alpha;         /* L2 strength: gradient += alpha / divisor · parameter; of ADAMW the
                             decoupled decay */
    double clip_value;    /* every gradient entry into [-clip_value, clip_value]; HUGE_VAL leaves it
                             alone */
    double clip_norm;     /* then the whole gradient to at most this norm; likewise */
    void *first, *second; /* (P), moment estimates */
    int64_t step;         /* updates made so far */
    double ema;           /* decay of the moving average */
    void *average;        /* (P), of θ after every update; or NULL for none */
    int64_t n_averaged;   /* updates that the average has seen so far */
} Optimizer;

enum { PARAMETRIZATION_ARRAYS = 2 };

/* What the optimizer may move of the parameters: see parametrizations.h, which has the kinds. */
typedef struct {
    int kind;
    const void *arrays[PARAMETRIZATION_ARRAYS]; /* (P) each, its settings; the others are NULL */
} Parametrization;

/* Totals over the minibatches of an epoch. */
typedef struct {
    Score score;
    double penalty;       /* sum of weight · L2 penalty per unit of weight */
    double gradient_norm; /* sum of norms before clipping */
    int64_t n_updates;
    int diverged; /* a loss or gradient was not finite; the parameters are those before that
                     minibatch */
} EpochTotals;

/* A part of the flat parameter vector, rows x columns. */
typedef struct {
    const char *name; /* without the suffix of the cell */
    int cell;         /* or -1 of the head */
    ptrdiff_t rows, columns;
    int decayed; /* whether weight decay shrinks it */
} Tensor;

typedef struct {
    const char *name; /* of the instruction set */

    /* Whether the network can be computed, and a flat vector of that length holds its parameters.
     * All other functions rely on it. */
    int (*fits)(const Network *, ptrdiff_t n_parameters);

    /* Whether it has whole matrices that are not rounded, as all but `tensor` and `train` need. */
    int (*is_dense)(const Network *);

    /* The i-th part of the flat vector; returns 0 where there are no more. */
    int (*tensor)(const Network *, int i, Tensor *);

    /* What is wrong with a loss, or with these targets for it: a sentence, or NULL. The functions
     * that compute a loss rely on it. */
    const char *(*loss_error)(const Loss *, const Targets *);
    /* What is wrong with a parametrization, as a sentence; NULL for nothing. */
    const char *(*parametrization_error)(const Parametrization *);

    /* The states after every step: `all` (S, R), those of the last layer, where the steps are, or
     * NULL; and `final` (n, C, H), the last one that each cell computes. h0 (n, C, H), what each
     * cell begins with, or NULL for zeros. Where no cell is reversed, a sequence whose first part
     * left `final` continues from it as h0. */
    int (*states)(const Network *, const void *parameters, const Sequences *, const void *h0,
                  void *all, void *final);

    /* The gradient of the cells' parameters, of the values (S, D) and of h0 (n, C, H), the last two
     * where not NULL, given that of every state (S, R). Adds to values_gradient. */
    int (*states_gradient)(const Network *, const void *parameters, const Sequences *,
                           const void *h0, const void *upstream, void *gradient,
                           void *values_gradient, void *h0_gradient);

    /* outputs (n, O): logits. */
    int (*outputs)(const Network *, const void *parameters, const Sequences *, void *outputs,
                   int n_threads);

    /* Bytes that `outputs` allocates; 0 where not even those for planning it are left. */
    double (*outputs_memory)(const Network *, const Sequences *, int n_threads);

    /* The weighted sum of losses and its gradient (P), without penalty; gradient may be NULL. */
    int (*loss_gradient)(const Network *, const void *parameters, const Sequences *,
                         const Targets *, const Loss *, const Dropout *, Score *score,
                         void *gradient, int n_threads);

    /* Trains on minibatches [first, end) of the chosen sequences. Returns 0 or what went wrong. */
    int (*train)(const Network *, void *parameters, const Sequences *, const Targets *,
                 const Loss *, const Dropout *, Optimizer *, const Parametrization *,
                 ptrdiff_t batch_size, ptrdiff_t first, ptrdiff_t end, EpochTotals *,
                 int n_threads);
} Kernel;

#endif
