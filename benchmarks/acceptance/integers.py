"""Compiled integers beside NumPy's, to the bit, on every window of UCI HAR (10 299).

Networks with all that the compiled source treats in another way: two layers, factors, dropped
weights, 4 bits, and each pooling.
"""

import numpy as np
from skfastgrnn.kernels._integer_bindings import Model

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import Compression, quantize
from skfastgrnn.kernels._integer import integer_instruction_sets
from skfastgrnn.kernels.reference._integer import outputs, quantized_input
from skfastgrnn.network import SequenceBatch

MODELS = (
    {},
    {"pooling": "mean", "compression": Compression(bits=4)},
    {"pooling": "max", "compression": Compression(rank_w=4, rank_u=8, bits=8)},
    {"pooling": "attention", "compression": Compression(density_w=0.5, density_u=0.3, bits=4)},
    {"n_layers": 2, "gate_activation": "hard_sigmoid", "update_activation": "relu"},
)


def run(data):
    """Print how many outputs differ, by model and instruction set."""
    har = np.load(data / "uci_har.npz")
    X = np.concatenate([har["X_train"], har["X_test"]])
    rows = slice(None, None, 10)
    kept = True
    for settings in MODELS:
        model = FastGRNNClassifier(24, max_iter=3, random_state=0, **settings)
        model.fit(har["X_train"][rows], har["y_train"][rows])
        network = quantize(model, har["X_train"][rows])._integers
        values = quantized_input(network, X.reshape(-1, X.shape[2]))
        sequences = SequenceBatch.of_equal_length(values, X.shape[1], len(X))
        wanted = outputs(network, sequences)
        for name, isa in integer_instruction_sets().items():
            for stored in (False, True):
                model = Model(network, stored)
                found = model.outputs(isa, values, sequences.starts, sequences.lengths)
                n_different = np.count_nonzero((found != wanted).any(axis=1))
                kept &= n_different == 0
                form = f"{name}, weights {'as stored' if stored else 'of 16 bits'}"
                print(f"{settings or 'one dense layer'}, {form}: {n_different} of {len(X)} differ")
    return kept
