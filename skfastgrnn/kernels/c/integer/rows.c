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

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static size_t most_rows(const fastgrnn_model *model) {
    size_t most = larger(model->n_hidden, model->n_outputs);
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

/* Where the state, an input and a step before it is one lie in the memory; its size. */
static size_t arrange(const fastgrnn_model *model, char *memory, fastgrnn_state *state, int16_t **x,
                      float **raw) {
    const size_t H = model->n_hidden, D = model->n_channels, M = most_rows(model);
    size_t at = 0;
    state->h = piece(&at, memory, H * model->n_layers * sizeof *state->h);
    state->pre = piece(&at, memory, H * sizeof *state->pre);
    state->low = piece(&at, memory, M * sizeof *state->low);
    state->vector = piece(&at, memory, M * sizeof *state->vector);
    state->summary = piece(&at, memory, H * sizeof *state->summary);
    state->sum = piece(&at, memory, H * sizeof *state->sum);
    *x = piece(&at, memory, D * sizeof **x);
    *raw = piece(&at, memory, D * sizeof **raw);
    return at;
}

static inline float as_float(double v) {
    return v > (double)FLT_MAX ? FLT_MAX : v < -(double)FLT_MAX ? -FLT_MAX : (float)v;
}

/* The step that begins at a place of the values. */
static void read_step(const IntegerRows *rows, ptrdiff_t at, float *restrict raw,
                      int16_t *restrict x) {
    const ptrdiff_t D = rows->n_channels;
    if (rows->kind == INT16) {
        memcpy(x, (const int16_t *)rows->values + at, (size_t)D * sizeof *x);
        return;
    }
    if (rows->kind == FLOAT32) memcpy(raw, (const float *)rows->values + at, (size_t)D * sizeof *raw);
    else
        for (ptrdiff_t d = 0; d < D; d++) raw[d] = as_float(((const double *)rows->values)[at + d]);
    for (ptrdiff_t d = 0; d < D; d++)
        x[d] = fastgrnn_quantize_input(raw[d], rows->center[d], rows->factor[d]);
}

int ROWS(const fastgrnn_model *model, const IntegerRows *rows, int32_t *outputs) {
    fastgrnn_state state;
    int16_t *x;
    float *raw;
    const size_t bytes = arrange(model, NULL, &state, &x, &raw);
    char *memory = malloc(bytes + 63);
    if (memory == NULL) return -1;
    arrange(model, memory + (64 - (uintptr_t)memory % 64) % 64, &state, &x, &raw);
    memset(x, 0, model->n_channels * sizeof *x);
    for (ptrdiff_t i = 0; i < rows->n; i++) {
        fastgrnn_reset(model, &state);
        for (ptrdiff_t t = 0; t < rows->lengths[i]; t++) {
            read_step(rows, (rows->starts[i] + t) * rows->n_channels, raw, x);
            fastgrnn_step(model, &state, x);
        }
        fastgrnn_logits(model, &state, outputs + i * model->n_outputs);
    }
    free(memory);
    return 0;
}
