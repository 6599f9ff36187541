"""Where the weights of a sparse matrix are: the gaps between them, 4 bits each.

The places of a matrix are counted row by row, through all rows. A gap of up to 14 places is
followed by a weight, `SKIP` stands for 15 places without one. Behind the last weight, skips reach
beyond the end of the matrix, so that a reader always has the gap that comes next.
"""

import numpy as np

#: A gap that no weight follows.
SKIP = 15


def gaps_of(is_kept):
    """Gaps of the weights that are kept, bool (rows, columns): two to a byte, lower half first."""
    places = np.flatnonzero(is_kept)
    between = np.diff(places, prepend=-1) - 1  # before each weight
    rest = is_kept.size - (places[-1] + 1 if len(places) else 0)
    counts = np.append(between // SKIP, rest // SKIP) + 1
    gaps = np.full(counts.sum(), SKIP, dtype=np.uint8)
    gaps[np.cumsum(counts[:-1]) - 1] = between % SKIP
    padded = np.pad(gaps, (0, len(gaps) % 2))
    return padded[::2] | padded[1::2] << 4
