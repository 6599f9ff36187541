"""How much memory predictions take."""

from pathlib import Path

import numpy as np
import pytest
from helpers.estimators import run_python
from helpers.kernels import COMPILED

from skfastgrnn.kernels import kernel_named
from skfastgrnn.network import Network, SequenceBatch


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from Linux")
@pytest.mark.parametrize("kernel", COMPILED)
def test_prediction_keeps_no_histories(kernel):
    """Those of all sequences would take 1.5 GB; a process of its own sees its own peak."""
    script = f"""
import numpy as np
from pathlib import Path
from skfastgrnn.kernels import kernel_named
from skfastgrnn.network import Network, SequenceBatch, n_parameters

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

network, n = Network(1, 64, 1), 200_000
sequences = SequenceBatch.of_equal_length(np.ones((n * 10, 1), np.float32), 10, n)
parameters = np.zeros(n_parameters(network), np.float32)
before = peak()
kernel_named({kernel!r}).outputs(network, parameters, sequences)
print(peak() - before)
"""
    assert int(run_python(script)) < 30_000  # KiB


@pytest.mark.parametrize("kernel", COMPILED)
def test_one_row_takes_little_memory(kernel):
    """Weights once, two steps of histories, nothing for threads or passes that there are not."""
    kernel, network = kernel_named(kernel), Network(9, 32, 6)
    one, many = (
        SequenceBatch.of_equal_length(np.zeros((128 * n, 9), np.float32), 128, n) for n in (1, 640)
    )
    assert kernel.outputs_memory(network, one, n_threads=64) < 48_000
    by_thread = [kernel.outputs_memory(network, many, n_threads=n) for n in (1, 2, 3)]
    assert 4_000 < by_thread[1] - by_thread[0] == by_thread[2] - by_thread[1] < 50_000
