/* Inverted dropout of states, in training only.
 *
 *     x = x m / (1 - rate),   m = 0 with probability `rate`, otherwise 1
 *
 * Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR
 * 2014. Whether a state is dropped is a hash of the seed and of where the state is: the position of
 * its sequence in the epoch, its layer, its step and its unit. So the backward pass finds the same
 * result without a mask in memory, no thread depends on another, and reference/_dropout.py draws
 * the same.
 */
#ifndef SKFASTGRNN_DROPOUT_H
#define SKFASTGRNN_DROPOUT_H

#include <math.h>

#include "kernel.h"
#include "vec.h"

#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)

/* What SplitMix64 draws in state x; its i-th state is seed + i · GOLDEN. Steele, Lea & Flood, *Fast
 * Splittable Pseudorandom Number Generators*, OOPSLA 2014. */
INLINE uint64_t splitmix64(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* x (n) are the states from number `first` on of one sequence and layer, counted over steps and
 * units. */
static void drop(const Dropout *dropout, ptrdiff_t position, ptrdiff_t layer, ptrdiff_t first,
                 ptrdiff_t n, real *x) {
    const uint64_t threshold = (uint64_t)ldexp(dropout->rate, 53);
    const real scale = (real)(1 / (1 - dropout->rate));
    const uint64_t key =
        splitmix64(dropout->seed + GOLDEN * (uint64_t)(position * MAX_LAYERS + layer + 1));
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t drawn = splitmix64(key + GOLDEN * (uint64_t)(first + i + 1)) >> 11;
        x[i] = drawn < threshold ? 0 : x[i] * scale;
    }
}

#endif
