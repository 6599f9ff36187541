"""What distillations of classifiers and regressors share."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, _routing_enabled
from sklearn.utils.validation import check_is_fitted

from .._validation._errors import restore_on_error, working_copy
from ..callbacks._sklearn import CallbackSupport, StepNotifier
from ..estimators._config import holds_out, holds_out_tail, new_generator
from ..training import warn
from ._students import cloned, fit_param, last_step, network_in, routed, takes_parameter


class BaseDistillation(CallbackSupport, MetaEstimatorMixin, BaseEstimator):
    """A teacher and a student; a subclass says by `_student_class` what the latter is."""

    _parameter_constraints = {
        "teacher": [HasMethods("fit"), HasMethods("predict"), None],
        "student": [HasMethods(["fit", "predict"]), None],
        "alpha": [Interval(Real, 0, 1, closed="both")],
        "compare": ["boolean"],
        "cv": ["cv_object", StrOptions({"prefit"})],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def _fit_with_callbacks(self, X, y, sample_weight, soft, X_unlabeled, **metadata):
        """Fit, telling callbacks; `soft` are targets from outside, or None."""
        metadata = {name: value for name, value in metadata.items() if value is not None}
        calls = StepNotifier(self, 2, X, y)
        with restore_on_error(self):  # as callbacks may raise one when the fit is at its end
            with working_copy(self) as fitted:
                fitted._fit(X, y, sample_weight, soft, X_unlabeled, metadata, calls)
            calls.end()
        return self

    def _generator(self):
        """What seeds teacher and student, or None where these keep their own random states."""
        return None if self.random_state is None else new_generator(self.random_state)

    def _given_student(self):
        return self._student_class() if self.student is None else self.student

    def _prepared(self, sample_weight, metadata, rng):
        """An unfitted student, and what the fits and the splitter are called with."""
        student = cloned(self._given_student(), rng)
        network = network_in(student, self._student_class)
        network._validate_params()
        if not takes_parameter(network.fit, "objective"):
            raise TypeError(
                f"{type(network).__name__} overrides fit without the parameter objective, which is "
                "how a student learns from its teacher: add it, and pass it on to super().fit."
            )
        if _routing_enabled():
            network.set_fit_request(objective=True)
        parts = routed(self, student, sample_weight, metadata)
        has_no_splitter = self.cv is None or isinstance(self.cv, Integral | str)
        if "groups" in metadata and has_no_splitter and "groups" not in parts.teacher:
            warn(
                f"The groups parameter is ignored, because cv={self.cv!r} does not keep groups "
                "together. Pass a splitter that does, such as GroupKFold()."
            )
        return student, parts

    def _order(self, n_samples, n_more, metadata):
        """The order of samples, and of more without labels: all rows (n_samples + n_more,).

        The latter follow, but precede what a student holds out as the tail of the samples: a tail
        of samples without labels would say little of the student.
        """
        network, n_tail = network_in(self._given_student(), self._student_class), 0
        if "X_val" not in metadata:
            network._validate_params()
            if holds_out(network) and holds_out_tail(network):
                n_tail = int(np.ceil(network.validation_fraction * n_samples))
        order = np.arange(n_samples + n_more)
        head, tail, more = np.split(order, [n_samples - n_tail, n_samples])
        return np.concatenate([head, more, tail])

    def _train(self, student, X, y, objective, for_student, calls):
        """Fit a student; returns the rows that its network held out."""
        self._say("Training the student.")
        with calls.step("fit-student", student):
            student.fit(X, y, **for_student, **fit_param(student, "objective", objective))
        return objective.held_out

    def _say(self, line):
        if self.verbose:
            print(line)

    def set_params(self, **params):
        """Set parameters, also of teacher and student (``student__hidden_size=8``).

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
            If there is no such parameter, or the estimator that should have it is None.
        """
        for part in ("teacher", "student"):
            nested = [name for name in params if name.startswith(f"{part}__")]
            if nested and params.get(part, getattr(self, part)) is None:
                example = "" if part == "teacher" else f", such as {self._student_class.__name__}()"
                raise ValueError(
                    f"{nested[0]} cannot be set, because {part} is None. Pass an estimator as "
                    f"{part}{example}, first."
                )
        return super().set_params(**params)

    def strip_teacher(self):
        """The fitted student, an independent estimator without reference to the teacher.

        Returns
        -------
        estimator
            `student_`: what to pickle, save or export.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        return self.student_

    def predict(self, X):
        """Predictions of the student.

        Parameters
        ----------
        X : array-like of n_samples samples
            As in `fit`.

        Returns
        -------
        ndarray
            As of the student: labels (n_samples,), or numbers in the form of y.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        return self.student_.predict(X)

    @property
    def n_features_in_(self):
        """Number of features that the student has seen."""
        return self.student_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of features that the student has seen."""
        return self.student_.feature_names_in_

    @property
    def n_bytes_(self):
        """Bytes of the student's network, as a device stores it."""
        check_is_fitted(self)
        return last_step(self.student_).n_bytes_

    @property
    def n_operations_per_step_(self):
        """Multiply-adds of the student's network in a time step."""
        check_is_fitted(self)
        return last_step(self.student_).n_operations_per_step_

    def get_metadata_routing(self):
        """Metadata that `fit` passes on to teacher, student and `cv`, if routing is enabled.

        Returns
        -------
        MetadataRouter
        """
        student = self.student
        if student is None:
            student = self._student_class()
            if _routing_enabled():
                student.set_fit_request(
                    sample_weight=True, X_val=True, y_val=True, sample_weight_val=True
                )
        fits = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        if self.teacher is not None:
            router.add(teacher=self.teacher, method_mapping=fits)
        router.add(student=student, method_mapping=fits)
        splits = MethodMapping().add(caller="fit", callee="split")
        return router.add(splitter=self.cv, method_mapping=splits)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self._given_student()).input_tags
        return tags
