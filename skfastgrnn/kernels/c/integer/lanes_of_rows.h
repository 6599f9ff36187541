/* Many sequences side by side: what lies where, and which comes next. */
#ifndef SKFASTGRNN_INTEGER_LANES_OF_ROWS_H
#define SKFASTGRNN_INTEGER_LANES_OF_ROWS_H

#include "sequences.h"

/* Fewer sequences are faster one by one. */
enum { FEWEST = LANES / 4 };

/* A sequence on its way through the network: the next step to be read, and those left to compute;
 * none without a sequence. */
typedef struct {
    ptrdiff_t row, at, n_left;
} Lane;

/* The inputs of some steps, as pairs of channels (n_steps, n_pairs, LANES, 2). */
typedef struct {
    ptrdiff_t n_steps, n_pairs;
    int16_t *pairs;
    int16_t *read[4]; /* (STEPS, n_channels) of four sequences, and 8 more */
} Inputs;

static uint32_t multiple_of_four(ptrdiff_t n) { return (uint32_t)((n + 3) / 4 * 4); }

static size_t arrange_block(const fastgrnn_model *model, const IntegerRows *rows, char *memory,
                            Block *block, Inputs *inputs) {
    const size_t H = multiple_of_four(rows->n_units), O = multiple_of_four(model->n_outputs);
    const size_t n = H * LANES, n_states = n * model->n_layers;
    size_t at = 0;
    block->n_units = (uint32_t)H;
    block->n_outputs = (uint32_t)O;
    block->constants =
        piece(&at, memory, H * model->n_layers * N_CONSTANTS * sizeof *block->constants);
    block->h = piece(&at, memory, n_states * sizeof *block->h);
    block->pairs = piece(&at, memory, n_states * sizeof *block->pairs);
    block->next_pairs = piece(&at, memory, n_states * sizeof *block->next_pairs);
    block->low = piece(&at, memory, 2 * most_rows(model) * LANES * sizeof *block->low);
    block->summary = piece(&at, memory, n * sizeof *block->summary);
    block->most = piece(&at, memory, n * sizeof *block->most);
    block->sum_high = piece(&at, memory, n * sizeof *block->sum_high);
    block->sum_low = piece(&at, memory, n * sizeof *block->sum_low);
    block->logits = piece(&at, memory, O * LANES * sizeof *block->logits);
    block->reference = piece(&at, memory, LANES * sizeof *block->reference);
    block->weight = piece(&at, memory, LANES * sizeof *block->weight);
    block->n_steps = piece(&at, memory, LANES * sizeof *block->n_steps);
    const size_t n_inputs = (size_t)(inputs->n_steps * inputs->n_pairs) * 2 * LANES;
    inputs->pairs = piece(&at, memory, n_inputs * sizeof *inputs->pairs);
    for (int i = 0; i < 4; i++)
        inputs->read[i] = piece(&at, memory, (size_t)(STEPS * rows->n_channels + 8) * 2);
    return at;
}

/* The pairs of four sequences for each pair of channels from `first` on, of which there are n. */
INLINE void turn_four(int16_t *const *read, ptrdiff_t first, int n, int16_t *to) {
    __m128i of[4];
    for (int i = 0; i < 4; i++)
        of[i] = n > 2 ? _mm_loadu_si128((const __m128i *)(read[i] + first))
                      : _mm_loadl_epi64((const __m128i *)(read[i] + first));
    const __m128i a = _mm_unpacklo_epi32(of[0], of[1]), b = _mm_unpacklo_epi32(of[2], of[3]);
    _mm_storeu_si128((__m128i *)to, _mm_unpacklo_epi64(a, b));
    if (n > 1) _mm_storeu_si128((__m128i *)(to + 2 * LANES), _mm_unpackhi_epi64(a, b));
    if (n < 3) return;
    const __m128i c = _mm_unpackhi_epi32(of[0], of[1]), d = _mm_unpackhi_epi32(of[2], of[3]);
    _mm_storeu_si128((__m128i *)(to + 4 * LANES), _mm_unpacklo_epi64(c, d));
    if (n > 3) _mm_storeu_si128((__m128i *)(to + 6 * LANES), _mm_unpackhi_epi64(c, d));
}

/* Read the next n steps of a sequence. */
static void read_lane(const IntegerRows *rows, Lane *lane, ptrdiff_t n, const Border *border,
                      int16_t *x) {
    const ptrdiff_t D = rows->n_channels;
    read_steps(rows, lane->at * D, n * D, border, x);
    lane->at += n;
}

/* Inputs of one sequence from step `first` on. */
static void fill_lane(const IntegerRows *rows, Lane *lanes, int r, ptrdiff_t first,
                      const Border *border, const Inputs *inputs) {
    const ptrdiff_t D = rows->n_channels, P = inputs->n_pairs, left = inputs->n_steps - first;
    const ptrdiff_t n = lanes[r].n_left < left ? lanes[r].n_left : left;
    int16_t *to = inputs->pairs + (first * P * LANES + r) * 2;
    read_lane(rows, &lanes[r], n, border, inputs->read[0]);
    for (ptrdiff_t t = 0; t < n; t++)
        for (ptrdiff_t p = 0; p < P; p++, to += 2 * LANES)
            memcpy(to, inputs->read[0] + t * D + 2 * p, 2 * sizeof *to);
}

/* Inputs of all sequences. */
static void fill_lanes(const IntegerRows *rows, Lane *lanes, const Border *border,
                       const Inputs *inputs) {
    const ptrdiff_t D = rows->n_channels, P = inputs->n_pairs, most = inputs->n_steps;
    for (int r = 0; r < LANES; r += 4) {
        ptrdiff_t n = most;
        for (int i = 0; i < 4; i++) n = lanes[r + i].n_left < n ? lanes[r + i].n_left : n;
        if (n < most) { /* not as many of each */
            for (int i = 0; i < 4; i++) fill_lane(rows, lanes, r + i, 0, border, inputs);
            continue;
        }
        for (int i = 0; i < 4; i++) read_lane(rows, &lanes[r + i], n, border, inputs->read[i]);
        int16_t *to = inputs->pairs + 2 * r;
        for (ptrdiff_t t = 0; t < n; t++) {
            ptrdiff_t p = 0;
            for (; p + 4 <= P; p += 4)
                turn_four(inputs->read, t * D + 2 * p, 4, to + p * 2 * LANES);
            for (; p + 2 <= P; p += 2)
                turn_four(inputs->read, t * D + 2 * p, 2, to + p * 2 * LANES);
            if (p < P) turn_four(inputs->read, t * D + 2 * p, 1, to + p * 2 * LANES);
            to += P * 2 * LANES;
        }
    }
}

/* Whether no sum of a pooling can overflow. */
static int are_short(const IntegerRows *rows) {
    for (ptrdiff_t i = 0; i < rows->n; i++)
        if (rows->lengths[i] > MOST_STEPS) return 0;
    return 1;
}

static void begin_row(const IntegerRows *rows, Lane *lane, ptrdiff_t row) {
    lane->row = row;
    lane->at = rows->starts[row];
    lane->n_left = rows->lengths[row];
}

/* The logits of those that have ended, in their rows of the outputs; how many they are. */
static ptrdiff_t write_outputs(const fastgrnn_model *model, const Block *block, const Lane *lanes,
                               int32_t *outputs) {
    ptrdiff_t n = 0;
    for (int r = 0; r < LANES; r++) {
        if (lanes[r].n_left > 0 || lanes[r].row < 0) continue;
        int32_t *to = outputs + lanes[r].row * model->n_outputs;
        if (n++ == 0) compute_logits(model, block);
        for (size_t i = 0; i < model->n_outputs; i++) to[i] = block->logits[i * LANES + (size_t)r];
    }
    return n;
}

/* Steps until a sequence ends, at most `most`. */
static ptrdiff_t steps_together(const Lane *lanes, ptrdiff_t most) {
    for (int r = 0; r < LANES; r++)
        if (lanes[r].n_left > 0 && lanes[r].n_left < most) most = lanes[r].n_left;
    return most;
}

/* Compute sequences until too few are left; the number of those computed, which come first, or -1
 * without memory. */
static ptrdiff_t rows_side_by_side(const fastgrnn_model *model, const IntegerRows *rows,
                                   int32_t *outputs) {
    if (rows->n < FEWEST || !are_short(rows)) return 0;
    Block block;
    Inputs inputs;
    Border border;
    Lane lanes[LANES];
    const ptrdiff_t P = (rows->n_channels + 1) / 2, fitting = 4096 / (P * LANES);
    inputs.n_pairs = P;
    inputs.n_steps = fitting < 1 ? 1 : fitting > STEPS ? STEPS : fitting;
    const size_t bytes = arrange_block(model, rows, NULL, &block, &inputs);
    const size_t n_border = (size_t)(3 * STEPS * rows->n_channels);
    char *memory = calloc(bytes + n_border * sizeof(float) + 63, 1);
    if (memory == NULL) return -1;
    char *aligned = memory + (64 - (uintptr_t)memory % 64) % 64;
    arrange_block(model, rows, aligned, &block, &inputs);
    border_of_steps(rows, (float *)(void *)(aligned + bytes), &border);
    make_constants(model, &block);
    ptrdiff_t next = 0, open = 0, t = inputs.n_steps; /* of the inputs */
    for (int r = 0; r < LANES; r++) lanes[r].row = -1, lanes[r].at = lanes[r].n_left = 0;
    begin_lanes(model, &block);
    for (; open < LANES && next < rows->n; open++) begin_row(rows, &lanes[open], next++);
    while (open > 0) {
        if (t == inputs.n_steps) {
            fill_lanes(rows, lanes, &border, &inputs);
            t = 0;
        }
        const ptrdiff_t n = steps_together(lanes, inputs.n_steps - t);
        for (ptrdiff_t i = 0; i < n; i++, t++)
            step_all(model, &block, inputs.pairs + t * P * 2 * LANES);
        for (int r = 0; r < LANES; r++)
            if (lanes[r].row >= 0) lanes[r].n_left -= n;
        const ptrdiff_t n_ended = write_outputs(model, &block, lanes, outputs);
        if (n_ended == 0) continue;
        open -= n_ended;
        if (open == 0) begin_lanes(model, &block);
        const int all_begin = open == 0, are_enough = open + rows->n - next >= FEWEST;
        if (all_begin) begin_lanes(model, &block);
        for (int r = 0; r < LANES; r++) {
            if (lanes[r].n_left > 0) continue;
            lanes[r].row = -1;
            if (next == rows->n || !are_enough) continue;
            if (!all_begin) begin_lane(model, &block, r);
            begin_row(rows, &lanes[r], next++);
            open++;
            if (!all_begin) fill_lane(rows, lanes, r, t, &border, &inputs);
        }
        if (all_begin) t = inputs.n_steps;
    }
    free(memory);
    return next;
}

#endif
