"""The first page's picture: a stream of three channels, and what a small network makes of it."""

import matplotlib.pyplot as plt
import numpy as np

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import sliding_windows

GESTURES = ("rest", "wave", "circle", "shake")
WINDOW = 24


def gesture(name, n_steps, rng):
    """An accelerometer's three channels (n_steps, 3) during a gesture."""
    phase = 2 * np.pi * (rng.uniform(0.07, 0.1) * np.arange(n_steps) + rng.random())
    x = 0.25 * rng.standard_normal((n_steps, 3))
    if name == "wave":
        x[:, 0] += np.sin(phase)
    elif name == "circle":
        x[:, 0] += np.cos(phase)
        x[:, 1] += np.sin(phase)
    elif name == "shake":
        x[:, 2] += np.sin(3 * phase)
    return x.astype(np.float32)


rng = np.random.default_rng(0)
y = np.repeat(GESTURES, 60)
X = [gesture(name, rng.integers(WINDOW, 2 * WINDOW), rng) for name in y]
model = FastGRNNClassifier(12, random_state=0).fit(X, y)

order = ("rest", "circle", "rest", "wave", "shake", "rest")
lengths = rng.integers(60, 90, size=len(order))
stream = np.vstack([gesture(name, n, rng) for name, n in zip(order, lengths, strict=True)])
windows = sliding_windows(stream, window=WINDOW)
probabilities = model.predict_proba(windows.X)

figure, (above, below) = plt.subplots(2, 1, figsize=(9, 4.2), sharex=True, layout="constrained")
for channel, name in enumerate("xyz"):
    above.plot(stream[:, channel] - 3 * channel, lw=0.8, color=f"C{channel}")
    above.text(-6, -3 * channel, name, color=f"C{channel}", ha="right", va="center")
for name, end, n in zip(order, np.cumsum(lengths), lengths, strict=True):
    above.axvline(end, color="0.7", lw=0.8)
    above.text(end - n / 2, 2.2, name, ha="center")
above.set(yticks=[], ylim=(-8, 3.5), title="Three channels of a sensor")
n_parameters = sum(part.size for part in model.params_.values())
below.stackplot(windows.index, probabilities.T, labels=model.classes_, alpha=0.85)
below.set(
    xlim=(-15, len(stream)),
    ylim=(0, 1),
    xlabel="Step",
    ylabel="Probability",
    title=f"Each window of {WINDOW} steps, classified by {n_parameters} parameters "
    f"({4 * n_parameters} bytes)",
)
below.legend(loc="center left", bbox_to_anchor=(1, 0.5))
