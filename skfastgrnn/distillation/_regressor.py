"""DistilledFastGRNNRegressor: knowledge distillation from a regressor."""

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import _safe_indexing, check_array
from sklearn.utils.validation import (
    _num_samples,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from .._validation._errors import error_context
from .._validation._input_format import refuse_unreadable
from .._validation._numbers import as_numbers
from .._validation._sample_weight import without_missing
from ..callbacks._sklearn import with_callbacks
from ..estimators._config import regression_settings
from ..estimators._regressor import FastGRNNRegressor
from ._base import BaseDistillation
from ._folds import ask_out_of_fold, mean_by_sample, splits_of_numbers
from ._objective import BlendedRegression
from ._report import comparison_of_numbers, resources_of
from ._students import (
    baseline_or_warning,
    check_given,
    cloned,
    in_order,
    indexable_each,
    joined,
    network_in,
    of_rows,
    rows_of,
    with_more_groups,
)
from ._teachers import UNFITTED, check_kind, is_ready


class DistilledFastGRNNRegressor(RegressorMixin, BaseDistillation):
    r"""Small network trained by knowledge distillation from a teacher regressor.

    For a sequence with target y, teacher prediction t and student prediction o, the loss is

    .. math::

        \alpha \, (o - t)^2 + (1 - \alpha) \, (o - y)^2,

    the analogue of distillation [1]_ for squared errors. Up to a constant this is the squared error
    of ``alpha * t + (1 - alpha) * y``, on which the student is trained. Sequences without a target
    (NaN) have only the first term.

    Parameters
    ----------
    teacher : regressor or None
        Any regressor. It receives X unchanged. None requires `teacher_prediction` in `fit`.

    student : FastGRNNRegressor, Pipeline that ends in one, or None, default=None
        The network to train. None is a `FastGRNNRegressor` with its defaults. With ``loss="huber"``
        the student minimises the Huber loss of the blended targets.

    alpha : float, default=0.5
        Weight of the teacher in the loss, in [0, 1]. With 0 the student is trained as without a
        teacher. The L2 penalty of the student is `student__alpha`.

    cv : int, splitter, iterable of splits, "prefit" or None, default=None
        How soft targets for the training samples are obtained: out of fold, so that an overfitted
        teacher does not leak its training targets. None is 5-fold, or fewer for fewer samples.
        "prefit" uses the fitted teacher without refitting, and so does a
        :class:`~sklearn.frozen.FrozenEstimator` with any `cv`. A sample in several test parts gets
        the mean of its predictions.

    compare : bool, default=False
        Whether to also train the same student without a teacher, for 'baseline_score' in `report_`,
        and to warn if it is clearly better than the teacher. If nothing is held out, this trains
        one student for each fold of `cv`.

    random_state : int, RandomState instance or None, default=None
        Seeds every `random_state` of teacher and student that is None. None leaves them unchanged.

    n_jobs : int or None, default=None
        Number of folds of `cv` that are fitted in parallel.

    verbose : int, default=0
        With 1, print a line for each step.

    Attributes
    ----------
    teacher_ : regressor or None
        The teacher, fitted on all samples with a target (with ``cv="prefit"`` the one given).

    student_ : FastGRNNRegressor or Pipeline
        The fitted student, which makes all predictions.

    n_bytes_, n_operations_per_step_ : int
        Those of the network that is the student, or at its end.

    report_ : dict
        'teacher_bytes' and 'student_bytes' of their pickles; 'teacher_latency' and
        'student_latency', the median time of `predict` for one sample. On 'n_scored' samples that
        were not trained on ('scored_on': "X_val" or "held out"): 'teacher_score', 'student_score'
        and, with `compare`, 'baseline_score', the R² of the teacher (out of fold, unless it is
        prefit), of the student and of the same student trained without a teacher; and
        'rmse_to_teacher', the root mean squared difference of teacher and student. If nothing is
        held out, 'teacher_score' and 'baseline_score' are those of all samples with a target, "out
        of fold". Unknown entries are None.

    n_features_in_ : int
        That of the student, if it has one.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Those of the student, if it has any.

    See Also
    --------
    DistilledFastGRNN : The same for classification.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network",
       arXiv:1503.02531, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> from skfastgrnn import DistilledFastGRNNRegressor, FastGRNNRegressor
    >>> from skfastgrnn.preprocessing import sliding_windows
    >>> wave = np.sin(np.arange(500) / 5)
    >>> X, y, _ = sliding_windows(wave, window=10, horizon=1)
    >>> X, y = X.reshape(len(X), -1), y.ravel()  # rows, which the forest can read
    >>> teacher, student = ExtraTreesRegressor(), FastGRNNRegressor(hidden_size=8)
    >>> model = DistilledFastGRNNRegressor(teacher, student, random_state=0)
    >>> model.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.95
    True
    """

    _student_class = FastGRNNRegressor

    def __init__(
        self,
        teacher,
        student=None,
        *,
        alpha=0.5,
        cv=None,
        compare=False,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.teacher = teacher
        self.student = student
        self.alpha = alpha
        self.cv = cv
        self.compare = compare
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)  # of teacher and student
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        teacher_prediction=None,
        X_unlabeled=None,
        groups=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the teacher on the samples with a target, predict all, and train the student.

        Parameters
        ----------
        X : array-like of n_samples samples
            Input of both teacher and student: 2-D X, sequences if the teacher accepts them, or
            anything that their pipelines convert to numbers.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; unknown ones are NaN, None or pandas' NA (in all outputs).

        sample_weight : array-like of shape (n_samples,), default=None
            Weights, passed to the student and, if its `fit` accepts them, to the teacher. With
            metadata routing enabled, to those that request them.

        teacher_prediction : array-like of the shape of y, default=None
            Precomputed predictions, which replace the teacher.

        X_unlabeled : array-like, default=None
            More samples, without targets, in the form of X. Rows of `teacher_prediction` for them
            follow those for X; their weight is 1. A student that holds out the tail holds out its
            share of them and that of X.

        groups : array-like of shape (n_samples,), default=None
            Groups of the samples of X, for a splitter in `cv` that keeps them together, such as
            :class:`~sklearn.model_selection.GroupKFold`.

        X_val, y_val, sample_weight_val : array-like, default=None
            The student's validation set, as in :meth:`FastGRNNRegressor.fit`. A Pipeline as student
            needs metadata routing and ``transform_input=["X_val"]`` for it.

        Returns
        -------
        self : DistilledFastGRNNRegressor

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid; the estimator is then unchanged.
        """
        return self._fit_with_callbacks(
            X,
            y,
            sample_weight,
            teacher_prediction,
            X_unlabeled,
            groups=groups,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    def _fit(self, X, y, sample_weight, teacher_prediction, X_unlabeled, metadata, calls):
        rng = self._generator()
        check_given(self, y)
        y = numbers(y, "y", ensure_all_finite="allow-nan")
        if sample_weight is not None:
            sample_weight = without_missing(sample_weight)
        X, sample_weight, X_unlabeled = indexable_each(X, sample_weight, X_unlabeled)
        check_consistent_length(X, y, sample_weight, metadata.get("groups"))
        if teacher_prediction is None:
            check_kind(self.teacher, "regressor")
        order = slice(None)
        if X_unlabeled is not None:
            n_more = _num_samples(X_unlabeled)
            X = joined(X, X_unlabeled)
            y = np.concatenate([y, np.full((n_more, *y.shape[1:]), np.nan)])
            if sample_weight is not None:
                sample_weight = np.append(column_or_1d(sample_weight), np.ones(n_more))
            order = self._order(len(y) - n_more, n_more, metadata)
            metadata = with_more_groups(metadata, n_more)
            X, sample_weight, metadata = in_order(order, X, sample_weight, metadata)
            y = y[order]
        is_missing = np.isnan(y.reshape(len(y), -1))
        is_known = ~is_missing.any(axis=1)
        if (is_known != ~is_missing.all(axis=1)).any():
            sample = int(np.argmax(is_missing.any(axis=1) & ~is_missing.all(axis=1)))
            raise ValueError(f"y: sample {sample} is NaN in some outputs; it must be so in all.")
        if self.alpha == 0 and not is_known.all():
            raise ValueError(
                f"{np.sum(~is_known)} samples have no target (NaN), and with alpha=0 there is "
                "nothing else to learn from. Raise alpha, or leave these samples out."
            )
        student, routed = self._prepared(sample_weight, metadata, rng)
        baseline, teacher = cloned(student), None
        if teacher_prediction is not None:
            soft, splits = numbers(teacher_prediction, "teacher_prediction"), []
        elif self.teacher is None:
            raise ValueError("There is no teacher: teacher and teacher_prediction are None.")
        else:
            teacher, soft, splits = self._fit_teacher(X, y, is_known, routed, rng, calls)
        if soft.shape != y.shape:
            raise ValueError(f"The teacher's predictions have the shape {soft.shape}, y {y.shape}.")
        if teacher_prediction is not None:
            soft = soft[order]
        blended = np.where(is_known.reshape(-1, *[1] * (y.ndim - 1)), y, soft)
        blended += self.alpha * (soft - blended)
        # Of the loss of samples without a target, only the teacher's share is left.
        network = network_in(student, self._student_class)
        loss_weight = None if is_known.all() else np.where(is_known, 1.0, self.alpha)
        objective = BlendedRegression(loss_weight=loss_weight, **regression_settings(network))
        held_out = self._train(student, X, blended, objective, routed.student, calls)
        self.teacher_, self.student_ = teacher, student
        self.report_ = {
            **resources_of(teacher, student, _safe_indexing(X, [0])),
            **self._comparison(X, y, is_known, soft, splits, held_out, baseline, routed.student),
        }

    def _fit_teacher(self, X, y, is_known, routed, rng, calls):
        """The fitted teacher, its predictions for all samples, and the splits of known ones."""
        if is_ready(self.teacher, self.cv):
            check_is_fitted(self.teacher, msg=UNFITTED)
            return self.teacher, like(self.teacher.predict(X), y), []
        teacher = cloned(self.teacher, rng)
        known, unknown = np.flatnonzero(is_known), np.flatnonzero(~is_known)
        X_known, y_known = rows_of(X, known), y[known]
        params, for_splitter = (
            of_rows(given, known, len(y)) for given in (routed.teacher, routed.splitter)
        )
        self._say("Fitting the teacher.")
        with calls.step("fit-teacher", teacher):
            teacher.fit(X_known, y_known, **params)
        self._say("Asking the teacher out of fold.")
        splits = splits_of_numbers(self.cv, X_known, y_known, for_splitter)
        asked = ask_out_of_fold(
            teacher,
            predicted,
            X_known,
            y_known,
            splits,
            params=params,
            n_jobs=self.n_jobs,
        )
        soft, others = np.empty(y.shape), unknown
        if asked:
            shape = (len(known), *y.shape[1:])
            soft[known], _ = mean_by_sample([like(p, y) for p in asked], splits, shape)
        else:  # there is only one sample to ask about
            others = np.arange(len(y))
        if len(others):
            soft[others] = like(teacher.predict(rows_of(X, others)), y)
        return teacher, soft, splits

    def _comparison(self, X, y, is_known, soft, splits, held_out, baseline, for_student):
        """Teacher, student and baseline, scored on samples that were not trained on."""
        known = np.flatnonzero(is_known)
        has_own = "X_val" in for_student
        if not has_own and len(held_out) == 0:
            return self._comparison_out_of_fold(X, y, known, soft, splits, baseline, for_student)
        if has_own:
            X_val, y_val = for_student["X_val"], np.asarray(for_student["y_val"])
            predicted_by_teacher = (
                None if self.teacher_ is None else like(self.teacher_.predict(X_val), y_val)
            )
        else:
            known = np.setdiff1d(known, held_out)  # of which it would hold out others
            held_out = held_out[is_known[held_out]]
            X_val, y_val, predicted_by_teacher = rows_of(X, held_out), y[held_out], soft[held_out]
        predicted_by_baseline = None
        if self.compare and len(y_val):
            self._say("Training the same student without a teacher, to compare.")
            with baseline_or_warning(baseline):
                for_baseline = of_rows(for_student, known, len(y))
                baseline.fit(rows_of(X, known), y[known], **for_baseline)
                predicted_by_baseline = baseline.predict(X_val)
        predicted = self.student_.predict(X_val) if len(y_val) else None
        where = "X_val" if has_own else "held out"
        return comparison_of_numbers(
            where, y_val, predicted_by_teacher, predicted, predicted_by_baseline
        )

    def _comparison_out_of_fold(self, X, y, known, soft, splits, baseline, for_student):
        """Teacher and baseline, scored out of fold, if nothing is held out."""
        if not splits:
            return comparison_of_numbers(None, y[:0], None, None, None)
        predicted_by_baseline = None
        if self.compare:
            self._say("Training the same student without a teacher, out of fold, to compare.")
            with baseline_or_warning(baseline):
                asked = ask_out_of_fold(
                    baseline,
                    predicted,
                    rows_of(X, known),
                    y[known],
                    splits,
                    params=of_rows(for_student, known, len(y)),
                    n_jobs=self.n_jobs,
                )
                predicted_by_baseline, _ = mean_by_sample(asked, splits, y[known].shape)
        return comparison_of_numbers(
            "out of fold", y[known], soft[known], None, predicted_by_baseline
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def numbers(values, name, **checks):
    """Targets (n_samples,) or (n_samples, n_outputs) in float64; what is missing is NaN."""
    refuse_unreadable(values, name)
    with error_context(name):
        values = as_numbers(values, ("sample", "output"), name=name)
        return check_array(values, ensure_2d=False, dtype=np.float64, input_name=name, **checks)


def predicted(teacher, X, train):
    """Predictions of a fold's teacher."""
    return teacher.predict(X)


def like(predicted, y):
    """Predictions in the shape of y: some regressors return (n_samples, 1) for 1-D y."""
    return np.asarray(predicted, dtype=np.float64).reshape(-1, *y.shape[1:])
