"""Teachers of a distillation: their labels, their columns, the samples that they are fitted on."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skfastgrnn import (
    DistilledFastGRNN,
    DistilledFastGRNNRegressor,
    FastGRNNClassifier,
    FastGRNNRegressor,
)
from skfastgrnn.distillation._folds import splits_by_class, stratified_folds
from skfastgrnn.distillation._teachers import LEAST, METHODS, check_predictions

X, y = make_classification(
    120, 6, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
)
BINARY = (y > 0).astype(int)
ANSWERS = np.where(y > 0, "ja", "nein")
TARGET = X @ [1.0, 2, 0, 0, -1, 0.5]
GROUPS = np.arange(120) // 10


def student(**params):
    settings = {"hidden_size": 3, "max_iter": 3, "n_iter_no_change": np.inf, "random_state": 0}
    return FastGRNNClassifier(**{**settings, "early_stopping": False, **params})


def numbers_student():
    return FastGRNNRegressor(3, max_iter=3, n_iter_no_change=np.inf, random_state=0)


def distilled(teacher, **params):
    return DistilledFastGRNN(teacher, student(), **{"temperature": 1, **params})


def weights_of(model):
    return model.student_._parameters


def assert_same_student(model, other):
    np.testing.assert_allclose(weights_of(model), weights_of(other), rtol=1e-9, atol=1e-12)


def asked_by_hand(teacher, labels, splits):
    """Probabilities (n_samples, n_classes) of clones of the teacher, out of fold."""
    classes, proba = np.unique(labels), np.zeros((len(labels), len(np.unique(labels))))
    for train, test in splits:
        fitted = clone(teacher).fit(X[train], labels[train])
        columns = np.searchsorted(classes, fitted.classes_)
        proba[np.ix_(test, columns)] = fitted.predict_proba(X[test])
    return proba


class Wrapped(ClassifierMixin, BaseEstimator):
    """A classifier whose classes_ are the other way round, and its columns, too, if `honest`."""

    def __init__(self, method="predict_proba", honest=True):
        self.method = method
        self.honest = honest

    def fit(self, X, y):
        self.inside_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inside_.classes_[::-1]
        return self

    def predict(self, X):
        return self.inside_.predict(X)

    def __getattr__(self, name):
        if name in METHODS and name == self.__dict__.get("method"):
            return lambda X: self._turned(getattr(self.inside_, name)(X))
        raise AttributeError(name)

    def _turned(self, values):
        if not self.honest:
            return values
        return -values if values.ndim == 1 else values[:, ::-1]


# Labels and columns


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labels", [y, BINARY, ANSWERS], ids=["three", "two", "strings"])
def test_columns_are_read_by_the_classes_of_each_fold(labels, method):
    straight = distilled(LogisticRegression(), teacher_method=method).fit(X, labels)
    model = distilled(Wrapped(method), teacher_method=method).fit(X, labels)
    assert_same_student(model, straight)


@pytest.mark.parametrize(
    "teacher",
    [
        LogisticRegression(class_weight={"ja": 1, "nein": 3}),
        GridSearchCV(
            LogisticRegression(), {"C": [0.1]}, cv=2, scoring=make_scorer(f1_score, pos_label="ja")
        ),
    ],
    ids=["class_weight", "pos_label"],
)
def test_teachers_out_of_fold_see_the_labels_of_the_user(teacher):
    splits = StratifiedKFold(5).split(X, ANSWERS)
    by_hand = asked_by_hand(teacher, ANSWERS, splits)
    outside = distilled(None).fit(X, ANSWERS, teacher_proba=by_hand)
    assert_same_student(distilled(teacher).fit(X, ANSWERS), outside)


@pytest.mark.parametrize("cv", [None, "prefit"])
@pytest.mark.parametrize("n_classes", [3, 4])
def test_decisions_of_pairs_are_refused(n_classes, cv):
    labels = np.where(np.arange(120) % 8 == 0, 3, y) if n_classes == 4 else y
    teacher = SVC(decision_function_shape="ovo").fit(X, labels)
    n_pairs = n_classes * (n_classes - 1) // 2
    message = f"{n_pairs} columns for {n_classes} classes, one for each pair.*'ovr'"
    for each in (teacher, make_pipeline(StandardScaler(), teacher).fit(X, labels)):
        with pytest.raises(ValueError, match=message):
            distilled(each, cv=cv).fit(X, labels)
    with pytest.raises(ValueError, match=message):
        distilled(GridSearchCV(teacher, {"C": [1.0]}, cv=2)).fit(X, labels)
    ready = CalibratedClassifierCV(teacher, cv=2, ensemble=False)  # has predict_proba
    assert distilled(ready).fit(X, labels).predict(X).shape == (120,)
    assert distilled(SVC(decision_function_shape="ovo")).fit(X, BINARY).score(X, BINARY) > 0.5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labels", [y, BINARY], ids=["three", "two"])
@pytest.mark.parametrize("cv", [None, "prefit"])
def test_columns_that_contradict_the_predictions_are_refused(labels, method, cv):
    teacher = Wrapped(method, honest=False).fit(X, labels)
    with pytest.raises(ValueError, match=f"{method} of the teacher Wrapped contradicts its pred"):
        distilled(teacher, teacher_method=method, cv=cv).fit(X, labels)


@pytest.mark.parametrize(
    "teacher",
    [
        FixedThresholdClassifier(LogisticRegression(), threshold=0.02, response_method="auto"),
        FixedThresholdClassifier(LogisticRegression(), threshold=0.98, response_method="auto"),
        DummyClassifier(),
    ],
    ids=["low", "high", "constant"],
)
def test_thresholds_and_ties_contradict_nothing(teacher):
    assert distilled(teacher).fit(X, BINARY).classes_.tolist() == [0, 1]


def test_a_teacher_that_confuses_some_classes_is_not_refused():
    """Probabilities that a classifier estimates beside its decisions may differ from these."""
    logits = np.log(np.full((60, 3), 0.3))
    predicted = np.repeat([0, 1, 2], 20)
    logits[np.arange(60), np.where(np.arange(60) % 3 == 0, 2, predicted)] += 1
    teacher = LogisticRegression(), "predict_proba", np.array(["a", "b", "c"])
    check_predictions(*teacher, logits, predicted)
    logits[predicted == 1] = [0, 0, 1]  # never the class that is predicted
    with pytest.raises(ValueError, match="where it predicts 'b', the column"):
        check_predictions(*teacher, logits, predicted)


# Rare classes


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize(
    ("teacher", "method"),
    [
        (LinearSVC(), "decision_function"),
        (LogisticRegression(), "decision_function"),
        (LogisticRegression(), "predict_proba"),
        (LogisticRegression(), "predict_log_proba"),
        (SVC(), "decision_function"),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_class_of_one_sample(teacher, method, n_classes, cv):
    """It is in all training parts; only the teacher that is fitted on all is asked about it."""
    labels = np.where(np.arange(120) == 7, 3, y if n_classes == 4 else 0)
    model = distilled(teacher, cv=cv, teacher_method=method)
    assert len(model.fit(X, labels).classes_) == n_classes


def soft_targets_of(model, X, labels, monkeypatch, **arguments):
    """What its student learns from, as probabilities (n_samples, n_classes), and the model."""
    seen, train = [], type(model)._train

    def recorded(self, student, X, y, objective, *rest):
        seen.append(objective.logits)
        return train(self, student, X, y, objective, *rest)

    monkeypatch.setattr(type(model), "_train", recorded)
    model.fit(X, labels, **arguments)
    monkeypatch.undo()
    logits = seen[0]
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    return np.exp(log_softmax(logits, axis=1)), model


@pytest.mark.parametrize("method", METHODS)
def test_a_class_that_a_fold_has_not_seen(method, monkeypatch):
    """Its probability is nothing for others; its own samples are asked of the whole teacher."""
    labels = np.where(np.arange(120) < 10, 3, y)
    splits = list(KFold(12).split(X))  # the first fold holds all of class 3
    teacher = LogisticRegression()
    model = distilled(teacher, cv=KFold(12), teacher_method=method)
    soft, model = soft_targets_of(model, X, labels, monkeypatch)
    expected = asked_by_hand(teacher, labels, splits)
    expected[:10] = model.teacher_.predict_proba(X[:10])
    np.testing.assert_allclose(soft, expected, atol=1e-7 if method == METHODS[2] else 1e-12)
    assert soft[:10, 3].min() > 0.01


@pytest.mark.parametrize("method", METHODS)
def test_what_has_no_label_is_asked_of_the_teacher_and_all_of_its_clones(method, monkeypatch):
    """But not of those of folds that lack a class."""
    labels = np.where(np.arange(120) < 10, 3, y)
    labels[60:] = -1
    known = np.arange(60)
    splits = list(KFold(6).split(known))  # the first fold holds all of class 3
    model = distilled(LogisticRegression(), cv=KFold(6), teacher_method=method)
    soft, model = soft_targets_of(model, X, labels, monkeypatch)
    fitted = [model.teacher_]
    fitted += [LogisticRegression().fit(X[train], labels[train]) for train, _ in splits[1:]]
    if method == "decision_function":
        expected = softmax(np.mean([each.decision_function(X) for each in fitted], axis=0), axis=1)
    else:
        expected = np.mean([each.predict_proba(X) for each in fitted], axis=0)
    np.testing.assert_allclose(soft[60:], expected[60:], rtol=1e-9)


def test_a_class_of_one_sample_is_asked_of_the_whole_teacher(monkeypatch):
    labels = np.where(np.arange(120) == 7, 3, y)
    soft, model = soft_targets_of(distilled(LogisticRegression()), X, labels, monkeypatch)
    np.testing.assert_allclose(soft[7], model.teacher_.predict_proba(X[7:8])[0])
    others = np.delete(np.arange(120), 7)
    train, test = next(StratifiedKFold(5).split(others, labels[others]))
    train, test = np.append(others[train], 7), others[test]
    fold = LogisticRegression().fit(X[np.sort(train)], labels[np.sort(train)])
    np.testing.assert_allclose(soft[test], fold.predict_proba(X[test]), rtol=1e-7)


def test_only_classes_of_one_sample():
    teacher = LogisticRegression()
    model = distilled(teacher).fit(X[:3], ["a", "b", "c"])
    outside = distilled(None).fit(
        X[:3], ["a", "b", "c"], teacher_proba=model.teacher_.predict_proba(X[:3])
    )
    assert_same_student(model, outside)


def test_a_teacher_that_knows_one_class_of_two(monkeypatch):
    """The forest of a fold has one column; the other class has the least probability."""
    order = np.argsort(BINARY, kind="stable")
    rows, labels = X[order], BINARY[order]
    n_zeros = int(np.sum(labels == 0))
    zeros, ones = np.split(np.arange(120), [n_zeros])
    mixed = np.sort(np.r_[zeros[:5], ones[5:]])
    splits = [(zeros[5:], mixed), (mixed, np.setdiff1d(np.arange(120), mixed))]
    model = distilled(ExtraTreesClassifier(5, random_state=0), cv=splits)
    soft, model = soft_targets_of(model, rows, labels, monkeypatch)
    np.testing.assert_allclose(soft[:5], [[1, LEAST]] * 5)
    whole = model.teacher_.predict_proba(rows[ones[5:]])
    np.testing.assert_allclose(soft[ones[5:]], whole, atol=1e-9)


# Splits


class Follower(ClassifierMixin, BaseEstimator):
    """Writes down which groups, the first column of X, it is fitted on and asked about."""

    seen = []

    def fit(self, X, y):
        self.classes_, self.groups_ = np.unique(y), set(X[:, 0])
        return self

    def predict_proba(self, X):
        self.seen.append((self.groups_, set(X[:, 0])))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("more", [False, True])
def test_groups_reach_the_splitter(routing, more):
    Follower.seen.clear()
    rows = np.c_[GROUPS, X]
    arguments = {"X_unlabeled": rows[:5]} if more else {}
    hidden = np.where(np.arange(120) % 3, y, -1)
    with sklearn.config_context(enable_metadata_routing=routing):
        distilled(Follower(), cv=GroupKFold(4)).fit(rows, hidden, groups=GROUPS, **arguments)
    asked = [entry for entry in Follower.seen if len(entry[0]) < 12][::2]  # then the unlabelled
    assert len(asked) == 4
    assert all(fitted.isdisjoint(asked) for fitted, asked in asked)
    assert set().union(*(asked for _, asked in asked)) == set(range(12))


@pytest.mark.parametrize("routing", [False, True])
def test_groups_that_nobody_uses_are_warned_about(routing):
    inner = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=GroupKFold(2))
    numbers = DistilledFastGRNNRegressor(Ridge(), numbers_student())
    with sklearn.config_context(enable_metadata_routing=routing):
        for model, target in ((distilled(SVC(), cv=3), y), (numbers, TARGET)):
            with pytest.warns(UserWarning, match="groups parameter is ignored, because cv="):
                model.fit(X, target, groups=GROUPS)
        if routing:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                distilled(inner).fit(X, y, groups=GROUPS)  # the search inside uses them


def test_groups_are_as_many_as_samples():
    with pytest.raises(ValueError, match="groups"):
        distilled(LogisticRegression(), cv=GroupKFold(4)).fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        distilled(LogisticRegression(), cv=GroupKFold(4)).fit(X, y, groups=GROUPS[:5])


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_folds_are_those_of_stratified_k_fold(n_folds):
    rng = np.random.default_rng(0)
    for n_classes in (2, 3, 7):
        labels = rng.permutation(
            np.r_[np.tile(np.arange(n_classes), n_folds), rng.integers(0, 2, 9)]
        )
        fold = stratified_folds(labels, n_folds)
        for k, (_, test) in enumerate(StratifiedKFold(n_folds).split(labels, labels)):
            np.testing.assert_array_equal(np.flatnonzero(fold == k), test)


def test_classes_of_two_samples_are_never_missing_from_a_training_part():
    labels = np.array([0, 1, 2, 2, 1, 0, 3])
    splits = splits_by_class(None, None, None, labels, {})
    assert len(splits) == 5
    assert sorted(np.concatenate([test for _, test in splits])) == [0, 1, 2, 3, 4, 5]
    for train, test in splits:
        assert set(labels[train]) == {0, 1, 2, 3}
        assert sorted([*train, *test]) == list(range(7))


@pytest.mark.parametrize("cv", [1, 7])
def test_too_many_folds_are_refused(cv):
    labels = ["a", "a", "b", "b", "c", "c"]
    with pytest.raises(ValueError, match=f"cv={cv} folds cannot be made of 6 samples|must be an"):
        distilled(LogisticRegression(), cv=cv).fit(X[:6], labels)


def test_several_answers_for_a_sample_are_averaged():
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    splits = list(cv.split(X, y))
    teacher = LogisticRegression()
    by_hand = (asked_by_hand(teacher, y, splits[:3]) + asked_by_hand(teacher, y, splits[3:])) / 2
    outside = distilled(None).fit(X, y, teacher_proba=by_hand)
    assert_same_student(distilled(teacher, cv=cv).fit(X, y), outside)


def test_a_sample_in_no_test_part_is_refused():
    for model, target in (
        (distilled(LogisticRegression()), y),
        (DistilledFastGRNNRegressor(Ridge(), numbers_student()), TARGET),
    ):
        with pytest.raises(ValueError, match="20 samples in no test part"):
            model.set_params(cv=TimeSeriesSplit(5)).fit(X, target)


def test_folds_at_the_same_time_are_the_same():
    with parallel_config(backend="threading"):
        one, two = (distilled(SVC(), n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2))
    np.testing.assert_array_equal(weights_of(one), weights_of(two))


# Soft targets from outside


@pytest.mark.parametrize(
    "labels", [y, np.array(["b", "c", "a"])[y], y + 1], ids=["numbers", "strings", "from 1"]
)
def test_columns_of_a_frame_are_read_by_name(labels):
    proba = LogisticRegression().fit(X, labels).predict_proba(X)
    classes = np.unique(labels)
    expected = distilled(None).fit(X, labels, teacher_proba=proba)
    frame = pd.DataFrame(proba, columns=classes)
    for named in (frame, frame[classes[[2, 0, 1]]], frame[classes[::-1]].rename(columns=str)):
        assert_same_student(distilled(None).fit(X, labels, teacher_proba=named), expected)
    polars = pytest.importorskip("polars")
    turned = polars.from_pandas(frame[classes[[1, 2, 0]]].rename(columns=str))
    assert_same_student(distilled(None).fit(X, labels, teacher_proba=turned), expected)


def test_columns_without_names_of_their_own_are_those_of_the_sorted_labels():
    labels = np.array(["b", "c", "a"])[y]
    proba = LogisticRegression().fit(X, labels).predict_proba(X)
    expected = distilled(None).fit(X, labels, teacher_proba=proba)
    frame = pd.DataFrame(proba)
    assert_same_student(distilled(None).fit(X, labels, teacher_proba=frame), expected)
    with pytest.raises(ValueError, match=r"columns \['a', 'b', 'd'\], and y has .*'a', 'b', 'c'"):
        distilled(None).fit(X, labels, teacher_proba=frame.set_axis(list("abd"), axis=1))


def test_soft_targets_from_outside_with_metadata_routing():
    proba = LogisticRegression().fit(X, y).predict_proba(X)
    expected = distilled(None).fit(X, y, teacher_proba=proba)
    with sklearn.config_context(enable_metadata_routing=True):
        assert_same_student(distilled(None).fit(X, y, teacher_proba=proba), expected)


# Labels that are missing


def hidden_labels():
    """The same labels with the same third missing, in many forms."""
    known = np.arange(120) % 3 > 0
    names = np.array(["a", "b", "c"], dtype=object)[y]
    polars = pytest.importorskip("polars")
    none = [int(label) if k else None for label, k in zip(y, known, strict=True)]
    yield "None", none, [0, 1, 2]
    yield "None and -1", [-1 if i < 60 and v is None else v for i, v in enumerate(none)], [0, 1, 2]
    yield "NaN", np.where(known, y, np.nan), [0.0, 1.0, 2.0]
    yield "NA", np.where(known, y.astype(object), pd.NA), [0, 1, 2]
    yield "Int64", pd.Series(none, dtype="Int64"), [0, 1, 2]
    yield "polars", polars.Series(none), [0, 1, 2]
    yield "strings and None", np.where(known, names, None), ["a", "b", "c"]
    yield "a list with NaN", np.where(known, names, float("nan")).tolist(), ["a", "b", "c"]
    yield "pandas strings", pd.Series(np.where(known, names, None), dtype="string"), ["a", "b", "c"]
    yield "categories", pd.Categorical(np.where(known, names, None)), ["a", "b", "c"]


def test_missing_labels_are_unknown_ones():
    expected = distilled(LogisticRegression()).fit(X, np.where(np.arange(120) % 3, y, -1))
    for name, labels, classes in hidden_labels():
        model = distilled(LogisticRegression()).fit(X, labels)
        assert model.classes_.tolist() == classes, name
        assert [type(label) for label in model.classes_.tolist()] == [
            type(label) for label in classes
        ], name
        np.testing.assert_array_equal(weights_of(model), weights_of(expected), err_msg=name)


BIG = 2**60  # float64 cannot tell it from its neighbours


@pytest.mark.parametrize("with_missing", [False, True])
@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.array([BIG, BIG + 1] * 60, dtype="Int64"), int),
        (pd.array([1, 0] * 60, dtype="UInt8"), int),
        (pd.array([True, False] * 60, dtype="boolean"), bool),
        (pd.Categorical([5, 3] * 60), int),
        (np.ma.array(["a", "b"] * 60), str),
        (np.ma.array([True, False] * 60), bool),
        (np.ma.array([1, 0] * 60, dtype=np.uint8), int),
        (np.ma.array([BIG, BIG + 1] * 60), int),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_classes_are_of_the_kind_of_the_labels(column, kind, with_missing):
    expected = sorted(set(column.tolist()))
    labels = column.copy()
    if isinstance(labels, np.ma.MaskedArray):
        labels[:20] = np.ma.masked if with_missing else labels[:20]
    else:
        labels = pd.Series(labels)
        labels[:20] = None if with_missing else labels[:20]
    plain = np.array(column.tolist(), dtype=object)
    plain[:20] = -1 if with_missing else plain[:20]
    model = distilled(LogisticRegression()).fit(X, labels)
    assert model.classes_.tolist() == expected
    assert {type(label) for label in model.classes_.tolist()} == {kind}
    if not with_missing:
        plain = np.array(plain.tolist())
        ours = student().fit(X, labels).classes_
        assert (ours.dtype, ours.tolist()) == (model.classes_.dtype, expected)
    np.testing.assert_array_equal(
        weights_of(model), weights_of(distilled(LogisticRegression()).fit(X, plain))
    )


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_a_frame_of_one_column_keeps_its_integers(frame):
    values = [None, *[BIG, BIG + 1] * 59, BIG]
    library = pytest.importorskip(frame)
    if frame == "pandas":
        values = pd.array(values, dtype="Int64")
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = distilled(LogisticRegression()).fit(X, library.DataFrame({"label": values}))
    assert model.classes_.tolist() == [BIG, BIG + 1]


@pytest.mark.parametrize("model", [DistilledFastGRNN, DistilledFastGRNNRegressor])
@pytest.mark.parametrize("kind", [iter, set, dict.fromkeys, lambda y: (label for label in y)])
def test_labels_that_have_no_order_or_can_be_read_once_are_refused(model, kind):
    labels = kind(y.tolist())
    with pytest.raises(TypeError, match=f"y is a {type(labels).__name__}"):
        model(Ridge()).fit(X, labels)


def test_missing_labels_beside_two_classes_one_of_which_is_minus_one():
    signs = np.where(np.arange(120) % 3, np.where(BINARY, 1, -1).astype(object), None)
    model = distilled(LogisticRegression()).fit(X, signs)
    assert model.classes_.tolist() == [-1, 1]
    booleans = pd.Series(np.where(np.arange(120) % 3, BINARY == 1, None), dtype="boolean")
    assert distilled(LogisticRegression()).fit(X, booleans).classes_.tolist() == [False, True]


def test_labels_of_several_types_are_refused():
    with pytest.raises(ValueError, match=r"several types \(int, str\)"):
        distilled(LogisticRegression()).fit(X, np.where(y > 0, "a", y.astype(object)))


def test_missing_numbers_are_unknown_ones():
    known = np.arange(120) % 3 > 0
    expected = DistilledFastGRNNRegressor(Ridge(), numbers_student()).fit(
        X, np.where(known, TARGET, np.nan)
    )
    for target in (
        np.where(known, TARGET.astype(object), None),
        np.where(known, TARGET.astype(object), None).tolist(),
        np.where(known, TARGET.astype(object), pd.NA),
        pd.Series(np.where(known, TARGET, None), dtype="Float64"),
    ):
        model = DistilledFastGRNNRegressor(Ridge(), numbers_student()).fit(X, target)
        np.testing.assert_array_equal(weights_of(model), weights_of(expected))


# What a mask hides


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
@pytest.mark.parametrize("masked", ["X", "X_unlabeled", "both"])
@pytest.mark.parametrize("model", [DistilledFastGRNN, DistilledFastGRNNRegressor])
def test_what_a_mask_hides_in_more_samples_is_missing(model, masked, dtype):
    data = np.round(10 * X).astype(dtype)
    hidden = np.zeros(X.shape, dtype=bool)
    hidden[5 if masked == "X" else 100, 2] = True
    hidden[5, 3] |= masked == "both"
    garbage = np.where(hidden, 10_000, data).astype(dtype)
    with_nan = np.where(hidden, np.nan, data)
    is_classifier = model is DistilledFastGRNN
    network = student() if is_classifier else numbers_student()
    target = y[:80] if is_classifier else TARGET[:80]
    teacher = LogisticRegression() if is_classifier else Ridge()
    parts = [make_pipeline(SimpleImputer(), StandardScaler(), part) for part in (teacher, network)]
    ours, expected = model(*parts), model(*parts)
    collection = np.ma.array(garbage, mask=hidden)
    first = collection[:80] if masked != "X_unlabeled" else garbage[:80]
    more = collection[80:] if masked != "X" else garbage[80:]
    ours.fit(first, target, X_unlabeled=more)
    expected.fit(with_nan[:80], target, X_unlabeled=with_nan[80:])
    np.testing.assert_array_equal(ours.student_[-1]._parameters, expected.student_[-1]._parameters)


@pytest.mark.parametrize("more", [{}, {"X_unlabeled": X}])
@pytest.mark.parametrize("model", [distilled, DistilledFastGRNNRegressor])
def test_a_masked_weight_is_refused(model, more):
    weights = np.ma.array(np.ones(120), mask=np.arange(120) == 7)
    with pytest.raises(ValueError, match="sample_weight contains NaN: sample 7"):
        model(Ridge()).fit(X, y, sample_weight=weights, **more)


def test_a_masked_probability_is_refused():
    proba = np.ma.array(np.full((120, 3), 1 / 3), mask=False)
    distilled(None).fit(X, y, teacher_proba=proba)
    proba[4, 1] = np.ma.masked
    with pytest.raises(ValueError, match="teacher_proba contains NaN"):
        distilled(None).fit(X, y, teacher_proba=proba)


# Parts that are not there


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (DistilledFastGRNN(SVC()), "FastGRNNClassifier"),
        (DistilledFastGRNNRegressor(Ridge()), "FastGRNNRegressor"),
    ],
)
def test_parameters_of_a_student_that_is_none(model, example):
    with pytest.raises(ValueError, match=f"student is None. Pass an .*student, such as {example}"):
        model.set_params(student__hidden_size=8)
    assert model.student is None
    model.set_params(student=model._student_class(), student__hidden_size=8)
    assert model.student.hidden_size == 8
    with pytest.raises(ValueError, match="student__hidden_size cannot be set"):
        model.set_params(student=None, student__hidden_size=8)
    with pytest.raises(ValueError, match="teacher__C cannot be set, because teacher is None"):
        model.set_params(teacher=None, teacher__C=1)


# Teachers of numbers


@pytest.mark.parametrize(
    ("teacher", "kind"),
    [
        (LogisticRegression(), "a classifier"),
        (make_pipeline(StandardScaler(), SVC()), "a classifier"),
        (KMeans(), "a clusterer"),
    ],
)
def test_a_regressor_refuses_teachers_of_other_kinds(teacher, kind):
    with pytest.raises(TypeError, match=f"must be a regressor; .* is {kind}"):
        DistilledFastGRNNRegressor(teacher, numbers_student()).fit(X, TARGET)


def test_a_regressor_splits_by_group_and_averages():
    teacher = Ridge()
    by_group = cross_val_predict(teacher, X, TARGET, cv=GroupKFold(4), groups=GROUPS)
    model = DistilledFastGRNNRegressor(teacher, numbers_student(), cv=GroupKFold(4))
    outside = DistilledFastGRNNRegressor(None, numbers_student())
    for routing in (False, True):
        with sklearn.config_context(enable_metadata_routing=routing):
            model.fit(X, TARGET, groups=GROUPS)
            assert_same_student(model, outside.fit(X, TARGET, teacher_prediction=by_group))
    cv = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
    splits, mean = list(cv.split(X)), np.zeros(120)
    for train, test in splits:
        mean[test] += teacher.fit(X[train], TARGET[train]).predict(X[test]) / 2
    model.set_params(cv=cv).fit(X, TARGET)
    assert_same_student(model, outside.fit(X, TARGET, teacher_prediction=mean))


@pytest.mark.parametrize("n_known", [1, 3])
def test_a_regressor_with_few_targets(n_known):
    hidden = np.where(np.arange(120) < n_known, TARGET, np.nan)
    model = DistilledFastGRNNRegressor(LinearRegression(), numbers_student()).fit(X, hidden)
    teacher = LinearRegression().fit(X[:n_known], TARGET[:n_known])
    soft = teacher.predict(X)
    if n_known > 1:
        soft[:n_known] = cross_val_predict(teacher, X[:n_known], TARGET[:n_known], cv=3)
    outside = DistilledFastGRNNRegressor(None, numbers_student())
    assert_same_student(model, outside.fit(X, hidden, teacher_prediction=soft))


def test_more_samples_in_frames_of_polars():
    pl = pytest.importorskip("polars")
    rows = np.random.default_rng(0).normal(size=(30, 8))
    labels = np.arange(30) % 2
    names = [f"c{i}" for i in range(8)]
    student = FastGRNNClassifier(3, n_timesteps=4, max_iter=2, random_state=0)
    fits = [
        clone(DistilledFastGRNN(LogisticRegression(), student)).fit(known, labels, X_unlabeled=more)
        for known, more in (
            (rows, rows + 1),
            (pl.DataFrame(rows, schema=names), pl.DataFrame(rows + 1, schema=names)),
        )
    ]
    probabilities = fits[0].predict_proba(rows)
    np.testing.assert_allclose(  # LogisticRegression rounds by the order of memory
        fits[1].predict_proba(pl.DataFrame(rows, schema=names)), probabilities, rtol=1e-9
    )
