"""What can be trained and converted: estimators are checked before they are trained."""

from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from ..estimators import FastGRNNClassifier, FastGRNNRegressor
from ._affine import OURS, NotFoldable, check_scaler
from ._integers import check_options

#: Steps of a Pipeline that do nothing.
UNUSED = (None, "passthrough")


class NotSaved(BaseEstimator):
    """Stands for an `estimator` that only code could restore, in a model from a file."""

    def fit(self, X, y):
        """Raise ValueError, as there is nothing to train."""
        raise ValueError(
            "The file that this model was loaded from does not hold what was trained. Set "
            "`estimator` before fit."
        )

    def predict(self, X):
        """Raise the error of fit."""
        return self.fit(X, None)


def unfitted_network(model):
    """The network that `fit` of a model will train, and the steps in front of it as pairs.

    The network is None where a distillation has the default one.
    """
    steps = []
    while True:
        if isinstance(model, Pipeline):
            steps += [pair for pair in model.steps[:-1] if pair[1] not in UNUSED]
            model = model.steps[-1][1]
        elif hasattr(model, "strip_teacher"):
            model = model.student
        else:
            return model, steps


def check_trainable(quantized, model, X=None):
    """Refuse an estimator of which no fit makes a network in integers.

    Parameters
    ----------
    quantized : QuantizedFastGRNNClassifier or QuantizedFastGRNNRegressor
    model : estimator
        What it trains.
    X : array-like, default=None
        Of the fit; columns are counted if it is 2-D.

    Raises
    ------
    TypeError
        If the model is of another kind.
    ValueError
        If its parameters, or steps, have no form in integers.
    """
    if isinstance(model, NotSaved):
        model.fit(X, None)
    name, kind = type(quantized).__name__, type(quantized)._trains
    network, steps = unfitted_network(model)
    if network is None:
        is_right = is_classifier(model) == (kind is FastGRNNClassifier)
    else:
        is_right = isinstance(network, kind)
    if not is_right:
        raise TypeError(
            f"{name} needs as estimator a {kind.__name__}, a distillation that trains one, or a "
            f"Pipeline that ends in either; got {model!r}.{other_advice(name, network)}"
        )
    if network is not None:
        check_options(network)
        check_bits(quantized.bits, network.compression)
    if steps:
        step, scaler = steps[-1]
        try:
            check_scaler(scaler)
            check_columns(scaler, network, X)
        except NotFoldable as error:
            raise ValueError(f"{not_in_integers(name, step)} {error}") from error
        if len(steps) > 1:
            raise ValueError(not_in_integers(name, steps[0][0]))


def other_advice(name, network):
    """What to do with another estimator, a sentence that begins with a space, or nothing."""
    if isinstance(network, FastGRNNClassifier):
        return " Use QuantizedFastGRNNClassifier."
    if isinstance(network, FastGRNNRegressor):
        return " Use QuantizedFastGRNNRegressor."
    if isinstance(network, BaseSearchCV):
        return (
            f" Search outside: {type(network).__name__}({name}(...), ...) with parameters such as "
            "'estimator__hidden_size'."
        )
    if isinstance(network, TransformedTargetRegressor):
        return f" Put it around: TransformedTargetRegressor({name}(...))."
    return ""


def not_in_integers(name, step):
    """The beginning of an error of a step."""
    return (
        f"Step {step!r} of `estimator` cannot be computed in integers. Put it in front: "
        f"make_pipeline({step}, {name}(...))."
    )


def check_bits(bits, trained):
    """Refuse other bits than those of a training; `trained` is a Network or a Compression."""
    if trained is None or bits is None or trained.bits in (None, bits):
        return
    raise ValueError(
        f"bits={bits} is not what the network is trained with, whose weights are multiples of "
        f"steps of {trained.bits} bits; pass bits={trained.bits} or None."
    )


def check_columns(scaler, network, X):
    """Refuse a scaler of 2-D X whose channels are not those of the network behind it."""
    if network is None or len(getattr(X, "shape", ())) != 2:
        return
    n_columns = X.shape[1]
    steps_of_network = network.n_timesteps or n_columns
    steps_of_scaler = (scaler.n_timesteps or n_columns) if isinstance(scaler, OURS) else 1
    if steps_of_scaler != steps_of_network:
        raise NotFoldable(
            f"{type(scaler).__name__} has statistics of {n_columns // steps_of_scaler} channels, "
            f"and the network reads {n_columns // steps_of_network}. Use a scaler of "
            "skfastgrnn.preprocessing with the same n_timesteps as the network."
        )


def check_parameters(model):
    """Refuse parameters of an estimator from a file, and of its steps, that no fit takes.

    A Pipeline loses its `memory`, a folder that code would be loaded from.
    """
    model._validate_params()
    if isinstance(model, Pipeline):
        model.set_params(memory=None)
        for _, step in model.steps:
            if step not in UNUSED:
                check_parameters(step)


def train(model, X, y, given):
    """Fit a model that is checked; `given` are weights and validation data, by parameter of fit.

    Weights and validation data are those of what a Pipeline ends in, whose X_val is transformed
    like X.
    """
    if not isinstance(model, Pipeline) or not given:
        model.fit(X, y, **given)
        return
    for _, step in model.steps[:-1]:
        if step not in UNUSED:
            X = step.fit(X, y).transform(X)
            if "X_val" in given:
                given = {**given, "X_val": step.transform(given["X_val"])}
    train(model.steps[-1][1], X, y, given)
