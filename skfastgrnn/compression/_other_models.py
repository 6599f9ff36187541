"""What is said of models that a function of compression does not take."""

from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline


def named(last, model):
    """What a model is that ends in `last`, for an error."""
    name = f"the class {last.__name__}" if isinstance(last, type) else type(last).__name__
    if last is model:
        return name
    return f"{'a Pipeline' if isinstance(model, Pipeline) else 'a model'} that ends in {name}"


def advice(last):
    """What to do with another model, a sentence that begins with a space, or nothing."""
    if isinstance(last, type):
        return " Pass a fitted object of it."
    if hasattr(type(last), "bytes_by_part_"):
        return " It is in integers already; pass the model that it was made of."
    if isinstance(last, TransformedTargetRegressor):
        return (
            " Its function of y cannot be part of the network: pass regressor_, which predicts "
            "transformed y; to scale y only, leave it out, since FastGRNNRegressor scales y."
        )
    if isinstance(last, BaseSearchCV):
        return " Of a search pass best_estimator_."
    return ""
