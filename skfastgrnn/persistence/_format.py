"""The format version, and upgrades of files of older versions.

A change of what files hold raises `FORMAT_VERSION`, and adds to `UPGRADES` a function that makes of
the content of the version before that of the new one. Files that were written by every version are
kept in tests/persistence.
"""

FORMAT_VERSION = 2

RENAMED_PARAMETERS = {"readout": "pooling", "accumulate": "gradient_accumulation_steps"}
RENAMED_SCHEDULES = {name: f"{name}Decay" for name in ("Step", "Exponential", "Linear", "Cosine")}
RENAMED_TRAINING = {"facts": "fingerprint"}
RENAMED_STATE = {"watched": "early_stopping", "hopeless": "diverged"}
RENAMED_STOPPING = {"loss_to_beat": "threshold", "waited": "n_bad_epochs"}


def from_version_1(content):
    """Rename parameters, schedules and the state of a training; add what was new in version 2."""
    content = {**content, "parameters": renamed(content["parameters"], RENAMED_PARAMETERS)}
    rate = content["parameters"]["learning_rate"]
    content["parameters"]["learning_rate"] = with_renamed_schedules(rate)
    attributes = content["attributes"]
    if "classes_" in attributes:  # always one class a sample
        attributes["_is_multilabel"] = False
    settings = attributes["_network_settings"]
    settings["dict"] = renamed(settings["dict"], RENAMED_PARAMETERS)
    if "training" in content:
        content["training"]["dict"] = renamed(content["training"]["dict"], RENAMED_TRAINING)
        state = content["training"]["dict"]["state"]
        state["dict"] = renamed(state["dict"], RENAMED_STATE)
        stopping = state["dict"]["early_stopping"]
        stopping["dict"] = renamed(stopping["dict"], RENAMED_STOPPING)
    return content


def renamed(entries, names):
    """An object of JSON with other keys."""
    return {names.get(key, key): value for key, value in entries.items()}


def with_renamed_schedules(value):
    """The JSON of a schedule, which may have another one inside."""
    if isinstance(value, dict) and "value" in value:
        settings = {k: with_renamed_schedules(v) for k, v in value["settings"].items()}
        value = {
            "value": RENAMED_SCHEDULES.get(value["value"], value["value"]),
            "settings": settings,
        }
    return value


#: From a version to the next one.
UPGRADES = {1: from_version_1}


def upgraded(content):
    """The content of a file as this version has it, or as it is where its version is unknown."""
    while isinstance(content, dict) and type(content.get("format_version")) is int:
        version = content["format_version"]
        if version not in UPGRADES:
            break
        content = {**UPGRADES[version](content), "format_version": version + 1}
    return content
