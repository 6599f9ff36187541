"""Whom a teacher is asked about: samples that it was not fitted on."""

import numpy as np
import pytest
from helpers.distillation import Recorder, X, distilled, student, y
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def test_the_teacher_is_asked_about_samples_that_it_was_not_fitted_on():
    Recorder.seen.clear()
    distilled(Recorder()).fit(X, y, sample_weight=np.ones(120))
    fits = [entry for entry in Recorder.seen if entry[0] == "fit"]
    asked = [entry for entry in Recorder.seen if entry[0] == "asked" and entry[1] > 1]
    assert fits == [("fit", 120, 120)] + 5 * [("fit", 96, 96)]
    assert asked == 5 * [("asked", 24, 0)]

    Recorder.seen.clear()
    hidden = np.where(np.arange(120) < 60, y, -1)
    distilled(Recorder(), cv=3).fit(X, hidden, X_unlabeled=X[:7])
    fits = [entry for entry in Recorder.seen if entry[0] == "fit"]
    asked = [entry for entry in Recorder.seen if entry[0] == "asked" and entry[1] > 1]
    assert fits == [("fit", 60, None)] + 3 * [("fit", 40, None)]
    # Those without a label are asked of all four; of 7 of them, one or more know a copy.
    assert [entry for entry in asked if entry[1] == 20] == 3 * [("asked", 20, 0)]
    assert [entry[1] for entry in asked if entry[1] != 20] == 4 * [67]


@pytest.mark.parametrize("ready", [False, True])
def test_a_prefit_teacher_is_used_as_it_is(ready):
    Recorder.seen.clear()
    teacher = Recorder().fit(X, y)
    model = distilled(FrozenEstimator(teacher)) if ready else distilled(teacher, cv="prefit")
    model.fit(X, y)
    assert [entry for entry in Recorder.seen if entry[0] == "fit"] == [("fit", 120, None)]
    assert model.teacher_ is model.teacher


def test_out_of_fold_soft_targets_hide_what_a_teacher_knows_by_heart():
    noisy = np.random.default_rng(0).permutation(y)  # nothing to learn
    forest = ExtraTreesClassifier(20, random_state=0)
    by_heart = distilled(forest.fit(X, noisy), cv="prefit", alpha=1).fit(X, noisy)
    honest = distilled(forest, alpha=1).fit(X, noisy)
    assert by_heart.student_.loss_ > 2 * honest.student_.loss_  # certainty is hard to imitate


def test_few_samples_of_a_class_do_not_make_fewer_folds():
    few = np.r_[np.flatnonzero(y == 0)[:20], np.flatnonzero(y == 1)[:3], np.flatnonzero(y == 2)]
    Recorder.seen.clear()
    distilled(Recorder()).fit(X[few], y[few])
    assert len([entry for entry in Recorder.seen if entry[0] == "fit"]) == 5 + 1


def test_weights_reach_teacher_and_student():
    weights = np.where(y == 2, 0.0, 1.0)
    Recorder.seen.clear()
    model = distilled(Recorder(), alpha=0.1).fit(X, y, sample_weight=weights)
    assert all(entry[2] == entry[1] for entry in Recorder.seen if entry[0] == "fit")
    assert (model.predict(X) == 2).mean() < 0.1
    pupil = make_pipeline(StandardScaler(), student())
    same = distilled(make_pipeline(LogisticRegression()), pupil).fit(X, y, sample_weight=weights)
    assert (same.predict(X) == 2).mean() < 0.3
