/* FastGRNN networks in single precision: C99 that needs nothing but <stdint.h>.
 *
 * The part of an exported source that all models share; _c_float.py writes the rest around it.
 * Sections that begin with #ifndef FASTGRNN_WITHOUT_... are left out where the model does not need
 * them. Defined before are FASTGRNN_N_HIDDEN, the functions FASTGRNN_GATE and FASTGRNN_UPDATE of a
 * pre-activation, and the types
 *
 *   fastgrnn_count   of every number of channels, units, outputs, rows and columns
 *   fastgrnn_index   of a column, or of the number of stored weights of a row, in lists of both
 *
 * FASTGRNN_FLASH qualifies constants on machines that have another memory for them.
 */

#ifndef FASTGRNN_WITHOUT_DENSE
/* y (n_rows) += w (n_rows, n_columns) times x (n_columns). */
static void add_product(const FASTGRNN_FLASH float *w, const float *x, fastgrnn_count n_columns,
                        float *y, fastgrnn_count n_rows) {
    const float *const end = x + n_columns;
    for (; n_rows > 0; n_rows--) {
        float sum = *y;
        for (const float *v = x; v < end; v++) sum += *w++ * *v;
        *y++ = sum;
    }
}
#endif

#ifndef FASTGRNN_WITHOUT_MASKED
/* The same of a matrix of which only the weights are stored whose bit in the mask is set. The bits
 * of its rows follow each other, the lowest of a byte first. */
static void add_masked_product(const FASTGRNN_FLASH float *w, const FASTGRNN_FLASH uint8_t *mask,
                               const float *x, fastgrnn_count n_columns, float *y,
                               fastgrnn_count n_rows) {
    const float *const end = x + n_columns;
    uint_fast16_t bits = 1; /* the rest of a byte, below a 1 */
    for (; n_rows > 0; n_rows--) {
        float sum = *y;
        for (const float *v = x; v < end; v++) {
            if (bits == 1) bits = 0x100u | *mask++;
            if ((bits & 1u) != 0) sum += *w++ * *v;
            bits >>= 1;
        }
        *y++ = sum;
    }
}
#endif

#ifndef FASTGRNN_WITHOUT_BLOCKS
/* The same with a bit for each group of block_size neighbours of a row, of which the last may be
 * shorter. */
static void add_block_product(const FASTGRNN_FLASH float *w, const FASTGRNN_FLASH uint8_t *mask,
                              uint8_t block_size, const float *x, fastgrnn_count n_columns,
                              float *y, fastgrnn_count n_rows) {
    const float *const end = x + n_columns;
    uint_fast16_t bits = 1;
    for (; n_rows > 0; n_rows--) {
        const float *v = x;
        float sum = *y;
        while (v < end) {
            const float *const after = end - v > block_size ? v + block_size : end;
            if (bits == 1) bits = 0x100u | *mask++;
            if ((bits & 1u) != 0)
                for (; v < after; v++) sum += *w++ * *v;
            v = after;
            bits >>= 1;
        }
        *y++ = sum;
    }
}
#endif

#ifndef FASTGRNN_WITHOUT_LISTED
/* The same of a matrix of which only some weights are stored: counts (n_rows) of them in each row,
 * and the column of each. */
static void add_listed_product(const FASTGRNN_FLASH float *w,
                               const FASTGRNN_FLASH fastgrnn_index *counts,
                               const FASTGRNN_FLASH fastgrnn_index *columns, const float *x,
                               float *y, fastgrnn_count n_rows) {
    for (; n_rows > 0; n_rows--) {
        float sum = *y;
        for (fastgrnn_index n = *counts++; n > 0; n--) sum += *w++ * x[*columns++];
        *y++ = sum;
    }
}
#endif

static void clear(float *y, fastgrnn_count n) {
    for (; n > 0; n--) *y++ = 0.0f;
}

#ifndef FASTGRNN_WITHOUT_EXP
/* e^-a for a >= 0, to 1e-7 of it, and 0 from 87 on. With a = k log 2 - r and |r| <= log(2) / 2 it
 * is 2^-k e^r, whose series is fitted to that interval. */
static float exp_of_negative(float a) {
    union {
        uint32_t bits;
        float value;
    } power;
    if (!(a < 87.0f)) return 0.0f;
    const uint_fast8_t k = (uint_fast8_t)(a * 1.44269502f + 0.5f);
    /* log 2 in two parts, of which the first times k is exact */
    const float r = ((float)k * 0.693359375f - a) - (float)k * 2.12194442e-4f;
    float y = 1.38144649e-3f;
    y = y * r + 8.36878084e-3f;
    y = y * r + 0.0416683927f;
    y = y * r + 0.166665196f;
    y = y * r + 0.49999994f;
    y = y * r * r + r + 1.0f;
    power.bits = (uint32_t)(127u - k) << 23;
    return y * power.value;
}
#endif

#ifndef FASTGRNN_WITHOUT_SIGMOID
static float sigmoid(float v) {
    const float e = exp_of_negative(v < 0.0f ? -v : v);
    return (v < 0.0f ? e : 1.0f) / (1.0f + e);
}
#endif

#ifndef FASTGRNN_WITHOUT_TANH
static float hyperbolic_tangent(float v) {
    const float a = v < 0.0f ? -v : v;
    if (a < 0.625f) {
        /* odd, and fitted to this interval: 1 - 2 e / (1 + e) would lose digits of small values */
        const float s = v * v;
        float y = -5.71703259e-3f;
        y = y * s + 0.0206505749f;
        y = y * s - 0.0537434928f;
        y = y * s + 0.133314908f;
        y = y * s - 0.333332837f;
        return y * s * v + v;
    }
    const float e = exp_of_negative(2.0f * a);
    const float y = 1.0f - 2.0f * e / (1.0f + e);
    return v < 0.0f ? -y : y;
}
#endif

#ifndef FASTGRNN_WITHOUT_RELU
static float rectifier(float v) { return v > 0.0f ? v : 0.0f; }
#endif

#ifndef FASTGRNN_WITHOUT_HARD_SIGMOID
static float hard_sigmoid(float v) {
    return v > -1.0f ? v < 1.0f ? 0.5f * (v + 1.0f) : 1.0f : 0.0f;
}
#endif

#ifndef FASTGRNN_WITHOUT_HARD_TANH
static float hard_tanh(float v) { return v > -1.0f ? v < 1.0f ? v : 1.0f : -1.0f; }
#endif

/* The next state h (N_HIDDEN) of a cell, of its pre-activations without biases. */
#ifndef FASTGRNN_WITHOUT_UNBOUNDED
static void update(const FASTGRNN_FLASH float *bias_gate, const FASTGRNN_FLASH float *bias_update,
                   float zeta, float nu, const float *pre, float *h) {
    for (fastgrnn_count i = 0; i < FASTGRNN_N_HIDDEN; i++) {
        const float z = FASTGRNN_GATE(pre[i] + bias_gate[i]);
        const float c = FASTGRNN_UPDATE(pre[i] + bias_update[i]);
        h[i] = (zeta * (1.0f - z) + nu) * c + z * h[i];
    }
}
#endif
#ifndef FASTGRNN_WITHOUT_BOUNDED
static void update(const FASTGRNN_FLASH float *bias_gate, const FASTGRNN_FLASH float *bias_update,
                   float zeta, const float *pre, float *h) {
    for (fastgrnn_count i = 0; i < FASTGRNN_N_HIDDEN; i++) {
        const float z = FASTGRNN_GATE(pre[i] + bias_gate[i]);
        const float c = FASTGRNN_UPDATE(pre[i] + bias_update[i]);
        h[i] = zeta * (1.0f - z) * c + z * h[i];
    }
}
#endif

#ifndef FASTGRNN_WITHOUT_SUMS
/* sum += v; lost is what rounding has added to the sum so far (Kahan, "Further remarks on reducing
 * truncation errors", 1965), so that long sequences have no greater error than short ones. */
static void add(float *sum, float *lost, float v) {
    const float corrected = v - *lost;
    const float next = *sum + corrected;
    *lost = (next - *sum) - corrected;
    *sum = next;
}
#endif

#ifndef FASTGRNN_WITHOUT_MEAN
static void sum_up(const float *h, float *sum, float *lost) {
    for (fastgrnn_count i = 0; i < FASTGRNN_N_HIDDEN; i++) add(&sum[i], &lost[i], h[i]);
}
#endif

#ifndef FASTGRNN_WITHOUT_MAX
static void raise_to(const float *h, float *most) {
    for (fastgrnn_count i = 0; i < FASTGRNN_N_HIDDEN; i++)
        if (h[i] > most[i]) most[i] = h[i];
}
#endif

#ifndef FASTGRNN_WITHOUT_ATTENTION
/* Add a state with the weight e^score. All weights are divided by the greatest so far, whose score
 * is the reference; weight[0] is their sum, weight[1] what it has lost. */
static void add_weighted(const float *h, float score, float *reference, float *weight, float *sum,
                         float *lost) {
    float own = 1.0f;
    if (score > *reference) {
        const float decay = exp_of_negative(score - *reference);
        for (fastgrnn_count i = 0; i < FASTGRNN_N_HIDDEN; i++) {
            sum[i] *= decay;
            lost[i] *= decay;
        }
        weight[0] *= decay;
        weight[1] *= decay;
        *reference = score;
    } else {
        own = exp_of_negative(*reference - score);
    }
    add(&weight[0], &weight[1], own);
    for (fastgrnn_count i = 0; i < FASTGRNN_N_HIDDEN; i++) add(&sum[i], &lost[i], own * h[i]);
}
#endif
