/* How deep a call uses the stack: what lies below the stack pointer is painted, the call made, and
 * the lowest byte found that has changed.
 *
 * Both functions become part of their caller, so that the stack pointer is the same as at the call.
 */
#ifndef INCLUDED_STACK
#define INCLUDED_STACK

#include "device.h"

#define INLINE static inline __attribute__((always_inline))

enum { PAINT = 0xA5, MOST_PAINTED = 32768 };

/* One above the highest byte that is free. */
INLINE uint8_t *stack_pointer(void) {
    uint8_t *pointer;
#if defined(__AVR__)
    __asm__ volatile("in %A0, __SP_L__\n\tin %B0, __SP_H__" : "=r"(pointer));
    return pointer + 1; /* it points to a free byte */
#elif defined(__arm__)
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
#elif defined(__riscv)
    __asm__ volatile("mv %0, sp" : "=r"(pointer));
    return pointer;
#else
    return 0; /* a host's stack is not measured */
#endif
}

INLINE volatile uint8_t *lowest_painted(void) {
    uint8_t *const top = stack_pointer();
    if (top == 0) return 0;
    return (uintptr_t)top - (uintptr_t)device_stack_limit > MOST_PAINTED ? top - MOST_PAINTED
                                                                         : device_stack_limit;
}

INLINE void paint_stack(void) {
    volatile uint8_t *const top = stack_pointer();
    for (volatile uint8_t *at = lowest_painted(); at != top; at++) *at = PAINT;
}

/* Bytes that have changed since, below what the stack pointer was at a call. */
INLINE uint16_t stack_depth(const volatile uint8_t *at_call) {
    volatile uint8_t *const top = stack_pointer();
    const volatile uint8_t *at = lowest_painted();
    if (at != top && *at != PAINT) device_exit(STACK_OVERFLOW);
    while (at != top && *at == PAINT) at++;
    return at < at_call ? (uint16_t)(at_call - at) : 0;
}

#endif
