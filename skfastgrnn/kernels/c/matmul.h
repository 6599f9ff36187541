/* The one matrix product that everything heavy here is made of: C = A B or C += A B.
 *
 * A is (m, k) with any strides, one element at a time broadcast to a vector; B is (k, n) and C is
 * (m, n), rows of whole vectors of which the first n columns count. Every element of C is one chain
 * of multiply-adds in the order of k, whatever the tiling, so a row's result does not depend on the
 * rows that happen to be computed beside it.
 */
#ifndef SKFASTGRNN_MATMUL_H
#define SKFASTGRNN_MATMUL_H

#include "vec.h"

/* A tile is TILE_ROWS x TILE_VECS accumulators held in registers, beside a row of B. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define WITH_32_REGISTERS 1
enum { TILE_ROWS = 8, TILE_VECS = 3 };
#else
#define WITH_32_REGISTERS 0
enum { TILE_ROWS = 6, TILE_VECS = 2 };
#endif

typedef struct {
    const real *a;
    ptrdiff_t a_row, a_col; /* strides */
    const real *b;
    ptrdiff_t b_row;
    real *c;
    ptrdiff_t c_row;
} Operands;

/* rows x vecs whole vectors. */
INLINE void tile(const int rows, const int vecs, ptrdiff_t k, Operands o, int accumulate) {
    vec sum[TILE_ROWS][TILE_VECS];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++)
            sum[i][j] = accumulate ? load(o.c + i * o.c_row + j * LANES) : splat(0);
    for (ptrdiff_t p = 0; p < k; p++) {
        vec b[TILE_VECS];
        for (int j = 0; j < vecs; j++) b[j] = load(o.b + p * o.b_row + j * LANES);
        for (int i = 0; i < rows; i++) {
            const vec a = splat(o.a[i * o.a_row + p * o.a_col]);
            for (int j = 0; j < vecs; j++) sum[i][j] += a * b[j];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++) store(o.c + i * o.c_row + j * LANES, sum[i][j]);
}

#if VEC_BYTES == 64
/* rows x (vecs whole vectors and a half). */
INLINE void tile_and_half(const int rows, const int vecs, ptrdiff_t k, Operands o, int accumulate) {
    vec sum[TILE_ROWS][TILE_VECS];
    half tail[TILE_ROWS];
    const ptrdiff_t at = vecs * LANES;
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < vecs; j++)
            sum[i][j] = accumulate ? load(o.c + i * o.c_row + j * LANES) : splat(0);
        tail[i] = accumulate ? load_half(o.c + i * o.c_row + at) : splat_half(0);
    }
    for (ptrdiff_t p = 0; p < k; p++) {
        vec b[TILE_VECS];
        for (int j = 0; j < vecs; j++) b[j] = load(o.b + p * o.b_row + j * LANES);
        const half b_tail = load_half(o.b + p * o.b_row + at);
        for (int i = 0; i < rows; i++) {
            const real a = o.a[i * o.a_row + p * o.a_col];
            for (int j = 0; j < vecs; j++) sum[i][j] += splat(a) * b[j];
            tail[i] += splat_half(a) * b_tail;
        }
    }
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < vecs; j++) store(o.c + i * o.c_row + j * LANES, sum[i][j]);
        store_half(o.c + i * o.c_row + at, tail[i]);
    }
}
#endif

/* Compile a tile for each size: the accumulators must have compile-time indices to live in
 * registers. */
INLINE void tile_of(int rows, int vecs, int with_half, ptrdiff_t k, Operands o, int accumulate) {
#define TILE(shape, r, v)                                                                          \
    case (r) * 4 + (v):                                                                            \
        shape(r, v, k, o, accumulate);                                                             \
        break;
#define TILES_OF_6(shape, v)                                                                       \
    TILE(shape, 1, v)                                                                              \
    TILE(shape, 2, v) TILE(shape, 3, v) TILE(shape, 4, v) TILE(shape, 5, v) TILE(shape, 6, v)
#if WITH_32_REGISTERS
#define TILES(shape, v) TILES_OF_6(shape, v) TILE(shape, 7, v) TILE(shape, 8, v)
#else
#define TILES(shape, v) TILES_OF_6(shape, v)
#endif
    const int size = rows * 4 + vecs;
#if VEC_BYTES == 64
    if (with_half) {
        switch (size) {
            TILES(tile_and_half, 0)
            TILES(tile_and_half, 1)
            TILES(tile_and_half, 2)
        }
        return;
    }
#else
    (void)with_half;
#endif
    switch (size) {
        TILES(tile, 1)
        TILES(tile, 2)
#if WITH_32_REGISTERS
        TILES(tile, 3)
#endif
    }
#undef TILES
#undef TILES_OF_6
#undef TILE
}

/* Cut `left` into as few parts of at most `most` as possible, of nearly equal size; returns the
 * next one. */
INLINE ptrdiff_t even_part(ptrdiff_t left, ptrdiff_t most) {
    const ptrdiff_t parts = (left + most - 1) / most;
    return (left + parts - 1) / parts;
}

INLINE void matmul_tiled(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, Operands o, int accumulate) {
    const ptrdiff_t n_vecs = padded(n) / LANES;
#if VEC_BYTES == 64
    const int ends_in_half = n_vecs * LANES - n >= HALF_LANES;
#else
    const int ends_in_half = 0;
#endif
    for (ptrdiff_t j = 0, vecs; j < n_vecs; j += vecs) {
        vecs = even_part(n_vecs - j, TILE_VECS);
        const int with_half = ends_in_half && j + vecs == n_vecs;
        for (ptrdiff_t i = 0, rows; i < m; i += rows) {
            rows = even_part(m - i, TILE_ROWS);
            Operands t = o;
            t.a += i * o.a_row;
            t.b += j * LANES;
            t.c += i * o.c_row + j * LANES;
            tile_of((int)rows, (int)vecs - with_half, with_half, k, t, accumulate);
        }
    }
}

/* c (m, n) = a (m, k) b (k, n), or += where `accumulate`. */
static void matmul(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const real *a, ptrdiff_t a_row,
                   const real *b, ptrdiff_t b_row, real *c, ptrdiff_t c_row, int accumulate) {
    matmul_tiled(m, n, k, (Operands){a, a_row, 1, b, b_row, c, c_row}, accumulate);
}

/* c (m, n) += aᵀ b for a (k, m), b (k, n): the sum over k rows of their outer products. */
static void add_outer_products(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const real *a,
                               ptrdiff_t a_row, const real *b, ptrdiff_t b_row, real *c,
                               ptrdiff_t c_row) {
    matmul_tiled(m, n, k, (Operands){a, 1, a_row, b, b_row, c, c_row}, 1);
}

#endif
