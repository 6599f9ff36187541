"""
To a microcontroller: from raw windows to C under 600 bytes
===========================================================

What is a person doing who carries an accelerometer? A search selects the most accurate network
within a budget of bytes, :func:`~skfastgrnn.compression.quantize` converts it to integers,
:func:`~skfastgrnn.export.to_c` writes it as a header and a source without any dependency, and the
compiled program predicts the same as Python. :doc:`/export` describes the files.
"""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import (
    Compression,
    best_under,
    neg_n_bytes_scorer,
    quantize,
    size_report,
)
from skfastgrnn.export import to_c, to_html
from skfastgrnn.preprocessing import SequenceStandardScaler

try:
    import matplotlib.pyplot as plt
except ImportError:  # then without the picture
    plt = None

BUDGET = 600  # bytes
RATE = 25  # steps a second
N_STEPS = 2 * RATE

# %%
# Windows of movement
# -------------------
# Two seconds of three accelerations in g, simulated: gravity in the direction in which the device
# happens to be carried, a movement along another one, and noise. Every person has a pace and a
# strength of their own.

MOVEMENTS = {  # movements a second, and their amplitude in g
    "rest": (0.3, 0.02),
    "walk": (1.8, 0.25),
    "run": (2.6, 0.8),
    "stairs": (1.4, 0.3),
}


def window(activity, pace, strength, rng):
    """Accelerations (N_STEPS, 3) of one window."""
    frequency, amplitude = MOVEMENTS[activity]
    t = np.arange(N_STEPS) / RATE
    phase = 2 * np.pi * (frequency * pace * rng.uniform(0.9, 1.1) * t + rng.random())
    movement = strength * amplitude * (np.sin(phase) + 0.4 * np.sin(2 * phase + rng.normal()))
    if activity == "stairs":  # every other step is the stronger one
        movement *= 1 + 0.6 * np.sin(phase / 2)
    gravity, direction = rng.normal(size=(2, 3)) * [[0.4, 0.4, 0.4], [0.5, 0.5, 0.5]] + [0, 0, 1]
    gravity /= np.linalg.norm(gravity)
    direction /= np.linalg.norm(direction)
    return gravity + movement[:, None] * direction + 0.06 * rng.normal(size=(N_STEPS, 3))


rng = np.random.default_rng(0)
windows, activities, people = [], [], []
for person in range(16):
    pace, strength = rng.uniform(0.85, 1.15), rng.uniform(0.7, 1.3)
    for activity in MOVEMENTS:
        for _ in range(25):
            windows.append(window(activity, pace, strength, rng))
            activities.append(activity)
            people.append(person)
X, y, people = np.array(windows, dtype=np.float32), np.array(activities), np.array(people)
is_new = people >= 12  # people whom the model has never seen
X_train, y_train, X_test, y_test = X[~is_new], y[~is_new], X[is_new], y[is_new]

# %%
# The most accurate network of 600 bytes
# --------------------------------------
# Folds are of people as well. The scaler becomes part of the network, and costs 8 bytes a channel.

model = make_pipeline(
    SequenceStandardScaler(),
    FastGRNNClassifier(compression=Compression(), learning_rate="cosine", random_state=0),
)
search = GridSearchCV(
    model,
    {
        "fastgrnnclassifier__hidden_size": [8, 12, 16, 20],
        "fastgrnnclassifier__compression__bits": [8, 4],
    },
    scoring={"accuracy": "accuracy", "neg_n_bytes": neg_n_bytes_scorer},
    refit=best_under(BUDGET),
    cv=GroupKFold(3),
    n_jobs=2,
).fit(X_train, y_train, groups=people[~is_new])
best = search.best_estimator_
for name, value in search.best_params_.items():
    print(f"{name.split('__')[-1]} = {value}")

# %%
# In integers
# -----------
# Calibration on training windows sets the scale of inputs and states.

integers = quantize(best, X_train)
print()
print(size_report(integers))
print(f"Accuracy on new people: {best.score(X_test, y_test):.3f}")
print(f"The same in integers:   {integers.score(X_test, y_test):.3f}")

# %%
# As C
# ----
# The header says how the model is called: a device gives it one step after the other, and may ask
# at any of them. Nothing but the state is kept, 2 bytes a unit. Here the files go into a temporary
# folder; with ``layout="arduino"`` they are a library for Arduino.

exported = to_c(integers, name="movement")
with tempfile.TemporaryDirectory() as folder:
    for file in exported.save(folder):
        print(f"{file}: {Path(folder, file).stat().st_size} characters")
print()
print(exported.header.partition("#ifndef")[0])

# %%
# Where this machine has a C compiler, `predict` runs the compiled program. Its outputs are those of
# Python to the last bit. :func:`~skfastgrnn.export.emulate` does the same on an emulated Cortex-M,
# AVR or RISC-V, and counts instructions and memory.

try:
    outputs = exported.decision_function(X_test)
except RuntimeError as error:
    runner = integers
    print(error)
else:
    runner = exported
    same = np.array_equal(outputs, integers.decision_function(X_test))
    print(f"The compiled program computes the same outputs: {same}")

# %%
# To try the model without a device, :func:`~skfastgrnn.export.to_html` makes a page of it, which
# reads the motion sensors of a phone. It is one file, and computes in the same integers.

page = to_html(integers, channels=["x", "y", "z"], title="What are you doing?", rate=RATE)
print(f"A page of {len(page.html) // 1000} kB")

# %%
# Early enough
# ------------
# After every step, the device knows a probability for each activity. Those after t steps are those
# of the sequence that ends there.

chosen = np.flatnonzero(y_test == "stairs")[0]
steps = [X_test[chosen][: t + 1] for t in range(N_STEPS)]
probabilities = runner.predict_proba(steps)  # (N_STEPS, n_classes)
ends = [X_test[:, :t] for t in range(5, N_STEPS + 1, 5)]
accuracies = [runner.predict(end) == y_test for end in ends]
for end, right in zip(ends, accuracies, strict=True):
    if end.shape[1] % 10 == 0:
        print(f"Accuracy after {end.shape[1] / RATE:.1f} s: {right.mean():.3f}")

if plt is not None:
    figure, (above, below) = plt.subplots(2, 1, sharex=True, layout="constrained")
    t = np.arange(1, N_STEPS + 1) / RATE
    above.plot(t, X_test[chosen], label=["x", "y", "z"])
    above.set(ylabel="acceleration, g", title="Two seconds of a new person on stairs")
    above.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    for label, share in zip(integers.classes_, probabilities.T, strict=True):
        below.plot(t, share, label=label)
    below.set(xlabel="time, s", ylabel="probability", ylim=(0, 1))
    below.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()
