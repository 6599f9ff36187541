"""The C of a model in integers."""

import math
import re

import numpy as np

from ..network import GAPS, INTEGER_POOLINGS
from ._c_interface import functions_of_results, header_text, labels_defined, sizes_of_labels
from ._c_text import FLASH, array, number
from ._names import comment
from ._specialise import chosen, of_one_model, renamed, text_of, unguarded

SHARED = "kernels/c/integer/fastgrnn_"
ACTIVATIONS = {
    "sigmoid": "sigmoid",
    "tanh": "hyperbolic_tangent",
    "hard_sigmoid": "hard_sigmoid",
    "hard_tanh": "hard_tanh",
    "relu": "rectified",
}
OF_CELL = ("w_low", "w", "u_low", "u")
#: Functions that users of the model call.
INTERFACE = ("reset", "logits", "quantize", "predict", "proba")


def integer_source(model, name):
    """Source and header of a `DeviceModel` in integers."""
    parts = Parts(model, name)
    return parts.source(), parts.header()


class Parts:
    """What source and header of one model consist of."""

    def __init__(self, model, name):
        self.model, self.network = model, model.network
        self.name, self.big = name, name.upper()
        self.without = without(model)
        self.sizes = {
            "N_CHANNELS": self.network.n_channels,
            "N_HIDDEN": self.network.hidden_size,
            "N_LAYERS": len(self.network.cells),
            "N_OUTPUTS": self.network.n_outputs,
        }

    def has(self, part):
        """Whether the model needs a part of the C."""
        return f"WITHOUT_{part}" not in self.without

    def header(self):
        """The text of the header."""
        name, big, bits = self.name, self.big, self.network.output_bits
        state = f"{name}_state *state"
        functions = {
            f"void {name}_reset({state})": "Begin a sequence.",
            f"void {name}_step({state}, const float *x)": "One time step: x has "
            f"{big}_N_CHANNELS numbers, as in the training.",
            f"void {name}_step_integers({state}, const int16_t *x)": "The same of integers, as "
            f"{name}_quantize makes them: for programs without floating point.",
            f"void {name}_quantize(const float *x, int16_t *q)": "Integers of a step's numbers.",
            f"void {name}_logits({state}, int32_t *logits)": f"The {big}_N_OUTPUTS outputs after "
            f"at least one step, times 2^{bits}. The sequence can be continued.",
        }
        return header_text(
            self.model,
            name,
            arithmetic="integers",
            sizes={**self.sizes, **sizes_of_labels(self.model), "OUTPUT_BITS": bits},
            members=self.network.state_members,
            functions={**functions, **functions_of_results(self.model, name)},
        )

    def source(self):
        """The text of the source."""
        header, *arithmetic = (
            self.specialised(f"{SHARED}{file}")
            for file in ("integer.h", "arithmetic.h", "rows.h", "integer.c")
        )
        structs = re.finditer(r"typedef struct \{[^}]*\} fastgrnn_(matrix|cell);\n", header)
        types = "\n".join(found[0] for found in structs)
        weights = r"FASTGRNN_FLASH void \*weights;.*"
        types = re.sub(weights, "FASTGRNN_FLASH int8_t *weights;", types)
        text = (
            f"/* {comment(self.name)}: see {self.name}.h. The arithmetic is that which skfastgrnn "
            f'runs in Python. */\n#include "{self.name}.h"\n'
            + FLASH
            + self.counts()
            + types
            + self.parameters()
            + "".join(arithmetic)
            + self.specialised("export/runtime/integer_outputs.c")
            + labels_defined(self.model, self.name)
        )
        return re.sub(r"\n{3,}", "\n\n", text)

    def specialised(self, path):
        """A file of the package, for this model."""
        name, network = self.name, self.network
        constants = {size.lower(): f"{self.big}_{size}" for size in self.sizes}
        constants |= {n: n for n in ("cells", "head", "attention", "head_bias")}
        text = of_one_model(unguarded(chosen(text_of(path), self.without)), constants)
        text = re.sub(r"\bFASTGRNN_API (int16_t)", r"static \1", text)
        text = re.sub(r"\bFASTGRNN_API ", "", text)
        update = ACTIVATIONS[network.update_activation]
        candidate = (
            "rectified(\\1, \\2)" if update == "rectified" else f"reduced({update}(\\1), \\2)"
        )
        text = re.sub(r"\bcandidate_of\((.*), (.*)\);", f"{candidate};", text)
        if network.head.bits == 8:
            text = text.replace("next_weight(r, &weights, &is_upper)", "next_byte(&weights)")
        text = text.replace("next_weight(r, ", "next_half(")
        names = {
            "gate_of": ACTIVATIONS[network.gate_activation],
            "begin_pooling": f"begin_{network.pooling}",
            "pool": f"pool_{network.pooling}",
            "summarize": f"summary_of_{network.pooling}",
            "fastgrnn_state": f"{name}_state",
            "fastgrnn_step": f"{name}_step_integers",
            "fastgrnn_step_floats": f"{name}_step",
            **{f"fastgrnn_{n}": f"{name}_{n}" for n in INTERFACE},
        }
        return renamed(text, names)

    def counts(self):
        """Types of sizes: as small as they may be where that is fast."""
        network = self.network
        matrices = [m for cell in network.cells for m in cell.matrices] + [network.head]
        n_states = network.hidden_size * len(network.cells)
        largest = max(n_states, *(n for m in matrices for n in m.weights.shape))
        bits = next(bits for bits in (8, 16, 32) if largest < 2**bits)
        return (
            f"\ntypedef uint{min(bits, 16)}_t fastgrnn_count;\n"
            f"typedef uint_fast{bits}_t fastgrnn_size;\n\n"
        )

    def parameters(self):
        """Definitions of all constants."""
        network, data, cells = self.network, [], []
        for i, cell in enumerate(network.cells, start=1):
            end = f"_{i}" if len(network.cells) > 1 else ""
            members = [
                self.matrix(data, f"{n}{end}", getattr(cell, n))
                for n in OF_CELL
                if n in {"w", "u"} or self.has(n.upper())
            ]
            for n in ("bias_gate", "bias_update"):
                data.append(array("int16_t", f"{n}{end}", getattr(cell, n)))
                members.append(f"{n}{end}")
            members += [str(cell.zeta), str(cell.nu)]
            if self.has("BIAS_SHIFT"):
                members.append(str(cell.bias_shift))
            cells.append(f"{{{', '.join(members)}, {cell.state_bits}}}")
        for n in ("attention", "head"):
            if getattr(network, n) is not None:
                initial = self.matrix(data, n, getattr(network, n))
                data.append(f"static const FASTGRNN_FLASH fastgrnn_matrix {n} = {initial};\n")
        layers = ",\n".join(f"    {cell}" for cell in cells)
        data += [
            array("int32_t", "head_bias", network.head_bias),
            f"static const FASTGRNN_FLASH fastgrnn_cell cells[{self.big}_N_LAYERS] = "
            f"{{\n{layers},\n}};\n",
            array("float", "input_center", network.input_center),
            array("float", "input_factor", network.input_factor),
        ]
        if self.model.kind == "regressor":
            unit = np.ldexp(network.output_unit, -network.output_bits)
            data += [
                array("float", "output_center", network.output_center),
                array("float", "output_unit", unit),
            ]
        else:
            unit = math.log2(math.e) * 2.0**-network.output_bits
            data.append(f"static const float LOG2_E_OF_UNIT = {number(unit)};\n")
        return "\n" + "".join(data) + "\n"

    def matrix(self, data, name, m):
        """The initializer of a matrix, whose arrays are appended to `data`."""
        masks = self.has("MASKS")
        last = ["1"] if self.has("BLOCKS") else []
        if m is None:
            return f"{{{', '.join(['0'] * (5 + masks) + last)}}}"
        stored = m.stored
        weights = stored["weights"].view(np.int8)
        # Of weights that are all pruned there is none, and C has no empty array.
        data.append(array("int8_t", f"{name}_weights", weights if len(weights) else [0]))
        data.append(array("int16_t", f"{name}_multiplier", m.multiplier))
        members = [f"{name}_weights"]
        if stored["mask"] is not None:
            data.append(array("uint8_t", f"{name}_mask", stored["mask"]))
            last = [str(m.block_size)] if last else []
        if masks:
            members.append("0" if stored["mask"] is None else f"{name}_mask")
        members += [f"{name}_multiplier", *map(str, m.weights.shape), str(m.shift), *last]
        return f"{{{', '.join(members)}}}"


def without(model):
    """Parts of the C that the model does not need: see `_specialise.chosen`."""
    network = model.network
    matrices = [m for cell in network.cells for m in cell.matrices]
    matrices += [m for m in (network.head, network.attention) if m is not None]
    blocks = {m.block_size for m in matrices}
    kinds = {network.gate_activation, network.update_activation}
    is_two_classes = model.kind == "classifier" and network.n_outputs == 1
    widest = max(m.weights.shape[1] for m in matrices)
    needed = {
        "MASKS": blocks != {None},
        "BLOCKS": bool(blocks - {None, 1}),
        "GAPS": GAPS in blocks,
        "8_BITS": network.head.bits == 8,
        "4_BITS": network.head.bits == 4,
        "ASSEMBLY": network.head.bits == 8 and blocks <= {None, 1} and widest < 256,
        "SHIFT_UP": any(m.shift < 1 for m in matrices),
        "LOW": any(c.w_low or c.u_low for c in network.cells),
        "W_LOW": any(cell.w_low is not None for cell in network.cells),
        "U_LOW": any(cell.u_low is not None for cell in network.cells),
        "FULL_U": any(cell.u_low is None for cell in network.cells),
        "BIAS_SHIFT": any(cell.bias_shift for cell in network.cells),
        "SIGMOID": bool(kinds & {"sigmoid", "tanh"}),
        "LOGISTIC": "sigmoid" in kinds,
        "TANH": "tanh" in kinds,
        "CLIPS": bool(kinds & {"hard_sigmoid", "hard_tanh", "relu"}),
        "HARD": bool(kinds & {"hard_sigmoid", "hard_tanh"}),
        "HARD_SIGMOID": "hard_sigmoid" in kinds,
        "HARD_TANH": "hard_tanh" in kinds,
        "RELU": "relu" in kinds,
        "REDUCTION": network.update_activation != "relu",
        "SUMS": network.pooling in {"mean", "attention"},
        "SUMMARY": network.pooling != "last",
        **{pooling.upper(): network.pooling == pooling for pooling in INTEGER_POOLINGS},
        "REGRESSOR": model.kind == "regressor",
        "CLASSES": model.kind == "classifier",
        "TWO_CLASSES": is_two_classes,
        "LABELS": model.kind == "multilabel",
        "PROBABILITIES": model.kind != "regressor",
        "SIGMOIDS": model.kind == "multilabel" or is_two_classes,
        "SOFTMAX": model.kind == "classifier" and not is_two_classes,
    }
    return {
        "ONE_MODEL",
        *(f"WITHOUT_{part}" for part, is_needed in needed.items() if not is_needed),
    }
