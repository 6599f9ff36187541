"""The state of training, which changes from epoch to epoch and can be resumed from."""

from dataclasses import dataclass

import numpy as np

from ..kernels import Parametrization
from ..network import Optimizer
from ._early_stopping import EarlyStopping


@dataclass
class TrainingState:
    """State of training between two epochs; with data and configuration it determines the next.

    parameters, initial : (P,) after the last epoch, and before the first one
    optimizer : its moments and the number of its updates
    parametrization : what it moves
    rng : draws the order of rows, and what else is random
    early_stopping : the best epoch so far, and how long ago it was
    history : dict of per-epoch lists
    diverged : whether the last epoch's loss was one that only a diverged training has
    is_warm_start : whether the initial parameters are those of an earlier training
    n_before : epochs before the first one of the history
    mid_epoch : whether the last epoch was not finished: it diverged, or Ctrl-C came
    is_thresholding : whether small weights are set to 0 again and again by now; see `_phases`
    support : (P,) bool, False where parameters are 0 and stay so; None as long as any may change
    is_rounded : whether weights are rounded by now, where they shall be; see `_phases`
    """

    parameters: np.ndarray
    initial: np.ndarray
    optimizer: Optimizer
    parametrization: Parametrization
    rng: np.random.Generator
    early_stopping: EarlyStopping
    history: dict
    diverged: bool = False
    is_warm_start: bool = False
    n_before: int = 0
    mid_epoch: bool = False
    is_thresholding: bool = False
    support: np.ndarray | None = None
    is_rounded: bool = False

    @property
    def averaged(self):
        """The parameters (P,) to validate and to keep: the optimizer's average, if it has one."""
        average = self.optimizer.average
        return self.parameters if average is None else average

    @property
    def is_finite(self):
        """Whether the parameters are finite, and so is their average."""
        average = self.optimizer.average
        is_finite = np.isfinite(self.parameters).all()
        return bool(is_finite and (average is None or np.isfinite(average).all()))

    def begin_average_again(self):
        """Average from the present parameters on, where there is an average."""
        if self.optimizer.average is not None:
            self.optimizer.begin_average(self.parameters, self.optimizer.ema)

    def begin_with(self, parameters):
        """Begin with these parameters instead; before the first epoch."""
        for vector in (self.parameters, self.initial, self.early_stopping.best_parameters):
            vector[:] = parameters
        self.begin_average_again()

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

    @property
    def _of_optimizer(self):
        has_average = self.optimizer.average is not None
        return (*OF_OPTIMIZER, *OF_AVERAGE) if has_average else OF_OPTIMIZER

    def set_support(self, support):
        """Let only these parameters (P,) be other than 0 from now on, and have moments."""
        self.support = support
        self.zero(~support)

    def zero(self, which):
        """Set some parameters (P,) to 0, with what the optimizer remembers of them."""
        for vector in (self.parameters, self.optimizer.first, self.optimizer.second):
            vector[which] = 0

    def to_dict(self):
        """All of it in dicts, arrays and numbers."""
        return {
            "parameters": self.parameters,
            "initial": self.initial,
            "optimizer": {name: getattr(self.optimizer, name) for name in self._of_optimizer},
            "rng": self.rng.bit_generator.state,
            "early_stopping": {
                name: getattr(self.early_stopping, name) for name in OF_EARLY_STOPPING
            },
            "history": self.history,
            "diverged": self.diverged,
            "is_thresholding": self.is_thresholding,
            "support": self.support,
            "is_rounded": self.is_rounded,
        }

    def restore(self, saved):
        """Restore the state from the result of `to_dict`, checked by `_schema`."""
        self.parameters = saved["parameters"]
        self.initial = saved["initial"]
        for name in self._of_optimizer:
            setattr(self.optimizer, name, saved["optimizer"][name])
        self.rng.bit_generator.state = saved["rng"]
        for name in OF_EARLY_STOPPING:
            setattr(self.early_stopping, name, saved["early_stopping"][name])
        self.history = saved["history"]
        self.diverged = saved["diverged"]
        # Files that were written before there was compression have none of these.
        self.is_thresholding = saved.get("is_thresholding", False)
        self.support = saved.get("support")
        self.is_rounded = saved.get("is_rounded", False)


#: What optimizer and early stopping change while they work; the rest are settings.
OF_OPTIMIZER = ("first", "second", "step")
OF_AVERAGE = ("average", "n_averaged")
OF_EARLY_STOPPING = ("best_loss", "best_epoch", "best_parameters", "threshold", "n_bad_epochs")


def new_history(metric):
    """No epoch yet, in the order in which people read of one."""
    both = ("loss", "validation_loss", metric, f"validation_{metric}")
    return {name: [] for name in (*both, "learning_rate", "gradient_norm", "seconds")}
