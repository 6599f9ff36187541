"""The ablation of the FastGRNN paper on HAR-2: dense, low rank, sparse, in bytes.

With the paper's size, ranks and densities, and the training of `har_students`. The paper chose the
best epoch on the test part and gives no deviations; here nothing is chosen on the test part.
"""

import numpy as np

from skfastgrnn.compression import Compression

from .har_inputs import AllSensors
from .har_students import SEEDS, Data, converted, data_of, fitted, n_bytes, student, two
from .promises import at_least

N_UNITS = 80
LOW_RANK = {"rank_w": 5, "rank_u": 40}
SPARSE = {**LOW_RANK, "density_w": 0.2, "density_u": 0.3}
#: Name, compression, and what the paper has: accuracy in per cent, and KB.
STEPS = (
    ("dense", {}, 95.38, 29),
    ("low rank", LOW_RANK, 96.81, 28),
    ("+ sparse", SPARSE, 96.37, 17),
    ("+ bytes", {**SPARSE, "bits": 8, "rounded_fraction": 1 / 3}, 95.59, 3),
)
#: What all of the compression may cost, in points.
MOST_LOST = 1.0


def run(data):
    """Print the table; promise what the paper has, and that all of the compression costs little."""
    read = data_of(data)
    print("HAR-2, 80 units: test accuracy in per cent, and bytes; then those of the paper")
    means = [step(read, *of_step) for of_step in STEPS]
    kept = [
        at_least(f"HAR-2, 80 units, {name}", mean, paper)
        for mean, (name, _, paper, _) in zip(means, STEPS, strict=True)
    ]
    lost = at_least("HAR-2, 80 units: compressed less dense", means[-1] - means[0], -MOST_LOST)
    return all(kept) and lost


def step(read: Data, name, compression, paper, paper_kilobytes):
    """Print a line of the table; return the mean in per cent."""
    models = [
        fitted(
            student(AllSensors(), N_UNITS, seed, compression=Compression(**compression)),
            read.lesson,
        )
        for seed in SEEDS
    ]
    if "bits" in compression:
        models = [converted(model, read.lesson) for model in models]
    scores = 100 * np.array([two(model, read) for model in models])
    print(
        f"{name:<9} {scores.mean():.2f} ± {scores.std(ddof=1):.2f}  {n_bytes(models[0]):>6} bytes; "
        f"paper {paper} {paper_kilobytes} KB",
        flush=True,
    )
    return scores.mean()
