"""
Ragged sequences: letters drawn with a pen
==========================================

Strokes of a pen are short or long, fast or slow, and the tracker sometimes loses the pen: sequences
of different lengths, with gaps. The pipeline accepts them directly, as a list of arrays, and
scikit-learn's tools split, tune and validate it.
"""

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    cross_val_predict,
)
from sklearn.pipeline import Pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import (
    SequenceImputer,
    SequenceMinMaxScaler,
    SequenceReshaper,
    SequenceRobustScaler,
    SequenceStandardScaler,
    TemporalFeatures,
)

try:
    import matplotlib.pyplot as plt
except ImportError:  # then without pictures
    plt = None

# %%
# The data
# --------
# Eight letters, each drawn in one stroke: arcs and straight lines between corners. Here they are
# generated; in practice a tablet would record them.


def arc(x, y, radius, begin, end):
    """Points on a circle, from one angle to another in degrees."""
    angle = np.radians(np.linspace(begin, end, 40))
    return np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])


LETTERS = {
    "C": arc(0, 0, 1, 50, 310),
    "G": np.vstack([arc(0, 0, 1, 50, 330), [(0.9, -0.1), (0.1, -0.1)]]),
    "N": np.array([(-0.8, -1), (-0.8, 1), (0.8, -1), (0.8, 1)]),
    "O": arc(0, 0, 1, 90, 450),
    "S": np.vstack([arc(0, 0.5, 0.5, 45, 270), arc(0, -0.5, 0.5, 90, -135)]),
    "U": np.vstack([[(-0.8, 1)], arc(0, -0.2, 0.8, 180, 360), [(0.8, 1)]]),
    "V": np.array([(-0.8, 1), (0, -1), (0.8, 1)]),
    "Z": np.array([(-1, 1), (1, 1), (-1, -1), (1, -1)]),
}


def stroke(letter, size, slant, speed, rng):
    """What the tablet reports 60 times a second: x and y in mm, and the pressure of the pen."""
    corners = LETTERS[letter]
    way = np.append(0, np.hypot(*np.diff(corners, axis=0).T).cumsum())
    n_steps = int(way[-1] * 12 / speed * rng.uniform(0.8, 1.25))
    time = np.linspace(0, 1, n_steps)
    hesitation = rng.normal(0, 0.06, 2) @ np.sin(np.pi * np.outer([1, 2], time))
    progress = np.clip(time + hesitation, 0, 1) * way[-1]
    path = np.column_stack([np.interp(progress, way, corners[:, axis]) for axis in (0, 1)])
    for _ in range(3):  # no hand draws sharp corners
        path[1:-1] = (path[:-2] + path[1:-1] + path[2:]) / 3
    path[:, 0] += (slant + rng.normal(0, 0.1)) * path[:, 1]
    path *= size * rng.uniform(0.8, 1.25, 2)
    path += 0.02 * size * rng.normal(0, 1, (n_steps, 2)).cumsum(axis=0)  # a trembling hand
    path += rng.uniform(30, 170, 2)  # somewhere on the page
    pressure = 500 * np.sin(np.pi * time) ** 0.3 + rng.normal(0, 30, n_steps)
    for _ in range(rng.poisson(1)):  # the position is lost for a while, the pressure is not
        gap = rng.integers(n_steps)
        path[gap : gap + rng.integers(2, 9)] = np.nan
    return np.column_stack([path, pressure])


rng = np.random.default_rng(0)
strokes, letters, writers = [], [], []
for writer in range(15):
    size, slant, speed = rng.uniform(4, 15), rng.normal(0.1, 0.2), rng.uniform(0.7, 1.8)
    for letter in sorted(LETTERS) * 4:
        strokes.append(stroke(letter, size, slant, speed, rng))
        letters.append(letter)
        writers.append(writer)
letters, writers = np.array(letters), np.array(writers)

n_steps = [len(x) for x in strokes]
n_with_gaps = sum(np.isnan(x).any() for x in strokes)
print(f"{len(strokes)} strokes by {len(set(writers))} writers, {n_with_gaps} of them with gaps:")
print(f"{min(n_steps)} to {max(n_steps)} steps of {strokes[0].shape[1]} channels.")

# %%
# The first stroke of each letter by three writers, a dot a step:

if plt is not None:
    figure, axes = plt.subplots(3, 8, figsize=(9, 3.6), layout="constrained")
    for row, writer in zip(axes, (0, 3, 8), strict=True):
        for panel, letter in zip(row, sorted(LETTERS), strict=True):
            x = strokes[np.flatnonzero((writers == writer) & (letters == letter))[0]]
            panel.plot(x[:, 0], x[:, 1], ".-", markersize=3, linewidth=0.8)
            panel.set(aspect="equal", xticks=[], yticks=[], xlabel=f"{len(x)} steps")
    for panel, letter in zip(axes[0], sorted(LETTERS), strict=True):
        panel.set_title(letter)

# %%
# The pipeline
# ------------
# ``strokes`` is a plain list of arrays of shape (n_timesteps_i, 3). Each transformer returns
# another list: gaps are filled, channels scaled, and the network reads each stroke to its own end.
# Nothing has to be truncated or stretched to a common length.

pipeline = Pipeline(
    [
        ("impute", SequenceImputer()),
        ("features", "passthrough"),
        ("scale", SequenceStandardScaler()),
        ("model", FastGRNNClassifier(hidden_size=24, max_iter=200, random_state=0)),
    ]
)

# %%
# Tuning
# ------
# How should gaps be filled? Do velocities of the pen help in addition to positions? Which scaler is
# best, and with which parameters? The search tries all combinations; the grid has an entry for each
# scaler, since each has its own parameters.
#
# Letters of one writer look alike, so each fold tests on writers that it was not trained on, and
# three writers are kept for the final test.

splitter = GroupShuffleSplit(n_splits=1, test_size=3, random_state=0)
train, test = next(splitter.split(strokes, letters, writers))
X_train, X_test = [strokes[i] for i in train], [strokes[i] for i in test]
y_train, y_test = letters[train], letters[test]

before_scaling = {
    "impute__strategy": ["forward", "linear"],
    "features": ["passthrough", TemporalFeatures(lags=(), differences=(1,))],
}
grid = [
    {"scale": [SequenceStandardScaler()], **before_scaling},
    {"scale": [SequenceMinMaxScaler((-1, 1))], **before_scaling},
    {
        "scale": [SequenceRobustScaler()],
        "scale__quantile_range": [(25.0, 75.0), (5.0, 95.0)],
        **before_scaling,
    },
]
search = GridSearchCV(pipeline, grid, cv=GroupKFold(3))
search.fit(X_train, y_train, groups=writers[train])

print()
print(f"Accuracy in cross-validation over {len(set(writers[train]))} writers:")
print()
print("                                    as they are          with differences")
print("  gaps filled                    forward    linear       forward    linear")
table = {}
for params, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    scaler = type(params["scale"]).__name__.removeprefix("Sequence")
    if "scale__quantile_range" in params:
        scaler += " {:.0f} to {:.0f} %".format(*params["scale__quantile_range"])
    column = params["features"] != "passthrough", params["impute__strategy"]
    table.setdefault(scaler, {})[column] = score
for scaler, row in table.items():
    first, second, third, fourth = (row[column] for column in sorted(row))
    print(f"  {scaler:<26}{first:>10.3f}{second:>10.3f}    {third:>10.3f}{fourth:>10.3f}")

# %%
# The position on the page does not depend on the letter. Differences, which are velocities, do not
# depend on the position and help most. Filling a gap forward creates a jump at its end; linear
# interpolation avoids it. The largest velocities are such jumps, which affects
# ``SequenceMinMaxScaler`` most.
#
# The test
# --------
# The search has refitted the best setting on all strokes of its writers.

best = search.best_estimator_
print()
print(f"Accuracy on the three writers kept for the test: {search.score(X_test, y_test):.3f}")

# %%
# Which letters are mistaken for which? ``cross_val_predict`` predicts each stroke by a model that
# was not trained on its writer.

predicted = cross_val_predict(best, X_train, y_train, groups=writers[train], cv=GroupKFold(3))
confusion = confusion_matrix(y_train, predicted)
print()
print("Letters drawn (rows) and recognised (columns), in cross-validation:")
print()
print("     " + "".join(f"{letter:>4}" for letter in search.classes_))
for letter, counts in zip(search.classes_, confusion, strict=True):
    print(f"  {letter}  " + "".join(f"{count or '.':>4}" for count in counts))

if plt is not None:
    display = ConfusionMatrixDisplay(confusion, display_labels=search.classes_)
    figure, panel = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    display.plot(ax=panel, cmap="Blues", colorbar=False)
    panel.set(xlabel="recognised", ylabel="drawn")

# %%
# The other form
# --------------
# Some tools keep ragged sequences in one array, whose entries end with steps of NaN.
# :class:`~skfastgrnn.preprocessing.SequenceReshaper` makes one of a list. Trailing steps that are
# NaN in every channel are not part of a sequence, so the result is the same. (A gap at the end of a
# stroke does not shorten it, as the pressure is known there.)

padded = SequenceReshaper().fit_transform(X_test)
same = np.allclose(best.predict_proba(padded), best.predict_proba(X_test))
print()
print(f"As one array of shape {padded.shape}, {np.isnan(padded).mean():.0%} of it NaN,")
print(f"the test strokes have {'the same' if same else 'other'} probabilities.")

if plt is not None:
    plt.show()
