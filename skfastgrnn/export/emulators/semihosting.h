/* Files of the host, by semihosting: `semihosting_call` is the target's own. */
#ifndef INCLUDED_SEMIHOSTING
#define INCLUDED_SEMIHOSTING

#include "device.h"

enum { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20 };
enum { READ_BINARY = 1, WRITE_BINARY = 5, APPLICATION_EXIT = 0x20026 };

static uint32_t input_file, output_file;

static uint32_t open_file(const char *path, uint32_t length, uint32_t mode) {
    const uint32_t arguments[3] = {(uint32_t)path, mode, length};
    return semihosting_call(SYS_OPEN, arguments);
}

static void open_files(void) {
    input_file = open_file("input", 5, READ_BINARY);
    output_file = open_file("output", 6, WRITE_BINARY);
}

void device_exit(int status) {
    const uint32_t arguments[2] = {APPLICATION_EXIT, (uint32_t)status};
    semihosting_call(SYS_EXIT_EXTENDED, arguments);
    for (;;) {}
}

/* Both calls return how many bytes are left to do. */
void device_read(void *to, unsigned n_bytes) {
    const uint32_t arguments[3] = {input_file, (uint32_t)to, n_bytes};
    if (semihosting_call(SYS_READ, arguments) != 0) device_exit(NO_INPUT);
}

void device_write(const void *from, unsigned n_bytes) {
    const uint32_t arguments[3] = {output_file, (uint32_t)from, n_bytes};
    if (semihosting_call(SYS_WRITE, arguments) != 0) device_exit(NO_OUTPUT);
}

#endif
