"""Schema of files: tables of names and checks.

A check is called with the name and the value of an entry, and raises an error that names it. For
another attribute of fitted estimators, or another number in a checkpoint, add a line to a table.
"""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from ..network import ACTIVATIONS, MAX_LAYERS, POOLINGS, SOLVERS, n_parameters, shapes
from ._serialization import Refused, shortened

#: The largest count that is exact in float64.
MOST = 2**53


def refuse(name, must_be, value):
    """Raise the error of an entry."""
    raise Refused(f"{name} must be {must_be}, got {shortened(value)}.")


def boolean(name, value):
    """Accept True and False."""
    if not isinstance(value, bool):
        refuse(name, "true or false", value)


def number(name, value):
    """Accept a float, also inf and nan, which a training that diverged leaves."""
    if not isinstance(value, float):
        refuse(name, "a float", value)


def not_nan(name, value):
    """Accept a float, also inf."""
    number(name, value)
    if np.isnan(value):
        refuse(name, "a number", value)


def count(low, high=MOST):
    """Accept integers of a range, both ends included."""

    def check(name, value):
        if type(value) is not int or not low <= value <= high:
            refuse(name, f"an integer from {low} to {high}", value)

    return check


def one_of(*choices):
    """Accept some strings."""

    def check(name, value):
        if not isinstance(value, str) or value not in choices:
            refuse(name, f"one of {list(choices)}", value)

    return check


def text(name, value):
    """Accept any string."""
    if not isinstance(value, str):
        refuse(name, "a string", value)


def vector(*dtypes, length=None, low=None):
    """Accept 1-D arrays of finite numbers, at least `low`."""

    def check(name, value):
        if not isinstance(value, np.ndarray) or value.dtype not in dtypes or value.ndim != 1:
            names = " or ".join(np.dtype(dtype).name for dtype in dtypes)
            refuse(name, f"a 1-D array of {names}", value)
        if length is not None and len(value) != length:
            refuse(name, f"an array of {length} numbers", value)
        if not np.isfinite(value).all():
            refuse(name, "finite", value)
        if low is not None and (value < low).any():
            refuse(name, f"at least {low}", value)

    return check


def matrix(dtype):
    """Accept 2-D arrays of finite numbers."""

    def check(name, value):
        if not isinstance(value, np.ndarray) or value.dtype != dtype or value.ndim != 2:
            refuse(name, f"a 2-D array of {np.dtype(dtype).name}", value)
        if not np.isfinite(value).all():
            refuse(name, "finite", value)

    return check


def optional(check):
    """Accept None, too."""
    return lambda name, value: None if value is None else check(name, value)


def list_of(check):
    """Accept lists whose entries pass a check."""

    def check_list(name, value):
        if not isinstance(value, list):
            refuse(name, "a list", value)
        for i, entry in enumerate(value):
            check(f"{name}/{i}", entry)

    return check_list


def scalar(name, value):
    """Accept a number, a string or a boolean."""
    if not isinstance(value, bool | int | float | str):
        refuse(name, "a number, a string or a boolean", value)


def record(required, optional=()):
    """Accept dicts of just these entries; both are dicts of checks by name."""
    optional = dict(optional)
    names = [*required, *optional]

    def check(name, value):
        if not isinstance(value, dict):
            refuse(name, "a record", value)
        missing = [key for key in required if key not in value]
        unknown = [key for key in value if key not in required and key not in optional]
        if missing:
            raise Refused(f"{name} lacks {missing}.")
        if unknown:
            raise Refused(f"{name} has {shortened(unknown)}, and may only have {names}.")
        for key, entry in value.items():
            (required.get(key) or optional[key])(f"{name}/{key}", entry)

    return check


def history(name, value):
    """Accept lists of floats, as many in each; those of validation may be shorter."""
    if not isinstance(value, dict) or "loss" not in value or set(map(type, value)) != {str}:
        refuse(name, "lists by name, one of them 'loss'", value)
    for key, entry in value.items():
        list_of(number)(f"{name}/{key}", entry)
    lengths = {key: len(entry) for key, entry in value.items()}
    validated = {n for key, n in lengths.items() if key.startswith("validation_")}
    trained = {n for key, n in lengths.items() if not key.startswith("validation_")}
    if len(trained) != 1 or len(validated) != 1 or max(validated) > max(trained):
        refuse(name, "lists of one length, or those of validation shorter", lengths)


def classes(name, value):
    """Accept labels that a classifier can have learned."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or len(value) < 2:
        refuse(name, "an array of at least 2 labels", value)
    try:
        check_classification_targets(np.tile(value, 3))  # it warns where most labels come once
        is_sorted = np.array_equal(np.unique(value), value)
    except (TypeError, ValueError) as error:
        raise Refused(f"{name} must be labels: {error}") from error
    if not is_sorted:
        refuse(name, "sorted, and each label once", value)


def feature_names(name, value):
    """Accept names of columns."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype != object:
        refuse(name, "an array of strings", value)
    list_of(text)(name, value.tolist())


#: As long as the parameters: see `check_training`.
FLAT = vector(np.float32, np.float64)
MOMENTS = {"first": FLAT, "second": vector(np.float32, np.float64, low=0), "step": count(0)}
#: Of an optimizer that averages, and of a stream with one: its parameters are the average.
AVERAGE = {"average": FLAT, "n_averaged": count(0)}
AVERAGED = {"trained": FLAT, "n_averaged": count(0)}

#: The dict that the bit generator of a fit takes for its state.
RANDOM_STATE = record(
    {
        "bit_generator": one_of("SFC64"),
        "state": record({"state": vector(np.uint64, length=4)}),
        "has_uint32": count(0, 1),
        "uinteger": count(0, 2**32 - 1),
    }
)

#: What stands in networks of files that were written before there was compression.
NETWORK_DEFAULTS = {"rank_w": None, "rank_u": None, "bits": None, "bounded": False}

#: Attributes of every fitted estimator ...
FITTED = {
    "n_features_in_": count(1),
    "n_channels_": count(1),
    "_reads_sequences": boolean,
    "_network_settings": record(
        {
            "n_channels": count(1),
            "hidden_size": count(1),
            "n_outputs": count(1),
            "pooling": one_of(*POOLINGS),
            "gate_activation": one_of(*ACTIVATIONS),
            "update_activation": one_of(*ACTIVATIONS),
            "n_layers": count(1, MAX_LAYERS),
            "bidirectional": boolean,
        },
        {
            "rank_w": optional(count(1)),
            "rank_u": optional(count(1)),
            "bits": optional(count(4, 8)),
            "bounded": boolean,
        },
    ),
    "n_iter_": count(0),
    "best_iter_": count(0),
    "loss_": number,
    "best_loss_": number,
    "history_": history,
}
#: ... those that some have ...
SOMETIMES_FITTED = {
    "feature_names_in_": feature_names,
    "_moments": record({"solver": one_of(*SOLVERS), **MOMENTS}, AVERAGED),
}
#: ... and those of one kind.
CLASSIFIER = {
    "classes_": classes,
    "_class_weights": optional(vector(np.float64, low=0)),
    "_is_multilabel": boolean,
}
REGRESSOR = {
    "_y_statistics": matrix(np.float64),
    "_y_center": vector(np.float64),
    "_y_scale": vector(np.float64, low=0),
    "_y_is_1d": boolean,
}

FINGERPRINT_OF_A_PART = {
    "{} sequences": count(1),
    "{} steps": count(1),
    "{} channels": count(1),
    "{} dtype": one_of("float32", "float64"),
    "{} weights": boolean,
    "{} loss": text,
    "checksum of {} data": count(0, 2**32 - 1),
}

#: What a checkpoint has beside an estimator.
TRAINING = record(
    {
        "start": RANDOM_STATE,
        "fingerprint": record(
            {name.format("training"): check for name, check in FINGERPRINT_OF_A_PART.items()},
            {
                "classes": list_of(scalar),
                **{
                    name.format("validation"): check
                    for name, check in FINGERPRINT_OF_A_PART.items()
                },
            },
        ),
        "state": record(
            {
                "parameters": FLAT,
                "initial": FLAT,
                "optimizer": record(MOMENTS, AVERAGE),
                "rng": RANDOM_STATE,
                "early_stopping": record(
                    {
                        "best_loss": not_nan,
                        "best_epoch": count(0),
                        "best_parameters": FLAT,
                        "threshold": not_nan,
                        "n_bad_epochs": count(0),
                    }
                ),
                "history": history,
                "diverged": boolean,
            },
            # Absent from files that were written before there was compression.
            {
                "is_thresholding": boolean,
                "support": optional(vector(np.bool_)),
                "is_rounded": boolean,
            },
        ),
    }
)


def check_fitted(attributes, arrays, network, estimator):
    """Refuse attributes and arrays that do not fit each other, nor the network of the parameters.

    attributes : dict that has passed its checks; arrays : dict of the network's parameters
    network : Network that the attributes and the estimator's parameters make
    estimator : of which only the constructor's parameters are looked at
    """
    settings = attributes["_network_settings"]
    refuse_differences(
        "attributes/_network_settings",
        {
            name: (settings.get(name, NETWORK_DEFAULTS.get(name)), value)
            for name, value in vars(network).items()
        },
    )
    check_arrays(network, arrays)
    dtype = next(iter(arrays.values())).dtype
    history, n_iter, best_iter = (attributes[n] for n in ("history_", "n_iter_", "best_iter_"))
    n_epochs, n_columns = len(history["loss"]), attributes["n_features_in_"]
    metric = "accuracy" if "classes_" in attributes else "r2"
    n_channels = n_columns  # of a step, as X and the parameter `n_timesteps` have it
    if not attributes["_reads_sequences"]:
        n_channels = n_columns / (estimator.n_timesteps or n_columns)
    wanted = {
        "n_channels_": (attributes["n_channels_"], n_channels),
        "history_ (its names)": (set(history), names_of_history(metric)),
        "history_ (its epochs)": (n_epochs, min(n_epochs, n_iter)),
        "best_iter_": (best_iter, min(best_iter, n_iter)),
    }
    if "feature_names_in_" in attributes:
        n_names = len(attributes["feature_names_in_"])
        wanted["feature_names_in_ (its length)"] = (n_names, n_columns)
    if "_moments" in attributes:
        moments = attributes["_moments"]
        has_average = [name in moments for name in AVERAGED]
        wanted["_moments (those of an average)"] = (any(has_average), all(has_average))
        for name in {"first", "second", "trained"} & set(moments):
            found = form_of(moments[name])
            wanted[f"_moments/{name}"] = (found, (n_parameters(network), dtype))
    if attributes.get("_is_multilabel"):
        labels = attributes["classes_"].tolist()
        wanted["classes_"] = (labels, list(range(len(labels))))
        wanted["_class_weights"] = (attributes["_class_weights"], None)
    elif attributes.get("_class_weights") is not None:
        n_classes = len(attributes["classes_"])
        wanted["_class_weights (its length)"] = (len(attributes["_class_weights"]), n_classes)
    if "_y_scale" in attributes:
        n_outputs, largest = len(attributes["_y_scale"]), np.finfo(dtype).max
        is_1d = attributes["_y_is_1d"]
        wanted["_y_center (its length)"] = (len(attributes["_y_center"]), n_outputs)
        wanted["_y_is_1d"] = (is_1d, is_1d and n_outputs == 1)
        for name in ("_y_center", "_y_scale"):
            found = attributes[name]
            wanted[name] = (found.tolist(), np.clip(found, -largest, largest).tolist())
    refuse_differences("attributes", wanted)


def check_training(training, estimator):
    """Refuse what a checkpoint says of a training if it is not the one of its estimator."""
    state, n_iter, params = training["state"], estimator.n_iter_, estimator.params_.values()
    form = sum(part.size for part in params), next(iter(params)).dtype
    stopping = state["early_stopping"]
    vectors = {
        "parameters": state["parameters"],
        "initial": state["initial"],
        "optimizer/first": state["optimizer"]["first"],
        "optimizer/second": state["optimizer"]["second"],
        "early_stopping/best_parameters": stopping["best_parameters"],
    }
    optimizer = state["optimizer"]
    if "average" in optimizer:
        vectors["optimizer/average"] = optimizer["average"]
    of_average = AVERAGE.keys() if estimator.ema is not None else set()
    support = state.get("support")
    n_validated = n_iter if "validation sequences" in training["fingerprint"] else 0
    best_epoch, n_bad_epochs = stopping["best_epoch"], stopping["n_bad_epochs"]
    history = state["history"]
    refuse_differences(
        "training",
        {
            **{f"state/{name}": (form_of(vector), form) for name, vector in vectors.items()},
            "state/optimizer (its average)": (AVERAGE.keys() & optimizer.keys(), of_average),
            "state/support (its length)": (
                None if support is None else len(support),
                None if support is None else form[0],
            ),
            "state/history (its names)": (set(history), set(estimator.history_)),
            "state/history (its epochs)": (len(history["loss"]), n_iter),
            "state/history (its validated epochs)": (
                len(history["validation_loss"]),
                n_validated,
            ),
            "state/early_stopping/best_epoch": (best_epoch, min(best_epoch, n_iter)),
            "state/early_stopping/n_bad_epochs": (n_bad_epochs, min(n_bad_epochs, n_iter + 1)),
            "state (its epochs)": (n_iter, min(n_iter, estimator.max_iter or n_iter)),
        },
    )


def check_arrays(network, arrays):
    """Refuse arrays that are not the parameters of a network."""
    expected = shapes(network)
    if arrays.keys() != expected.keys():
        raise Refused(f"its arrays must be {[*expected]}, got {shortened([*arrays])}.")
    for name, array in arrays.items():
        if array.shape != expected[name]:
            refuse(f"the array {name}", f"of shape {expected[name]}", array.shape)
        if array.dtype not in (np.float32, np.float64):
            refuse(f"the array {name}", "float32 or float64", array.dtype.name)
        if not np.isfinite(array).all():
            refuse(f"the array {name}", "finite", array)
    dtypes = {array.dtype.name for array in arrays.values()}
    if len(dtypes) > 1:
        raise Refused(f"its arrays must be all float32 or all float64, got {sorted(dtypes)}.")


def form_of(vector):
    return len(vector), vector.dtype


def names_of_history(metric):
    """What a history has lists of."""
    both = {"loss", "validation_loss", metric, f"validation_{metric}"}
    return {*both, "learning_rate", "gradient_norm", "seconds"}


def refuse_differences(name, wanted):
    """Refuse the first entry that is not what others make it; `wanted` has both by its name."""
    for entry, (found, needed) in wanted.items():
        if found != needed:
            raise Refused(f"{name}/{entry} must be {needed} to fit the rest, got {found}.")
