/* What a model in single precision predicts, beside fastgrnn_float.c. */

#ifndef FASTGRNN_WITHOUT_REGRESSOR
void fastgrnn_predict(fastgrnn_state *state, float *values) { fastgrnn_logits(state, values); }
#endif

#ifndef FASTGRNN_WITHOUT_TWO_CLASSES
int fastgrnn_predict(fastgrnn_state *state) {
    float logits[FASTGRNN_N_OUTPUTS];
    fastgrnn_logits(state, logits);
    return logits[0] > 0.0f;
}

void fastgrnn_proba(fastgrnn_state *state, float *proba) {
    float logits[FASTGRNN_N_OUTPUTS];
    fastgrnn_logits(state, logits);
    proba[0] = sigmoid(-logits[0]);
    proba[1] = sigmoid(logits[0]);
}
#endif

#ifndef FASTGRNN_WITHOUT_MORE_CLASSES
static fastgrnn_count most_probable(const float *logits) {
    fastgrnn_count most = 0;
    for (fastgrnn_count i = 1; i < FASTGRNN_N_OUTPUTS; i++)
        if (logits[i] > logits[most]) most = i;
    return most;
}

int fastgrnn_predict(fastgrnn_state *state) {
    float logits[FASTGRNN_N_OUTPUTS];
    fastgrnn_logits(state, logits);
    return (int)most_probable(logits);
}

void fastgrnn_proba(fastgrnn_state *state, float *proba) {
    float sum = 0.0f, greatest;
    fastgrnn_logits(state, proba);
    greatest = proba[most_probable(proba)];
    for (fastgrnn_count i = 0; i < FASTGRNN_N_LABELS; i++) {
        proba[i] = exp_of_negative(greatest - proba[i]);
        sum += proba[i];
    }
    for (fastgrnn_count i = 0; i < FASTGRNN_N_LABELS; i++) proba[i] /= sum;
}
#endif

#ifndef FASTGRNN_WITHOUT_LABELS
void fastgrnn_predict(fastgrnn_state *state, uint8_t *is_there) {
    float logits[FASTGRNN_N_OUTPUTS];
    fastgrnn_logits(state, logits);
    for (fastgrnn_count i = 0; i < FASTGRNN_N_OUTPUTS; i++) is_there[i] = logits[i] > 0.0f;
}

void fastgrnn_proba(fastgrnn_state *state, float *proba) {
    fastgrnn_logits(state, proba);
    for (fastgrnn_count i = 0; i < FASTGRNN_N_OUTPUTS; i++) proba[i] = sigmoid(proba[i]);
}
#endif
