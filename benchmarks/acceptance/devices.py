"""Models in C on emulated devices: the same integers, what they cost, and their sizes.

It needs the compilers and emulators that docs/export.rst lists.
"""

import numpy as np

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import Compression, quantize, size_report
from skfastgrnn.export import emulate, to_c

from .har_inputs import AllSensors
from .har_students import converted, data_of, fitted, n_bytes, student, two
from .har_windows import TOTAL
from .promises import at_least, less_than

TARGETS = ("cortex-m4", "cortex-m0plus", "avr", "riscv32")
#: Windows that every device predicts, of the data set, and as many that are made to fail.
N_WINDOWS = 500
#: MHz of the boards that are compared.
UNO, NUCLEO = 16, 120
#: What size_report may differ from the linker.
MOST_OF_SIZE = 0.05
#: Of networks whose sizes are compared.
OPTIONS = {
    "mean": {"pooling": "mean"},
    "max, factors": {"pooling": "max", "compression": Compression(rank_w=2, rank_u=8)},
    "attention, masks": {
        "pooling": "attention",
        "compression": Compression(density_w=0.3, density_u=0.3, block_size=2),
    },
    "two layers": {"n_layers": 2},
}


def run(data):
    """All devices."""
    arrays = np.load(data / "uci_har.npz")
    small = small_model(arrays)
    return all(
        [
            same_integers(small, arrays["X_test"][:N_WINDOWS, :, TOTAL]),
            cost_of_small(small, arrays["X_test"][:20, :, TOTAL]),
            same_shape_as_edgemark(),
            of_har2(data),
            sizes_of_options(arrays["X_train"][::5, :, TOTAL], arrays["y_train"][::5]),
        ]
    )


def small_model(arrays):
    """Three accelerations, 16 units, ranks 2 and 8, half of the weights: as arXiv 2606.17249."""
    compression = Compression(rank_w=2, rank_u=8, density_w=0.5, density_u=0.5, bits=8)
    network = FastGRNNClassifier(16, compression=compression, max_iter=15, random_state=0)
    X = arrays["X_train"][..., TOTAL]
    return quantize(network.fit(X, arrays["y_train"]), X[::10])


def same_integers(model, X):
    """Whether every device computes what Python computes, and what size_report says is linked."""
    exported, kept = to_c(model), []
    windows = {"of the set": X, "adversarial": adversarial(model, X.shape)}
    for target in ("host", *TARGETS):
        for kind, each in windows.items():
            found = emulate(exported, each, target).logits
            n = np.count_nonzero((found != model._integer_outputs(each)).any(axis=1))
            kept.append(less_than(f"{target}, {len(each)} windows {kind}: differing outputs", n, 1))
    return all(kept)


def adversarial(model, shape):
    """Windows at and beyond the ends of the range, next to halves, and of tiny and huge numbers."""
    rng, network = np.random.default_rng(0), model._integers
    integers = rng.choice([-99999, -32768, -32767, -1, 0, 1, 32766, 32767, 99999], shape)
    values = integers + rng.choice([0, 0.5, -0.5, 0.4999, 1e-6], shape)
    X = (network.input_center + values / network.input_factor).astype(np.float32)
    held = rng.random(shape[:2]) < 0.9  # steps that repeat the one before
    for t in range(1, shape[1]):
        X[:, t] = np.where(held[:, t, None], X[:, t - 1], X[:, t])
    X[::4] = rng.choice(np.array([3e38, -3e38, 1e-45, 0, -0.0], np.float32), X[::4].shape)
    return X


def cost_of_small(model, X):
    """A step of the small model that gets integers, as sensors give them; and floats."""
    kept = [sizes_agree("D 3, H 16", model, X)]
    for inputs, most_flash in (("float", 3 * 1024), ("integers", 3000)):
        cortex = emulate(to_c(model), X, "cortex-m0plus", inputs=inputs)
        uno = emulate(to_c(model), X, "avr", inputs=inputs)
        what = f"D 3, H 16, {inputs}"
        print(f"{what}:", cortex, uno, sep="\n")
        kept += [
            less_than(f"{what}: instructions a step of a Cortex-M0+", cortex.per_step, 8001),
            less_than(f"{what}: milliseconds a step of an Uno", uno.per_step / UNO / 1e3, 1.501),
            less_than(f"{what}: bytes of flash of an Uno", uno.flash, most_flash + 1),
            less_than(f"{what}: bytes of RAM of an Uno", uno.ram, 151),
        ]
    return all(kept)


def sizes_agree(what, model, X):
    """Whether size_report says what is linked on every device, and what it keeps of a sequence."""
    said = size_report(model)
    found = {target: emulate(to_c(model), X[:1, :1], target) for target in TARGETS}
    linked = {target: each.model_constants for target, each in found.items()}
    off = max(abs(n_bytes / said.total - 1) for n_bytes in linked.values())
    details = f" ({said.total} bytes; linked {linked})"
    kept = less_than(f"{what}: size_report off by", off, MOST_OF_SIZE, details)
    states = {target: each.state_ram for target, each in found.items()}
    states["avr"] = filled_up(states["avr"], model)
    n_other = sum(n_bytes != said.state for n_bytes in states.values())
    details = f" ({said.state} bytes)"
    return less_than(f"{what}: states of another size", n_other, 1, details) and kept


def filled_up(n_bytes, model):
    """The size of a state with bytes at its end, which an AVR has not: to a multiple of 64 bits."""
    network = getattr(model, "_integers", None)
    has_64_bits = network is not None and network.pooling in {"mean", "attention"}
    return -(-n_bytes // 8) * 8 if has_64_bits else n_bytes


def sizes_of_options(X, y):
    """Sizes of networks with other options, in floats and in integers."""
    kept = []
    for name, settings in OPTIONS.items():
        network = FastGRNNClassifier(32, max_iter=2, random_state=0, **settings).fit(X, y)
        kept.append(sizes_agree(f"{name}, floats", network, X))
        for bits in (8, 4):
            integers = quantize(network, X, bits=bits)
            kept.append(sizes_agree(f"{name}, {bits} bits", integers, X))
    return all(kept)


def same_shape_as_edgemark():
    """64 units that read 32 numbers a step, with 32 outputs: what the GRU of EdgeMark has.

    Its 20 896 parameters and 2 094 400 products in 100 steps are those of a GRU of 64 units and a
    dense layer after every step. Here outputs are computed once in a sequence; what they would cost
    in every step is printed. Float inputs are not counted: theirs are integers, too.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 100, 32)).astype(np.float32)
    network = FastGRNNRegressor(64, max_iter=3, random_state=0)
    model = quantize(network.fit(X, X[:, -5:].sum(axis=1)), X)
    found = emulate(to_c(model), X[:4], "cortex-m4", inputs="integers", optimization="3")
    each, once = 100 * (found.per_step + found.per_output), found.per_sequence
    what = "64 dense units, 32 inputs and outputs, 100 steps on a Cortex-M4"
    print(
        f"{what}: {milliseconds(once):.1f} ms, with outputs in every step {milliseconds(each):.1f}"
    )
    print(found)
    return all(
        [
            less_than(f"{what}: ms at {NUCLEO} MHz", milliseconds(once), 20.001, " (TFLM 374)"),
            size_kept(what, found),
        ]
    )


def milliseconds(instructions):
    """Of a Cortex-M4 at 120 MHz, one instruction in each cycle."""
    return instructions / NUCLEO / 1e3


def size_kept(what, found):
    """Flash and RAM, beside those of TensorFlow Lite Micro."""
    return all(
        [
            less_than(f"{what}: kB of flash", found.flash / 1e3, 12.001, " (TFLM 810)"),
            less_than(f"{what}: kB of RAM", found.ram / 1e3, 1.001, " (TFLM 295)"),
        ]
    )


def of_har2(data):
    """The HAR-2 model of 1.4 KB: beside EdgeMark's GRU, and beside floats.

    TensorFlow Lite Micro takes 374 ms, 810 kB of flash and 295 kB of RAM for 100 steps of a GRU of
    20 896 parameters with int8 on a Nucleo-L4R5ZI, a Cortex-M4 at 120 MHz; in float 277 ms, 497 kB,
    299 kB (arXiv 2502.01700, aminhasanpour.github.io/EdgeMark/results/RNN_LSTM_GRU). A GRU of as
    many parameters (`nn.GRU` of 77 units) is no better on these data than the model here.
    """
    read = data_of(data)
    floats = fitted(student(AllSensors(), 36, 0, compression=None), read.lesson)
    integers = converted(fitted(student(AllSensors(), 36, 0), read.lesson), read.lesson)
    X = integers[0].transform(read.X_test[:20])

    def ran(model, **options):
        found = emulate(to_c(model), X, "cortex-m4", optimization="3", **options)
        print(f"    {found.per_sequence:.0f} instructions a window. {found}")
        return found

    print(f"HAR-2 in integers, accuracy {two(integers, read):.4f}, {n_bytes(integers)} bytes:")
    found = ran(integers[-1])
    print(f"HAR-2 in floats, dense, accuracy {two(floats, read):.4f}, {n_bytes(floats)} bytes:")
    soft, hard = ran(floats[1:]), ran(floats[1:], hard_float=True)
    details = f" ({hard.per_sequence / found.per_sequence:.2f} with a floating-point unit)"
    ms = milliseconds(100 * found.per_step + found.per_output)
    what = "HAR-2, 36 units, 100 steps on a Cortex-M4"
    return all(
        [
            at_least(
                "HAR-2: instructions of soft float over integers",
                soft.per_sequence / found.per_sequence,
                5,
                details,
            ),
            less_than(f"{what}: ms at {NUCLEO} MHz", ms, 20.001, " (TFLM 374)"),
            size_kept(what, found),
            sizes_agree("HAR-2", integers[-1], X),
        ]
    )
