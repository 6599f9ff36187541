"""size_report beside what compilers and linkers make of exported models."""

import numpy as np
import pytest
from helpers.emulators import EMULATED, EVERY_TARGET, need, with_step

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import Compression, quantize, size_report
from skfastgrnn.export import emulate, to_c

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 12, 9)).astype(np.float32)
Y = RNG.integers(0, 4, 60)

SMALL = {"rank_w": 3, "rank_u": 8, "density_w": 0.5, "density_u": 0.5}
NETWORKS = {
    "factors, masks": {"compression": Compression(**SMALL)},
    "mean, blocks": {
        "pooling": "mean",
        "compression": Compression(density_w=0.4, density_u=0.4, block_size=2),
    },
    "max": {"pooling": "max", "update_activation": "relu", "gate_activation": "hard_sigmoid"},
    "attention": {"pooling": "attention"},
    "layers": {"n_layers": 2},
    "layers, factors, masks": {"n_layers": 3, "compression": Compression(**SMALL)},
    "130 units": {"hidden_size": 130, "n_layers": 2, "pooling": "mean"},
}
MODELS = [(name, bits) for name in NETWORKS for bits in (None, 8, 4)]


def model_of(name, bits):
    """A classifier in floats, or in integers of so many bits."""
    network = FastGRNNClassifier(max_iter=2, random_state=0).set_params(
        **{"hidden_size": 18, **NETWORKS[name]}
    )
    return network.fit(X, Y) if bits is None else quantize(network.fit(X, Y), X, bits=bits)


@pytest.mark.parametrize("target", EVERY_TARGET)
@pytest.mark.parametrize(("name", "bits"), MODELS)
def test_constants_and_state_are_those_of_the_linker(name, bits, target):
    need(target)
    if target == "avr" and name == "130 units":
        pytest.skip("an AVR has no room for it")
    model = model_of(name, bits)
    said, found = size_report(model), emulate(to_c(model), X[:1, :1], target)
    filled = 8 if target == "avr" and bits is not None else 1
    assert 0 <= said.state - found.state_ram < filled
    if target in EMULATED and not (target == "avr" and "layers" in name and bits is not None):
        assert abs(found.model_constants / said.total - 1) < 0.05


@pytest.mark.parametrize("bits", [8, 4])
def test_an_avr_stores_two_bytes_less_for_each_address(bits):
    """Six of a cell with W and U, and up to as many more of bytes that fill up a struct."""
    need("avr")
    need("cortex-m4")
    model = model_of("layers", bits)
    avr, cortex = (
        emulate(to_c(model), X[:1], target).model_constants for target in ("avr", "cortex-m4")
    )
    assert 2 * 6 * 2 <= cortex - avr <= 2 * (6 * 2 + 6)


@pytest.mark.parametrize("target", EVERY_TARGET)
@pytest.mark.parametrize("is_integer", [True, False])
def test_regressors_and_compressed_training(is_integer, target):
    need(target)
    compression = Compression(bits=8, rank_u=4) if is_integer else None
    model = FastGRNNRegressor(24, max_iter=2, random_state=0, compression=compression)
    model.fit(X, X[:, 0, 0])
    said = size_report(model)
    if is_integer:
        model = quantize(model, X)
        assert said == size_report(model)
    found = emulate(to_c(model), X[:1], target)
    assert found.state_ram == said.state
    if target in EMULATED:
        assert abs(found.model_constants / said.total - 1) < 0.05


# Numbers that some compilers put into instructions or beside them, and some into constants.
NUMBERS = """
void model_step(model_state *state, const float x[]) {
    *(volatile float *)state = (x[0] * 1.2345f + 0.777f) * x[1] - 5.4321f;
}
"""


@pytest.mark.parametrize("target", EMULATED)
def test_numbers_of_instructions_are_code(target):
    need(target)
    found = emulate(with_step(to_c(model_of("max", 8)), NUMBERS), X[:1, :1], target)
    assert found.model_constants == 0
    assert found.model_code > 3 * 4
