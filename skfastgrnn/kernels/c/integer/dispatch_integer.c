#include "dispatch_integer.h"

extern IntegerKernel skfastgrnn_integer_baseline;
#if SKFASTGRNN_WIDE_X86
extern IntegerKernel skfastgrnn_integer_avx2, skfastgrnn_integer_avx512;
#endif

static const struct {
    const char *name;
    IntegerKernel *kernel;
} KERNELS[] = {
    {"baseline", skfastgrnn_integer_baseline},
#if SKFASTGRNN_WIDE_X86
    {"avx2", skfastgrnn_integer_avx2},
    {"avx512", skfastgrnn_integer_avx512},
#endif
};

int integer_kernel_count(void) {
    int n = 1;
#if SKFASTGRNN_WIDE_X86
    if (__builtin_cpu_supports("avx2")) n = 2;
    if (n == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni"))
        n = 3;
#endif
    return n;
}

const char *integer_kernel_name(int i) { return KERNELS[i].name; }

IntegerKernel *integer_kernel(int i) { return KERNELS[i].kernel; }
