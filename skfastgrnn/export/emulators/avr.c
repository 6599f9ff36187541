/* ATmega328P, as on the Arduino Uno, under simavr.
 *
 * The input is a part of the program, as there is no other way in; what is written to GPIOR1 comes
 * out as text, line by line. simavr writes down at which cycle GPIOR0 changes, which begins and
 * ends spans: nothing is counted by the program itself.
 */
#include "device.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>

/* What simavr reads of the ELF file: tag, number of bytes, and the bytes. */
struct simavr_settings {
    uint8_t name_tag, name_size;
    char name[16];
    uint8_t period_tag, period_size;
    uint32_t period;
    uint8_t trace_tag, trace_size, trace_mask;
    const volatile void *trace_register;
    char trace_name[8];
    uint8_t console_tag, console_size;
    const volatile void *console_register;
} __attribute__((packed));

extern const struct simavr_settings simavr_settings;
__attribute__((section(".mmcu"), used)) const struct simavr_settings simavr_settings = {
    12, 16, "spans.vcd", 13, 4, 100 /* microseconds */, 14, 11, 0, &GPIOR0, "span", 11, 2, &GPIOR1,
};

extern const uint8_t input[];
__asm__(".section .progmem.input, \"a\"\n"
        ".global input\n"
        "input:\n"
        ".incbin \"input\"\n"
        ".text");

static const uint8_t *next_input = input;

void device_read(void *to, unsigned n_bytes) {
    for (uint8_t *byte = to; n_bytes > 0; n_bytes--) *byte++ = pgm_read_byte(next_input++);
}

static void write_digit(uint8_t digit) {
    GPIOR1 = (uint8_t)(digit < 10 ? digit + '0' : digit - 10 + 'a');
}

static void end_line(void) { GPIOR1 = '\r'; }

void device_write(const void *from, unsigned n_bytes) {
    for (const uint8_t *byte = from; n_bytes > 0; n_bytes--, byte++) {
        write_digit(*byte >> 4);
        write_digit(*byte & 15);
    }
    end_line();
}

void device_exit(int status) {
    GPIOR1 = '=';
    write_digit((uint8_t)status);
    end_line();
    cli();
    sleep_enable();
    for (;;) sleep_cpu(); /* simavr ends where nothing can wake it up */
}

void device_begin(enum device_span span) { GPIOR0 = (uint8_t)span; }

uint32_t device_end(void) {
    GPIOR0 = 0;
    return 0;
}
