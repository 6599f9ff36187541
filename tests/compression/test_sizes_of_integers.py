"""Bytes of networks in integers, counted one by one."""

import ctypes

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.compression import Compression, quantize, size_report
from skfastgrnn.kernels.reference._integer import EXP2, SIGMOID
from skfastgrnn.preprocessing import SequenceClipper, SequenceStandardScaler

X, y = sequences(30, n_timesteps=6, n_channels=3, n_classes=3)

SMALL = {
    "plain": {},
    "layers": {"hidden_size": 9, "n_layers": 2},
    "more than a byte": {"hidden_size": 100, "n_layers": 3},
    "attention": {"pooling": "attention", "hidden_size": 5},
    "bounded": {"bounded_state": True, "hidden_size": 6},
    "hard": {"pooling": "max", "gate_activation": "hard_sigmoid", "update_activation": "relu"},
}
COMPRESSIONS = {
    "bits": {},
    "ranks": {"rank_u": 2, "rank_w": 3},
    "sparse": {"density_u": 0.3, "density_w": 0.6},
    "blocks": {"density_u": 0.2, "block_size": 2},
}


def bytes_of_description(network):
    """Bytes of the structs of several cells on a 32-bit processor, as C lays them out."""
    cells, address = network.cells, ctypes.c_uint32
    if len(cells) == 1:
        return 0
    every = [m for cell in cells for m in cell.matrices]
    every += [network.head, *([] if network.attention is None else [network.attention])]
    largest = max(len(cells) * network.hidden_size, *(n for m in every for n in m.weights.shape))
    count = ctypes.c_uint8 if largest < 256 else ctypes.c_uint16
    blocks = {m.block_size for m in every}

    class Matrix(ctypes.Structure):
        _fields_ = [
            ("weights", address),
            *([("mask", address)] if blocks != {None} else []),
            ("multiplier", address),
            *[("n_rows", count), ("n_columns", count), ("shift", ctypes.c_int8)],
            *([("block_size", ctypes.c_uint8)] if blocks - {None, 1} else []),
        ]

    class Cell(ctypes.Structure):
        _fields_ = [
            *([("w_low", Matrix)] if any(cell.w_low for cell in cells) else []),
            ("w", Matrix),
            *([("u_low", Matrix)] if any(cell.u_low for cell in cells) else []),
            ("u", Matrix),
            *[("bias_gate", address), ("bias_update", address)],
            *[("zeta", ctypes.c_int16), ("nu", ctypes.c_int16), ("state_bits", ctypes.c_uint8)],
            *([("bias_shift", ctypes.c_uint8)] if any(cell.bias_shift for cell in cells) else []),
        ]

    of_matrices = sum(len(cell.matrices) for cell in cells)  # a shift each, which is not counted
    return len(cells) * (ctypes.sizeof(Cell) - 6) - of_matrices


def bytes_in_integers(network):
    """Bytes of an IntegerNetwork: those of its arrays, and of the other fields of the C structs."""
    matrices = [
        matrix
        for cell in network.cells
        for matrix in (cell.w_low, cell.w, cell.u_low, cell.u)
        if matrix is not None
    ]
    matrices += [network.head, *([] if network.attention is None else [network.attention])]
    total = sum(array.nbytes for m in matrices for array in m.stored.values() if array is not None)
    for cell in network.cells:
        total += cell.bias_gate.nbytes + cell.bias_update.nbytes
        total += 2 + 2 + 1 + 1  # zeta, nu, bias_shift, state_bits
    total += bytes_of_description(network)
    total += network.head_bias.nbytes + 1  # output_bits
    total += network.input_center.nbytes + network.input_factor.nbytes
    if network.gate_activation == "sigmoid" or network.update_activation in ("sigmoid", "tanh"):
        total += np.int16(SIGMOID).nbytes
    if network.attention is not None:
        total += np.int16(EXP2).nbytes
    return total


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("network", SMALL)
def test_trained_with_bits_is_counted_as_in_integers(network, compression, bits):
    compressed = Compression(bits=bits, **COMPRESSIONS[compression])
    model = quick(compression=compressed, max_iter=3, **SMALL[network]).fit(X, y)
    quantized = quantize(model, X)
    assert size_report(model) == size_report(quantized)
    assert model.n_bytes_ == quantized.n_bytes_ == bytes_in_integers(quantized._integers)
    assert model.n_operations_per_step_ == quantized.n_operations_per_step_
    if compression in ("sparse", "blocks"):
        assert size_report(model).masks > 0


@pytest.mark.parametrize("steps", [[], ["scaler"], ["clipper"], ["clipper", "scaler"]])
def test_a_scaler_is_taken_over_in_integers(steps):
    made = {"scaler": SequenceStandardScaler, "clipper": SequenceClipper}
    network = quick(compression=Compression(bits=8), max_iter=2)
    model = make_pipeline(*(made[name]() for name in steps), network).fit(X, y)
    report = size_report(model)
    assert report == size_report(quantize(model, X))
    assert report.normaliser == 8 * 3 * (1 + ("clipper" in steps))


def test_a_regressor_in_integers_has_the_units_of_its_outputs():
    model = FastGRNNRegressor(4, compression=Compression(bits=4), max_iter=2)
    model.fit(X, X[:, 0, :2])
    quantized = quantize(model, X)
    assert size_report(model) == size_report(quantized)
    assert quantized.n_bytes_ == bytes_in_integers(quantized._integers) + 8 * 2
