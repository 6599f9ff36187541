"""
Kilobytes: the best model under a budget
========================================

How accurately can handwritten digits be read by a model of one kilobyte? A search tries networks of
several sizes, of low rank, with dropped weights and with weights of few bits. It counts the bytes
of each as a device stores them, and selects the most accurate one within the budget.
:class:`~skfastgrnn.compression.CompressionDisplay` shows all of them. :doc:`/compression` describes
the methods.
"""

import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import (
    Compression,
    CompressionDisplay,
    best_under,
    neg_n_bytes_scorer,
    quantize,
    size_report,
)

try:
    import matplotlib.pyplot as plt
except ImportError:  # then without the picture
    plt = None

BUDGET = 1024

# %%
# The candidates
# --------------
# Each image is read as 8 steps (its rows) of 8 grey values. With `compression=Compression()` a
# network is dense, and the parameters of `Compression` can be searched like any others.
#
# The dense networks in single precision have six sizes. The others have three sizes, weights of 8
# or 4 bits, U with or without factors of rank 6, and all or half of the weights of W and U.

X, y = load_digits(return_X_y=True)
X = (X.reshape(-1, 8, 8) / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)

model = FastGRNNClassifier(compression=Compression(), learning_rate="cosine", random_state=0)
grid = [{"hidden_size": [4, 6, 8, 12, 16, 24]}]
for density in (None, 0.5):
    grid.append(
        {
            "hidden_size": [12, 20, 32],
            "compression__bits": [8, 4],
            "compression__rank_u": [None, 6],
            "compression__density_w": [density],
            "compression__density_u": [density],
        }
    )

# %%
# The search
# ----------
# The number of bytes is a metric of the search like the accuracy; it is negative, as scikit-learn's
# scorers are the greater, the better. `best_under` reads it: among the candidates of at most 1024
# bytes the search selects the one with the highest mean accuracy in cross-validation. The test
# images are not used.

start = time.perf_counter()
search = GridSearchCV(
    model,
    grid,
    scoring={"accuracy": "accuracy", "neg_n_bytes": neg_n_bytes_scorer},
    refit=best_under(BUDGET),
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
    n_jobs=2,
).fit(X_train, y_train)
print(
    f"{len(search.cv_results_['params'])} candidates, 3 fits each: "
    f"{time.perf_counter() - start:.0f} s"
)

print()
print(f"Best of at most {BUDGET} bytes:")
for name, value in search.best_params_.items():
    print(f"  {name.removeprefix('compression__')} = {value}")
accuracy = search.cv_results_["mean_test_accuracy"][search.best_index_]
print(f"Its accuracy in cross-validation: {accuracy:.3f}")

# %%
# What the bytes hold
# -------------------
# The report counts what a device stores. Where half of the weights are dropped, a bitmap says where
# the others are.

best = search.best_estimator_
print()
print(size_report(best))
print(f"{best.n_operations_per_step_} multiply-adds for each row of an image")

# %%
# Now that the model is chosen, the test images show how accurate it is. For comparison: the largest
# of the dense networks in single precision that is within the budget.

dense = FastGRNNClassifier(8, learning_rate="cosine", random_state=0).fit(X_train, y_train)
print()
print(f"Accuracy on test images, {best.n_bytes_} bytes: {best.score(X_test, y_test):.3f}")
print(f"A dense network of {dense.n_bytes_} bytes:      {dense.score(X_test, y_test):.3f}")

# %%
# In integers
# -----------
# A microcontroller computes with integers. :func:`~skfastgrnn.compression.quantize` converts the
# model: it has the same size, and predicts exactly what the C source computes on a device.

integers = quantize(best, X_train)
same = np.mean(integers.predict(X_test) == best.predict(X_test))
print(f"In integers, {integers.n_bytes_} bytes:             {integers.score(X_test, y_test):.3f}")
print(f"Equal predictions:                  {same:.1%}")

# %%
# Score by size
# -------------
# Every candidate is a point, with the standard deviation over the three splits. The line is the
# Pareto front, the highest accuracy that so many bytes allow.

if plt is not None:
    display = CompressionDisplay.from_search(search, color_by="compression__bits")
    print()
    print("The Pareto front:")
    for candidate in display.pareto_front_:
        size, score = display.sizes[candidate], display.scores[candidate]
        params = search.cv_results_["params"][candidate].items()
        chosen = ", ".join(f"{k.removeprefix('compression__')}={v}" for k, v in params if v)
        print(f"  {size:5.0f} bytes   {score:.3f}   {chosen}")

# %%
# At the same size, networks of few bits are far more accurate than those in single precision: four
# or eight weights take the bytes of one number. What dropped weights and factors of low rank gain
# differs from size to size; that is what the search is for.

if plt is not None:
    plt.show()
