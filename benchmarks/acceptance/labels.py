"""Rare classes and several labels a sequence: the focal loss, and multilabel classification.

RouteLLM's prompts are imbalanced: 18 % of them are worth the strong model, which gets them right
where the weak one does not. The student of `routing` is trained with the cross-entropy, with
``class_weight="balanced"`` and with the focal loss, all else equal; the exponent was chosen from
0.5, 1, 2 and 4 by the AUC of a cross-validation within the training part. Multilabel targets are
scikit-learn's ``make_multilabel_classification``, one step a sample, beside MLPClassifier of as
many hidden units.
"""

import numpy as np
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfastgrnn import FastGRNNClassifier

from .promises import at_least
from .routing import SETTINGS_ALONE, Prompts, student

SEEDS = range(5)
EXPONENTS = (0.5, 1.0, 2.0, 4.0)
MOST_BEHIND = -0.01
#: How MLPClassifier trains.
LIKE_MLP = {
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "batch_size": 200,
    "max_iter": 200,
    "n_iter_no_change": 10,
    "alpha": 1e-4,
}


def run(data):
    """Print both comparisons, and return whether the promise is kept."""
    compare_on_rare_class(data)
    return multilabel()


def compare_on_rare_class(data):
    """The test part, once, after the exponent has been chosen."""
    arrays = np.load(data / "routellm_mmlu_gsm8k.npz")
    train, test = (Prompts(arrays, name) for name in ("train", "test"))
    y_train, y_test = arrays["y_train"], arrays["y_test"]
    settings = {**SETTINGS_ALONE, "loss": "focal"}
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    found = {}
    for exponent in EXPONENTS:
        model = student(0, **settings, focal_gamma=exponent)
        aucs = cross_val_score(model, train.texts, y_train, cv=folds, scoring="roc_auc")
        found[exponent] = aucs.mean()
    print("RouteLLM, focal loss, AUC in cross-validation:", found)
    exponent = max(found, key=found.get)
    print(f"{'':26}{'AUC':>8}{'precision':>11}{'accuracy':>10}{'balanced':>10}{'found':>8}")
    for name, changes in (
        ("cross-entropy", {}),
        ("class_weight='balanced'", {"class_weight": "balanced"}),
        (f"focal, exponent {exponent}", {"loss": "focal", "focal_gamma": exponent}),
    ):
        rows = []
        for seed in SEEDS:
            model = student(seed, **SETTINGS_ALONE, **changes).fit(train.texts, y_train)
            probability = model.predict_proba(test.texts)[:, 1]
            predicted = probability > 0.5
            rows.append(
                (
                    roc_auc_score(y_test, probability),
                    average_precision_score(y_test, probability),
                    np.mean(predicted == y_test),
                    balanced_accuracy_score(y_test, predicted),
                    predicted.mean(),
                )
            )
        auc, precision, accuracy, balanced, share = np.mean(rows, axis=0)
        print(
            f"{name:26}{auc:8.4f}{precision:11.4f}{accuracy:10.4f}{balanced:10.4f}{share:8.3f}",
            flush=True,
        )


def multilabel():
    """Subset accuracies of five generated sets, trained alike, with defaults and stopped early."""
    contenders = {
        "MLPClassifier": lambda seed: MLPClassifier((32,), random_state=seed),
        "trained alike": lambda seed: network(seed, **LIKE_MLP),
        "early_stopping=True": lambda seed: network(seed, early_stopping=True),
        "defaults": network,
    }
    scores = {name: [] for name in contenders}
    for seed in SEEDS:
        X, y = make_multilabel_classification(2000, n_features=20, n_classes=5, random_state=seed)
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
        for name, make in contenders.items():
            model = make_pipeline(StandardScaler(), make(seed)).fit(X_train, y_train)
            scores[name].append(model.score(X_test, y_test))
    means = {name: np.mean(values) for name, values in scores.items()}
    print("Multilabel, subset accuracy:", {name: round(mean, 4) for name, mean in means.items()})
    return at_least(
        "Multilabel: trained alike, less MLPClassifier:",
        means["trained alike"] - means["MLPClassifier"],
        MOST_BEHIND,
    )


def network(seed, **params):
    """One of 32 units that reads a row as one step."""
    return FastGRNNClassifier(32, n_timesteps=1, random_state=seed, **params)
