"""What changes from epoch to epoch, and from where a training can be taken up again."""

from dataclasses import dataclass

import numpy as np

from ..network import Optimizer
from ._early_stopping import BestSoFar
from ._metrics import METRIC_NAMES


@dataclass
class TrainingState:
    """A training between two epochs: the next one depends on nothing else but data and plan.

    parameters, initial : (P,) after the last epoch, and before the first one
    optimizer : its moments and the number of its updates
    rng : draws the order of rows, and what else is random
    watched : the best epoch so far, and how long ago it was
    history : dict of per-epoch lists
    hopeless : whether the last epoch's loss was one that only a diverged training has
    begins_learned : whether the initial parameters are those of an earlier training
    n_before : epochs before the first one of the history
    broken : whether the parameters are those of the middle of an epoch: it diverged, or Ctrl-C came
    """

    parameters: np.ndarray
    initial: np.ndarray
    optimizer: Optimizer
    rng: np.random.Generator
    watched: BestSoFar
    history: dict
    hopeless: bool = False
    begins_learned: bool = False
    n_before: int = 0
    broken: bool = False

    @property
    def n_iter(self):
        """Epochs so far."""
        return self.n_before + len(self.history["loss"])

    @property
    def loss(self):
        """The objective of the last epoch."""
        return self.history["loss"][-1] if self.history["loss"] else np.inf

    def record(self, **entries):
        """Add an epoch to the history."""
        for name, value in entries.items():
            self.history[name].append(float(value))

    def as_dict(self):
        """All of it in dicts, arrays and numbers."""
        return {
            "parameters": self.parameters,
            "initial": self.initial,
            "optimizer": {name: getattr(self.optimizer, name) for name in MOVING},
            "rng": self.rng.bit_generator.state,
            "watched": {name: getattr(self.watched, name) for name in WATCHED},
            "history": self.history,
            "hopeless": self.hopeless,
        }

    def go_back_to(self, saved):
        """Take the place of the training that `as_dict` told of; `_schema` has checked it."""
        self.parameters = saved["parameters"]
        self.initial = saved["initial"]
        for name in MOVING:
            setattr(self.optimizer, name, saved["optimizer"][name])
        self.rng.bit_generator.state = saved["rng"]
        for name in WATCHED:
            setattr(self.watched, name, saved["watched"][name])
        self.history = saved["history"]
        self.hopeless = saved["hopeless"]


#: What an optimizer and a watch change while they work; the rest are settings.
MOVING = ("first", "second", "step")
WATCHED = ("best_loss", "best_epoch", "best_parameters", "loss_to_beat", "waited")


def new_history(loss):
    """No epoch yet, in the order in which people read of one; `loss` is that of the targets."""
    metric = METRIC_NAMES[loss]
    both = ("loss", "validation_loss", metric, f"validation_{metric}")
    return {name: [] for name in (*both, "learning_rate", "gradient_norm", "seconds")}
