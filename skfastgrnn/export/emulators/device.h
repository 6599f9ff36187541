/* What main.c needs of a device. Each target has one file with these functions.
 *
 * The test program itself calls no function of the compiler's library, so that all of it that is
 * linked belongs to the model. */
#ifndef INCLUDED_DEVICE
#define INCLUDED_DEVICE

#include <stdint.h>

/* Calls whose cost is counted. */
enum device_span { IDLE_RESET = 1, IDLE_STEP, IDLE_LOGITS, RESET, STEP, LOGITS };

/* Statuses of the program; those of device_read and device_write are their own. */
enum device_status { DONE = 0, NO_INPUT = 2, NO_OUTPUT = 3, FAULT = 4, STACK_OVERFLOW = 5 };

int main(void);

/* The next bytes of the input. */
void device_read(void *to, unsigned n_bytes);

/* Append to the output. */
void device_write(const void *from, unsigned n_bytes);

/* End the emulation. */
void device_exit(int status);

/* Begin and end a span. What `device_end` returns is its cost, or 0 where the emulator counts. */
void device_begin(enum device_span span);
uint32_t device_end(void);

/* The lowest address that the stack may grow to. */
extern uint8_t device_stack_limit[];

#endif
