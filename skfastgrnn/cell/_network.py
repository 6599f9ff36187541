"""What a network is, apart from its numbers."""

from dataclasses import dataclass

#: In the order of the compiled kernel's enumerations (kernel/kernel.h).
ACTIVATIONS = ("sigmoid", "tanh", "relu", "hard_sigmoid", "hard_tanh")
READOUTS = ("last", "mean")
LOSSES = ("cross_entropy", "huber")


@dataclass(frozen=True)
class Network:
    """One FastGRNN cell, a readout of its states and a linear head.

    `readout` "last" reads the state after the last step of a sequence, "mean" the mean of its
    states. `n_outputs` is 1 for two classes.
    """

    n_channels: int
    hidden_size: int
    n_outputs: int
    readout: str = "last"
    gate_activation: str = "sigmoid"
    update_activation: str = "tanh"

    @property
    def codes(self):
        """The gate's, the update's and the readout's number in the compiled kernel."""
        return (
            ACTIVATIONS.index(self.gate_activation),
            ACTIVATIONS.index(self.update_activation),
            READOUTS.index(self.readout),
        )
