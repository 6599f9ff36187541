#include "dispatch.h"

extern const Kernel skfastgrnn_f32_baseline, skfastgrnn_f64_baseline;

static int always(void) { return 1; }

#if SKFASTGRNN_WIDE_X86
extern const Kernel skfastgrnn_f32_avx2, skfastgrnn_f64_avx2;
extern const Kernel skfastgrnn_f32_avx512, skfastgrnn_f64_avx512;

static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}
#endif

static const struct {
    const Kernel *f32, *f64;
    int (*runs_here)(void);
} KERNELS[] = {
    {&skfastgrnn_f32_baseline, &skfastgrnn_f64_baseline, always},
#if SKFASTGRNN_WIDE_X86
    {&skfastgrnn_f32_avx2, &skfastgrnn_f64_avx2, has_avx2},
    {&skfastgrnn_f32_avx512, &skfastgrnn_f64_avx512, has_avx512},
#endif
};

int kernel_count(void) { return (int)(sizeof KERNELS / sizeof KERNELS[0]); }

const char *kernel_name(int i) { return KERNELS[i].f32->name; }

int kernel_runs_here(int i) { return KERNELS[i].runs_here(); }

const Kernel *kernel_table(int i, int real_bits) {
    return real_bits == 32 ? KERNELS[i].f32 : KERNELS[i].f64;
}
