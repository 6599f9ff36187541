"""
A custom callback: train until the worst digit is good
======================================================

A callback is called after every epoch with the current network. The one in this example records the
recall of each of ten classes for a plot, and stops training when the lowest recall is high enough,
which the accuracy over all classes does not show. In a grid search, scikit-learn's
``ScoringMonitor`` collects such numbers from all processes. :doc:`/callbacks` explains callbacks;
they need scikit-learn 1.9.
"""

import numpy as np
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV, train_test_split

from skfastgrnn import FastGRNNClassifier

try:
    import matplotlib.pyplot as plt
except ImportError:  # then without pictures
    plt = None

# %%
# The data
# --------
# 1797 images of handwritten digits, each read as 8 steps (its rows) of 8 channels. A quarter is for
# the callback, a quarter for the final test.

X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8).astype(np.float32) / 16
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, train_size=0.5, stratify=y, random_state=0
)
X_val, X_test, y_val, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)

# %%
# The callback
# ------------
# scikit-learn requires four methods. A task is the whole fit, or one of its epochs; ``setup`` and
# ``teardown`` are called once per fit. Of ``X``, ``y``, ``metadata`` and ``fitted_estimator`` a
# method receives those that it names as keyword-only arguments. ``fitted_estimator`` is a copy of
# the network as if training ended here, so it can predict, be plotted or be stored. Returning True
# stops training.


class UntilTheWorstIsGood:
    """End the training when every class has a recall of at least `goal`."""

    def __init__(self, X, y, goal):
        self.X, self.y, self.goal = X, y, goal

    def setup(self, estimator, context):
        self.recalls = []  # of each class, by epoch

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name != "epoch":
            return False
        predicted = fitted_estimator.predict(self.X)
        self.recalls.append(recall_score(self.y, predicted, average=None, zero_division=0))
        return self.recalls[-1].min() >= self.goal

    def teardown(self, estimator, context):
        pass


# %%
# One training
# ------------
# The network's own early stopping is off, so that only the callback stops training.

callback = UntilTheWorstIsGood(X_val, y_val, goal=0.9)
model = FastGRNNClassifier(
    hidden_size=16, max_iter=300, n_iter_no_change=float("inf"), random_state=0
)
model.set_callbacks(callback).fit(X_train, y_train)

recalls = np.array(callback.recalls)
print(f"Training ended after epoch {model.n_iter_}. Recall of each digit then, in percent:")
print()
print("                " + "".join(f"{digit:>5}" for digit in range(10)))
print("  validation    " + "".join(f"{100 * recall:>5.0f}" for recall in recalls[-1]))
on_test = recall_score(y_test, model.predict(X_test), average=None)
print("  test          " + "".join(f"{100 * recall:>5.0f}" for recall in on_test))

if plt is not None:
    figure, panel = plt.subplots(figsize=(8, 4), layout="constrained")
    epochs = np.arange(1, len(recalls) + 1)
    lines = panel.plot(epochs, recalls, color="0.75", linewidth=0.8)
    lines[0].set_label("each digit")
    panel.plot(epochs, recalls.mean(axis=1), color="tab:blue", label="mean")
    panel.plot(epochs, recalls.min(axis=1), color="tab:red", label="worst")
    panel.axhline(callback.goal, color="black", linewidth=0.8, linestyle=":", label="goal")
    panel.set(xlabel="epoch", ylabel="recall", title="Recall recorded by the callback")
    panel.set(xlim=(1, len(recalls)), ylim=(0, 1.02))
    panel.legend(loc="center left", bbox_to_anchor=(1, 0.5))

# %%
# The mean exceeds the goal long before the worst digit does. On the test images, some digits are
# still below it: with some 45 images of a digit one of them is two percent, and the epoch was
# chosen on the validation images.
#
# In a grid search
# ----------------
# A search trains clones of the network, here in two processes. These have copies of the callback,
# whose lists are not sent back. ``ScoringMonitor`` sends its numbers back. Its scorer may return
# several of them; here it is called with the training images of each fold, after each epoch.


def worst_and_mean(estimator, X, y):
    """Recalls of the ten classes."""
    each = recall_score(y, estimator.predict(X), average=None, zero_division=0)
    return {"worst": each.min(), "mean": each.mean()}


monitor = ScoringMonitor(scoring=worst_and_mean)
SIZES = [4, 8, 16]
search = GridSearchCV(
    model.set_params(max_iter=80).set_callbacks(monitor),
    {"hidden_size": SIZES},
    scoring="balanced_accuracy",
    cv=3,
    n_jobs=2,
    refit=False,
).fit(X_train, y_train)

# %%
# The logs have a row for each epoch of each fit (and one for each whole fit). ``task_id_path``
# identifies the fit: the search, the candidate and fold, the epoch.

rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
curves = np.empty((len(SIZES), 3, 80))
for row in rows:
    *_, fit, epoch = row["task_id_path"]
    curves[fit // 3, fit % 3, epoch] = row["worst"]

print()
print("Recall of the worst digit on the training images, by epoch:")
print()
print("  hidden_size" + "".join(f"{epoch:>8}" for epoch in (10, 20, 40, 80)))
for size, mean in zip(SIZES, curves.mean(axis=1), strict=True):
    print(f"  {size:>11}" + "".join(f"{mean[epoch - 1]:>8.2f}" for epoch in (10, 20, 40, 80)))

if plt is not None:
    figure, panel = plt.subplots(figsize=(8, 4), layout="constrained")
    for size, folds in zip(SIZES, curves, strict=True):
        (line,) = panel.plot(range(1, 81), folds.mean(axis=0), label=f"hidden_size={size}")
        panel.plot(range(1, 81), folds.T, color=line.get_color(), linewidth=0.5, alpha=0.6)
    panel.set(xlabel="epoch", ylabel="recall of the worst digit")
    panel.set(title="Three folds, and their mean", xlim=(1, 80), ylim=(0, 1.02))
    panel.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()
