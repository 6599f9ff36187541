"""What a network is, apart from its numbers."""

from dataclasses import dataclass, replace
from numbers import Integral

#: In the order of the compiled kernel's enumerations (kernels/c/kernel.h).
ACTIVATIONS = ("sigmoid", "tanh", "relu", "hard_sigmoid", "hard_tanh")
POOLINGS = ("last", "mean", "max", "attention")
#: Of them, those with values in [0, 1] and in [-1, 1], which keep a state within 1.
GATES_TO_1 = ("sigmoid", "hard_sigmoid")
UPDATES_TO_1 = ("sigmoid", "tanh", "hard_sigmoid", "hard_tanh")
SOLVERS = ("adam", "adamw", "sgd", "rmsprop", "adagrad")
MAX_LAYERS = 16
#: Weights of so many bits are integers from -LEVELS[bits] to LEVELS[bits], times a step.
LEVELS = {8: 127, 4: 7}

#: Fields that are None or a size ...
COMPRESSED_SIZES = ("rank_w", "rank_u", "bits")
#: ... and all that are a size.
SIZES = ("n_channels", "hidden_size", "n_outputs", "n_layers", *COMPRESSED_SIZES)


@dataclass(frozen=True)
class Network:
    """FastGRNN cells in layers, a pooling of the last layer's states and a linear head.

    Every layer has a forward cell and, if `bidirectional`, one that goes through the steps from
    their end. The first layer reads the channels, every other one the states of the layer below.
    `pooling` "last" reads the last state of each cell of the last layer, "mean" the mean of its
    states, "max" their maximum, unit by unit, "attention" their mean weighted by learned scores.
    `n_outputs` is 1 for two classes.

    `rank_w` and `rank_u` make W and U of every cell products of two factors of that rank, or of the
    lower one that a cell has room for; `bits` (4 or 8) rounds every matrix (`_rounding`).

    `bounded` makes ν 0, and so h_t a mean of ζ c_t and h_{t-1}, weighted by 1 - z and z, and never
    beyond 1. The gate must have values in [0, 1] and the update in [-1, 1].
    """

    n_channels: int
    hidden_size: int
    n_outputs: int
    pooling: str = "last"
    gate_activation: str = "sigmoid"
    update_activation: str = "tanh"
    n_layers: int = 1
    bidirectional: bool = False
    rank_w: int | None = None
    rank_u: int | None = None
    bits: int | None = None
    bounded: bool = False

    def __post_init__(self):
        for name in SIZES:
            size = getattr(self, name)
            if type(size) is int or (size is None and name in COMPRESSED_SIZES):
                continue
            # True and 2.0 equal an int, in whose place a cache would return what was made of them.
            if isinstance(size, bool) or not isinstance(size, Integral):
                raise TypeError(f"{name} of a network must be an int, not {size!r}.")
            object.__setattr__(self, name, int(size))
        if not (self.n_channels >= 1 and self.hidden_size >= 1 and self.n_outputs >= 1):
            raise ValueError(
                f"A network needs at least one channel, hidden unit and output: {self}."
            )
        if not 1 <= self.n_layers <= MAX_LAYERS:
            raise ValueError(f"A network has 1 to {MAX_LAYERS} layers, not {self.n_layers}.")
        for name in ("rank_w", "rank_u"):
            rank = getattr(self, name)
            if rank is not None and rank < 1:
                raise ValueError(f"{name} of a network must be at least 1, not {rank}.")
        if self.bits is not None and self.bits not in LEVELS:
            raise ValueError(f"bits of a network must be 4 or 8, not {self.bits}.")
        if self.bounded:
            check_bounded(self.gate_activation, self.update_activation)

    @property
    def dense(self):
        """The network that is computed: the same, of whole matrices that are not rounded."""
        if self.rank_w is None and self.rank_u is None and self.bits is None:
            return self
        return replace(self, rank_w=None, rank_u=None, bits=None)

    @property
    def n_directions(self):
        """Cells of a layer."""
        return 2 if self.bidirectional else 1

    @property
    def n_cells(self):
        """Cells of all layers; they are numbered by layer, then by direction."""
        return self.n_layers * self.n_directions

    @property
    def n_states(self):
        """States of a layer after a step: of one cell, or of both directions side by side."""
        return self.n_directions * self.hidden_size

    @property
    def codes(self):
        """The gate's, the update's and the pooling's number in the compiled kernel."""
        return (
            ACTIVATIONS.index(self.gate_activation),
            ACTIVATIONS.index(self.update_activation),
            POOLINGS.index(self.pooling),
        )


def check_bounded(gate, update):
    """Raise where activations let a state grow beyond 1 though ν is 0."""
    wrong = [
        f"{name} must have values in {interval}, as have {', '.join(names)}; it is {value!r}"
        for name, value, names, interval in (
            ("gate_activation", gate, GATES_TO_1, "[0, 1]"),
            ("update_activation", update, UPDATES_TO_1, "[-1, 1]"),
        )
        if value not in names
    ]
    if wrong:
        raise ValueError(
            f"bounded_state=True needs activations that keep states within 1: {'. '.join(wrong)}. "
            "Choose another one, or set bounded_state=False."
        )
