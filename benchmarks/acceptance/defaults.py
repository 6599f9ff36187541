"""What plain defaults reach on the smaller data sets, and that they end without a warning.

The comparison with PyTorch's ``nn.GRU`` on all sets is `comparison`; how the defaults were chosen
is `choice`.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.preprocessing import SequenceStandardScaler

from .datasets import available
from .promises import at_least, less_than

SEEDS = range(5)
#: Least mean test accuracy over the seeds.
LEAST_ACCURACY = {
    "GunPoint": 0.93,
    "ArrowHead": 0.65,
    "Chinatown": 0.93,
    "ItalyPowerDemand": 0.94,
    "BasicMotions": 0.93,
    "JapaneseVowels": 0.96,
    "digits": 0.95,
    "wine": 0.95,
    "breast cancer": 0.94,
}


def run(data):
    """Defaults behind a scaler."""
    kept, n_warnings = [], 0
    for split in available(data, LEAST_ACCURACY):
        scores = []
        for seed in SEEDS:
            model = make_pipeline(SequenceStandardScaler(), FastGRNNClassifier(random_state=seed))
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(split.X_train, split.y_train)
            n_warnings += sum(issubclass(one.category, ConvergenceWarning) for one in caught)
            scores.append(model.score(split.X_test, split.y_test))
        each = ", ".join(f"{score:.4f}" for score in scores)
        title = f"{split.name}: mean test accuracy of plain defaults"
        kept.append(at_least(title, np.mean(scores), LEAST_ACCURACY[split.name], f" ({each})"))
    kept.append(less_than("Default fits that end in a ConvergenceWarning:", n_warnings, 1))
    return all(kept)
