"""DistilledFastGRNN: knowledge distillation from a classifier."""

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _num_samples,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from .._validation._sample_weight import without_missing
from .._validation._targets import is_multilabel
from ..callbacks._sklearn import with_callbacks
from ..estimators._classifier import FastGRNNClassifier
from ..schedules import NAMES as SCHEDULES
from ..schedules import schedule_named
from . import _teachers
from ._base import BaseDistillation
from ._calibration import Calibration
from ._folds import splits_by_class
from ._labels import encode_labels, read_labels
from ._objective import Distillation
from ._report import as_columns, comparison, resources_of
from ._soft_targets import (
    SoftTargets,
    as_outputs,
    calibration_of,
    logits_out_of_fold,
    soft_targets_out_of_fold,
)
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


class DistilledFastGRNN(ClassifierMixin, BaseDistillation):
    r"""Small network trained by knowledge distillation from a teacher classifier.

    For a sequence with label y, teacher logits t and student logits o, the loss is

    .. math::

        \alpha \, T^2 \, \mathrm{KL}(\mathrm{softmax}(t / T) \,\|\, \mathrm{softmax}(o / T))
        + (1 - \alpha) \, \mathrm{CE}(y, \mathrm{softmax}(o)),

    computed in the same compiled epochs as any training of the network [1]_. The probabilities that
    a teacher gives to wrong classes show which classes are similar; the temperature T amplifies
    them. Sequences without a label (-1) have only the first term.

    Parameters
    ----------
    teacher : classifier or None
        Any classifier with `predict_proba`, `predict_log_proba` or `decision_function`, or a
        Pipeline or search that ends in one. It receives X unchanged. None requires `teacher_proba`
        in `fit`.

    student : FastGRNNClassifier, Pipeline that ends in one, or None, default=None
        The network to train. None is a `FastGRNNClassifier` with its defaults.

    temperature : float or "auto", default="auto"
        T above, greater than 0. With "auto", T is 1 and the teacher is calibrated: its logits are
        divided by the temperature that minimises their log loss on the labels [4]_, with smoothed
        targets, and no probability is less than one over the number of samples plus classes. With
        ``cv="prefit"`` and `teacher_proba`, which may have been fitted to the labels, that
        temperature is at least 1. It is in `report_`.

    alpha : float, default=0.5
        Weight of the teacher in the loss, in [0, 1]. With 0 the student is trained as without a
        teacher. The L2 penalty of the student is `student__alpha`.

    cv : int, splitter, iterable of splits, "prefit" or None, default=None
        How soft targets for the training samples are obtained: out of fold, so that an overfitted
        teacher does not leak its training labels. None is stratified 5-fold. "prefit" uses the
        fitted teacher without refitting, and so does a :class:`~sklearn.frozen.FrozenEstimator`
        with any `cv`. A sample in several test parts gets the mean of its predictions, and an
        unlabelled one the mean over all these teachers and the one fitted on all labels. The latter
        also predicts samples whose class their fold's teacher has not seen.

    teacher_method : str, default="auto"
        The method of the teacher that gives logits: "predict_proba", by its logarithm,
        "predict_log_proba" or "decision_function". "auto" is the first of these that the teacher
        has. Columns are matched by its `classes_`; those that contradict its `predict`, or belong
        to pairs of classes, are refused.

    temperature_schedule : str, callable or None, default=None
        Schedule of a numeric `temperature`: ``1 + (temperature - 1) * factor``, with the factor of
        a schedule as for `learning_rate`. "linear", "exponential" or "cosine" anneal it to 1 [2]_.
        None keeps it constant. While it changes, only a validation loss can stop training early.

    curriculum : callable or None, default=None
        Callable epoch -> fraction of the training sequences to train on, in (0, 1], such as
        :class:`skfastgrnn.schedules.Stages`: those come first to whose labels the teacher gives the
        highest probability [3]_. Until it returns 1, training does not stop early.

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
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.

    teacher_ : classifier or None
        The teacher, fitted on all labelled samples (with ``cv="prefit"`` the one that was given).

    student_ : FastGRNNClassifier or Pipeline
        The fitted student, which makes all predictions.

    n_bytes_, n_operations_per_step_ : int
        Those of the network that is the student, or at its end.

    report_ : dict
        'temperature' and its explanation 'temperature_reason'; 'teacher_bytes' and 'student_bytes'
        of their pickles; 'teacher_latency' and 'student_latency', the median time of `predict` for
        one sample. On 'n_scored' samples that were not trained on ('scored_on': "X_val" or "held
        out"): 'teacher_score', 'student_score' and, with `compare`, 'baseline_score', the
        accuracies of the teacher (out of fold, unless it is prefit), of the student and of the same
        student trained without a teacher; 'agreement', how often the predictions of teacher and
        student agree; and 'kl', the mean divergence of the student's probabilities from the
        (calibrated) teacher's in nats. If nothing is held out, 'teacher_score' and 'baseline_score'
        are those of all labelled samples, "out of fold". Unknown entries are None.

    n_features_in_ : int
        That of the student, if it has one.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Those of the student, if it has any.

    See Also
    --------
    FastGRNNClassifier : The student.
    DistilledFastGRNNRegressor : The same for regression.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network",
       arXiv:1503.02531, 2015.
    .. [2] A. Jafari, M. Rezagholizadeh, P. Sharma, A. Ghodsi, "Annealing Knowledge Distillation",
       EACL 2021.
    .. [3] Y. Bengio, J. Louradour, R. Collobert, J. Weston, "Curriculum Learning", ICML 2009.
    .. [4] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks",
       ICML 2017.

    Examples
    --------
    A network of kilobytes distilled from a forest of megabytes:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.ensemble import ExtraTreesClassifier
    >>> from sklearn.model_selection import train_test_split
    >>> from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> student = FastGRNNClassifier(hidden_size=8, n_timesteps=8)  # 8 steps of 8 columns
    >>> model = DistilledFastGRNN(ExtraTreesClassifier(), student, random_state=0)
    >>> model = model.fit(X_train, y_train)
    >>> model.score(X_test, y_test) > 0.85
    True
    >>> model.report_["teacher_bytes"] > 100 * model.report_["student_bytes"]
    True
    >>> type(model.strip_teacher()).__name__
    'FastGRNNClassifier'
    """

    _student_class = FastGRNNClassifier

    _parameter_constraints = {
        **BaseDistillation._parameter_constraints,
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "teacher_method": [StrOptions({"auto", *_teachers.METHODS})],
        "temperature_schedule": [StrOptions(set(SCHEDULES) - {"plateau"}), callable, None],
        "curriculum": [callable, None],
    }

    def __init__(
        self,
        teacher,
        student=None,
        *,
        temperature="auto",
        alpha=0.5,
        cv=None,
        teacher_method="auto",
        temperature_schedule=None,
        curriculum=None,
        compare=False,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.alpha = alpha
        self.cv = cv
        self.teacher_method = teacher_method
        self.temperature_schedule = temperature_schedule
        self.curriculum = curriculum
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
        teacher_proba=None,
        X_unlabeled=None,
        groups=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the teacher on the labelled samples, predict all, and train the student.

        Parameters
        ----------
        X : array-like of n_samples samples
            Input of both teacher and student: 2-D X, sequences if the teacher accepts them, or
            anything that their pipelines convert to numbers.

        y : array-like of shape (n_samples,)
            Class labels. Unknown labels are None, NaN, pandas' NA, or -1, unless -1 is one of two
            labels or a class of the prefit teacher. Pipeline steps that use y see -1 there.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights, passed to the student and, if its `fit` accepts them, to the teacher. With
            metadata routing enabled, to those that request them.

        teacher_proba : array-like of shape (n_samples, n_classes), default=None
            Precomputed probabilities, which replace the teacher: a DataFrame with the labels as
            column names, an array in the order of the sorted labels, or (n_samples,) those of the
            second of two classes.

        X_unlabeled : array-like, default=None
            More samples, without labels, in the form of X. Rows of `teacher_proba` for them follow
            those for X; their weight is 1. A student that holds out the tail holds out its share of
            them and that of X.

        groups : array-like of shape (n_samples,), default=None
            Groups of the samples of X, for a splitter in `cv` that keeps them together, such as
            :class:`~sklearn.model_selection.GroupKFold`.

        X_val, y_val, sample_weight_val : array-like, default=None
            The student's validation set, as in :meth:`FastGRNNClassifier.fit`. A Pipeline as
            student needs metadata routing and ``transform_input=["X_val"]`` for it.

        Returns
        -------
        self : DistilledFastGRNN

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid; the estimator is then unchanged.
        """
        return self._fit_with_callbacks(
            X,
            y,
            sample_weight,
            teacher_proba,
            X_unlabeled,
            groups=groups,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    def _fit(self, X, y, sample_weight, teacher_proba, X_unlabeled, metadata, calls):
        rng = self._generator()
        check_given(self, y)
        if is_multilabel(y):
            raise ValueError(
                f"{type(self).__name__} learns one class for each sample: y should be a 1d array "
                "of labels, not an indicator matrix."
            )
        y, missing = read_labels(y)
        if sample_weight is not None:
            sample_weight = without_missing(sample_weight)
        X, sample_weight, X_unlabeled = indexable_each(X, sample_weight, X_unlabeled)
        check_consistent_length(X, y, sample_weight, metadata.get("groups"))
        n_more = 0 if X_unlabeled is None else _num_samples(X_unlabeled)
        proba = teacher_classes = None
        if teacher_proba is not None:
            proba = _teachers.checked_proba(teacher_proba, len(y) + n_more)
        elif self.teacher is None:
            raise ValueError("There are no soft targets: teacher and teacher_proba are None.")
        else:
            _teachers.check_kind(self.teacher, "classifier")
            if _teachers.is_ready(self.teacher, self.cv):
                teacher_classes = _teachers.ready_teacher(self.teacher, self.teacher_method).classes
        n_columns = None if proba is None else proba.shape[1]
        classes, labels = encode_labels(
            y, missing, n_columns=n_columns, teacher_classes=teacher_classes
        )
        if n_more:
            X, y = joined(X, X_unlabeled), np.append(y.astype(object), [-1] * n_more)
            labels = np.append(labels, np.full(n_more, -1, dtype=np.int32))
            if sample_weight is not None:
                sample_weight = np.append(column_or_1d(sample_weight), np.ones(n_more))
            order = self._order(len(y) - n_more, n_more, metadata)
            metadata = with_more_groups(metadata, n_more)
            X, sample_weight, metadata = in_order(order, X, sample_weight, metadata)
            y, labels = y[order], labels[order]
            proba = None if proba is None else proba[order]
        if self.alpha == 0 and (labels < 0).any():
            raise ValueError(
                f"{np.sum(labels < 0)} samples have no label (-1), and with alpha=0 there are no "
                "soft targets to learn from. Raise alpha, or leave these samples out."
            )
        student, routed = self._prepared(sample_weight, metadata, rng)
        baseline = cloned(student)

        teacher = None
        if proba is not None:
            names = getattr(teacher_proba, "columns", None)
            if names is not None:
                proba = proba[:, _teachers.order_of_columns(list(names), classes)]
            soft, splits = SoftTargets.of_proba(proba), []
        else:
            teacher, soft, splits = self._fit_teacher(X, classes, labels, routed, rng, calls)
        is_auto = self.temperature == "auto"
        calibration = calibration_of(soft, labels, sample_weight) if is_auto else Calibration()
        validation_logits = None
        if teacher is not None and "X_val" in routed.student:
            validation_logits = teacher.logits(routed.student["X_val"])
            validation_logits = as_outputs(calibration.of(validation_logits))
        network = network_in(student, self._student_class)
        check_network(network, labels, "X_val" in routed.student and validation_logits is None)
        objective = Distillation(
            type(network).__name__,
            classes,
            labels,
            as_outputs(calibration.of(soft.logits)),
            class_weight=network.class_weight,
            validation_logits=validation_logits,
            alpha=float(self.alpha),
            temperature=1.0 if is_auto else float(self.temperature),
            temperature_schedule=self._temperature_schedule(),
            curriculum=self.curriculum,
        )
        held_out = self._train(student, X, y, objective, routed.student, calls)
        self.classes_ = classes
        self.teacher_ = None if teacher is None else teacher.estimator
        self.student_ = student
        self.report_ = {
            "temperature": calibration.temperature if is_auto else float(self.temperature),
            "temperature_reason": calibration.reason,
            **resources_of(self.teacher_, student, _safe_indexing(X, [0])),
            **self._comparison(X, objective, soft, splits, held_out, baseline, routed.student),
        }

    def _fit_teacher(self, X, classes, labels, routed, rng, calls):
        """The fitted `Teacher`, its `SoftTargets`, and the splits of the samples with a label."""
        if _teachers.is_ready(self.teacher, self.cv):
            teacher = _teachers.ready_teacher(self.teacher, self.teacher_method)
            return teacher, SoftTargets.of_ready(teacher, X), []
        estimator = cloned(self.teacher, rng)
        known = np.flatnonzero(labels >= 0)
        params, for_splitter = (
            of_rows(given, known, len(labels)) for given in (routed.teacher, routed.splitter)
        )
        X_known, y_known = rows_of(X, known), classes[labels[known]]
        self._say("Fitting the teacher.")
        with calls.step("fit-teacher", estimator):
            estimator.fit(X_known, y_known, **params)
        method = _teachers.method_of(estimator, self.teacher_method)
        teacher = _teachers.Teacher(estimator, method, classes)
        self._say("Asking the teacher out of fold.")
        splits = splits_by_class(self.cv, X_known, y_known, labels[known], for_splitter)
        soft = soft_targets_out_of_fold(
            teacher, X, labels, known, splits, params=params, n_jobs=self.n_jobs
        )
        return teacher, soft, splits

    def _comparison(self, X, objective, soft, splits, held_out, baseline, for_student):
        """Teacher, student and baseline, scored on samples that were not trained on."""
        known = np.flatnonzero(objective.labels >= 0)
        if "X_val" not in for_student and len(held_out) == 0:
            return self._comparison_out_of_fold(
                X, objective, soft, splits, known, baseline, for_student
            )
        if "X_val" in for_student:
            X_scored, logits = for_student["X_val"], objective.validation_logits
            labels = np.searchsorted(objective.classes, column_or_1d(for_student["y_val"]))
        else:
            X_scored, logits = rows_of(X, held_out), objective.logits[held_out]
            labels = objective.labels[held_out]
            known = np.setdiff1d(known, held_out)  # of which it would hold out others
        student_logits = as_columns(self.student_.decision_function(X_scored))
        baseline_logits = None
        if self.compare:
            self._say("Training the same student without a teacher, to compare.")
            with baseline_or_warning(baseline):
                y_known = objective.classes[objective.labels[known]]
                for_baseline = of_rows(for_student, known, _num_samples(X))
                baseline.fit(rows_of(X, known), y_known, **for_baseline)
                baseline_logits = as_columns(baseline.decision_function(X_scored))
                if baseline_logits.shape != student_logits.shape:  # a class had no label
                    baseline_logits = None
        where = "X_val" if "X_val" in for_student else "held out"
        return comparison(where, labels, logits, student_logits, baseline_logits)

    def _comparison_out_of_fold(self, X, objective, soft, splits, known, baseline, for_student):
        """Teacher and baseline, scored out of fold, if nothing is held out."""
        labels = objective.labels[known]
        is_scored = np.zeros(len(known), dtype=bool)
        if soft.out_of_fold is not None:
            is_scored = soft.out_of_fold[known]
        if not is_scored.any():
            return comparison(None, labels[:0], None, None, None)
        baseline_logits = None
        if self.compare:
            self._say("Training the same student without a teacher, out of fold, to compare.")
            with baseline_or_warning(baseline):
                found, *_ = logits_out_of_fold(
                    baseline,
                    "decision_function",
                    objective.classes,
                    rows_of(X, known),
                    labels,
                    splits,
                    params=of_rows(for_student, known, len(objective.labels)),
                    n_jobs=self.n_jobs,
                )
                baseline_logits = as_outputs(found[is_scored])
        logits = objective.logits[known[is_scored]]
        return comparison("out of fold", labels[is_scored], logits, None, baseline_logits)

    def _temperature_schedule(self):
        if self.temperature_schedule is not None and self.temperature == "auto":
            raise ValueError(
                "temperature_schedule changes a temperature that is a number, and temperature is "
                "'auto': pass one to begin with, such as temperature=3."
            )
        if isinstance(self.temperature_schedule, str):
            return schedule_named(self.temperature_schedule)
        return self.temperature_schedule

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, according to the student.

        Parameters
        ----------
        X : array-like of n_samples samples
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        return self.student_.predict_proba(X)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Log-probabilities of the classes, according to the student.

        Parameters
        ----------
        X : array-like of n_samples samples
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        return self.student_.predict_log_proba(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the classes, according to the student.

        Parameters
        ----------
        X : array-like of n_samples samples
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the logit of ``classes_[1]``.
        """
        check_is_fitted(self)
        return self.student_.decision_function(X)


def check_network(network, labels, has_plain_validation):
    """Raise for parameters of a student that are incompatible with its targets."""
    if network.sampling is not None and (labels < 0).any():
        raise ValueError(
            "sampling='balanced' draws by class, and some samples have none (label -1). Leave it "
            "out, or label all samples."
        )
    if network.loss != "cross_entropy":
        raise ValueError(
            f"A student minimises the cross-entropy with labels and teacher, not "
            f"loss={network.loss!r}. Leave its loss as it is."
        )
    if network.label_smoothing > 0:
        raise ValueError(
            f"label_smoothing={network.label_smoothing} makes labels less certain, which is what "
            "the teacher does here. Set it to 0; a higher temperature smooths soft targets."
        )
    if network.refit and has_plain_validation:
        raise ValueError(
            "refit=True trains on X_val as well, for which there are no soft targets. Set it to "
            "False, or leave X_val out."
        )
