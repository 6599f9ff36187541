/* Run an exported model over the sequences of the input, and count what its functions cost.
 *
 * Input: the number of sequences (uint32); of each, the number of steps (uint32) and the values.
 * Output: `fixed`; of each sequence, the logits and `spent`; `stack_used`.
 *
 * measured.h is written for each model: its header, and its names without the model's own.
 */
#include "device.h"
#include "measured.h"
#include "stack.h"

#define APART __attribute__((noinline))

static model_state state;
static model_input x[N_CHANNELS];
static model_output logits[N_OUTPUTS];

/* What calls cost that do nothing, and sizeof the state. */
static struct {
    uint32_t reset, step, logits, state_bytes;
} fixed;

/* What the calls for a sequence cost; those of all steps together have 64 bits. */
static struct {
    uint32_t reset, logits, longest_step, steps_low, steps_high;
} spent;

/* Most bytes of the stack that a call has used, and the stack pointer at the last call. */
static uint16_t stack_used;
static volatile uint8_t *at_call;

APART static void reset_nothing(model_state *s) { (void)s; }

APART static void step_nothing(model_state *s, const model_input *v) { (void)s, (void)v; }

APART static void logits_nothing(model_state *s, model_output *v) { (void)s, (void)v; }

/* Called through pointers that a compiler cannot follow, so that every call is compiled alike. */
static void (*volatile reset_function)(model_state *);
static void (*volatile step_function)(model_state *, const model_input *);
static void (*volatile logits_function)(model_state *, model_output *);

APART static uint32_t reset_cost(enum device_span span) {
    at_call = stack_pointer();
    device_begin(span);
    reset_function(&state);
    return device_end();
}

APART static uint32_t step_cost(enum device_span span) {
    at_call = stack_pointer();
    device_begin(span);
    step_function(&state, x);
    return device_end();
}

APART static uint32_t logits_cost(enum device_span span) {
    at_call = stack_pointer();
    device_begin(span);
    logits_function(&state, logits);
    return device_end();
}

/* A call's cost; how deep it uses the stack is measured, too. */
#define MEASURED(COST, CALL)                                                                       \
    do {                                                                                           \
        paint_stack();                                                                             \
        COST = CALL;                                                                               \
        const uint16_t depth = stack_depth(at_call);                                               \
        if (depth > stack_used) stack_used = depth;                                                \
    } while (0)

int main(void) {
    uint32_t n_sequences, n_steps, cost;
    reset_function = reset_nothing;
    step_function = step_nothing;
    logits_function = logits_nothing;
    fixed.reset = reset_cost(IDLE_RESET);
    fixed.step = step_cost(IDLE_STEP);
    fixed.logits = logits_cost(IDLE_LOGITS);
    fixed.state_bytes = sizeof state;
    device_write(&fixed, sizeof fixed);
    reset_function = MODEL(reset);
    step_function = MODEL_STEP;
    logits_function = MODEL(logits);

    device_read(&n_sequences, sizeof n_sequences);
    for (uint32_t i = 0; i < n_sequences; i++) {
        device_read(&n_steps, sizeof n_steps);
        spent.longest_step = spent.steps_low = spent.steps_high = 0;
        MEASURED(spent.reset, reset_cost(RESET));
        for (uint32_t t = 0; t < n_steps; t++) {
            device_read(x, sizeof x);
            if (i == 0 && t < 4) /* painting takes long */
                MEASURED(cost, step_cost(STEP));
            else cost = step_cost(STEP);
            spent.steps_low += cost;
            if (spent.steps_low < cost) spent.steps_high++;
            if (cost > spent.longest_step) spent.longest_step = cost;
        }
        MEASURED(spent.logits, logits_cost(LOGITS));
        device_write(logits, sizeof logits);
        device_write(&spent, sizeof spent);
    }
    device_write(&stack_used, sizeof stack_used);
    device_exit(DONE);
    return 0;
}
