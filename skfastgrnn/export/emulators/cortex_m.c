/* Cortex-M4 on QEMU's mps2-an386, Cortex-M0 on its microbit.
 *
 * With -icount shift=8 each instruction takes 256 ns of the emulated time, and a timer counts more
 * than 4 ticks of it: enough to tell the exact number of instructions.
 */
#include "device.h"

static uint32_t semihosting_call(uint32_t operation, const void *arguments) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

#include "semihosting.h"

#define REGISTER(ADDRESS) (*(volatile uint32_t *)(ADDRESS))

#if __ARM_ARCH_PROFILE == 'M' && __ARM_ARCH == 6

/* TIMER0 of the nRF51: 16 MHz. */
#define START REGISTER(0x40008000u)
#define CLEAR REGISTER(0x4000800Cu)
#define CAPTURE REGISTER(0x40008040u)
#define WIDTH REGISTER(0x40008508u)
#define PRESCALER REGISTER(0x40008510u)
#define CAPTURED REGISTER(0x40008540u)

static void start_timer(void) {
    WIDTH = 3; /* 32 bits */
    PRESCALER = 0;
    START = 1;
}

void device_begin(enum device_span span) {
    (void)span;
    CLEAR = 1;
}

/* An instruction takes 512 / 125 ticks. */
uint32_t device_end(void) {
    CAPTURE = 1;
    const uint32_t ticks = CAPTURED;
    return (ticks >> 9) * 125 + (((ticks & 511) * 125 + 256) >> 9);
}

#else

/* TIMER0 of the CMSDK: 25 MHz, downward. */
#define CONTROL REGISTER(0x40000000u)
#define VALUE REGISTER(0x40000004u)
#define RELOAD REGISTER(0x40000008u)

static void start_timer(void) {
    RELOAD = UINT32_MAX;
    CONTROL = 1;
}

void device_begin(enum device_span span) {
    (void)span;
    VALUE = UINT32_MAX;
}

/* An instruction takes 32 / 5 ticks. */
uint32_t device_end(void) {
    const uint32_t ticks = UINT32_MAX - VALUE;
    return (ticks >> 5) * 5 + (((ticks & 31) * 5 + 16) >> 5);
}

#endif

extern uint32_t stack_top[], data_begin[], data_end[], data_stored[], bss_begin[], bss_end[];

void begin(void);

void begin(void) {
    const uint32_t *from = data_stored;
    for (volatile uint32_t *to = data_begin; to < data_end; to++) *to = *from++;
    for (volatile uint32_t *to = bss_begin; to < bss_end; to++) *to = 0;
#ifdef __ARM_FP
    REGISTER(0xE000ED88u) |= 0xFu << 20; /* let the floating-point unit be used */
    __asm__ volatile("dsb\n\tisb");
#endif
    start_timer();
    open_files();
    main();
}

static void fault(void) { device_exit(FAULT); }

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top,     (void *)begin, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault,
};
