/* Inputs and outputs of a model in integers, beside fastgrnn_integer.c: _specialise.py makes the
 * source of one model of both. */

void fastgrnn_quantize(const float *x, int16_t *q) {
    for (fastgrnn_size i = 0; i < model->n_channels; i++)
        q[i] = fastgrnn_quantize_input(x[i], input_center[i], input_factor[i]);
}

void fastgrnn_step_floats(fastgrnn_state *state, const float *x) {
    int16_t q[model->n_channels];
    fastgrnn_quantize(x, q);
    fastgrnn_step(state, q);
}

#ifndef FASTGRNN_WITHOUT_REGRESSOR
void fastgrnn_predict(fastgrnn_state *state, float *values) {
    int32_t outputs[model->n_outputs];
    fastgrnn_logits(state, outputs);
    for (fastgrnn_size i = 0; i < model->n_outputs; i++)
        values[i] = output_center[i] + output_unit[i] * (float)outputs[i];
}
#endif

#ifndef FASTGRNN_WITHOUT_CLASSES
int fastgrnn_predict(fastgrnn_state *state) {
    int32_t logits[model->n_outputs];
    fastgrnn_size most = 0;
    fastgrnn_logits(state, logits);
#ifndef FASTGRNN_WITHOUT_TWO_CLASSES
    if (logits[0] > 0) most = 1;
#else
    for (fastgrnn_size i = 1; i < model->n_outputs; i++)
        if (logits[i] > logits[most]) most = i;
#endif
    return (int)most;
}
#endif

#ifndef FASTGRNN_WITHOUT_LABELS
void fastgrnn_predict(fastgrnn_state *state, uint8_t *is_there) {
    int32_t logits[model->n_outputs];
    fastgrnn_logits(state, logits);
    for (fastgrnn_size i = 0; i < model->n_outputs; i++) is_there[i] = logits[i] > 0;
}
#endif

#ifndef FASTGRNN_WITHOUT_PROBABILITIES
/* The exponential function of the difference of two logits, lower - higher. The polynomial is 2^v
 * between -1 and 0, to 3e-7 of it. */
static float exponential(int32_t lower, int32_t higher) {
    const float v = -LOG2_E_OF_UNIT * (float)((uint32_t)higher - (uint32_t)lower);
    if (v < -126.0f) return 0.0f;
    int whole = (int)v;
    const float part = v - (float)whole;
    float y = 0.000944902073f;
    y = y * part + 0.00920579396f;
    y = y * part + 0.0552973561f;
    y = y * part + 0.240180135f;
    y = y * part + 0.693143725f;
    y = y * part + 1.0f;
    for (; whole <= -8; whole += 8) y *= 1.0f / 256.0f;
    for (; whole < 0; whole++) y *= 0.5f;
    return y;
}
#endif

#ifndef FASTGRNN_WITHOUT_SIGMOIDS
/* The logistic function of a logit. */
static float logistic(int32_t logit) {
    const float low = logit < 0 ? exponential(logit, 0) : exponential(-logit, 0);
    return (logit < 0 ? low : 1.0f) / (1.0f + low);
}

void fastgrnn_proba(fastgrnn_state *state, float *proba) {
    int32_t logits[model->n_outputs];
    fastgrnn_logits(state, logits);
#ifndef FASTGRNN_WITHOUT_TWO_CLASSES
    proba[0] = logistic(-logits[0]);
    proba[1] = logistic(logits[0]);
#else
    for (fastgrnn_size i = 0; i < model->n_outputs; i++) proba[i] = logistic(logits[i]);
#endif
}
#endif

#ifndef FASTGRNN_WITHOUT_SOFTMAX
void fastgrnn_proba(fastgrnn_state *state, float *proba) {
    int32_t logits[model->n_outputs];
    float sum = 0.0f;
    fastgrnn_size most = 0;
    fastgrnn_logits(state, logits);
    for (fastgrnn_size i = 1; i < model->n_outputs; i++)
        if (logits[i] > logits[most]) most = i;
    for (fastgrnn_size i = 0; i < model->n_outputs; i++) {
        proba[i] = exponential(logits[i], logits[most]);
        sum += proba[i];
    }
    for (fastgrnn_size i = 0; i < model->n_outputs; i++) proba[i] /= sum;
}
#endif
