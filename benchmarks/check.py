"""Are the peers what they claim to be? Run with ``python -m benchmarks.check``.

PyTorch's autograd, JAX's automatic differentiation and the backward pass written by hand have to
agree on the loss and on every gradient, and every contender has to learn. PyTorch and JAX
have to be installed.
"""

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F

from . import peer_jax, peer_torch
from .contenders import CONTENDERS, prefer_installed
from .parameters import initial_parameters
from .suite import COMPARISONS
from .workloads import WORKLOADS


def torch_gradients(workload, x, y):
    """Loss and gradients of one minibatch by PyTorch."""
    model = peer_torch.FastGRNN(workload)
    loss = F.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
    loss.backward()
    return loss.item(), {name: p.grad.numpy() for name, p in model.named_parameters()}


def jax_gradients(last_state, workload, x, y):
    """Loss and gradients of one minibatch by JAX."""

    def loss_of(p):
        return peer_jax.cross_entropy(last_state, p, jnp.asarray(x), jnp.asarray(y))

    loss, gradients = jax.value_and_grad(loss_of)(
        jax.tree.map(jnp.asarray, initial_parameters(workload))
    )
    return float(loss), {name: np.asarray(g) for name, g in gradients.items()}


def check_gradients(workload):
    """Raise AssertionError where the FastGRNN peers disagree on a minibatch."""
    X, y = workload.data()
    batch = X[: workload.batch_size], y[: workload.batch_size]
    expected_loss, expected = torch_gradients(workload, *batch)
    for last_state in (peer_jax.last_state, peer_jax.last_state_by_hand):
        loss, gradients = jax_gradients(last_state, workload, *batch)
        np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)
        assert gradients.keys() == expected.keys()
        for name, gradient in gradients.items():
            scale = np.abs(expected[name]).max()
            np.testing.assert_allclose(
                gradient, expected[name], rtol=0, atol=1e-4 * scale, err_msg=name
            )
    print(f"{workload.name}: gradients agree")


def check_learning(contender, workload):
    """Raise AssertionError where the loss does not fall."""
    train = contender.create().trainer(workload)
    first, last = train(1), train(5)
    print(f"{workload.name}: {contender.label}: loss {first:.3f} -> {last:.3f}")
    assert last < first < np.log(workload.n_classes)


def main():
    """Check all workloads."""
    prefer_installed()
    for workload in WORKLOADS.values():
        check_gradients(workload)
    trained = {
        (name, c.workload)
        for c in COMPARISONS
        if c.section == "Training"
        for name in (c.reference, c.measured)
    }
    for name, workload in sorted(trained):
        check_learning(CONTENDERS[name], WORKLOADS[workload])


if __name__ == "__main__":
    main()
