/* Transposing matrices: what most of the work between two minibatches is.
 *
 * Numbers that are stored one by one, each to another row, take as long as the stores do. Squares
 * of four rows and columns are therefore transposed in registers, and stored row by row.
 */
#ifndef SKFASTGRNN_TRANSPOSE_H
#define SKFASTGRNN_TRANSPOSE_H

#include "vec.h"

enum { SQUARE = 4 };
typedef real quad __attribute__((vector_size(SQUARE * sizeof(real))));
typedef real quad_at
    __attribute__((vector_size(SQUARE * sizeof(real)), aligned(sizeof(real)), may_alias));

/* The halves of x and y, mixed: x0 y0 x1 y1 and x2 y2 x3 y3. */
INLINE void interleave(quad *x, quad *y) {
    const quad a = *x, b = *y;
    *x = (quad){a[0], b[0], a[1], b[1]};
    *y = (quad){a[2], b[2], a[3], b[3]};
}

/* A square: rows that are two apart are interleaved, then those that are one apart. */
INLINE void transpose_square(const real *from, ptrdiff_t from_row, real *to, ptrdiff_t to_row) {
    quad row[SQUARE];
    for (int i = 0; i < SQUARE; i++) row[i] = *(const quad_at *)(from + i * from_row);
    interleave(&row[0], &row[2]);
    interleave(&row[1], &row[3]);
    interleave(&row[0], &row[1]);
    interleave(&row[2], &row[3]);
    for (int i = 0; i < SQUARE; i++) *(quad_at *)(to + i * to_row) = row[i];
}

INLINE void transpose_one_by_one(ptrdiff_t rows, ptrdiff_t columns, const real *from,
                                 ptrdiff_t from_row, real *to, ptrdiff_t to_row) {
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j++) to[j * to_row + i] = from[i * from_row + j];
}

/* to (columns, to_row) = from (rows, from_row)ᵀ. */
static void transpose(ptrdiff_t rows, ptrdiff_t columns, const real *from, ptrdiff_t from_row,
                      real *to, ptrdiff_t to_row) {
    /* Only where registers hold the rows of a square. */
    const ptrdiff_t in_squares = LANES >= SQUARE ? rows / SQUARE * SQUARE : 0;
    const ptrdiff_t across = columns / SQUARE * SQUARE;
    for (ptrdiff_t i = 0; i < in_squares; i += SQUARE)
        for (ptrdiff_t j = 0; j < across; j += SQUARE)
            transpose_square(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
    transpose_one_by_one(in_squares, columns - across, from + across, from_row,
                         to + across * to_row, to_row);
    transpose_one_by_one(rows - in_squares, columns, from + in_squares * from_row, from_row,
                         to + in_squares, to_row);
}

#endif
