"""The distilled classifier as an estimator: pickles, searches, pipelines, routing."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from helpers.distillation import BINARY, X, distilled, student, weights_of, y
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier, load, save
from skfastgrnn.preprocessing import SequenceReshaper, SequenceStandardScaler


@pytest.mark.parametrize(
    "strip", [lambda model: model, lambda model: model.strip_teacher()], ids=["whole", "student"]
)
def test_pickles(strip, tmp_path):
    model = distilled(ExtraTreesClassifier(50, random_state=0)).fit(X, y)
    expected = model.predict_proba(X)
    stream = io.BytesIO()
    joblib.dump(strip(model), stream)
    is_student = isinstance(strip(model), FastGRNNClassifier)
    assert (stream.tell() < 8000) == is_student
    stream.seek(0)
    np.testing.assert_array_equal(joblib.load(stream).predict_proba(X), expected)
    save(model.strip_teacher(), tmp_path / "student.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "student.safetensors").predict_proba(X), expected)


def test_an_ordinary_student_is_left():
    model = distilled().fit(X, y)
    plain = student().fit(X, y)
    assert vars(model.strip_teacher()).keys() == vars(plain).keys()
    model.strip_teacher().fit(X, y)  # and learns without a teacher
    np.testing.assert_array_equal(weights_of(model), plain._parameters)


def test_predictions_are_the_students():
    model = distilled().fit(X, y)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(distilled(), method)(X)
        np.testing.assert_array_equal(getattr(model, method)(X), getattr(model.student_, method)(X))
    with pytest.raises(NotFittedError):
        distilled().strip_teacher()


def test_in_a_grid_search():
    grid = {"student__hidden_size": [2, 4], "temperature": [1, 3], "teacher__C": [0.1, 1.0]}
    search = GridSearchCV(distilled(), grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_.keys() == grid.keys()
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert cross_val_score(distilled(), X, y, cv=2).shape == (2,)


def test_sequences_pipelines_frames_and_text():
    sequences = X.reshape(120, 3, 2)
    teacher = make_pipeline(SequenceReshaper(to="2d"), LogisticRegression())
    pupil = make_pipeline(SequenceStandardScaler(), student())
    model = distilled(teacher, pupil).fit(sequences, y)
    assert model.n_features_in_ == 2
    assert model.predict(sequences).shape == (120,)
    ragged = [x[: 2 + i % 2] for i, x in enumerate(sequences)]
    teacher = make_pipeline(FunctionTransformer(lambda X: [x[:2].ravel() for x in X]), SVC())
    assert distilled(teacher).fit(ragged, y, X_unlabeled=ragged[:5]).predict(ragged).shape == (120,)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    pupil = make_pipeline(StandardScaler(), student()).set_output(transform="pandas")
    model = distilled(make_pipeline(StandardScaler(), SVC()), pupil).fit(frame, y)
    assert model.feature_names_in_.tolist() == list("abcdef")
    assert distilled().fit(frame, y, X_unlabeled=frame[:3]).feature_names_in_.tolist() == list(
        "abcdef"
    )
    pupil = make_pipeline(TruncatedSVD(4, random_state=0), student())
    sparse = csr_matrix(np.abs(X))
    assert distilled(pupil=pupil).fit(sparse, y, X_unlabeled=sparse[:5]).score(sparse, y) > 0.3
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("badcef")])
    texts = ["red green" if label else "blue violet" for label in BINARY]
    dense = FunctionTransformer(lambda X: X.toarray(), accept_sparse=True)
    pupil = make_pipeline(HashingVectorizer(n_features=16), dense, student(n_timesteps=4))
    teacher = make_pipeline(TfidfVectorizer(), LogisticRegression())
    assert distilled(teacher, pupil).fit(texts, BINARY).score(texts, BINARY) > 0.5
    assert distilled(teacher, pupil).fit(texts, BINARY, X_unlabeled=["red"]).classes_.tolist() == [
        0,
        1,
    ]


def test_random_state_seeds_what_has_no_seed():
    def model(**params):
        pupil = make_pipeline(StandardScaler(), student(random_state=None))
        return DistilledFastGRNN(ExtraTreesClassifier(10), pupil, **params).fit(X, y)

    one, two = model(random_state=0), model(random_state=0)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert not np.array_equal(one.predict_proba(X), model(random_state=1).predict_proba(X))
    assert one.student_[-1].random_state is not None
    assert one.student[-1].random_state is None
    assert distilled(random_state=5).fit(X, y).student_.random_state == 0  # it had one


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        pupil = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            student(early_stopping=True, max_iter=30).set_fit_request(
                X_val=True, y_val=True, sample_weight=True
            ),
            transform_input=["X_val"],
        )
        teacher = LogisticRegression().set_fit_request(sample_weight=True)
        model = DistilledFastGRNN(teacher, pupil)
        weights = np.linspace(0.5, 1, 80)
        model.fit(X[:80], y[:80], sample_weight=weights, X_val=X[80:], y_val=y[80:])
        assert model.report_["n_scored"] == 40
        assert len(model.student_[-1].validation_loss_curve_) == model.student_[-1].n_iter_
        with pytest.raises(ValueError, match="sample_weight"):
            distilled(LogisticRegression()).fit(X, y, sample_weight=np.ones(120))
        default = DistilledFastGRNN(teacher).fit(X, y, sample_weight=np.ones(120))
        assert default.student_.n_iter_ > 1


def test_classes_keep_their_type():
    for labels in (y.astype(np.int8), np.array(["a", "b", "c"], dtype=object)[y]):
        plain = student().fit(X, labels)
        assert distilled().fit(X, labels).classes_.dtype == plain.classes_.dtype


def test_early_stopping_scores_what_has_a_label():
    pytest.importorskip("sklearn.callback")
    from skfastgrnn.callbacks import EarlyStoppingOnMetric

    asked = []

    def scorer(estimator, X, y):
        asked.append(set(np.unique(y).tolist()))
        return estimator.score(X, y)

    hidden = np.where(np.arange(120) % 3, y, -1)
    for early_stopping in (True, False):
        pupil = student(early_stopping=early_stopping)
        distilled(pupil=pupil.set_callbacks(EarlyStoppingOnMetric(scorer))).fit(X, hidden)
    assert len(asked) == 10
    assert all(labels == {0, 1, 2} for labels in asked)


def test_verbose(capsys):
    distilled(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Fitting the teacher.",
        "Asking the teacher out of fold.",
        "Training the student.",
    ]


@pytest.mark.filterwarnings("ignore:The estimator (SVC|StandardScaler) does not support callbacks")
def test_callbacks_follow_the_fits_of_teacher_and_student():
    callbacks = pytest.importorskip("sklearn.callback")
    names = []

    class Follower:
        max_propagation_depth = None

        def setup(self, estimator, context):
            names.append("setup")

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            names.append((context.estimator_name, context.task_name, context.task_id))

        def teardown(self, estimator, context):
            names.append("teardown")

    monitor = callbacks.ScoringMonitor(scoring="accuracy")
    pupil = student(max_iter=3).set_callbacks(monitor)
    teacher = make_pipeline(StandardScaler(), SVC())
    model = distilled(teacher, make_pipeline(StandardScaler(), pupil)).set_callbacks(Follower())
    model.fit(X, y)
    assert names[0] == "setup"
    assert names[-1] == "teardown"
    assert names[-2] == ("DistilledFastGRNN", "fit", 0)
    epochs = [name for name in names if name[1] == "epoch"]
    assert epochs == [("FastGRNNClassifier", "epoch", i) for i in range(3)]
    assert ("Pipeline", "fit", 0) in names  # of the teacher
    assert ("Pipeline", "fit", 1) in names
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 3
    assert scores[-1] == model.score(X, y)
    # The student that is trained without a teacher, for the report, tells nobody.
    names.clear()
    model.set_params(student=pupil, compare=True)
    model.fit(X[:90], y[:90], X_val=X[90:], y_val=y[90:])
    assert len([name for name in names if name[1] == "epoch"]) == 3
    model.set_callbacks()  # in a search, those that are propagated belong to the search
    search = GridSearchCV(model, {"temperature": [1, 2]}, cv=2, n_jobs=2).fit(X, y)
    assert search.best_estimator_.student_.n_iter_ == 3
