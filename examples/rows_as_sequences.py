"""
Rows as sequences: what n_timesteps means
=========================================

A row of 64 numbers can be a series of 64 steps, 8 steps of 8 channels, or a single step of 64. The
parameter ``n_timesteps`` says which. scikit-learn's tools that only accept rows (here
``BaggingClassifier``) then work with sequences, too.
"""

from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import SequenceReshaper, SequenceStandardScaler

try:
    import matplotlib.pyplot as plt
except ImportError:  # then without pictures
    plt = None

# %%
# The data
# --------
# 1797 images of handwritten digits, 8 x 8 grey values each. A row of ``X`` holds an image, line by
# line.

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Three ways to read a row
# ------------------------
# ``n_timesteps=64`` (or None, the default) reads pixel by pixel, ``n_timesteps=8`` line by line,
# and ``n_timesteps=1`` the whole image at once. In the picture, time runs downwards; values side by
# side belong to the same step.

READINGS = {64: "64 steps of 1 channel", 8: "8 steps of 8 channels", 1: "1 step of 64 channels"}

if plt is not None:
    figure, axes = plt.subplots(1, 3, figsize=(9, 4), layout="constrained", width_ratios=(1, 3, 6))
    for panel, (n_timesteps, title) in zip(axes, READINGS.items(), strict=True):
        sequence = X[0].reshape(n_timesteps, -1)
        panel.imshow(sequence, cmap="gray_r", aspect={64: 0.25, 8: 1, 1: 5}[n_timesteps])
        panel.set(title=title.replace("of ", "of\n"), xlabel="channel", ylabel="step")
        panel.set_xticks(sorted({0, sequence.shape[1] - 1}))
        panel.set_yticks(sorted({0, n_timesteps - 1}))

# %%
# More channels need more parameters, more steps more time. A scaler before the network needs the
# same ``n_timesteps``, since it scales channels: with ``n_timesteps=8`` each column of the images
# has one mean.

print("                            parameters   time of a fit   test accuracy")
for n_timesteps, title in READINGS.items():
    model = Pipeline(
        [
            ("scale", SequenceStandardScaler(n_timesteps=n_timesteps)),
            ("model", FastGRNNClassifier(24, n_timesteps=n_timesteps, random_state=0)),
        ]
    )
    begin = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - begin
    print(
        f"  {title:<22}",
        f"{sum(part.size for part in model['model'].params_.values()):>13}",
        f"{seconds:>13.2f} s",
        f"{model.score(X_test, y_test):>15.3f}",
    )

# %%
# Images this small are best read in a single step. So are tables whose columns have no order in
# time. If columns are successive readings, set ``n_timesteps`` accordingly: a recurrent network
# then needs few parameters, and recognises patterns that are shifted in time.
#
# Tuning
# ------
# Instead of setting ``n_timesteps`` on every step of a pipeline, set it on a
# :class:`~skfastgrnn.preprocessing.SequenceReshaper` at its beginning. Later steps then receive
# sequences, and the grid search varies a single parameter. ``scale__per`` determines whether a
# channel is scaled in the same way at every step, or separately for each step, as by scikit-learn's
# scalers.

pipeline = Pipeline(
    [
        ("read", SequenceReshaper()),
        ("scale", SequenceStandardScaler()),
        ("model", FastGRNNClassifier(24, max_iter=200, random_state=0)),
    ]
)
grid = {"read__n_timesteps": [16, 8, 4], "scale__per": ["channel", "timestep"]}
search = GridSearchCV(pipeline, grid, cv=5, n_jobs=2).fit(X_train, y_train)

print()
print("Accuracy in 5-fold cross-validation, scaled by:    channel   timestep")
scores = search.cv_results_["mean_test_score"].reshape(3, 2)
for n_timesteps, row in zip(grid["read__n_timesteps"], scores, strict=True):
    title = f"{n_timesteps} steps of {64 // n_timesteps} channels"
    print(f"  {title:<43}" + "".join(f"{score:>11.3f}" for score in row))

# %%
# A bag of networks
# -----------------
# :class:`~sklearn.ensemble.BaggingClassifier` only passes rows. With the reshaper inside, its
# members are networks that read sequences.

bag = BaggingClassifier(search.best_estimator_, n_estimators=20, n_jobs=2, random_state=0)
bag.fit(X_train, y_train)
print()
print(f"Test accuracy of the best setting: {search.score(X_test, y_test):.3f} alone,")
print(f"{bag.score(X_test, y_test):.3f} in a bag of 20. (One test image is {1 / len(X_test):.3f}.)")

if plt is not None:
    plt.show()
