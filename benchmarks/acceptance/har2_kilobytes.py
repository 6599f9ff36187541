"""HAR-2, the two classes of the FastGRNN paper, in 1.5 and in 2 KB of integers.

Networks learn six activities, of which three make a class: the names of the activities say more
than the class does. The paper has 95.59 % in 3 KB.
"""

import numpy as np

from .har_students import data_of, n_bytes, of_all_sensors, two
from .promises import at_least, less_than

#: By number of units: most bytes, and least mean accuracy.
PROMISED = {36: (1500, 0.965), 46: (2000, 0.97)}


def run(data):
    """Both sizes."""
    each = [kept(data, units, *limits) for units, limits in PROMISED.items()]
    return all(each)


def kept(data, units, most_bytes, least):
    """Mean over the seeds."""
    models, read = of_all_sensors(data, units), data_of(data)
    scores = [two(model, read) for model in models]
    what = f"HAR-2, {units} units"
    details = f" ± {np.std(scores, ddof=1):.4f} ({', '.join(f'{s:.4f}' for s in scores)})"
    return all(
        [
            at_least(f"{what}: mean test accuracy", np.mean(scores), least, details),
            less_than(f"{what}: bytes", max(map(n_bytes, models)), most_bytes + 1),
        ]
    )
