"""What users of an exported model read: its header, and the names of its labels."""

import textwrap

from ._names import comment, string

#: The longest text that every C99 compiler takes.
MOST_BYTES = 4095


def header_text(model, name, *, arithmetic, sizes, members, functions):
    """The text of a header.

    Parameters
    ----------
    model : DeviceModel
    name : str
    arithmetic : str
        Of which kind numbers are.
    sizes : dict of str -> int
        Constants, whose names begin with that of the model.
    members : list of StateMember
        Of the struct that is the state.
    functions : dict of str -> str
        Declarations and what they do.
    """
    big = name.upper()
    declared = "\n\n".join(
        f"{block_comment(text)}\n{declaration};" for declaration, text in functions.items()
    )
    defined = "".join(f"#define {big}_{n} {size}\n" for n, size in sizes.items())
    struct = "".join(f"    {member.declared};\n" for member in members)
    return f"""{block_comment(*description(model, name, arithmetic))}
#ifndef {big}_H
#define {big}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

{defined}
/* What is known of a sequence so far: memory that the caller owns. */
typedef struct {{
{struct}}} {name}_state;

{declared}
{labels_declared(model, name)}
#ifdef __cplusplus
}}
#endif

#endif
"""


def block_comment(*paragraphs):
    """A comment; lines that begin with a space are kept as they are."""
    lines = []
    for paragraph in paragraphs:
        if lines:
            lines.append("")
        for line in paragraph.split("\n"):
            lines += [line] if line.startswith(" ") else textwrap.wrap(line, 94)
    return "/* " + "\n".join(f" * {line}".rstrip() for line in lines)[3:] + " */"


def description(model, name, arithmetic):
    """Paragraphs of what the model is and how it is called."""
    network = model.network
    layers = len(network.cells) if model.is_integer else network.n_layers
    sizes = model.bytes_by_part
    parts = ", ".join(f"{part} {n}" for part, n in sizes.items() if n)
    kind = {
        "classifier": "a classifier",
        "multilabel": "a classifier of independent labels",
        "regressor": "a regressor",
    }[model.kind]
    settings = (
        f"{network.n_channels} channels, {layers} {'layers' if layers > 1 else 'layer'} of "
        f"{network.hidden_size} units, {network.n_outputs} outputs; gate "
        f"{network.gate_activation}, update {network.update_activation}, pooling {network.pooling}."
    )
    folded = f" The {model.folded} in front of it is part of it." if model.folded else ""
    results = {
        "classifier": f"int label = {name}_predict(&state);",
        "multilabel": f"uint8_t is_there[{name.upper()}_N_OUTPUTS]; "
        f"{name}_predict(&state, is_there);",
        "regressor": f"float y[{name.upper()}_N_OUTPUTS]; {name}_predict(&state, y);",
    }
    return [
        f"{name}: {kind}, a FastGRNN network in {arithmetic}, made by skfastgrnn.",
        settings + folded,
        f"Constants: {sum(sizes.values())} bytes ({parts}).",
        "Begin a sequence, give it one time step after the other, and ask at any step:",
        f"    {name}_state state;\n"
        f"    {name}_reset(&state);\n"
        f"    for (...) {name}_step(&state, x); a step is float x[{name.upper()}_N_CHANNELS]\n"
        f"    {results[model.kind]}",
    ]


def functions_of_results(model, name):
    """Declarations of what a model's outputs mean, and their descriptions."""
    state, big = f"{name}_state *state", name.upper()
    if model.kind == "regressor":
        text = f"The predicted values: {big}_N_OUTPUTS numbers in the units of the training."
        return {f"void {name}_predict({state}, float *values)": text}
    if model.kind == "classifier":
        found = {
            f"int {name}_predict({state})": f"The index of the most probable of {name}_labels."
        }
    else:
        text = f"Which of the {big}_N_OUTPUTS labels there are: 1 or 0 of each."
        found = {f"void {name}_predict({state}, uint8_t *is_there)": text}
    text = f"Probabilities of the {big}_N_LABELS labels."
    return {**found, f"void {name}_proba({state}, float *proba)": text}


def sizes_of_labels(model):
    """Constants of the labels by name."""
    if model.classes is None:
        return {}
    longest = max(len(str(label).encode("utf-8", "surrogatepass")) for label in model.classes)
    if longest > MOST_BYTES:
        raise ValueError(f"A label has {longest} bytes, and a string of C at most {MOST_BYTES}.")
    return {"N_LABELS": len(model.classes), "LABEL_SIZE": longest + 1}


def labels_declared(model, name):
    """What the header says of the labels."""
    if model.classes is None:
        return ""
    big = name.upper()
    listed = "\n".join(f"    {i}  {comment(label)}" for i, label in enumerate(model.classes))
    text = block_comment(
        f"Labels, in UTF-8. On AVR they are in program memory: read them by the functions of "
        f"<avr/pgmspace.h>, or in Arduino as (const __FlashStringHelper *){name}_labels[i].",
        listed,
    )
    return f"""
{text}
#ifdef __AVR__
__attribute__((__progmem__))
#endif
extern const char {name}_labels[{big}_N_LABELS][{big}_LABEL_SIZE];
"""


def labels_defined(model, name):
    """The definition of the labels."""
    if model.classes is None:
        return ""
    big = name.upper()
    texts = "".join(f"    {string(label)},\n" for label in model.classes)
    return f"\nconst char {name}_labels[{big}_N_LABELS][{big}_LABEL_SIZE] = {{\n{texts}}};\n"
