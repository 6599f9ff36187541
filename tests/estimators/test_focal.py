"""The focal loss of FastGRNNClassifier."""

import numpy as np
import pytest
from helpers.estimators import bits, quick, sequences

from skfastgrnn import DistilledFastGRNN
from skfastgrnn.network import Loss
from skfastgrnn.training import Classification

X, y = sequences(90, n_classes=3)


@pytest.mark.parametrize("labels", [y, y == 1], ids=["three classes", "two"])
def test_exponent_0_is_the_cross_entropy_to_the_bit(labels):
    plain = quick(early_stopping=True).fit(X, labels)
    focal = quick(early_stopping=True, loss="focal", focal_gamma=0).fit(X, labels)
    assert bits(focal) == bits(plain)
    assert focal.history_ | {"seconds": 0} == plain.history_ | {"seconds": 0}


@pytest.mark.parametrize("labels", [y, y == 1], ids=["three classes", "two"])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_loss_is_the_closed_form(labels, gamma):
    settings = {"loss": "focal", "focal_gamma": gamma, "alpha": 0, "max_iter": 1}
    model = quick(**settings, learning_rate_init=1e-300).fit(X, labels)
    p = model.predict_proba(X)[np.arange(90), labels.astype(int)]
    np.testing.assert_allclose(model.loss_, np.mean(-((1 - p) ** gamma) * np.log(p)), rtol=1e-12)


def test_weights_of_classes_multiply():
    settings = {"loss": "focal", "alpha": 0, "max_iter": 1, "learning_rate_init": 1e-300}
    weights = np.array([1.0, 2.0, 5.0])
    model = quick(**settings, class_weight=dict(enumerate(weights))).fit(X, y)
    p = model.predict_proba(X)[np.arange(90), y]
    losses = -((1 - p) ** 2) * np.log(p)
    np.testing.assert_allclose(model.loss_, np.average(losses, weights=weights[y]), rtol=1e-12)


def test_it_learns():
    assert quick(loss="focal", max_iter=60).fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize("gamma", [0, 0.5, 1.5, 2])
def test_nothing_is_left_to_learn_at_the_same_probabilities(gamma):
    """A focal loss is small long before the probabilities are near 1."""
    objective = Classification("", loss=Loss("focal", gamma=gamma))
    p = np.exp(-0.003)  # of the labels, where the cross-entropy is 30 tol
    np.testing.assert_allclose(objective.converged_loss(1e-4), -((1 - p) ** gamma) * np.log(p))


@pytest.mark.parametrize("gamma", [-1, np.nan, "2", None])
def test_bad_exponents_are_refused(gamma):
    with pytest.raises(ValueError, match="'focal_gamma' parameter"):
        quick(loss="focal", focal_gamma=gamma).fit(X, y)


def test_students_keep_the_cross_entropy():
    model = DistilledFastGRNN(quick(), quick(loss="focal"))
    with pytest.raises(ValueError, match="A student minimises the cross-entropy"):
        model.fit(X, y)
