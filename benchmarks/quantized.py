"""Time of integers beside the float model that they are made of: one row, and all rows.

python -m benchmarks.quantized

Single thread. Times are of the process, the least of several rounds in turn; ratios above 1 say
that integers are faster. Both read the same X, once in float32 and once in float64.
"""

import time

import numpy as np

from .contenders import prefer_installed

prefer_installed()

from skfastgrnn import FastGRNNClassifier  # noqa: E402
from skfastgrnn.compression import quantize  # noqa: E402

ROUNDS = 7
#: Steps, channels, hidden units, classes.
SHAPES = {
    "HAR-6": (128, 9, 32, 6),
    "HAR-6, small": (128, 9, 16, 6),
    "accelerometer": (128, 3, 8, 6),
    "digits": (8, 8, 32, 10),
}
#: Settings of the network. Both precisions are measured of the first.
OPTIONS = [
    {},
    {"gate_activation": "hard_sigmoid", "update_activation": "hard_tanh"},
    {"update_activation": "relu"},
    {"pooling": "mean"},
    {"pooling": "max"},
    {"pooling": "attention"},
]
N_ROWS = 2000


def least_times(functions, repeats):
    """Seconds of each function, in turn."""
    times = np.full((ROUNDS, len(functions)), np.inf)
    for function in functions:
        function()
    for i in range(ROUNDS):
        for j, function in enumerate(functions):
            started = time.process_time()
            for _ in range(repeats):
                function()
            times[i, j] = (time.process_time() - started) / repeats
    return times.min(axis=0)


def compare(name, dtype, settings):
    """Print a line for one row, and one for all rows."""
    steps, channels, hidden, classes = SHAPES[name]
    X = np.random.default_rng(0).normal(size=(N_ROWS, steps, channels)).astype(dtype)
    y = np.arange(N_ROWS) % classes
    model = FastGRNNClassifier(
        hidden, max_iter=1, n_iter_no_change=np.inf, random_state=0, **settings
    )
    quantized = quantize(model.fit(X[:200], y[:200]), X[:200])
    for part, repeats in ((X[:1], 300), (X, 3)):
        exact, integer = least_times(
            [lambda m=m, x=part: m.predict(x) for m in (model, quantized)], repeats
        )
        what = ", ".join([name, np.dtype(dtype).name, *settings.values(), f"{len(part)} rows"])
        unit = len(part) * 1e-6
        print(
            f"{what:58}{exact / unit:9.2f} µs{integer / unit:9.2f} µs{exact / integer:8.2f}",
            flush=True,
        )


def main():
    """Compare every shape with all options."""
    print(f"{'':58}{'float':>12}{'integers':>12}{'ratio':>8}")
    for name in SHAPES:
        for settings in OPTIONS:
            for dtype in (np.float32,) if settings else (np.float32, np.float64):
                compare(name, dtype, settings)


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    main()
