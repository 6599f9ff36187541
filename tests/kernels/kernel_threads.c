/* The kernel's threads without Python around them, for the thread sanitizer (`make sanitize`):
 * outputs, losses, gradients and epochs have the same bits for every number of threads, and a
 * sequence that does not fit ends a call whichever thread finds it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

extern const Kernel kernel_32, kernel_64;

enum { N = 700, BATCH = 300, LONGEST = 9, D = 3, H = 5, O = 4, LAYERS = 2, CELLS = 2 * LAYERS };
enum { R = 2 * H, S = N * LONGEST };
enum { P = 2 * (H * D + H * H) + 2 * (H * R + H * H) + O * R + CELLS * (2 * H + 2) + O };

typedef struct {
    double values[S * D], parameters[P], first[P], second[P], gradient[P], outputs[N * O];
} Numbers; /* room for either precision */

typedef struct {
    Numbers numbers;
    Score score;
    EpochTotals totals;
} Result;

static ptrdiff_t starts[N], lengths[N], chosen[N], refused;
static int32_t labels[N];

static void check(int is_right, const char *what) {
    if (is_right) return;
    fprintf(stderr, "kernel_threads: %s\n", what);
    exit(1);
}

/* Numbers of [-scale, scale], the same at every call. */
static void fill(const Kernel *kernel, double *numbers, ptrdiff_t n, double scale) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const double x = scale * ((double)(i * 7919 % 1009) / 504 - 1);
        if (kernel == &kernel_32) ((float *)numbers)[i] = (float)x;
        else numbers[i] = x;
    }
}

static void fill_sequences(void) {
    for (ptrdiff_t i = 0; i < N; i++) {
        starts[i] = i * LONGEST;
        lengths[i] = LONGEST - i % BATCH * LONGEST / BATCH; /* decreasing in each minibatch */
        chosen[i] = i;
        labels[i] = (int32_t)(i * 31 % O);
    }
}

/* An epoch, and before it all else that runs on several threads where `with_losses` says so. */
static int compute(const Kernel *kernel, int n_threads, int with_losses, Result *result) {
    const Network net = {D, H, O, LAYERS, 1, SIGMOID, TANH, LAST};
    const Dropout dropout = {0.25, 1};
    Numbers *x = &result->numbers;
    Sequences seqs = {x->values, starts, lengths, chosen, S, N, BATCH, LONGEST, &refused};
    const Targets targets = {1, labels, NULL, NULL};
    const Loss loss = {CROSS_ENTROPY, 1, 1, 1, 0};
    Optimizer adam = {ADAM, 0.01, 0.9, 0.999, 1e-8, 0, 0, 1e-3, 1, 1, x->first, x->second, 0};
    const Parametrization identity = {0, {NULL, NULL}};

    memset(result, 0, sizeof *result);
    fill(kernel, x->values, S * D, 1);
    fill(kernel, x->parameters, P, 0.5);
    check(kernel->fits(&net, P), "the network does not fit its parameters");
    if (with_losses) {
        seqs.n = BATCH;
        check(kernel->outputs(&net, x->parameters, &seqs, x->outputs, n_threads) == 0,
              "outputs fail");
        check(kernel->loss_gradient(&net, x->parameters, &seqs, &targets, &loss, &dropout,
                                    &result->score, x->gradient, n_threads) == 0,
              "the loss fails");
    }
    seqs.n = N;
    return kernel->train(&net, x->parameters, &seqs, &targets, &loss, &dropout, &adam, &identity,
                         BATCH, 0, (N + BATCH - 1) / BATCH, &result->totals, n_threads);
}

static void compare_threads(const Kernel *kernel) {
    static Result one, many;
    fill_sequences();
    check(compute(kernel, 1, 1, &one) == 0, "one thread fails");
    check(one.totals.n_updates == 3 && !one.totals.diverged, "one thread does not train");
    for (int n_threads = 2; n_threads <= 8; n_threads += 3) {
        check(compute(kernel, n_threads, 1, &many) == 0, "several threads fail");
        check(memcmp(&one, &many, sizeof one) == 0, "several threads have other bits");
    }
}

static void refuse_with_threads(const Kernel *kernel) {
    static Result result;
    static double untouched[P];
    fill(kernel, untouched, P, 0.5);
    for (int n_threads = 1; n_threads <= 4; n_threads++) {
        fill_sequences();
        for (ptrdiff_t i = BATCH; i < N; i += 2) labels[i] = O;
        const int status = compute(kernel, n_threads, 0, &result);
        check(status == KERNEL_BAD_LABEL, "a label that is no class is not refused");
        check(refused >= BATCH && labels[chosen[refused]] == O, "another sequence is blamed");
        check(memcmp(untouched, result.numbers.parameters, sizeof untouched) == 0,
              "a refusal changes parameters");
    }
}

int main(void) {
    const Kernel *kernels[] = {&kernel_32, &kernel_64};
    for (int i = 0; i < 2; i++) {
        compare_threads(kernels[i]);
        refuse_with_threads(kernels[i]);
    }
    puts("kernel_threads: the same bits for every number of threads");
    return 0;
}
