"""Time and memory of predicting one sequence at a time, as an application does that streams them.

::

    python -m benchmarks.one_row

Prints for sequences of 128 steps and of one step the median time of a call of `predict_proba`, and
of the part of it that the kernel takes, with the bytes that the kernel allocates for it.
"""

import time
import warnings

import numpy as np

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.kernels import active_kernel
from skfastgrnn.network import SequenceBatch

N_CHANNELS, HIDDEN, N_CLASSES = 9, 32, 6
CALLS, WARM_UP = 5000, 200


def microseconds(function):
    """The median time of a call."""
    times = []
    for call in range(WARM_UP + CALLS):
        start = time.perf_counter_ns()
        function()
        if call >= WARM_UP:
            times.append(time.perf_counter_ns() - start)
    return np.median(times) / 1e3


def model_of(X, y):
    """A classifier that was fitted for one epoch: its speed does not depend on what it learned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FastGRNNClassifier(hidden_size=HIDDEN, max_iter=1, random_state=0).fit(X, y)


def main():
    rng, kernel = np.random.default_rng(0), active_kernel()
    print(f"One sequence of {N_CHANNELS} channels, {HIDDEN} hidden units, float32, one thread")
    for n_timesteps in (128, 1):
        X = rng.standard_normal((100, n_timesteps, N_CHANNELS)).astype(np.float32)
        model = model_of(X, np.arange(100) % N_CLASSES)
        row = X[:1].copy()
        sequences = SequenceBatch.of_equal_length(row[0], n_timesteps, 1)
        network, parameters = model._network, model._parameters
        whole = microseconds(lambda: model.predict_proba(row))  # noqa: B023
        of_kernel = microseconds(
            lambda: kernel.outputs(network, parameters, sequences)  # noqa: B023
        )
        memory = kernel.outputs_memory(network, sequences)
        print(
            f"{n_timesteps:4} steps: predict_proba {whole:6.1f} µs, of which the kernel "
            f"{of_kernel:5.1f} µs with {memory / 1024:.1f} KiB"
        )


if __name__ == "__main__":
    main()
