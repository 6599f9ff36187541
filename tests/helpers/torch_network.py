"""A network of one cell in PyTorch, whose autograd knows nothing of the kernels' equations."""

import numpy as np
from helpers.kernels import Case, steps_of

from skfastgrnn.kernels import expand
from skfastgrnn.network import (
    LEVELS,
    Loss,
    Network,
    SequenceBatch,
    Targets,
    initial,
    named_views,
    with_log_steps,
)


def one_cell_case(seed, dtype=np.float64, **compression):
    """Sequences of several lengths in four classes, and one cell of 8 units that reads 5 channels.

    With `bits`, some weights are clipped.
    """
    rng = np.random.default_rng(seed)
    network = Network(5, 8, 4, **compression)
    unrounded = Network(5, 8, 4, **{**compression, "bits": None})
    theta = initial(unrounded, 10, rng, np.float64)
    theta += 0.2 * rng.standard_normal(len(theta))
    if network.bits is not None:
        theta = with_log_steps(network, theta)
        for name, part in named_views(network, theta).items():
            if name.endswith("log_step"):
                part += rng.uniform(-0.7, 0.7, part.shape)
    lengths = rng.integers(1, 8, 20)
    values = rng.standard_normal((lengths.sum(), 5))
    targets = Targets(labels=rng.integers(0, 4, 20).astype(np.int32))
    sequences = SequenceBatch.of_lengths(values.astype(dtype), lengths)
    return Case(network, theta.astype(dtype), sequences, targets, Loss(), None, None)


def tensors_of(torch, case):
    """The parameters by name, as float64 tensors with a gradient, in the order of the vector."""
    parts = named_views(case.network, case.parameters.astype(np.float64))
    return {name: torch.tensor(part, requires_grad=True) for name, part in parts.items()}


def flat_of(parts, of=lambda part: part):
    """One vector of tensors, or of what a function takes from each."""
    return np.concatenate([of(part).detach().numpy().ravel() for part in parts.values()])


def matrix(torch, network, p, name):
    """A matrix of some name as the cell reads it: rounded, and the product of its factors."""
    if name not in p:
        return matrix(torch, network, p, name + "1") @ matrix(torch, network, p, name + "2")
    if network.bits is None:
        return p[name]
    step = p[f"{name}_log_step"].exp()[:, None]
    scaled = p[name] / step
    rounded = scaled + (scaled.round() - scaled).detach()  # straight through
    return step * rounded.clamp(-LEVELS[network.bits], LEVELS[network.bits])


def loss_in_pytorch(torch, case, p):
    """The summed cross-entropy of all sequences."""
    W, U, V = (matrix(torch, case.network, p, name) for name in ("W", "U", "head_weight"))
    zeta, nu = torch.sigmoid(p["zeta_hat"]), torch.sigmoid(p["nu_hat"])
    losses = []
    for i, label in enumerate(case.targets.labels.tolist()):
        h = torch.zeros(len(U), dtype=torch.float64)
        for x in torch.tensor(case.sequences.values[steps_of(case.sequences, i)]).double():
            a = W @ x + U @ h
            z = torch.sigmoid(a + p["bias_gate"])
            h = (zeta * (1 - z) + nu) * torch.tanh(a + p["bias_update"]) + z * h
        losses.append(-torch.log_softmax(V @ h + p["head_bias"], 0)[label])
    return sum(losses)


def dense_case(case):
    """The same case of the network that is computed, with its parameters."""
    dense = case.network.dense
    return case._replace(network=dense, parameters=expand(case.network, case.parameters))
