"""Schedules of the temperature, and curricula: which samples come first."""

import numpy as np
import pytest
from helpers.distillation import PROBA, X, distilled, student, weights_of, y

from skfastgrnn.schedules import Constant, CosineDecay, LinearDecay, Stages


def test_a_constant_schedule_changes_nothing():
    plain = distilled(temperature=3).fit(X, y)
    for params in (
        {"temperature_schedule": Constant()},
        {"temperature_schedule": "constant"},
        {"curriculum": Stages(2, start=1.0)},
        {"curriculum": lambda epoch: 1},
    ):
        model = distilled(temperature=3, **params).fit(X, y)
        np.testing.assert_array_equal(weights_of(model), weights_of(plain))


def test_temperatures_of_epochs(monkeypatch):
    from skfastgrnn.training import _trainer

    seen, run_epoch = [], _trainer.run_epoch

    def recorded(kernel, network, parameters, training, *rest):
        seen.append((training.loss.temperature, len(training.rows)))
        return run_epoch(kernel, network, parameters, training, *rest)

    monkeypatch.setattr(_trainer, "run_epoch", recorded)
    for schedule, expected in (
        (LinearDecay(), [3, 2.6, 2.2, 1.8, 1.4]),
        ("linear", [3, 2.6, 2.2, 1.8, 1.4]),
        (CosineDecay(2), [3, 2, 1, 1, 1]),
        (lambda epoch: 2.0**-epoch, [3, 2, 1.5, 1.25, 1.125]),
    ):
        seen.clear()
        distilled(temperature=3, temperature_schedule=schedule).fit(X, y)
        np.testing.assert_allclose([temperature for temperature, _ in seen], expected)
    seen.clear()
    distilled(curriculum=Stages(3, start=0.25, n_epochs=3)).fit(X, y)
    assert [rows for _, rows in seen] == [30, 75, 120, 120, 120]


def test_a_curriculum_begins_with_what_the_teacher_finds_easy(monkeypatch):
    from skfastgrnn.training import _trainer

    seen, run_epoch = [], _trainer.run_epoch

    def recorded(kernel, network, parameters, training, *rest):
        seen.append(training.rows)
        return run_epoch(kernel, network, parameters, training, *rest)

    monkeypatch.setattr(_trainer, "run_epoch", recorded)
    distilled(temperature=1, curriculum=lambda epoch: 0.5).fit(X, y, teacher_proba=PROBA)
    of_label = PROBA[np.arange(120), y]
    assert of_label[seen[0]].min() >= np.sort(of_label)[60]


@pytest.mark.filterwarnings("ignore:Maximum iterations")  # the last fit has no time to converge
def test_training_does_not_end_before_the_curriculum():
    pupil = student(max_iter=60, n_iter_no_change=2, tol=10.0)  # nothing improves by so much
    assert distilled(pupil=pupil).fit(X, y).student_.n_iter_ == 3
    model = distilled(pupil=pupil, curriculum=Stages(3, n_epochs=30)).fit(X, y)
    assert 20 < model.student_.n_iter_ <= 30
    model = distilled(pupil=pupil, temperature=3, temperature_schedule=LinearDecay(30)).fit(X, y)
    assert 30 < model.student_.n_iter_ <= 40
    model = distilled(pupil=pupil, temperature=3, temperature_schedule="exponential").fit(X, y)
    assert model.student_.n_iter_ == 60


def test_validation_does_not_wait_for_the_temperature():
    pupil = student(max_iter=60, n_iter_no_change=2, tol=10.0, early_stopping=True)
    model = distilled(pupil=pupil, temperature=3, temperature_schedule="linear").fit(X, y)
    assert model.student_.n_iter_ == 3


def test_schedules_are_asked_once_for_each_epoch():
    asked = []

    def table(epoch):
        asked.append(epoch)
        return [1, 0.5, 0.4, 0.3, 0.2][epoch]

    distilled(temperature=3, temperature_schedule=table).fit(X, y)
    assert asked == [0, 1, 2, 3, 4]


def test_a_curriculum_without_a_share_of_the_teacher():
    model = distilled(alpha=0, curriculum=Stages()).fit(X, y)
    assert model.student_.n_iter_ == 5
