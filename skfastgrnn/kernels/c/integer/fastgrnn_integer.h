/* FastGRNN networks in integers: C99 that needs nothing but <stdint.h>.
 *
 * docs/integers.rst describes every format; skfastgrnn/kernels/reference/_integer.py is the same in
 * NumPy, and defines it. Nothing here allocates memory, calls a library or computes in floating
 * point, except `fastgrnn_quantize_input`. No sum or product can overflow: the result is the same
 * on every machine.
 *
 * Here sizes and options are known when the program runs. skfastgrnn/export makes of the same text
 * the source of one model, of which they are constants (_specialise.py).
 */
#ifndef FASTGRNN_INTEGER_H
#define FASTGRNN_INTEGER_H

#include <stdint.h>

#ifndef FASTGRNN_API
#define FASTGRNN_API
#endif

/* Where constants are: a qualifier for machines that have another memory for them. */
#define FASTGRNN_FLASH

/* Numbers of channels, units and outputs as they are stored, and as loops count them. */
typedef uint16_t fastgrnn_count;
typedef uint32_t fastgrnn_size;

enum fastgrnn_activation {
    FASTGRNN_SIGMOID,
    FASTGRNN_TANH,
    FASTGRNN_RELU,
    FASTGRNN_HARD_SIGMOID,
    FASTGRNN_HARD_TANH
};
enum fastgrnn_pooling { FASTGRNN_LAST, FASTGRNN_MEAN, FASTGRNN_MAX, FASTGRNN_ATTENTION };

/* Weights of 8 or 4 bits by rows, two of 4 bits to a byte, the lower half first. With a mask, only
 * groups of block_size neighbours of a row whose bit is set are stored; each row has its own
 * groups, of which the last may be shorter, and the lowest bit of a byte comes first. With a
 * block_size of 0 the mask is a list of gaps between the weights that are stored, of 4 bits, the
 * lower half first: up to 14 places without a weight and then one with, or 15 places without.
 * Places are counted through all rows.
 *
 * A row's sum of products, times its multiplier / 2^(16 + shift), is its result. So that nothing
 * overflows, the absolute weights of a row add up to at most 65535, or 65535 / 2^(1 - shift) for a
 * shift below 1.
 *
 * For processors with vectors, weights may also have 16 bits: those of two neighbouring columns
 * of each row, then those of the next two columns. n_columns is even then, and there is no mask;
 * plain.h and vectors.h compute with them. */
typedef struct {
    const FASTGRNN_FLASH void *weights; /* int8_t, or int16_t of 16 bits */
#ifndef FASTGRNN_WITHOUT_MASKS
    const FASTGRNN_FLASH uint8_t *mask; /* 0: every weight is stored */
#endif
    const FASTGRNN_FLASH int16_t *multiplier; /* (n_rows) 0 to 2^15 - 1 */
    fastgrnn_count n_rows, n_columns;
    int8_t shift; /* -15 to 30 */
#ifndef FASTGRNN_ONE_MODEL
    uint8_t bits;
#endif
#ifndef FASTGRNN_WITHOUT_BLOCKS
    uint8_t block_size;
#endif
} fastgrnn_matrix;

/* W and U, or with a low rank W = w * w_low and U = u * u_low; n_rows of w_low or u_low is else 0.
 * The state has state_bits fractional bits. */
typedef struct {
#ifndef FASTGRNN_WITHOUT_W_LOW
    fastgrnn_matrix w_low;
#endif
    fastgrnn_matrix w;
#ifndef FASTGRNN_WITHOUT_U_LOW
    fastgrnn_matrix u_low;
#endif
    fastgrnn_matrix u;
    const FASTGRNN_FLASH int16_t *bias_gate;   /* (n_hidden), times 2^bias_shift */
    const FASTGRNN_FLASH int16_t *bias_update; /* likewise */
    int16_t zeta, nu;                          /* 15 fractional bits; nu at most 2^15 - 2 */
#ifndef FASTGRNN_WITHOUT_BIAS_SHIFT
    uint8_t bias_shift;
#endif
    uint8_t state_bits;
} fastgrnn_cell;

typedef struct {
    const fastgrnn_cell *cells; /* (n_layers) */
    fastgrnn_matrix head;
    fastgrnn_matrix attention; /* one row; only for FASTGRNN_ATTENTION */
    const int32_t *head_bias;  /* (n_outputs) */
    uint16_t n_channels, n_hidden, n_outputs, n_layers;
    uint8_t gate, update, pooling; /* of the enumerations */
} fastgrnn_model;

/* Memory that the caller owns. */
typedef struct {
    int16_t *h;        /* (n_layers, n_hidden) states */
    int16_t *next;     /* (n_hidden) states of a cell after a step */
    int16_t *low;      /* (largest n_rows of w_low) */
    int16_t *low_h;    /* (largest n_rows of u_low) */
    int16_t *summary;  /* (n_hidden) what the head reads; not for FASTGRNN_LAST */
    int64_t *sum;      /* (n_hidden) for FASTGRNN_MEAN and FASTGRNN_ATTENTION */
    int64_t weight;    /* for FASTGRNN_ATTENTION: the sum of weights, 0 before the first step */
    int32_t reference; /* for FASTGRNN_ATTENTION: weights are relative to 2^reference */
    uint32_t n_steps;  /* for FASTGRNN_MEAN: so far, at most 2^32 - 1 */
    int32_t *pre;      /* (n_hidden) pre-activations, for weights of 16 bits */
    int32_t *vector;   /* (largest n_rows of all matrices) sums, likewise */
} fastgrnn_state;

/* Begin a sequence. */
FASTGRNN_API void fastgrnn_reset(const fastgrnn_model *model, fastgrnn_state *state);

/* One time step: x (n_channels). */
FASTGRNN_API void fastgrnn_step(const fastgrnn_model *model, fastgrnn_state *state,
                                const int16_t *x);

/* Outputs (n_outputs) for the steps so far, at least one. The sequence can be continued. */
FASTGRNN_API void fastgrnn_logits(const fastgrnn_model *model, fastgrnn_state *state,
                                  int32_t *logits);

/* The nearest integer to (x - center) * factor, saturated to +-32767. */
FASTGRNN_API int16_t fastgrnn_quantize_input(float x, float center, float factor);

#endif
