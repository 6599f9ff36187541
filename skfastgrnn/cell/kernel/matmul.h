/* The one matrix product that everything heavy here is made of: C = A B or C += A B.
 *
 * A is (m, k) with any strides, one element at a time broadcast to a vector; B is (k, n) and C is (m, n), rows of whole vectors.
 * Every element of C is one chain of multiply-adds in the order of k, whatever the tiling, so a row's result does not
 * depend on the rows that happen to be computed beside it.
 */
#ifndef SKFASTGRNN_MATMUL_H
#define SKFASTGRNN_MATMUL_H

#include "vec.h"

/* A tile is TILE_ROWS x TILE_VECS accumulators held in registers, beside a row of B. */
#if defined(__AVX512F__) || defined(__aarch64__)
enum { TILE_ROWS = 8, TILE_VECS = 3 }; /* 32 registers */
#else
enum { TILE_ROWS = 6, TILE_VECS = 2 }; /* 16 registers */
#endif

typedef struct {
    const real *a;
    ptrdiff_t a_row, a_col; /* strides */
    const real *b;
    ptrdiff_t b_row;
    real *c;
    ptrdiff_t c_row;
} Operands;

INLINE void tile(const int rows, const int vecs, ptrdiff_t k, Operands o, int accumulate) {
    vec sum[TILE_ROWS][TILE_VECS];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++) sum[i][j] = accumulate ? load(o.c + i * o.c_row + j * LANES) : splat(0);
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

/* Compile a tile for each size: the accumulators must have compile-time indices to live in registers. */
INLINE void tile_of(int rows, int vecs, ptrdiff_t k, Operands o, int accumulate) {
#define TILE(r, v) \
    case (r) * 4 + (v): \
        tile(r, v, k, o, accumulate); \
        break;
#define TILES(v) TILE(1, v) TILE(2, v) TILE(3, v) TILE(4, v) TILE(5, v) TILE(6, v)
    switch (rows * 4 + vecs) {
        TILES(1)
        TILES(2)
#if defined(__AVX512F__) || defined(__aarch64__)
        TILES(3)
        TILE(7, 1)
        TILE(7, 2)
        TILE(7, 3)
        TILE(8, 1)
        TILE(8, 2)
        TILE(8, 3)
#endif
    }
#undef TILES
#undef TILE
}

INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/* Cut `left` into as few parts of at most `most` as possible, of nearly equal size; answers the next one. */
INLINE ptrdiff_t even_part(ptrdiff_t left, ptrdiff_t most) {
    const ptrdiff_t parts = (left + most - 1) / most;
    return (left + parts - 1) / parts;
}

INLINE void matmul_tiled(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, Operands o, int accumulate) {
    for (ptrdiff_t j = 0, vecs; j < n / LANES; j += vecs) {
        vecs = even_part(n / LANES - j, TILE_VECS);
        for (ptrdiff_t i = 0, rows; i < m; i += rows) {
            rows = even_part(m - i, TILE_ROWS);
            Operands t = o;
            t.a += i * o.a_row;
            t.b += j * LANES;
            t.c += i * o.c_row + j * LANES;
            tile_of((int)rows, (int)vecs, k, t, accumulate);
        }
    }
}

/* c (m, n) = a (m, k) b (k, n), or += where `accumulate`. */
static void matmul(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const real *a, ptrdiff_t a_row, const real *b,
                   ptrdiff_t b_row, real *c, ptrdiff_t c_row, int accumulate) {
    matmul_tiled(m, n, k, (Operands){a, a_row, 1, b, b_row, c, c_row}, accumulate);
}

/* c (m, n) += aᵀ b for a (k, m), b (k, n): the sum over k rows of their outer products. */
static void add_outer_products(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const real *a, ptrdiff_t a_row, const real *b,
                               ptrdiff_t b_row, real *c, ptrdiff_t c_row) {
    matmul_tiled(m, n, k, (Operands){a, 1, a_row, b, b_row, c, c_row}, 1);
}

#endif
