"""The C of a model in single precision."""

import re
from dataclasses import replace

from ..network import bytes_of_index, state_members
from ._c_interface import functions_of_results, header_text, labels_defined, sizes_of_labels
from ._c_text import FLASH, array, number
from ._float_matrix import stored
from ._names import comment
from ._specialise import chosen, renamed, text_of, unguarded

ACTIVATIONS = {
    "sigmoid": "sigmoid",
    "tanh": "hyperbolic_tangent",
    "relu": "rectifier",
    "hard_sigmoid": "hard_sigmoid",
    "hard_tanh": "hard_tanh",
}
#: The largest float32.
LARGEST = "3.40282347e38f"

BIASES = ("bias_gate", "bias_update")


def float_source(model, name):
    """Source and header of a `DeviceModel` in floats."""
    parts = FloatParts(model, name)
    return parts.source(), parts.header()


class FloatParts:
    """What source and header of one model consist of."""

    def __init__(self, model, name):
        self.model, self.floats, self.network = model, model.floats, model.floats.network
        self.name, self.big = name, name.upper()
        network = self.network
        self.n_states = network.n_layers * network.hidden_size
        largest = max(self.n_states, network.n_channels, network.n_outputs)
        self.count_bits = next(bits for bits in (8, 16, 32) if largest < 2**bits)
        self.index_bits = 8 * bytes_of_index(network)
        self.matrices = self._matrices()
        self.without = self._without()

    def _matrices(self):
        """The stored form of every matrix by its name in C."""
        found = {}
        for i, cell in enumerate(self.floats.cells):
            for n, part in cell.items():
                if part.ndim == 2:
                    found[self.of_layer(n, i)] = part
        found["head"] = self.floats.head["head_weight"]
        if "attention" in self.floats.head:
            found["attention"] = self.floats.head["attention"][None]
        return {n: stored(part, self.index_bits) for n, part in found.items()}

    def of_layer(self, part, layer):
        """The name in C of a part of a cell."""
        return f"{part.lower()}_{layer + 1}" if self.network.n_layers > 1 else part.lower()

    def _without(self):
        """Sections of the runtime that the model does not need."""
        network, kind = self.network, self.model.kind
        functions = {m.function for m in self.matrices.values()}
        activations = {network.gate_activation, network.update_activation}
        is_two_classes = kind == "classifier" and network.n_outputs == 1
        needs_sigmoid = "sigmoid" in activations or is_two_classes or kind == "multilabel"
        needed = {
            "DENSE": "add_product" in functions,
            "MASKED": "add_masked_product" in functions,
            "BLOCKS": "add_block_product" in functions,
            "LISTED": "add_listed_product" in functions,
            "EXP": needs_sigmoid
            or "tanh" in activations
            or network.pooling == "attention"
            or kind == "classifier",
            "SIGMOID": needs_sigmoid,
            **{a.upper(): a in activations for a in ACTIVATIONS if a != "sigmoid"},
            "UNBOUNDED": not network.bounded,
            "BOUNDED": network.bounded,
            "SUMS": network.pooling in {"mean", "attention"},
            **{p.upper(): network.pooling == p for p in ("mean", "max", "attention")},
            "REGRESSOR": kind == "regressor",
            "TWO_CLASSES": is_two_classes,
            "MORE_CLASSES": kind == "classifier" and not is_two_classes,
            "LABELS": kind == "multilabel",
        }
        return {f"WITHOUT_{part}" for part, is_needed in needed.items() if not is_needed}

    def header(self):
        """The text of the header."""
        network, name, big = self.network, self.name, self.big
        state = f"{name}_state *state"
        functions = {
            f"void {name}_reset({state})": "Begin a sequence.",
            f"void {name}_step({state}, const float *x)": "One time step: x has "
            f"{big}_N_CHANNELS numbers, as in the training.",
            f"void {name}_logits({state}, float *logits)": f"The {big}_N_OUTPUTS outputs after at "
            "least one step. The sequence can be continued.",
        }
        sizes = {"N_CHANNELS": network.n_channels, "N_OUTPUTS": network.n_outputs}
        return header_text(
            self.model,
            name,
            arithmetic="single precision",
            sizes={**sizes, **sizes_of_labels(self.model)},
            members=state_members(replace(network, bits=None)),
            functions={**functions, **functions_of_results(self.model, name)},
        )

    def source(self):
        """The text of the source."""
        network, name = self.network, self.name
        defined = {
            "N_HIDDEN": network.hidden_size,
            "N_OUTPUTS": f"{self.big}_N_OUTPUTS",
            "GATE": ACTIVATIONS[network.gate_activation],
            "UPDATE": ACTIVATIONS[network.update_activation],
        }
        names = {f"FASTGRNN_{n}": str(value) for n, value in defined.items()}
        names |= {"FASTGRNN_N_LABELS": f"{self.big}_N_LABELS", "fastgrnn_state": f"{name}_state"}
        names |= {f"fastgrnn_{n}": f"{name}_{n}" for n in ("logits", "predict", "proba")}
        shared, outputs = (
            renamed(unguarded(chosen(text_of(f"export/runtime/{file}"), self.without)), names)
            for file in ("fastgrnn_float.c", "float_outputs.c")
        )
        text = (
            f'/* {comment(name)}: see {name}.h. */\n#include "{name}.h"\n{FLASH}\n'
            f"typedef uint_fast{self.count_bits}_t fastgrnn_count;\n"
            f"{self.index_type()}"
            f"{shared}\n{self.constants()}\n{self.functions()}{outputs}"
            f"{labels_defined(self.model, name)}"
        )
        return re.sub(r"\n{3,}", "\n\n", text)

    def index_type(self):
        """The type of columns in lists, where there are some."""
        if "WITHOUT_LISTED" in self.without:
            return ""
        return f"typedef uint{self.index_bits}_t fastgrnn_index;\n"

    def constants(self):
        """Definitions of all constants."""
        data = [m.data(n) for n, m in self.matrices.items()]
        for i, cell in enumerate(self.floats.cells):
            data += [
                array("float", self.of_layer(n, i), cell[n]) for n in ("bias_gate", "bias_update")
            ]
        data.append(array("float", "head_bias", self.floats.head["head_bias"]))
        if self.floats.center is not None:
            data.append(array("float", "center", self.floats.center))
        return "".join(data)

    def functions(self):
        """Definitions of reset, step and logits."""
        state = f"{self.name}_state *state"
        body = {
            f"void {self.name}_reset({state})": self.reset(),
            f"void {self.name}_step({state}, const float *x)": self.step(),
            f"void {self.name}_logits({state}, float *logits)": self.logits(),
        }
        return "".join(
            f"{head} {{\n{''.join(f'    {line}{chr(10)}' for line in lines)}}}\n\n"
            for head, lines in body.items()
        )

    def reset(self):
        """Lines of the function that begins a sequence."""
        n, lines = self.network.hidden_size, [f"clear(state->h, {self.n_states});"]
        if self.network.pooling in {"mean", "attention"}:
            lines += [f"clear(state->sum, {n});", f"clear(state->lost, {n});"]
        if self.network.pooling == "mean":
            lines.append("state->n_steps = 0;")
        if self.network.pooling == "max":
            lines.append(f"for (fastgrnn_count i = 0; i < {n}; i++) state->most[i] = -{LARGEST};")
        if self.network.pooling == "attention":
            lines += [f"state->reference = -{LARGEST};", "clear(state->weight, 2);"]
        return lines

    def step(self):
        """Lines of the function of one time step."""
        network, lines = self.network, []
        n, read = network.hidden_size, "x"
        if self.floats.center is not None:
            lines += [
                f"float centered[{network.n_channels}];",
                f"for (fastgrnn_count i = 0; i < {network.n_channels}; i++) "
                "centered[i] = x[i] - center[i];",
            ]
            read = "centered"
        elif not self.added(self.reads_x, read, "y"):
            lines.append("(void)x; /* all weights that it is multiplied by are 0 */")
        for i in range(network.n_layers):
            h = f"state->h + {i * n}" if i else "state->h"
            lines.append(f"clear(state->pre, {n});")
            lines += self.product(i, "W", read) + self.product(i, "U", h)
            numbers = f"{number(self.floats.zeta[i])}, {number(self.floats.nu[i])}"
            if network.bounded:
                numbers = number(self.floats.zeta[i])
            biases = ", ".join(self.of_layer(b, i) for b in BIASES)
            lines.append(f"update({biases}, {numbers}, state->pre, {h});")
            read = h
        return lines + self.pooling(read)

    @property
    def reads_x(self):
        """The name in C of the matrix that reads the input."""
        return self.of_layer("W2" if "W2" in self.floats.cells[0] else "W", 0)

    def product(self, layer, part, x):
        """Lines that add the product with W or U of a layer to its pre-activations."""
        if part in self.floats.cells[layer]:
            return self.added(self.of_layer(part, layer), x, "state->pre")
        low, high = (self.of_layer(f"{part}{n}", layer) for n in "21")
        return [
            f"clear(state->low, {self.matrices[low].n_rows});",
            *self.added(low, x, "state->low"),
            *self.added(high, "state->low", "state->pre"),
        ]

    def added(self, name, x, y):
        """Lines of y += matrix x."""
        matrix = self.matrices[name]
        return [] if matrix.function is None else [matrix.call(name, x, y)]

    def pooling(self, h):
        """Lines of what pooling does with the states of a step."""
        kind = self.network.pooling
        if kind == "mean":
            return [f"sum_up({h}, state->sum, state->lost);", "state->n_steps++;"]
        if kind == "max":
            return [f"raise_to({h}, state->most);"]
        if kind == "attention":
            return [
                "float score = 0.0f;",
                *self.added("attention", h, "&score"),
                f"add_weighted({h}, score, &state->reference, state->weight, state->sum, "
                "state->lost);",
            ]
        return []

    def logits(self):
        """Lines of the function that returns the outputs."""
        network = self.network
        last = f"state->h + {self.n_states - network.hidden_size}"
        read = {"max": "state->most", "last": last if network.n_layers > 1 else "state->h"}
        divided = {"mean": " / (float)state->n_steps", "attention": " / state->weight[0]"}
        n = f"{self.big}_N_OUTPUTS"
        product = self.added("head", read.get(network.pooling, "state->sum"), "logits")
        return [
            f"clear(logits, {n});",
            *(product or ["(void)state; /* all weights of the head are 0 */"]),
            f"for (fastgrnn_count i = 0; i < {n}; i++) "
            f"logits[i] = logits[i]{divided.get(network.pooling, '')} + head_bias[i];",
        ]
