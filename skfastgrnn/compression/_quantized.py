"""Estimators that compute in integers."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context, clone
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Options
from sklearn.utils.validation import check_is_fitted

from .._validation._errors import as_it_is, error_context, working_copy
from .._validation._sequences import to_sequences
from ..estimators import FastGRNNClassifier, FastGRNNRegressor
from ..estimators._class_outputs import decision, labels, log_probabilities, probabilities
from ..estimators._fitted import network_of
from ..kernels import integer_outputs
from ..persistence._safetensors import saveable
from ._affine import IDENTITY, NotFoldable, affine_of, network_and_steps, read_like
from ._calibration import sampled, warn_of_few_steps, warn_of_other_data
from ._integers import check_supported, integer_network
from ._saved import CLASSIFIER, READING, REGRESSOR, SOMETIMES, arrays_of, network_from, settings_of
from ._trainable import (
    NotSaved,
    check_bits,
    check_parameters,
    check_trainable,
    not_in_integers,
    train,
)


class BaseQuantized(BaseEstimator):
    """A network in integers, and how X is read.

    `_integers` is the IntegerNetwork. Subclasses say by `_trains` which networks they
    train, and copy in `_learn` what predictions need to know of targets.
    """

    #: What a parameter becomes in a model from a file if only code could restore it.
    _if_not_saved = {"estimator": NotSaved}

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "bits": [Options(Integral, {4, 8}), None],
    }

    def __init__(self, estimator=None, *, bits=None):
        self.estimator = estimator
        self.bits = bits

    def set_params(self, **params):
        """Set parameters, also those of the estimator, as ``estimator__hidden_size``.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If there is no such parameter, or `estimator` is None where one of it is set.
        """
        nested = [name for name in params if name.startswith("estimator__")]
        if nested and params.get("estimator", self.estimator) is None:
            raise ValueError(
                f"{nested[0]} cannot be set, because estimator is None. Set "
                f"estimator={type(self._trains()).__name__}() first."
            )
        return super().set_params(**params)

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train a clone of `estimator` and convert it to integers, calibrated on X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Training sequences, as `estimator` takes them.

        y : array-like
            Targets, as `estimator` takes them.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples.

        X_val : array-like, default=None
            Validation sequences of the training, in the same form. A Pipeline scales them like X.

        y_val : array-like, default=None
            Targets of X_val.

        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of X_val.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid, or there is no such network in integers, which is refused
            before the training unless it depends on the weights; the estimator is then unchanged.
        """
        model = clone(self._trains() if self.estimator is None else self.estimator)
        check_trainable(self, model, X)
        given = {
            "sample_weight": sample_weight,
            "X_val": X_val,
            "y_val": y_val,
            "sample_weight_val": sample_weight_val,
        }
        train(model, X, y, {name: value for name, value in given.items() if value is not None})
        network, steps = network_and_steps(model, f"{type(self).__name__}.fit")
        affine, scaler = None, None
        if steps:
            ((name, scaler),) = steps
            try:
                affine = affine_of(scaler, network)
            except NotFoldable as error:
                message = not_in_integers(type(self).__name__, name)
                raise ValueError(f"{message} {error}") from error
        with working_copy(self) as fitted:
            fitted._convert(network, affine, scaler, X, is_training=True)
        return self

    def _convert(self, estimator, affine, scaler, X_calibration, *, is_training):
        """Become a fitted estimator's network in integers.

        affine, scaler : what a scaler in front of it does to X, and that scaler, or None for both
        is_training : whether X_calibration is the X of a fit of `estimator`
        """
        argument = "X" if is_training else "X_calibration"
        network = network_of(estimator)
        check_supported(network)
        check_bits(self.bits, network)
        read_like(self, scaler, estimator)
        with error_context(argument):
            sequences, _ = to_sequences(self, X_calibration, reset=False)
        self._learn(estimator)
        self._integers = integer_network(
            network,
            estimator.params_,
            sequences,
            bits=self.bits or network.bits or 8,
            affine=affine or IDENTITY,
            is_regressor=self._is_regressor,
            argument=argument,
        )
        if not is_training:
            warn_of_few_steps(sequences)
            if scaler is not None:
                warn_of_other_data(sampled(sequences), scaler)

    def _integer_outputs(self, X):
        """Outputs (n_samples, n_outputs) int32."""
        if "_integers" not in vars(self):  # faster than scikit-learn's check
            check_is_fitted(self)
        sequences, _ = to_sequences(self, X, reset=False)
        return integer_outputs(self._integers, sequences)

    def _outputs(self, X):
        """The same in floating point."""
        outputs = self._integer_outputs(X)
        return self._integers.real_outputs(outputs)

    @property
    def n_bytes_(self):
        """Bytes of the network, as a device stores it."""
        return sum(self.bytes_by_part_.values())

    @property
    def bytes_by_part_(self):
        """Bytes by what they hold, as :func:`size_report` lists them: a dict."""
        check_is_fitted(self, "_integers")
        return self._integers.bytes_by_part

    @property
    def n_operations_per_step_(self):
        """Multiply-adds of a time step."""
        check_is_fitted(self, "_integers")
        return self._integers.n_operations_per_step

    def _to_save(self):
        """What a file keeps: attributes, and arrays by name."""
        check_is_fitted(self, "_integers")
        state = self.__getstate__()
        names = {**READING, **SOMETIMES, **self._saved_attributes}
        attributes = {name: state[name] for name in names if name in state}
        return {**attributes, "_settings": settings_of(self._integers)}, arrays_of(self._integers)

    def _restore(self, attributes, arrays):
        """Restore what `_to_save` returns, validated."""
        self._integers = network_from(attributes, arrays, self._saved_attributes)
        if self.estimator is not None and not isinstance(self.estimator, NotSaved):
            check_parameters(self.estimator)
            check_trainable(self, self.estimator)
        vars(self).update({k: value for k, value in attributes.items() if k != "_settings"})

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_integers")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        has_none = self.estimator is None or isinstance(self.estimator, NotSaved)
        inner = get_tags(self._trains() if has_none else self.estimator)
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        return tags


@saveable
class QuantizedFastGRNNClassifier(ClassifierMixin, BaseQuantized):
    """A classifier that computes in integers only.

    `fit` trains a clone of `estimator`, and converts it as :func:`quantize` converts a fitted
    model. Predictions are those of the C source for microcontrollers, to the bit.

    Parameters
    ----------
    estimator : FastGRNNClassifier, Pipeline or None, default=None
        What is trained: a classifier, a distilled one, or a Pipeline of a scaler that can be folded
        into the input (see :func:`fold_scaler`) and one of them. None means
        ``FastGRNNClassifier()``.

    bits : {8, 4}, default=None
        Bits of a weight. None means those that the network is trained with, otherwise 8.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.

    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns or channels, if X in `fit` had any.

    n_channels_ : int
        Number of channels.

    n_bytes_ : int
        Bytes of everything that a device stores: weights, masks, scales, biases, tables, and
        scaling of the channels.

    bytes_by_part_ : dict of str -> int
        The same by what they hold.

    n_operations_per_step_ : int
        Multiply-adds of a time step.

    See Also
    --------
    quantize : Converts a fitted model.

    Notes
    -----
    A file written by :func:`skfastgrnn.save` keeps the integers and the parameters of `estimator`,
    unless only code could restore one, such as a teacher or a function as `learning_rate`: of such
    a model from a file, `fit` raises ValueError until `estimator` is set.

    Callbacks are set on the network in `estimator`, as in a Pipeline.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.compression import QuantizedFastGRNNClassifier
    >>> from skfastgrnn.preprocessing import SequenceStandardScaler
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8)  # 8 steps of 8 pixels
    >>> model = QuantizedFastGRNNClassifier(
    ...     make_pipeline(
    ...         SequenceStandardScaler(), FastGRNNClassifier(16, max_iter=30, random_state=0)
    ...     ),
    ...     bits=8,
    ... ).fit(X[:1000], y[:1000])
    >>> bool(model.score(X[1000:], y[1000:]) > 0.85)
    True
    """

    _trains = FastGRNNClassifier
    _is_regressor = False
    _saved_attributes = CLASSIFIER

    def __init__(self, estimator: Any = None, *, bits: int | None = None) -> None:
        super().__init__(estimator, bits=bits)

    def _learn(self, estimator):
        self.classes_ = estimator.classes_
        self._is_multilabel = estimator._is_multilabel

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the classes, multiples of a power of two.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Sequences as in `fit`, of any length and form unless that was 2-D. Values beyond the
            range of the calibration saturate.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels), float64
            For two classes the logit of ``classes_[1]``.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the number of channels or columns differs from that in `fit`, or X is not finite.
        """
        return decision(as_it_is(self)._outputs(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like
            As in `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            In the order of `classes_`; independent of each other if y was an indicator matrix.
        """
        now = as_it_is(self)
        return probabilities(now._outputs(X), is_multilabel=now._is_multilabel)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Log-probabilities of the classes, also where the probabilities underflow to 0.

        Parameters
        ----------
        X : array-like
            As in `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            In the order of `classes_`.
        """
        now = as_it_is(self)
        return log_probabilities(now._outputs(X), is_multilabel=now._is_multilabel)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sequence, or the labels more probable than not.

        Parameters
        ----------
        X : array-like
            As in `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels from `classes_`; an indicator matrix of 0 and 1 if y was one in `fit`.
        """
        now = as_it_is(self)
        return labels(now._integer_outputs(X), now.classes_, is_multilabel=now._is_multilabel)


@saveable
class QuantizedFastGRNNRegressor(RegressorMixin, BaseQuantized):
    """A regressor that computes in integers, up to the unit of y.

    `fit` trains a clone of `estimator`, and converts it as :func:`quantize` converts a fitted
    model.

    Parameters
    ----------
    estimator : FastGRNNRegressor, Pipeline or None, default=None
        What is trained: a regressor, a distilled one, or a Pipeline of a scaler that can be folded
        into the input (see :func:`fold_scaler`) and one of them. None means
        ``FastGRNNRegressor()``.

    bits : {8, 4}, default=None
        Bits of a weight. None means those that the network is trained with, otherwise 8.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns or channels, if X in `fit` had any.

    n_channels_ : int
        Number of channels.

    n_bytes_ : int
        Bytes of everything that a device stores: weights, masks, scales, biases, tables, scaling of
        the channels and of y.

    bytes_by_part_ : dict of str -> int
        The same by what they hold.

    n_operations_per_step_ : int
        Multiply-adds of a time step.

    See Also
    --------
    quantize : Converts a fitted model.

    Notes
    -----
    A file written by :func:`skfastgrnn.save` keeps the integers and the parameters of `estimator`,
    unless only code could restore one, such as a teacher or a function as `learning_rate`: of such
    a model from a file, `fit` raises ValueError until `estimator` is set.

    Callbacks are set on the network in `estimator`, as in a Pipeline.

    Examples
    --------
    >>> import numpy as np
    >>> from skfastgrnn import FastGRNNRegressor
    >>> from skfastgrnn.compression import QuantizedFastGRNNRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 10, 2))
    >>> y = 100 + X[:, :, 0].sum(axis=1)
    >>> model = QuantizedFastGRNNRegressor(FastGRNNRegressor(8, random_state=0)).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _trains = FastGRNNRegressor
    _is_regressor = True
    _saved_attributes = REGRESSOR

    def __init__(self, estimator: Any = None, *, bits: int | None = None) -> None:
        super().__init__(estimator, bits=bits)

    def _learn(self, estimator):
        self._y_is_1d = estimator._y_is_1d

    def predict(self, X: Any) -> np.ndarray:
        """Predicted values of each sequence.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Sequences as in `fit`, of any length and form unless that was 2-D. Values beyond the
            range of the calibration saturate.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            In the form and unit of y.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the number of channels or columns differs from that in `fit`, or X is not finite.
        """
        now = as_it_is(self)
        outputs = now._outputs(X)
        return outputs[:, 0] if now._y_is_1d else outputs
