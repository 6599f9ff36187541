"""What a training minimises: how outputs are compared with targets."""

import math
from dataclasses import dataclass

#: In the order of the compiled kernel's enumeration (kernels/c/kernel.h).
LOSSES = ("cross_entropy", "huber", "distillation", "focal", "multilabel", "info_nce")


@dataclass(frozen=True)
class Loss:
    """A loss and its settings; kernels/c/losses.h has the equations.

    kind : one of LOSSES
    delta : the error from which on "huber" is linear; infinity makes it the squared error
    temperature : what "distillation" divides the logits of student and teacher by, and "info_nce"
        the similarities of sequences
    alpha : share of the teacher in "distillation", in [0, 1]; the rest is that of the label
    gamma : how much less "focal" counts what is predicted well; 0 makes it the cross-entropy
    """

    kind: str = "cross_entropy"
    delta: float = math.inf
    temperature: float = 1.0
    alpha: float = 1.0
    gamma: float = 0.0

    def __post_init__(self):
        if self.kind not in LOSSES:
            raise ValueError(f"The loss must be one of {', '.join(LOSSES)}, not {self.kind!r}.")

    @property
    def code(self):
        """The kind's number in the compiled kernel."""
        return LOSSES.index(self.kind)

    @property
    def couples_rows(self):
        """Whether the loss of a sequence depends on the other sequences of its minibatch."""
        return self.kind == "info_nce"
