"""The estimators of scikit-learn that train a network.

_classifier.py   FastGRNNClassifier: labels, probabilities
_regressor.py    FastGRNNRegressor: numbers
_base.py         what they share: parameters and fit
_fitted.py       what a fitted one knows: curves, parameters, states
_partial_fit.py  one epoch over each piece of a stream
_config.py       from hyperparameters to what network and training take
_warm_start.py   beginning with what was learned before; frozen parameters
_refit.py        a second training on all rows
_restarts.py     several trainings of one fit, of which the best is kept
_start.py        a training before its first epoch
_dense_start.py  beginning with the factors of a dense fit
_class_outputs.py  from outputs to labels and probabilities
_saved.py        what files keep of an estimator
_fit_context.py  what callbacks may see of a running fit
"""

from ._classifier import FastGRNNClassifier
from ._regressor import FastGRNNRegressor

__all__ = ["FastGRNNClassifier", "FastGRNNRegressor"]
