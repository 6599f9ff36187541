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

#ifdef __AVX2__
#include "vectors.h"
#else /* what compilers make of plain loops */
enum { SLOTS = 1 };
static int has_vectors(const fastgrnn_model *model) { return model == NULL; }
static void step_one(const fastgrnn_model *model, fastgrnn_state *state, const int16_t *x) {
    fastgrnn_step(model, state, x);
}
static void step_all(const fastgrnn_model *model, fastgrnn_state *states, const int16_t *const *x) {
    fastgrnn_step(model, states, x[0]);
}
static void add_head(const fastgrnn_matrix *head, const int16_t *summary, int32_t *logits) {
    add_product(head, summary, logits, NULL);
}
static void quantize_floats(const float *from, ptrdiff_t n, const float *center,
                            const float *factor, int16_t *x) {
    for (ptrdiff_t i = 0; i < n; i++) x[i] = fastgrnn_quantize_input(from[i], center[i], factor[i]);
}
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

/* A sequence on its way through the network: the next step and those left, of which some are
 * integers already, from `next` on. */
typedef struct {
    ptrdiff_t row, at, n_left, n_ready;
    const int16_t *next;
    int16_t *x;
} Slot;

/* The next step of a slot. */
static inline const int16_t *advance(const IntegerRows *rows, Slot *slot, const Border *border) {
    const ptrdiff_t D = rows->n_channels;
    if (slot->n_ready == 0) {
        slot->n_ready = slot->n_left < STEPS ? slot->n_left : STEPS;
        read_steps(rows, slot->at * D, slot->n_ready * D, border, slot->x);
        slot->at += slot->n_ready;
        slot->next = slot->x;
    }
    const int16_t *x = slot->next;
    slot->next += D;
    slot->n_ready--;
    slot->n_left--;
    return x;
}

static void begin_row(const IntegerRows *rows, Slot *slot, ptrdiff_t row) {
    slot->row = row;
    slot->at = rows->starts[row];
    slot->n_left = rows->lengths[row];
    slot->n_ready = 0;
}

/* Outputs of a slot, of which those of padding are left out. */
static void write_outputs(const fastgrnn_model *model, fastgrnn_state *state, int vectors,
                          int32_t *logits, int32_t *outputs) {
    const size_t n_bytes = model->n_outputs * sizeof *outputs;
    if (vectors) {
        memcpy(logits, model->head_bias, n_bytes);
        add_head(&model->head, summarize(model, state), logits);
    } else {
        fastgrnn_logits(model, state, logits);
    }
    memcpy(outputs, logits, n_bytes);
}

int ROWS(const fastgrnn_model *model, const IntegerRows *rows, int32_t *outputs) {
    fastgrnn_state states[SLOTS];
    Slot slots[SLOTS];
    const int16_t *x[SLOTS];
    Border border;
    const int vectors = has_vectors(model);
    const ptrdiff_t O = model->n_outputs, most = vectors && rows->n >= SLOTS ? SLOTS : 1;
    const size_t n_border = (size_t)(STEPS * rows->n_channels);
    const size_t bytes = arrange(model, NULL, &states[0], &slots[0].x);
    const size_t n_logits = most_rows(model);
    char *memory = malloc((size_t)most * bytes + 3 * n_border * sizeof(float) +
                          n_logits * sizeof(int32_t) + 63);
    if (memory == NULL) return -1;
    char *aligned = memory + (64 - (uintptr_t)memory % 64) % 64;
    border_of_steps(rows, (float *)(void *)(aligned + (size_t)most * bytes), &border);
    int32_t *logits = (int32_t *)(void *)(border.copied + n_border);
    memset(logits, 0, n_logits * sizeof *logits);
    ptrdiff_t next = 0, open = 0; /* the next sequence, and slots with one */
    for (; open < most; open++, next++) {
        arrange(model, aligned + (size_t)open * bytes, &states[open], &slots[open].x);
        /* An odd number of channels has a neighbour, which is times 0. */
        memset(slots[open].x, 0, (n_border + 1) * sizeof *slots[open].x);
        begin_row(rows, &slots[open], next);
        fastgrnn_reset(model, &states[open]);
    }
    while (open > 0) {
        for (ptrdiff_t r = 0; r < open; r++) x[r] = advance(rows, &slots[r], &border);
        if (open == SLOTS && vectors) step_all(model, states, x);
        else
            for (ptrdiff_t r = 0; r < open; r++) {
                if (vectors) step_one(model, &states[r], x[r]);
                else fastgrnn_step(model, &states[r], x[r]);
            }
        for (ptrdiff_t r = open - 1; r >= 0; r--) {
            if (slots[r].n_left > 0) continue;
            write_outputs(model, &states[r], vectors, logits, outputs + slots[r].row * O);
            if (next < rows->n) { /* another one takes its place */
                begin_row(rows, &slots[r], next++);
                fastgrnn_reset(model, &states[r]);
            } else { /* or that of the last slot, which is open or is this one */
                open--;
                states[r] = states[open];
                slots[r] = slots[open];
            }
        }
    }
    free(memory);
    return 0;
}
