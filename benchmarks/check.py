"""Are the peers what they claim to be? Run with ``python -m benchmarks.check``.

PyTorch's autograd, JAX's automatic differentiation and the backward pass written by hand have to
agree on the loss and on every gradient; a packed or padded minibatch has to give those of its
sequences one by one; and every contender has to learn. PyTorch and JAX have to be installed.
"""

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F

from . import peer_jax, peer_torch, peer_torch_ragged
from .contenders import CONTENDERS, prefer_installed
from .parameters import initial_parameters
from .suite import COMPARISONS
from .workloads import WORKLOADS


def torch_gradients(workload, x, y):
    """Loss and gradients of one minibatch by PyTorch."""
    model = peer_torch.FastGRNN(workload)
    return loss_and_gradients(model, model(torch.from_numpy(x)), torch.from_numpy(y))


def loss_and_gradients(model, logits, y):
    """Loss of logits (B, C) and the gradients of the module that made them."""
    loss = F.cross_entropy(logits, y)
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
    expected = torch_gradients(workload, *batch)
    for last_state in (peer_jax.last_state, peer_jax.last_state_by_hand):
        assert_agree(jax_gradients(last_state, workload, *batch), expected)
    print(f"{workload.name}: gradients agree")


def check_ragged(workload):
    """Raise AssertionError where a minibatch differs from its sequences, read one by one."""
    X, y = workload.data()
    data = peer_torch_ragged.Ragged(X, y)
    rows = data.longest_first(torch.arange(workload.batch_size), workload.batch_size)
    one_by_one = peer_torch_ragged.PackedGRU(workload)
    states = [one_by_one.gru(torch.from_numpy(X[row])[None])[1][0] for row in rows]
    expected = loss_and_gradients(one_by_one, one_by_one.head(torch.cat(states)), data.y[rows])
    for module in (peer_torch_ragged.PackedGRU, peer_torch_ragged.PaddedGRU):
        model = module(workload)
        inputs, labels = data.rows(rows)
        assert_agree(loss_and_gradients(model, model(*inputs), labels), expected)
    print(f"{workload.name}: a minibatch agrees with its sequences")


def assert_agree(found, expected):
    """Compare two ``(loss, gradients by name)``."""
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(
            found[1][name], gradient, rtol=0, atol=1e-4 * scale, err_msg=name
        )


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
        check = check_ragged if workload.is_ragged else check_gradients
        check(workload)
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
