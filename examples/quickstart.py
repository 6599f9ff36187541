"""
Quickstart: reading handwritten digits
======================================

A :class:`~skfastgrnn.FastGRNNClassifier` learns to classify images of handwritten digits row by
row, with the usual tools of scikit-learn: a pipeline, a grid search, and a saved model. It is
compared with an :class:`~sklearn.neural_network.MLPClassifier` tuned on the same data with the same
search.

``make demo`` runs this file.
"""

import pickle
import tempfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler
from threadpoolctl import threadpool_limits

from skfastgrnn import FastGRNNClassifier

# %%
# The data
# --------
# 1797 scanned images of 8 x 8 grey values, which are part of scikit-learn. A row of ``X`` contains
# the 64 values of an image, its 8 rows one after the other.

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)  # float32 is kept: half the memory, and faster
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

print("A FastGRNN is a small recurrent network: it reads step by step.")
print("Here it reads images of handwritten digits, a row of 8 grey values a step.")
print()
print(f"{len(X)} images: {len(X_train)} to learn from, {len(X_test)} for the final test.")

# %%
# Two pipelines
# -------------
# scikit-learn's tools pass two-dimensional ``X``. With ``n_timesteps=8`` the network reads each row
# of 64 values as a sequence of 8 steps of 8 values: it reads the image line by line, as it would
# read the values of 8 sensors at 8 times. The MLP gets all 64 values at once.

network = FastGRNNClassifier(n_timesteps=8, max_iter=200, random_state=0)
fastgrnn = Pipeline([("scale", MinMaxScaler()), ("model", network)])

mlp = MLPClassifier(max_iter=1000, random_state=0)
mlp = Pipeline([("scale", MinMaxScaler()), ("model", mlp)])

# %%
# Tuning
# ------
# Both are tuned in the same way: two sizes and two learning rates, each evaluated by
# cross-validation on the training images. The test images are not used.

rates = [0.003, 0.01]
grids = {
    "FastGRNN": {"model__hidden_size": [16, 32], "model__learning_rate_init": rates},
    "MLP": {"model__hidden_layer_sizes": [16, 32], "model__learning_rate_init": rates},
}
searches = {
    "FastGRNN": GridSearchCV(fastgrnn, grids["FastGRNN"], cv=5, n_jobs=2),
    "MLP": GridSearchCV(mlp, grids["MLP"], cv=5, n_jobs=2),
}

print()
print("Tuning both models: 4 settings, 5-fold cross-validation, 2 processes.")
for name, search in searches.items():
    with threadpool_limits(1):  # the same for both: one thread a process
        search.fit(X_train, y_train)
    best = [f"{key.removeprefix('model__')}={v}" for key, v in search.best_params_.items()]
    print(f"  {name} does best with {', '.join(best)}")

# %%
# Comparison
# ----------
# The grid search has refitted the best setting on all training images; the time shown is that of
# this fit.


def n_parameters(model):
    """Count the numbers that a model has learned."""
    if isinstance(model, FastGRNNClassifier):
        return sum(part.size for part in model.params_.values())
    return sum(part.size for part in model.coefs_ + model.intercepts_)


print()
print("The best setting of each, fitted on all training images:")
print()
print("              test accuracy   parameters   time of one fit   pickled size")
for name, search in searches.items():
    model = search.best_estimator_["model"]
    print(
        f"  {name:<10}",
        f"{search.score(X_test, y_test):>14.3f}",
        f"{n_parameters(model):>12}",
        f"{search.refit_time_:>15.2f} s",
        f"{len(pickle.dumps(model)) / 1000:>11.1f} kB",
    )
print()
print(f"(One test image more or less is {1 / len(X_test):.3f} of accuracy.)")

# %%
# Saving and loading
# ------------------
# A fitted pipeline can be saved to a file and loaded again, in this or another program.

pipeline = searches["FastGRNN"].best_estimator_
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "digits.joblib"
    joblib.dump(pipeline, file)
    loaded = joblib.load(file)
    print()
    print(f"Saved the FastGRNN pipeline with joblib: {file.stat().st_size / 1000:.1f} kB.")

same = np.array_equal(loaded.predict_proba(X_test), pipeline.predict_proba(X_test))
if not same:
    raise SystemExit("The loaded pipeline predicts something else.")
print("Loaded it again: it predicts the same probabilities, to the last bit.")
