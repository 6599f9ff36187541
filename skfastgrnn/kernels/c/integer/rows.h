/* Many sequences through a network in integers. */
#ifndef SKFASTGRNN_INTEGER_ROWS_H
#define SKFASTGRNN_INTEGER_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "fastgrnn_integer.h"

enum values { INT16, FLOAT32, FLOAT64 };

/* Sequence i of n is values[starts[i] ... starts[i] + lengths[i]), steps of n_channels numbers.
 * Those that are not integers are made so by center and factor (n_channels). The model may read
 * more channels than there are, of zeros, and have more units than n_units, whose state is 0. */
typedef struct {
    const void *values;
    enum values kind;
    const float *center, *factor;
    const ptrdiff_t *starts, *lengths;
    ptrdiff_t n, n_channels, n_units;
} IntegerRows;

/* Outputs (n, n_outputs); -1 without memory, otherwise 0. */
typedef int IntegerKernel(const fastgrnn_model *, const IntegerRows *, int32_t *);

#endif
