/* RV32IMAC on QEMU's virt: with -icount shift=0 the counter of retired instructions is exact. */
#include "device.h"

static uint32_t semihosting_call(uint32_t operation, const void *arguments) {
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = arguments;
    __asm__ volatile(".option push\n\t"
                     ".option norvc\n\t"
                     ".balign 16\n\t"
                     "slli x0, x0, 0x1f\n\t"
                     "ebreak\n\t"
                     "srai x0, x0, 7\n\t"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

#include "semihosting.h"

static uint32_t retired(void) {
    uint32_t count;
    __asm__ volatile(".option push\n\t"
                     ".option arch, +zicsr\n\t"
                     "csrr %0, minstret\n\t"
                     ".option pop"
                     : "=r"(count));
    return count;
}

static uint32_t retired_before;

void device_begin(enum device_span span) {
    (void)span;
    retired_before = retired();
}

uint32_t device_end(void) { return retired() - retired_before; }

extern uint32_t bss_begin[], bss_end[];

void begin(void);
void begin_in_c(void);
void fault(void);

__attribute__((section(".vectors"), naked, used)) void begin(void) {
    __asm__ volatile(".option push\n\t"
                     ".option arch, +zicsr\n\t"
                     "la sp, stack_top\n\t"
                     "la t0, 1f\n\t"
                     "csrw mtvec, t0\n\t"
                     "j begin_in_c\n\t"
                     ".balign 4\n"
                     "1:\tj fault\n\t"
                     ".option pop");
}

void begin_in_c(void) {
    for (volatile uint32_t *to = bss_begin; to < bss_end; to++) *to = 0;
    open_files();
    main();
}

void fault(void) { device_exit(FAULT); }
