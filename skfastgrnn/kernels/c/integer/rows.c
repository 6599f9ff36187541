/* Many sequences through a network in integers: the source for devices, for one instruction set.
 *
 * Compiled for each under the name ROWS; what is computed does not depend on it.
 */
#define FASTGRNN_API static
#include "rows.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "fastgrnn_integer.c"

#ifdef __SSE2__
#include "one_sequence.h"
#include "sequences.h"
#else
#include "plain.h"
#endif

enum { STEPS = 32 }; /* made integers at a time */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static size_t most_rows(const fastgrnn_model *model) {
    size_t most = larger(model->n_hidden, model->head.n_rows);
    for (int i = 0; i < model->n_layers; i++) {
        const fastgrnn_cell *cell = &model->cells[i];
        most = larger(most, larger(cell->w_low.n_rows, cell->u_low.n_rows));
    }
    return most;
}

/* Pieces of a block of memory one after the other, each from a multiple of 64 bytes on. */
static void *piece(size_t *at, char *memory, size_t bytes) {
    char *begin = memory == NULL ? NULL : memory + *at;
    *at += (bytes + 63) / 64 * 64;
    return begin;
}

/* Where the state and the integers of some steps lie in the memory; its size. */
static size_t arrange(const fastgrnn_model *model, char *memory, fastgrnn_state *state,
                      int16_t **x) {
    const size_t H = model->n_hidden, M = most_rows(model);
    size_t at = 0;
    state->h = piece(&at, memory, H * model->n_layers * sizeof *state->h);
    state->pre = piece(&at, memory, H * sizeof *state->pre);
    state->low = piece(&at, memory, M * sizeof *state->low);
    state->low_h = piece(&at, memory, M * sizeof *state->low_h);
    state->next = piece(&at, memory, H * sizeof *state->next);
    state->vector = piece(&at, memory, M * sizeof *state->vector);
    state->summary = piece(&at, memory, H * sizeof *state->summary);
    state->sum = piece(&at, memory, H * sizeof *state->sum);
    *x = piece(&at, memory, (size_t)(STEPS * model->n_channels + 1) * sizeof **x);
    return at;
}

/* Center and factor of each number of STEPS steps. */
typedef struct {
    const float *center, *factor;
    float *copied; /* float64 as float32 */
} Border;

static void border_of_steps(const IntegerRows *rows, float *memory, Border *border) {
    const ptrdiff_t D = rows->n_channels, n = STEPS * D;
    for (ptrdiff_t i = 0; i < n; i++) {
        memory[i] = rows->kind == INT16 ? 0 : rows->center[i % D];
        memory[n + i] = rows->kind == INT16 ? 0 : rows->factor[i % D];
    }
    border->center = memory;
    border->factor = memory + n;
    border->copied = memory + 2 * n;
}

/* The nearest float32, or the greatest. */
static inline float as_float(double v) {
    return v > (double)FLT_MAX ? FLT_MAX : v < -(double)FLT_MAX ? -FLT_MAX : (float)v;
}

/* n numbers of the values from a place on, at most STEPS steps, as int16. */
static void read_steps(const IntegerRows *rows, ptrdiff_t at, ptrdiff_t n, const Border *border,
                       int16_t *restrict x) {
    if (rows->kind == INT16) {
        memcpy(x, (const int16_t *)rows->values + at, (size_t)n * sizeof *x);
    } else if (rows->kind == FLOAT32) {
        quantize_floats((const float *)rows->values + at, n, border->center, border->factor, x);
    } else {
        const double *from = (const double *)rows->values + at;
        for (ptrdiff_t i = 0; i < n; i++) border->copied[i] = as_float(from[i]);
        quantize_floats(border->copied, n, border->center, border->factor, x);
    }
}

#ifdef __SSE2__
#include "lanes_of_rows.h"
#endif

/* Sequences from `first` on, one after the other. */
static int each_row(const fastgrnn_model *model, const IntegerRows *rows, ptrdiff_t first,
                    int32_t *outputs) {
    fastgrnn_state state;
    int16_t *x;
    Border border;
    const ptrdiff_t D = rows->n_channels;
    const size_t n_border = (size_t)(STEPS * D), n_logits = most_rows(model);
    const size_t bytes = arrange(model, NULL, &state, &x);
    char *memory = malloc(bytes + 3 * n_border * sizeof(float) + n_logits * sizeof(int32_t) + 63);
    if (memory == NULL) return -1;
    char *aligned = memory + (64 - (uintptr_t)memory % 64) % 64;
    arrange(model, aligned, &state, &x);
    border_of_steps(rows, (float *)(void *)(aligned + bytes), &border);
    int32_t *logits = (int32_t *)(void *)(border.copied + n_border);
    /* An odd number of channels has a neighbour, which is times 0. */
    memset(x, 0, (n_border + 1) * sizeof *x);
    for (ptrdiff_t row = first; row < rows->n; row++) {
        fastgrnn_reset(model, &state);
        state.n_steps = 0;
        for (ptrdiff_t t = 0; t < rows->lengths[row]; t += STEPS) {
            const ptrdiff_t left = rows->lengths[row] - t, n = left < STEPS ? left : STEPS;
            read_steps(rows, (rows->starts[row] + t) * D, n * D, &border, x);
            for (ptrdiff_t i = 0; i < n; i++) step(model, &state, x + i * D);
        }
        compute_outputs(model, &state, logits);
        memcpy(outputs + row * model->n_outputs, logits, model->n_outputs * sizeof *logits);
    }
    free(memory);
    return 0;
}

int ROWS(const fastgrnn_model *model, const IntegerRows *rows, int32_t *outputs) {
    ptrdiff_t first = 0;
#ifdef __SSE2__
    if (has_vectors(model)) {
        first = rows_side_by_side(model, rows, outputs);
        if (first < 0) return -1;
    }
#endif
    return first < rows->n ? each_row(model, rows, first, outputs) : 0;
}
