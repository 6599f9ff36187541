"""
Looking inside: losses and gates
================================

Two displays show the course of training, and how a cell processes a sequence:
:class:`~skfastgrnn.inspection.LossCurveDisplay` plots the losses epoch by epoch, and
:class:`~skfastgrnn.inspection.GateDisplay` plots gates and states step by step. Both need
matplotlib. :doc:`/inspection` explains how to read them.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.augmentation import Jitter, Scaling, TimeShift
from skfastgrnn.inspection import GateDisplay, LossCurveDisplay

try:
    import matplotlib.pyplot as plt
except ImportError:  # then without pictures
    plt = None

# %%
# Losses
# ------
# Three networks are trained on 400 images of handwritten digits, each read as 8 steps (its rows) of
# 8 channels; the other images are for validation. ``n_iter_no_change=float("inf")`` trains all of
# them for the full number of epochs.

X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8).astype(np.float32) / 16
X_train, X_val, y_train, y_val = train_test_split(X, y, train_size=400, stratify=y, random_state=0)

augment = [TimeShift(1, p=0.5), Scaling(0.1), Jitter(0.1)]
OPTIONS = {
    "defaults": {},
    "learning_rate_init=0.3": {"learning_rate_init": 0.3},
    "augment, learning_rate='cosine'": {"augment": augment, "learning_rate": "cosine"},
}
models = {}
print("                                  best epoch   lowest validation loss   accuracy then")
for title, options in OPTIONS.items():
    model = FastGRNNClassifier(max_iter=80, n_iter_no_change=np.inf, random_state=0, **options)
    models[title] = model.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    accuracy = model.validation_scores_[model.best_iter_ - 1]
    print(f"  {title:32}{model.best_iter_:>8}{model.best_loss_:>22.3f}{accuracy:>20.3f}")

if plt is not None:
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), sharey=True, layout="constrained")
    for panel, (title, model) in zip(axes, models.items(), strict=True):
        display = LossCurveDisplay.from_estimator(model, ax=panel)
        display.ax_.set(yscale="log", ylim=(3e-4, 5))
        panel.set_title(title, pad=40)  # above the legend

# %%
# Left: the network overfits. The training loss continues to fall while the validation loss stops
# falling and then rises. The estimator keeps the weights at the dotted line. Middle: the rate is so
# high that both losses fluctuate and never become low. Right: images that change a little in every
# epoch cannot be memorised, so the losses stay closer together; and as the rate falls to zero, the
# weights converge.
#
# Gates
# -----
# A sensor reports 30 values, of which one matters: the value at the step where a second channel, a
# flag, is 1. The network has to return it at the end. So it must find this step, store the value
# and keep it through all later steps.

rng = np.random.default_rng(0)


def flagged_series(n_samples):
    """Series (n_samples, 30, 2), the value at the flag (n_samples,), and where the flag is up."""
    at = rng.integers(30, size=n_samples)
    X = np.zeros((n_samples, 30, 2), dtype=np.float32)
    X[:, :, 0] = rng.normal(size=(n_samples, 30))
    X[np.arange(n_samples), at, 1] = 1
    return X, X[np.arange(n_samples), at, 0], at


X_flags, values, _ = flagged_series(2000)
X_test, values_test, at = flagged_series(500)
network = FastGRNNRegressor(6, learning_rate="cosine", early_stopping=True, random_state=0)
network.fit(X_flags, values)
sample = max(np.flatnonzero(at == 12), key=lambda i: abs(values_test[i]))  # easy to see

print()
print(f"R2 on new series: {network.score(X_test, values_test):.3f}")
print(f"The series below: {values_test[sample]:.2f} at its flag, in step {at[sample]};")
print(f"the prediction is {network.predict(X_test[[sample]])[0]:.2f}.")

if plt is not None:
    figure, axes = plt.subplots(
        3, 1, figsize=(9, 8), layout="constrained", height_ratios=(1, 1.5, 1.5)
    )
    axes[0].plot(X_test[sample, :, 0], "o-", markersize=4, label="value")
    axes[0].step(range(30), X_test[sample, :, 1], where="mid", label="flag")
    axes[0].set(title="Input", xlabel="Step", xlim=(-0.5, 29.5), xticks=range(0, 30, 3))
    axes[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
    display = GateDisplay.from_estimator(network, X_test, sample=sample, ax=axes[1:])

# %%
# Where the upper map is bright (z near 1), a unit keeps its state from step to step; where it is
# dark, the state is replaced. Here most units keep theirs nearly all the time, and values without a
# flag have little effect. At the flag some gates open for one step, and the states in the lower map
# change abruptly. (Before and after it most of them drift slowly, whatever the input.)
#
# A display stores the plotted values as attributes. These are the gates that open, before, at and
# after the flag:

if plt is not None:
    gates = display.gates  # (n_timesteps, hidden_size)
    opening = np.flatnonzero(gates[12] < gates[[11, 13]].min(axis=0) - 0.1)
    print()
    for unit in opening:
        before, there, after = gates[11:14, unit]
        print(f"  unit {unit}: z is {before:.2f}, {there:.2f}, {after:.2f}")

# %%
# Not all cells are as easy to interpret. This is one of the validation images above, and how the
# last of the three networks processes its rows, from top to bottom:

if plt is not None:
    figure, axes = plt.subplots(
        1, 3, figsize=(11, 4), layout="constrained", width_ratios=(0.8, 1, 1)
    )
    axes[0].imshow(X_val[0], cmap="gray_r")
    axes[0].set(title=f"Input: a {y_val[0]}", xlabel="Channel", ylabel="Step")
    best = models["augment, learning_rate='cosine'"]
    GateDisplay.from_estimator(best, X_val, sample=0, ax=axes[1:])

# %%
# Here no single step stands out, as every row of the image matters. Still, the gates show which
# units have a long memory (bright in all steps) and which are overwritten at each step (dark). With
# ``layer=2`` and ``reverse=True`` the display shows other cells of deeper and bidirectional
# networks.

if plt is not None:
    plt.show()
