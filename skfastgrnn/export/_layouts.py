"""Files of an exported model as a library for Arduino, Zephyr and PlatformIO."""

import json

from ._names import named

VERSION = "1.0.0"


def files_of(model, layout):
    """Texts of the files of a CModel, by their paths."""
    return (LAYOUTS[layout] if layout else plain)(model)


def plain(model, folder=""):
    """Header and source."""
    return {
        f"{folder}{model.name}.h": model.header,
        f"{folder}{model.name}.c": model.source,
    }


def sentence_of(model):
    """What the model is."""
    kind = {
        "classifier": "A classifier",
        "multilabel": "A classifier of independent labels",
        "regressor": "A regressor",
    }[model._carried.kind]
    return f"{kind} of time series: a FastGRNN network made by skfastgrnn"


def arduino(model):
    """A library for the Arduino IDE and command line."""
    name = model.name
    properties = {
        "name": name,
        "version": VERSION,
        "author": "skfastgrnn",
        "maintainer": "skfastgrnn",
        "sentence": f"{sentence_of(model)}.",
        "paragraph": f"Begin a sequence by {name}_reset, and give it its steps by {name}_step.",
        "category": "Data Processing",
        "url": "https://www.arduino.cc/",
        "architectures": "*",
        "includes": f"{name}.h",
    }
    return {
        **plain(model, "src/"),
        "library.properties": "".join(f"{key}={text}\n" for key, text in properties.items()),
        f"examples/{name}_serial/{name}_serial.ino": sketch(model),
    }


#: Prints what was predicted, by the kind of the model.
PRINT = {
    "classifier": """#ifdef __AVR__
    Serial.println((const __FlashStringHelper *)NAME_labels[NAME_predict(&state)]);
#else
    Serial.println(NAME_labels[NAME_predict(&state)]);
#endif
""",
    "multilabel": """    uint8_t is_there[BIG_N_OUTPUTS];
    NAME_predict(&state, is_there);
    for (int i = 0; i < BIG_N_OUTPUTS; i++) {
        Serial.print(is_there[i]);
        Serial.print(i + 1 < BIG_N_OUTPUTS ? ' ' : '\\n');
    }
""",
    "regressor": """    float values[BIG_N_OUTPUTS];
    NAME_predict(&state, values);
    for (int i = 0; i < BIG_N_OUTPUTS; i++) {
        Serial.print(values[i]);
        Serial.print(i + 1 < BIG_N_OUTPUTS ? ' ' : '\\n');
    }
""",
}


def sketch(model):
    """An example for Arduino: steps come over the serial line."""
    printed = PRINT[model._carried.kind]
    text = f"""// Send the numbers of a time step over the serial line, separated by spaces: what is
// predicted comes back. "r" begins another sequence.
#include <NAME.h>

static NAME_state state;

void setup() {{
    Serial.begin(115200);
    Serial.setTimeout(10000);
    NAME_reset(&state);
}}

void loop() {{
    float x[BIG_N_CHANNELS];
    while (!Serial.available()) {{
    }}
    if (Serial.peek() == 'r') {{
        Serial.read();
        NAME_reset(&state);
        return;
    }}
    for (int i = 0; i < BIG_N_CHANNELS; i++) x[i] = Serial.parseFloat();
    while (Serial.available() && Serial.peek() <= ' ') Serial.read();
    NAME_step(&state, x);
{printed}}}
"""
    return named(text, model.name)


def zephyr(model):
    """A module for Zephyr."""
    name, option = model.name, model.name.upper()
    return {
        **plain(model),
        "zephyr/module.yml": f"name: {name}\nbuild:\n  cmake: .\n  kconfig: Kconfig\n",
        "CMakeLists.txt": f"if(CONFIG_{option})\n"
        "  zephyr_include_directories(.)\n"
        "  zephyr_library()\n"
        f"  zephyr_library_sources({name}.c)\n"
        "endif()\n",
        "Kconfig": f"config {option}\n"
        f'\tbool "{sentence_of(model)}"\n'
        "\thelp\n"
        f"\t  Compiles {name}.c, and finds {name}.h.\n",
    }


def platformio(model):
    """A library for PlatformIO."""
    described = {
        "name": model.name,
        "version": VERSION,
        "description": f"{sentence_of(model)}.",
        "keywords": ["time series", "recurrent neural network"],
        "headers": f"{model.name}.h",
        "frameworks": "*",
        "platforms": "*",
        "build": {"srcDir": "src", "includeDir": "src"},
    }
    return {**plain(model, "src/"), "library.json": json.dumps(described, indent=2) + "\n"}


#: What `CModel.save` can make of a folder.
LAYOUTS = {"arduino": arduino, "zephyr": zephyr, "platformio": platformio}
