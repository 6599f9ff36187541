/* Memory laid out by code that runs twice: first it counts, then it points.
 *
 *     Arena arena = {NULL, 0};
 *     lay_out(&thing, &arena);            counts: all pointers of the thing are NULL
 *     arena_allocate(&arena);
 *     lay_out(&thing, &arena);            points
 *
 * So no size is computed by a formula beside the code that uses it.
 */
#ifndef SKFASTGRNN_ARENA_H
#define SKFASTGRNN_ARENA_H

#include <math.h>
#include <stdlib.h>

#include "vec.h"

enum { CACHE_LINE = 64 };

/* `size` is a double, in which sums and products of sizes are exact as far as memory reaches, and
 * beyond do not overflow. */
typedef struct {
    char *base;  /* NULL while counting; on a cache line */
    double size; /* bytes that have been taken */
} Arena;

/* Zeroed memory for that many items of some bytes, on a cache line of its own. */
INLINE void *take(Arena *a, double count, size_t bytes) {
    void *at = a->base == NULL ? NULL : a->base + (size_t)a->size;
    a->size += ceil(count * (double)bytes / CACHE_LINE) * CACHE_LINE;
    return at;
}

INLINE real *take_reals(Arena *a, double count) { return take(a, count, sizeof(real)); }

/* From counting to pointing. Returns what to free, or NULL where memory ran out. */
static void *arena_allocate(Arena *a) {
    if (a->size >= (double)(PTRDIFF_MAX / 4)) return NULL;
    void *memory = calloc((size_t)a->size + CACHE_LINE, 1);
    if (memory == NULL) return NULL;
    a->base = (char *)(((uintptr_t)memory + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    a->size = 0;
    return memory;
}

#endif
