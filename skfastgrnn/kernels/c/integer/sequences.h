/* A step of many sequences side by side, whose units follow one after the other: no place of a
 * vector is lost where units are few, and a pooling is as simple as for one number.
 *
 * A vector of int16 has a number of each of LANES sequences, in the order of `join`. Products read
 * pairs of neighbouring units, two vectors of them for LANES sequences in their own order.
 */
#ifndef SKFASTGRNN_INTEGER_SEQUENCES_H
#define SKFASTGRNN_INTEGER_SEQUENCES_H

#include "vectors.h"

/* Units, and rows of factors, are computed four at a time. Longer sequences than MOST_STEPS would
 * overflow the sums of a pooling, which are int32 here. */
enum { LANES = 2 * UNITS, FOUR = 4, MOST_STEPS = 32768 };

/* Of each unit: multipliers of W and U, and biases with the fractional bits of pre-activations. */
enum { BY_W, BY_U, TO_GATE, TO_UPDATE, N_CONSTANTS };

typedef struct {
    uint32_t n_units, n_outputs; /* multiples of FOUR */
    int32_t *constants;          /* (n_layers, n_units, N_CONSTANTS) */
    int16_t *h;                  /* (n_layers, n_units, LANES) states */
    int16_t *pairs;              /* (n_layers, n_units / 2, LANES, 2) the same in pairs */
    int16_t *next_pairs;         /* those after the step */
    int16_t *low;                /* (largest rank / 2, LANES, 2) */
    int16_t *summary;            /* (n_units / 2, LANES, 2) what the head reads */
    int16_t *most;               /* (n_units, LANES) for FASTGRNN_MAX */
    int32_t *sum_high, *sum_low; /* (n_units, LANES): the sum is 2^16 high + low */
    int32_t *logits;             /* (n_outputs, LANES) */
    int32_t *reference;          /* (LANES) for FASTGRNN_ATTENTION */
    uint32_t *weight, *n_steps;  /* (LANES) likewise, and so far; both wrap where no sequence is */
} Block;

INLINE int16_t *pairs_of(int16_t *pairs, uint32_t unit) { return pairs + (size_t)unit * LANES; }

/* Of two units, in the order of `join`. */
INLINE void store_pairs(int16_t *pairs, vec a, vec b) {
    store(pairs, low_pairs(a, b));
    store(pairs + LANES, high_pairs(a, b));
}

/* Sums of rows i to i + n of a matrix times x (n_columns / 2, LANES, 2). */
INLINE void sums_of_rows(const fastgrnn_matrix *m, const int16_t *x, uint32_t i, int n,
                         vec (*sums)[2]) {
    const int16_t *w = (const int16_t *)m->weights + 2 * i;
    for (int k = 0; k < n; k++) sums[k][0] = sums[k][1] = all(0);
    for (uint32_t c = 0; c < m->n_columns; c += 2, w += 2 * m->n_rows, x += 2 * LANES) {
        const vec first = load(x), second = load(x + LANES);
        for (int k = 0; k < n; k++) {
            const vec weights = all_pairs(w + 2 * k);
            sums[k][0] = add_pairs(sums[k][0], weights, first);
            sums[k][1] = add_pairs(sums[k][1], weights, second);
        }
    }
}

/* The same in the format of results, by multipliers `distance` apart. */
INLINE void requantize_rows(vec (*sums)[2], int n, const int32_t *multipliers, int distance,
                            int shift) {
    for (int k = 0; k < n; k++) {
        const vec multiplier = all(multipliers[k * distance]);
        sums[k][0] = requantized_all(sums[k][0], multiplier, shift);
        sums[k][1] = requantized_all(sums[k][1], multiplier, shift);
    }
}

/* Rows i to i + n of the product with x, in the format of its results. */
INLINE void rows_of_products(const fastgrnn_matrix *m, const int16_t *x, uint32_t i, int n,
                             vec (*results)[2]) {
    int32_t multipliers[FOUR];
    for (int k = 0; k < n; k++) multipliers[k] = m->multiplier[i + k];
    sums_of_rows(m, x, i, n, results);
    requantize_rows(results, n, multipliers, 1, m->shift);
}

/* What the other factor reads, of n columns: the product with x, or x itself without a factor. */
INLINE const int16_t *through_factors(const fastgrnn_matrix *m, uint32_t n, const int16_t *x,
                                      int16_t *low) {
    vec results[FOUR][2];
    if (m->n_rows == 0) return x;
    for (uint32_t i = 0; i < n; i += FOUR) {
        rows_of_products(m, x, i, FOUR, results);
        for (int k = 0; k < FOUR; k += 2)
            store_pairs(pairs_of(low, i + k), join(results[k][0], results[k][1]),
                        join(results[k + 1][0], results[k + 1][1]));
    }
    return low;
}

/* One step of a cell that reads x. */
INLINE void step_cells(const fastgrnn_cell *of_layer, const int32_t *constants, const Block *block,
                       const int16_t *x, int16_t *h, const int16_t *pairs, int16_t *next_pairs,
                       int gate, int update) {
    const fastgrnn_cell copied = *of_layer, *cell = &copied; /* which no store can change */
    const uint32_t n_units = block->n_units;
    const Update by = update_of(cell, gate, update);
    const int16_t *low_x = through_factors(&cell->w_low, cell->w.n_columns, x, block->low);
    int16_t *second_low =
        block->low + (cell->w_low.n_rows > 0 ? (size_t)cell->w_low.n_rows * LANES : 0);
    const int16_t *of_h = through_factors(&cell->u_low, cell->u.n_columns, pairs, second_low);
    for (uint32_t i = 0; i < n_units; i += FOUR) {
        vec of_x[FOUR][2], products[FOUR][2], new[FOUR];
        sums_of_rows(&cell->w, low_x, i, FOUR, of_x);
        requantize_rows(of_x, FOUR, constants + BY_W, N_CONSTANTS, cell->w.shift);
        sums_of_rows(&cell->u, of_h, i, FOUR, products);
        requantize_rows(products, FOUR, constants + BY_U, N_CONSTANTS, cell->u.shift);
        for (int k = 0; k < FOUR; k++, constants += N_CONSTANTS) {
            const vec to_gate = all(constants[TO_GATE]), to_update = all(constants[TO_UPDATE]);
            const Part a = {V(add_epi32)(of_x[k][0], products[k][0]), to_gate, to_update};
            const Part b = {V(add_epi32)(of_x[k][1], products[k][1]), to_gate, to_update};
            int16_t *of_unit = h + (size_t)(i + k) * LANES;
            vec z, c;
            activations(&by, &a, &b, &z, &c);
            new[k] = new_state(&by, z, c, load(of_unit));
            store(of_unit, new[k]);
        }
        store_pairs(pairs_of(next_pairs, i), new[0], new[1]);
        store_pairs(pairs_of(next_pairs, i + 2), new[2], new[3]);
    }
}

static void make_constants(const fastgrnn_model *model, const Block *block) {
    int32_t *to = block->constants;
    for (uint32_t layer = 0; layer < model->n_layers; layer++) {
        const fastgrnn_cell *cell = &model->cells[layer];
        for (uint32_t i = 0; i < block->n_units; i++, to += N_CONSTANTS) {
            to[BY_W] = cell->w.multiplier[i];
            to[BY_U] = cell->u.multiplier[i];
            to[TO_GATE] = cell->bias_gate[i] * (INT32_C(1) << cell->bias_shift);
            to[TO_UPDATE] = cell->bias_update[i] * (INT32_C(1) << cell->bias_shift);
        }
    }
}

/* ---- pooling ---- */

/* Weights (LANES) of a step whose scores are given, relative to the greatest exponent so far; a
 * greater one moves the sums to it, which is rare. */
static void weights_of_step(const Block *block, const int32_t *scores, int32_t *weights) {
    for (int r = 0; r < LANES; r++) {
        const int32_t exponent = shift_down(scores[r], SCORE_BITS);
        if (block->n_steps[r] == 0) block->reference[r] = exponent;
        if (exponent > block->reference[r]) {
            const int32_t more = exponent - block->reference[r], down = more > 62 ? 62 : more;
            const int64_t half = INT64_C(1) << (down - 1);
            block->reference[r] = exponent;
            block->weight[r] = (uint32_t)shift_down_64(block->weight[r] + half, down);
            for (uint32_t i = 0; i < block->n_units; i++) {
                int32_t *high = block->sum_high + (size_t)i * LANES + r;
                int32_t *low = block->sum_low + (size_t)i * LANES + r;
                const int64_t sum = *high * INT64_C(65536) + *low;
                const int64_t moved = shift_down_64(sum + half, down);
                *high = (int32_t)shift_down_64(moved, 16);
                *low = (int32_t)(moved & 0xFFFF);
            }
        }
        weights[r] = attention_weight(scores[r], block->reference[r]);
        block->weight[r] += (uint32_t)weights[r];
    }
}

/* Add weights times states. */
INLINE void add_to_sums(const Block *block, const int16_t *pairs, const int32_t *weights) {
    for (uint32_t i = 0; i < block->n_units; i += 2)
        for (int part = 0; part < 2; part++) {
            const vec of_a = load(weights + part * UNITS), of_b = V(slli_epi32)(of_a, 16);
            const vec h = load(pairs_of((int16_t *)pairs, i) + part * LANES);
            for (int k = 0; k < 2; k++) {
                const size_t at = (size_t)(i + k) * LANES + part * UNITS;
                const vec products = V(madd_epi16)(h, k == 0 ? of_a : of_b);
                const vec low = V_BITS (and)(products, all(0xFFFF));
                int32_t *to_high = block->sum_high + at, *to_low = block->sum_low + at;
                store(to_high, V(add_epi32)(load(to_high), V(srai_epi32)(products, 16)));
                store(to_low, V(add_epi32)(load(to_low), low));
            }
        }
}

static void attend_all(const fastgrnn_model *model, const Block *block, const int16_t *pairs) {
    int32_t scores[LANES], weights[LANES];
    vec of_attention[1][2];
    rows_of_products(&model->attention, pairs, 0, 1, of_attention);
    store(scores, of_attention[0][0]);
    store(scores + UNITS, of_attention[0][1]);
    weights_of_step(block, scores, weights);
    add_to_sums(block, pairs, weights);
}

/* Take in the states of a step. */
INLINE void pool_all(const fastgrnn_model *model, const Block *block, const int16_t *h,
                     const int16_t *pairs) {
    const vec first = all(1), second = all(1 << 16);
    switch (model->pooling) {
    case FASTGRNN_MEAN:
        for (uint32_t i = 0; i < block->n_units; i += 2)
            for (int part = 0; part < 2; part++) {
                const vec pair = load(pairs_of((int16_t *)pairs, i) + part * LANES);
                int32_t *a = block->sum_low + (size_t)i * LANES + part * UNITS, *b = a + LANES;
                store(a, add_pairs(load(a), pair, first));
                store(b, add_pairs(load(b), pair, second));
            }
        break;
    case FASTGRNN_MAX:
        for (uint32_t i = 0; i < block->n_units; i++) {
            int16_t *most = block->most + (size_t)i * LANES;
            store(most, V(max_epi16)(load(most), load(h + (size_t)i * LANES)));
        }
        break;
    case FASTGRNN_ATTENTION:
        attend_all(model, block, pairs);
        break;
    default:
        break;
    }
}

/* ---- a step, and what comes after the last ---- */

INLINE void step_layers(const fastgrnn_model *model, Block *block, const int16_t *x, int gate,
                        int update) {
    const size_t n = (size_t)block->n_units * LANES;
    int16_t *h = block->h, *pairs = block->pairs, *next_pairs = block->next_pairs;
    for (uint32_t layer = 0; layer < model->n_layers; layer++) {
        const int32_t *constants = block->constants + (size_t)layer * block->n_units * N_CONSTANTS;
        if (layer > 0) h += n, pairs += n, next_pairs += n;
        step_cells(&model->cells[layer], constants, block, x, h, pairs, next_pairs, gate, update);
        x = next_pairs;
    }
    pool_all(model, block, h, x);
    for (int r = 0; r < LANES; r++) block->n_steps[r]++;
    int16_t *before = block->pairs;
    block->pairs = block->next_pairs;
    block->next_pairs = before;
}

/* A step that reads x (n_channels / 2, LANES, 2). */
static void step_all(const fastgrnn_model *model, Block *block, const int16_t *x) {
    if (model->gate == FASTGRNN_SIGMOID && model->update == FASTGRNN_TANH)
        step_layers(model, block, x, FASTGRNN_SIGMOID, FASTGRNN_TANH);
    else if (model->gate == FASTGRNN_SIGMOID && model->update == FASTGRNN_RELU)
        step_layers(model, block, x, FASTGRNN_SIGMOID, FASTGRNN_RELU);
    else if (model->gate == FASTGRNN_HARD_SIGMOID && model->update == FASTGRNN_HARD_TANH)
        step_layers(model, block, x, FASTGRNN_HARD_SIGMOID, FASTGRNN_HARD_TANH);
    else step_layers(model, block, x, model->gate, model->update);
}

/* R(sum / n), saturated, of the sums of a unit. In double, in which quotients of integers below
 * 2^53 are rounded to no integer that they are below; shifted, so that none is negative. */
INLINE void quotients(const Block *block, uint32_t i, const uint32_t *divisors, int16_t *summary) {
    const int32_t *high = block->sum_high + (size_t)i * LANES;
    const int32_t *low = block->sum_low + (size_t)i * LANES;
    for (int r = 0; r < LANES; r++) {
        const int32_t divisor = (int32_t)divisors[r];
        const double n = divisor > 1 ? divisor : 1; /* any where no sequence is */
        const double quotient = (2 * (high[r] * 65536.0 + low[r] + 65536 * n) + n) / (2 * n);
        const double above = quotient > 32768 ? quotient : 32768;
        const double inside = above < 98303 ? above : 98303;
        summary[2 * r] = (int16_t)((int32_t)inside - 65536);
    }
}

/* What the head reads (n_units / 2, LANES, 2). */
static const int16_t *summarize_all(const fastgrnn_model *model, const Block *block) {
    if (model->pooling == FASTGRNN_LAST)
        return pairs_of(block->pairs, (model->n_layers - 1u) * block->n_units);
    for (uint32_t i = 0; i < block->n_units; i += 2) {
        int16_t *pairs = pairs_of(block->summary, i);
        const int16_t *most = block->most + (size_t)i * LANES;
        if (model->pooling == FASTGRNN_MAX) {
            store_pairs(pairs, load(most), load(most + LANES));
            continue;
        }
        const uint32_t *divisors = model->pooling == FASTGRNN_MEAN ? block->n_steps : block->weight;
        quotients(block, i, divisors, pairs);
        quotients(block, i + 1, divisors, pairs + 1);
    }
    return block->summary;
}

/* Logits (n_outputs, LANES) after the last step. */
static void compute_logits(const fastgrnn_model *model, const Block *block) {
    const int16_t *summary = summarize_all(model, block);
    vec results[FOUR][2];
    for (uint32_t i = 0; i < block->n_outputs; i += FOUR) {
        rows_of_products(&model->head, summary, i, FOUR, results);
        for (int k = 0; k < FOUR; k++) {
            const vec bias = all(i + k < model->n_outputs ? model->head_bias[i + k] : 0);
            int32_t *to = block->logits + (size_t)(i + k) * LANES;
            store(to, V(add_epi32)(results[k][0], bias));
            store(to + UNITS, V(add_epi32)(results[k][1], bias));
        }
    }
}

/* The place of a sequence in the order of `join`. */
static int joined_place(int r) {
    return r < UNITS ? r / 4 * 8 + r % 4 : (r - UNITS) / 4 * 8 + 4 + r % 4;
}

/* Begin a sequence in one place. */
static void begin_lane(const fastgrnn_model *model, const Block *block, int r) {
    const size_t joined = (size_t)joined_place(r);
    for (uint32_t i = 0; i < block->n_units * model->n_layers; i++) {
        block->h[(size_t)i * LANES + joined] = 0;
        block->pairs[((size_t)(i / 2) * LANES + (size_t)r) * 2 + i % 2] = 0;
    }
    for (uint32_t i = 0; i < block->n_units; i++) {
        const size_t at = (size_t)i * LANES;
        if (model->pooling == FASTGRNN_MAX) block->most[at + joined] = INT16_MIN;
        block->sum_high[at + (size_t)r] = block->sum_low[at + (size_t)r] = 0;
    }
    block->reference[r] = 0;
    block->weight[r] = block->n_steps[r] = 0;
}

/* Begin one in every place. */
static void begin_lanes(const fastgrnn_model *model, const Block *block) {
    const size_t n = (size_t)block->n_units * LANES, n_states = n * model->n_layers;
    memset(block->h, 0, n_states * sizeof *block->h);
    memset(block->pairs, 0, n_states * sizeof *block->pairs);
    memset(block->sum_high, 0, n * sizeof *block->sum_high);
    memset(block->sum_low, 0, n * sizeof *block->sum_low);
    for (size_t i = 0; i < n; i++) block->most[i] = INT16_MIN;
    memset(block->reference, 0, LANES * sizeof *block->reference);
    memset(block->weight, 0, LANES * sizeof *block->weight);
    memset(block->n_steps, 0, LANES * sizeof *block->n_steps);
}

#endif
