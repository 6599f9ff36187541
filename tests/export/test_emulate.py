"""Models on emulated devices: outputs to the bit, exact costs, sizes."""

import numpy as np
import pytest
from helpers.emulators import EMULATED, EVERY_TARGET, need, with_step
from sklearn.datasets import load_digits

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import Compression, quantize
from skfastgrnn.export import emulate, to_c
from skfastgrnn.export._targets import TARGETS

PIXELS, DIGITS = load_digits(return_X_y=True)
PIXELS = PIXELS.reshape(-1, 8, 8).astype(np.float32)


@pytest.fixture(scope="module")
def digits():
    """A classifier of rows of digits in integers."""
    network = FastGRNNClassifier(8, max_iter=10, pooling="mean", random_state=0)
    return quantize(network.fit(PIXELS, DIGITS), PIXELS)


def adversarial(rng, n, network):
    """Windows at and beyond the ends of the range, next to halves, and of tiny numbers."""
    integers = rng.choice([-32768, -32767, -32766, -1, 0, 1, 32766, 32767, 99999], (n, 5, 8))
    offsets = rng.choice([0, 0.5, -0.5, 0.4999, 1e-6], integers.shape)
    X = network.input_center + (integers + offsets) / network.input_factor
    X = X.astype(np.float32)
    wild = np.array([3e38, -3e38, 1e-45, -1e-45, 0, -0.0], np.float32)
    X[::4] = rng.choice(wild, X[::4].shape)
    return X


@pytest.mark.parametrize("target", EVERY_TARGET)
def test_outputs_equal_python_on_real_and_adversarial_windows(digits, target):
    need(target)
    rng = np.random.default_rng(0)
    for X in (PIXELS[:500], adversarial(rng, 500, digits._integers)):
        found = emulate(to_c(digits), X, target)
        np.testing.assert_array_equal(found.logits, digits._integer_outputs(X), strict=True)
        assert len(np.unique(found.logits, axis=0)) > 100, "windows tell something"


@pytest.mark.parametrize("name", ["main", "device", "stack", "avr", "idle", "cost_of"])
def test_names_that_the_test_program_has_as_well(digits, name):
    need("avr")
    found = emulate(to_c(digits, name), PIXELS[:2], "avr")
    np.testing.assert_array_equal(found.logits, digits._integer_outputs(PIXELS[:2]))


VARIANTS = {
    "two layers": {
        "n_layers": 2,
        "gate_activation": "hard_sigmoid",
        "update_activation": "relu",
    },
    "attention, 4 bits, masks": {
        "pooling": "attention",
        "compression": Compression(density_w=0.4, density_u=0.4, bits=4),
    },
    "max, factors": {
        "pooling": "max",
        "update_activation": "hard_tanh",
        "compression": Compression(rank_w=3, rank_u=2, density_u=0.5, bits=8),
    },
}


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request):
    """A network in integers with other options."""
    settings = VARIANTS[request.param]
    network = FastGRNNClassifier(6, max_iter=4, early_stopping=False, random_state=0, **settings)
    return quantize(network.fit(PIXELS, DIGITS), PIXELS)


@pytest.mark.parametrize("target", EVERY_TARGET)
def test_options_of_networks_and_ragged_sequences(variant, target):
    need(target)
    lengths = np.random.default_rng(1).integers(1, 9, 100)
    X = [window[:n] for window, n in zip(PIXELS, lengths, strict=False)]
    for inputs in ("float", "integers"):
        found = emulate(to_c(variant), X, target, inputs=inputs)
        np.testing.assert_array_equal(found.logits, variant._integer_outputs(X))
    assert len(np.unique(found.logits, axis=0)) > 90
    assert found.n_steps == lengths.sum()


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(
    ("units", "channels", "outputs"), [(1, 1, 1), (3, 8, 2), (5, 9, 1), (16, 23, 3)]
)
def test_rows_of_any_length_where_words_are_multiplied(bits, units, channels, outputs):
    need("cortex-m4")
    rng = np.random.default_rng(units)
    X = rng.normal(size=(30, 10, channels)).astype(np.float32)
    network = FastGRNNRegressor(units, max_iter=1, random_state=0)
    model = quantize(network.fit(X, rng.normal(size=(30, outputs))), X, bits=bits)
    X[::2] *= 1e4  # beyond the range
    for optimization in ("s", "3"):
        found = emulate(to_c(model), X, "cortex-m4", optimization=optimization)
        np.testing.assert_array_equal(found.logits, model._integer_outputs(X))


# Instructions (cycles on an AVR: dec 1, brne 2 where it jumps, ret 4) of 100 rounds and the return,
# and bytes of the stack: five registers, three and the return address, four words.
KNOWN = """
__attribute__((naked)) void model_step(model_state *state, const float x[]) {
#if defined(__AVR__)
    __asm__ volatile("push r16\\n push r17\\n push r28\\n ldi r24, 100\\n"
                     "1: dec r24\\n brne 1b\\n pop r28\\n pop r17\\n pop r16\\n ret");
#elif defined(__arm__)
    __asm__ volatile(".syntax unified\\n push {r4, r5, r6, r7, lr}\\n movs r0, #100\\n"
                     "1: subs r0, #1\\n bne 1b\\n pop {r4, r5, r6, r7, pc}");
#else
    __asm__ volatile("addi sp, sp, -16\\n sw ra, 0(sp)\\n li a0, 100\\n"
                     "1: addi a0, a0, -1\\n bnez a0, 1b\\n addi sp, sp, 16\\n ret");
#endif
}
"""
KNOWN_COST = {
    "avr": 3 * 2 + 1 + (100 + 99 * 2 + 1) + 3 * 2 + 4,
    "cortex-m4": 1 + 1 + 200 + 1,
    "cortex-m0plus": 1 + 1 + 200 + 1,
    "riscv32": 3 + 200 + 2,
}
KNOWN_STACK = {"avr": 3 + 2, "cortex-m4": 20, "cortex-m0plus": 20, "riscv32": 16}


@pytest.mark.parametrize("target", EMULATED)
def test_the_cost_of_known_instructions_is_exact(digits, target):
    need(target)
    X = [PIXELS[0, :n] for n in (1, 8, 3)]
    found = emulate(with_step(to_c(digits), KNOWN), X, target)
    assert found.unit == ("cycles" if target == "avr" else "instructions")
    assert found.longest_step == KNOWN_COST[target]
    assert found.total_of_steps == 12 * KNOWN_COST[target]
    assert found.per_step == KNOWN_COST[target]
    # model_reset and model_logits do nothing but return
    assert found.per_output == 2 * TARGETS[target].of_return
    assert found.per_sequence == 4 * KNOWN_COST[target] + found.per_output
    assert found.stack_ram == KNOWN_STACK[target]
    assert found.static_ram == 0
    assert found.ram == found.state_ram + found.stack_ram


# A loop that takes as many rounds as the first channel says.
VARYING = """
void model_step(model_state *state, const float x[]) {
    (void)state;
    for (int n = (int)x[0]; n > 0; n--) __asm__ volatile("nop");
}
"""


@pytest.mark.parametrize("target", EMULATED)
def test_longest_and_total_of_steps_that_differ(digits, target):
    need(target)
    exported = with_step(to_c(digits), VARYING)
    rounds = np.array([[1, 50, 2], [1000, 4, 5]])
    X = np.zeros((2, 3, 8), np.float32)
    X[..., 0] = rounds
    each = [emulate(exported, x[None, None], target).total_of_steps for x in X.reshape(-1, 8)]
    found = emulate(exported, X, target)
    assert found.total_of_steps == sum(each)
    assert found.longest_step == max(each) == each[3]
    # the loop itself: the same number of instructions in each round
    assert (each[3] - each[0]) / 999 == pytest.approx((each[1] - each[0]) / 49, rel=0.1)


@pytest.mark.parametrize("target", EMULATED)
def test_sizes(digits, target):
    """A constant of known size that a step reads adds that to the flash of the model."""
    need(target)
    progmem = '__attribute__((section(".progmem.data")))' if target == "avr" else ""
    sizes = {}
    for size in (300, 700):
        table = ", ".join(str(i % 251) for i in range(size))
        step = f"""
        {progmem} static const uint8_t table[{size}] = {{{table}}};
        void model_step(model_state *state, const float x[]) {{
            *(volatile uint8_t *)state = table[(uint16_t)x[0]];
        }}"""
        sizes[size] = emulate(with_step(to_c(digits), step), PIXELS[:1], target)
    assert sizes[300].model_constants == 300
    assert sizes[700].model_constants == 700
    assert 0 < sizes[700].model_code == sizes[300].model_code < 100
    assert sizes[700].library_flash == sizes[300].library_flash > 0, "float to integer"
    assert sizes[700].flash == 700 + sizes[700].model_code + sizes[700].library_flash
    assert sizes[700].program_flash > sizes[700].flash
    assert sizes[700].static_ram == 0


@pytest.mark.parametrize("target", EMULATED)
def test_variables_of_the_model_are_counted_as_ram(digits, target):
    need(target)
    step = """
    static volatile uint8_t seen[40];
    void model_step(model_state *state, const float x[]) { (void)state; seen[0] = x[0] > 0; }
    """
    assert emulate(with_step(to_c(digits), step), PIXELS[:1], target).static_ram == 40


def test_hard_float_is_faster_than_the_library(digits):
    need("cortex-m4")
    step = """
    void model_step(model_state *state, const float x[]) { *(volatile float *)state = x[0] * x[1]; }
    """
    exported = with_step(to_c(digits), step)
    soft = emulate(exported, PIXELS[:1], "cortex-m4", optimization="2")
    hard = emulate(exported, PIXELS[:1], "cortex-m4", optimization="2", hard_float=True)
    assert soft.library_flash > hard.library_flash == 0
    assert hard.per_step == 5, "two loads, the product, a store, the return"
    assert soft.per_step > 20


def test_a_regressor_and_one_long_sequence():
    need("avr")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 5, 2))
    model = quantize(FastGRNNRegressor(4, max_iter=3).fit(X, X[:, :, 0].sum(axis=1)), X)
    long = [rng.normal(size=(900, 2)), rng.normal(size=(1100, 2)), X[0]]
    found = emulate(to_c(model), long, "avr")
    np.testing.assert_array_equal(found.logits, model._integer_outputs(long))
    assert found.logits.shape == (3, 1)
    assert found.n_sequences == 3


def test_padded_and_overlapping_sequences(digits):
    need("host")
    padded = PIXELS[:4].copy()
    padded[1, 5:] = np.nan
    windows = np.lib.stride_tricks.sliding_window_view(PIXELS[0], 3, axis=0).transpose(0, 2, 1)
    for X in (padded, windows):
        for inputs in ("float", "integers"):
            found = emulate(to_c(digits), X, "host", inputs=inputs)
            np.testing.assert_array_equal(found.logits, digits._integer_outputs(X))


FLOATS = [(target, False) for target in EVERY_TARGET] + [("cortex-m4", True)]


@pytest.mark.parametrize(("target", "hard_float"), FLOATS)
def test_models_in_floating_point(target, hard_float):
    need(target)
    model = FastGRNNClassifier(6, max_iter=5, pooling="mean", random_state=0).fit(PIXELS, DIGITS)
    found = emulate(to_c(model), PIXELS[:100], target, hard_float=hard_float)
    wanted = model.decision_function(PIXELS[:100])
    np.testing.assert_allclose(found.logits, wanted, rtol=1e-5, atol=1e-6 * abs(wanted).max())
    assert found.logits.dtype == np.float32
    with pytest.raises(ValueError, match="inputs='integers' needs a model in integers"):
        emulate(to_c(model), PIXELS[:1], target, inputs="integers")


def test_what_is_printed(digits):
    need("avr")
    found = emulate(to_c(digits), PIXELS[:3], "avr")
    first, cost, flash, ram = str(found).splitlines()
    assert first == "3 sequences on avr (simavr's ATmega328P, that of the Arduino Uno)"
    assert cost.startswith(f"cycles: {found.per_step:.1f} a step of 24, ")
    assert f"flash: {found.flash} bytes" in flash
    assert f"RAM: {found.ram} bytes" in ram


def test_the_host_counts_nothing(digits):
    need("host")
    found = emulate(to_c(digits), PIXELS[:3], "host")
    assert found.state_ram > 0
    costs = (found.unit, found.per_step, found.per_output, found.per_sequence)
    assert (*costs, found.flash, found.ram) == (None,) * 6
    assert repr(found) == f"3 sequences on host (this machine)\nRAM: state {found.state_ram} bytes"
