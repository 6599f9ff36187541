/* The machine that compiles: it counts nothing, and has files. */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>

uint8_t device_stack_limit[1];

static FILE *opened(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (file == NULL) exit(NO_INPUT);
    return file;
}

void device_read(void *to, unsigned n_bytes) {
    static FILE *input;
    if (input == NULL) input = opened("input", "rb");
    if (fread(to, 1, n_bytes, input) != n_bytes) exit(NO_INPUT);
}

void device_write(const void *from, unsigned n_bytes) {
    static FILE *output;
    if (output == NULL) output = opened("output", "wb");
    if (fwrite(from, 1, n_bytes, output) != n_bytes) exit(NO_OUTPUT);
}

/* Files are flushed, or the status says that one could not be. */
void device_exit(int status) { exit(fflush(NULL) == 0 ? status : NO_OUTPUT); }

void device_begin(enum device_span span) { (void)span; }

uint32_t device_end(void) { return 0; }
