"""
Training options: optimizers, schedules, augmentation, depth
============================================================

Which optimizer, which learning rate, and which schedule? Does augmentation help, or a deeper
network? Validation curves show this for handwritten digits. The results hold for this data; the
method is general. :doc:`/training` explains the options.
"""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.augmentation import Jitter, Scaling, TimeShift
from skfastgrnn.preprocessing import SequenceStandardScaler
from skfastgrnn.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    ReduceOnPlateau,
    StepDecay,
    WarmUp,
)

try:
    import matplotlib.pyplot as plt
except ImportError:  # then without pictures
    plt = None

# %%
# The schedules
# -------------
# A schedule gives the factor by which ``learning_rate_init`` is multiplied in each epoch. Any
# function of the epoch is a schedule, like the last one here. ``ReduceOnPlateau`` also uses the
# losses of earlier epochs; here they fall until epoch 40 and then stay constant.

SCHEDULES = {
    "Constant()": Constant(),
    "StepDecay(every=30)": StepDecay(every=30),
    "ExponentialDecay()": ExponentialDecay(),
    "CosineDecay()": CosineDecay(n_epochs=100),
    "OneCycle()": OneCycle(n_epochs=100),
    "WarmUp(10, then=CosineDecay())": WarmUp(10, then=CosineDecay(n_epochs=90)),
    "ReduceOnPlateau(factor=0.5)": ReduceOnPlateau(factor=0.5),
    "1 / (1 + epoch / 10)": lambda epoch: 1 / (1 + epoch / 10),
}
losses = [1 - min(epoch, 40) / 50 for epoch in range(100)]

if plt is not None:
    figure, axes = plt.subplots(
        2, 4, figsize=(10, 4.2), sharex=True, sharey=True, layout="constrained"
    )
    for panel, (title, schedule) in zip(axes.flat, SCHEDULES.items(), strict=True):
        watches = getattr(schedule, "watches_loss", False)
        factors = [
            schedule(epoch, losses[:epoch]) if watches else schedule(epoch) for epoch in range(100)
        ]
        panel.step(range(100), factors, where="mid")
        panel.set_title(title, fontsize="medium")
        panel.grid(alpha=0.3)
    figure.supxlabel("epoch")
    figure.supylabel("factor of learning_rate_init")

# %%
# The data
# --------
# 1797 images of 8 rows, each read as 8 steps of 8 channels. Half of them are for training, a
# quarter is for the curves, and a quarter is used only once, at the end.

X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8).astype(np.float32)
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, train_size=0.5, stratify=y, random_state=0
)
X_val, X_test, y_val, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)
scaler = SequenceStandardScaler().fit(X_train)
X_train, X_val, X_test = map(scaler.transform, (X_train, X_val, X_test))

# %%
# A single run is not conclusive, since the curve depends on the initial weights and the order of
# the images. So each setting is trained with five seeds. ``n_iter_no_change=float("inf")`` trains
# for all epochs; the weights of the best one are kept.

N_SEEDS = 5


def trained(n_epochs, **options):
    """Five networks with different seeds."""
    return [
        FastGRNNClassifier(
            24, max_iter=n_epochs, n_iter_no_change=float("inf"), random_state=seed, **options
        ).fit(X_train, y_train, X_val=X_val, y_val=y_val)
        for seed in range(N_SEEDS)
    ]


def curves(models, name):
    """A column of the histories, (5, n_epochs)."""
    return np.array([model.history_[name] for model in models])


def lowest_loss(models):
    """The validation loss of the epochs whose weights are kept, on average."""
    return np.mean([model.best_loss_ for model in models])


def draw_curves(panel, runs, name):
    """The mean over the seeds, epoch by epoch."""
    for label, models in runs.items():
        mean = curves(models, name).mean(axis=0)
        panel.plot(np.arange(1, len(mean) + 1), mean, label=label, linewidth=1.3)
    panel.set(xlabel="epoch", ylabel=name.replace("_", " "))
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")


# %%
# Optimizers
# ----------
# Each has its own scale of learning rates, so comparing them at a single rate would be meaningless.

RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
SOLVERS = ["adam", "adamw", "sgd", "rmsprop", "adagrad"]

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # the highest rates are too high for some
    by_rate = {
        solver: {rate: trained(40, solver=solver, learning_rate_init=rate) for rate in RATES}
        for solver in SOLVERS
    }
table = {
    solver: [lowest_loss(models) for models in runs.values()] for solver, runs in by_rate.items()
}
best_rate = {solver: RATES[int(np.argmin(row))] for solver, row in table.items()}

print("Lowest validation loss in 40 epochs, by learning rate:")
print()
print(f"{'':10}" + "".join(f"{rate:>8}" for rate in RATES))
for solver, row in table.items():
    print(f"  {solver:8}" + "".join(f"{loss:>8.3f}" for loss in row))

if plt is not None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for solver, row in table.items():
        left.plot(RATES, row, "o-", markersize=4, linewidth=1.3, label=solver)
    left.set(xscale="log", yscale="log", xlabel="learning_rate_init")
    left.set(ylabel="lowest validation loss", yticks=[0.2, 0.5, 1, 2])
    left.set_yticklabels(["0.2", "0.5", "1", "2"])
    left.minorticks_off()
    left.grid(alpha=0.3)
    left.legend(fontsize="small")
    at_best = {
        f"{solver}, rate {rate}": by_rate[solver][rate] for solver, rate in best_rate.items()
    }
    draw_curves(right, at_best, "validation_loss")
    right.set(ylim=(0.1, 1))

# %%
# Adam works over the widest range of rates, which is why it is the default; AdamW, with a penalty
# ``alpha`` as weak as here, is nearly the same, and their lines overlap. SGD with momentum is as
# good at a higher rate; RMSProp needs a lower one and AdaGrad a high one. At its best rate each
# does well: search for the rate first, and only then for the optimizer.
#
# Augmentation and schedules
# --------------------------
# With so few images the network soon overfits: its training loss goes to 0 while the validation
# loss rises. Images that change a little at random in every epoch cannot be memorised. Here they
# are moved up or down by a row, made darker or lighter, and given noise. The rate is three times
# the best of the table: high rates learn quickly, but the weights converge only if a schedule
# lowers the rate.

AUGMENT = [TimeShift(1, p=0.5), Scaling(0.1), Jitter(0.2)]
SCHEDULED = {
    "constant": "constant",
    "step, every 20": StepDecay(every=20),
    "cosine": "cosine",
    "one_cycle": "one_cycle",
    "plateau": ReduceOnPlateau(factor=0.5, patience=3),
}
scheduled = {"constant, not augmented": trained(60, learning_rate_init=0.03)}
for name, schedule in SCHEDULED.items():
    scheduled[name] = trained(60, learning_rate=schedule, learning_rate_init=0.03, augment=AUGMENT)


def print_table(runs):
    """Print losses, accuracies and costs."""
    print()
    print(f"{'':26}  validation loss    accuracy,       time of")
    print(f"{'':26}  lowest   at end    last 5 epochs     a fit   parameters")
    for name, models in runs.items():
        at_end = curves(models, "validation_loss")[:, -5:].mean()
        accuracies = curves(models, "validation_accuracy")[:, -5:].mean(axis=1)
        seconds = curves(models, "seconds").sum(axis=1).mean()
        n_parameters = sum(part.size for part in models[0].params_.values())
        print(
            f"  {name:24}{lowest_loss(models):>8.3f}{at_end:>9.3f}"
            f"    {accuracies.mean():.3f} ± {accuracies.std():.3f}"
            f"{seconds:>8.2f} s{n_parameters:>11}"
        )


def draw_both(runs):
    """Plot losses and accuracies side by side."""
    if plt is None:
        return
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    draw_curves(left, runs, "validation_loss")
    left.set(ylim=(0, 0.6))
    draw_curves(right, runs, "validation_accuracy")
    right.set(ylim=(0.85, 1))


print_table(scheduled)
draw_both(scheduled)

# %%
# Augmentation lowers the loss most. With it, a schedule adds one or two points of accuracy at the
# end; which one hardly matters. Look at the lowest losses, too: early stopping keeps the weights of
# that epoch, and then even the constant rate does well. With a schedule the last epoch is about the
# best, so that no held-out part is needed to find the best one.
#
# Depth and direction
# -------------------
# A second layer, and cells that read from the bottom of the image to its top, increase the capacity
# of the network, and its size.

SHAPES = {
    "1 layer": {},
    "2 layers": {"n_layers": 2},
    "1 layer, both ways": {"bidirectional": True},
    "2 layers, both ways": {"n_layers": 2, "bidirectional": True},
    "the same, dropout 0.3": {"n_layers": 2, "bidirectional": True, "dropout": 0.3},
}
shapes = {
    name: trained(60, learning_rate="one_cycle", augment=AUGMENT, **options)
    for name, options in SHAPES.items()
}
print_table(shapes)
draw_both(shapes)

# %%
# Reading in both directions helps with these images. A second layer in addition takes twice the
# time for no significant gain: the standard deviations are over the seeds, and an image of the
# validation set is 0.002. Dropout lowers the loss of the largest network, not its errors.
#
# The test
# --------
# The validation images were used to choose rates, schedules and epochs, so their scores are
# optimistic. The test images were not.

print()
print("Test accuracy, mean and standard deviation over the seeds:")
for name, models in ({"plain": by_rate["adam"][0.01]} | shapes).items():
    scores = [model.score(X_test, y_test) for model in models]
    print(f"  {name:26}{np.mean(scores):.3f} ± {np.std(scores):.3f}")
print(f"(One test image is {1 / len(X_test):.3f}.)")

if plt is not None:
    plt.show()
