"""Going on learning on digits: shards of a stream beside `fit`, and new classes of few images."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skfastgrnn import FastGRNNClassifier

from .promises import at_least

SEEDS = range(5)
MORE_SEEDS = range(25)
N_SHARDS = 10
ROUNDS = 30
#: Least accuracy of the stream less that of `fit`, and of fine-tuning less that from scratch.
LEAST_OF_STREAM = -0.02
#: Of shards that never come back, the network forgets some of the earlier ones.
LEAST_OF_SINGLE_PASS = -0.06
LEAST_OF_FINE_TUNING = 0.0


def run(data):
    """Nothing but digits is needed."""
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X.reshape(-1, 8, 8) / 16, y, stratify=y, random_state=0)
    kept = [
        stream(*split, in_turn=True, least=LEAST_OF_STREAM),
        stream(*split, in_turn=False, least=LEAST_OF_SINGLE_PASS),
        fine_tuning(*split),
    ]
    return all(kept)


def stream(X_train, X_test, y_train, y_test, *, in_turn, least):
    """Shards come in order: all of them, round after round, or each as often before the next."""
    shards = [slice(shard, None, N_SHARDS) for shard in range(N_SHARDS)]
    order = shards * ROUNDS if in_turn else [shard for shard in shards for _ in range(ROUNDS)]
    whole, streamed = [], []
    for seed in SEEDS:
        model = FastGRNNClassifier(random_state=seed)
        whole.append(model.fit(X_train, y_train).score(X_test, y_test))
        model = FastGRNNClassifier(batch_size=32, random_state=seed)
        for shard in order:
            model.partial_fit(X_train[shard], y_train[shard], classes=range(10))
        streamed.append(model.score(X_test, y_test))
    how = f"{ROUNDS} rounds over" if in_turn else f"{ROUNDS} calls for each of"
    return at_least(
        f"partial_fit, {how} {N_SHARDS} shards, less fit:",
        np.mean(streamed) - np.mean(whole),
        least,
        f" ({np.mean(streamed):.4f} and {np.mean(whole):.4f}, {len(SEEDS)} seeds)",
    )


def fine_tuning(X_train, X_test, y_train, y_test):
    """Two digits that the model has never seen, ten images of each."""
    tuned, scratch = [], []
    for seed in MORE_SEEDS:
        draw = np.random.default_rng(seed)
        new = draw.choice(10, 2, replace=False)
        few = np.concatenate(
            [draw.choice(np.flatnonzero(y_train == d), 10, replace=False) for d in new]
        )
        known, test = ~np.isin(y_train, new), np.isin(y_test, new)
        model = FastGRNNClassifier(random_state=seed).fit(X_train[known], y_train[known])
        model.set_params(warm_start=True).fit(X_train[few], y_train[few])
        tuned.append(model.score(X_test[test], y_test[test]))
        model = FastGRNNClassifier(random_state=seed).fit(X_train[few], y_train[few])
        scratch.append(model.score(X_test[test], y_test[test]))
    return at_least(
        "Fine-tuned less from scratch, 20 images of two new digits:",
        np.mean(tuned) - np.mean(scratch),
        LEAST_OF_FINE_TUNING,
        f" ({np.mean(tuned):.4f} and {np.mean(scratch):.4f}, {len(MORE_SEEDS)} seeds)",
    )
