"""HAR-6, six activities, in 2 KB of integers.

MicroBi-ConvLSTM (arXiv 2602.06523, 2026) has a macro F1 of 93.4 % in 23 KB.
"""

import numpy as np

from .har_students import data_of, n_bytes, of_all_sensors, six
from .promises import at_least, less_than

N_UNITS = 46
MOST_BYTES = 2000
LEAST_ACCURACY = 0.96
MOST_DEVIATION = 0.006


def run(data):
    """Mean and standard deviation over the seeds."""
    models, read = of_all_sensors(data, N_UNITS), data_of(data)
    accuracy, f1 = np.transpose([six(model, read) for model in models])
    details = f" ({', '.join(f'{a:.4f}' for a in accuracy)}; macro F1 {f1.mean():.4f})"
    return all(
        [
            at_least("HAR-6: mean test accuracy", accuracy.mean(), LEAST_ACCURACY, details),
            less_than("HAR-6: its standard deviation", accuracy.std(ddof=1), MOST_DEVIATION),
            less_than("HAR-6: bytes", max(map(n_bytes, models)), MOST_BYTES + 1),
        ]
    )
