#include "dispatch.h"

extern const Kernel skfastgrnn_f32_baseline, skfastgrnn_f64_baseline;
#if SKFASTGRNN_X86_64
extern const Kernel skfastgrnn_f32_avx2, skfastgrnn_f64_avx2;
extern const Kernel skfastgrnn_f32_avx512, skfastgrnn_f64_avx512;
#endif

static const struct {
    const Kernel *f32, *f64;
} KERNELS[] = {
    {&skfastgrnn_f32_baseline, &skfastgrnn_f64_baseline},
#if SKFASTGRNN_X86_64
    {&skfastgrnn_f32_avx2, &skfastgrnn_f64_avx2},
    {&skfastgrnn_f32_avx512, &skfastgrnn_f64_avx512},
#endif
};

int kernel_count(void) { return (int)(sizeof KERNELS / sizeof KERNELS[0]); }

const char *kernel_name(int i) { return KERNELS[i].f32->name; }

const Kernel *kernel_table(int i, int real_bits) {
    return real_bits == 32 ? KERNELS[i].f32 : KERNELS[i].f64;
}

int kernel_runs_here(int i) {
#if SKFASTGRNN_X86_64
    __builtin_cpu_init();
    if (i == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (i == 2) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
#endif
    return i == 0;
}
