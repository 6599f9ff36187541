"""JAX peers: FastGRNN, the whole epoch as one compiled XLA program.

``lax.scan`` over minibatches around ``lax.scan`` over time; the gather of the shuffled
minibatch, loss, clipping and Adam are inside, and the training state is donated. Two contenders:
gradients by JAX's own differentiation, and by a backward pass written by hand.

Variants were timed side by side, JAX 0.10 on one core of an AMD EPYC (AVX-512). Kept:

- State (H, B), features first: up to 25 % faster than (B, H) under automatic differentiation.
- W x_t inside the time loop: 10-20 % faster there than projecting all steps before it. With the
  backward pass written by hand it is the other way round, and (B, H) wins, by 5-15 %.
- The time loop unrolled fully at T <= 8 (a third faster on digits), not at all beyond: unrolling
  har and kws by 2 or 4 costs 0-30 %. Unrolling the loop over minibatches gains nothing.
- One product [W U] [x; h] instead of two: 10 % faster at T <= 8, 10 % slower beyond.
- Parameters, and with them the Adam moments, as one flat vector: 20 % on tabular, 0-5 % elsewhere.
- The permutation drawn by NumPy: ``jax.random.permutation`` inside the program doubles tabular.
- XLA flags (vector width, fast math, scheduler, legacy runtime): nothing beyond noise.
"""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn
from jax.flatten_util import ravel_pytree

from .parameters import initial_parameters
from .settings import BETA_1, BETA_2, CLIP_NORM, EPSILON, LEARNING_RATE


def last_state(p, x):
    """Run FastGRNN (Kusupati et al., NeurIPS 2018) over sequences, to be differentiated by JAX.

    a_t = W x_t + U h_{t-1};  z_t = sigmoid(a_t + b_z);  c_t = tanh(a_t + b_h)
    h_t = (zeta (1 - z_t) + nu) * c_t + z_t * h_{t-1}
    zeta = sigmoid(zeta_hat), nu = sigmoid(nu_hat)

    Parameters
    ----------
    p : dict
        Parameters as in `initial_parameters`.
    x : array of shape (B, T, D)

    Returns
    -------
    array of shape (B, H)
    """
    zeta, nu = nn.sigmoid(p["zeta_hat"]), nn.sigmoid(p["nu_hat"])
    b_z, b_h = p["b_z"][:, None], p["b_h"][:, None]
    n_timesteps = x.shape[1]
    is_short = n_timesteps <= 8
    W_U = jnp.concatenate([p["W"], p["U"]], axis=1)

    def step(h, x_t):  # (H, B), (D, B)
        a = W_U @ jnp.concatenate([x_t, h]) if is_short else p["W"] @ x_t + p["U"] @ h
        z, c = nn.sigmoid(a + b_z), jnp.tanh(a + b_h)
        return (zeta * (1 - z) + nu) * c + z * h, None

    h_0 = jnp.zeros((p["U"].shape[0], x.shape[0]), x.dtype)
    unroll = n_timesteps if is_short else 1
    h, _ = lax.scan(step, h_0, x.transpose(1, 2, 0), unroll=unroll)
    return h.T


@jax.custom_vjp
def last_state_by_hand(p, x):
    """Do what `last_state` does, with a backward pass written by hand.

    It sums the gradients of W and U over all steps in one product each, after the time loop;
    automatic differentiation adds to them in every step. That pays where the products of a step
    are small and the steps are many: har is a quarter faster, the other workloads are not.
    """
    return _forward(p, x)[0]


def _forward(p, x):
    zeta, nu = nn.sigmoid(p["zeta_hat"]), nn.sigmoid(p["nu_hat"])
    x = x.transpose(1, 0, 2)  # (T, B, D)

    def step(h, w):  # (B, H), (B, H)
        a = w + h @ p["U"].T
        z, c = nn.sigmoid(a + p["b_z"]), jnp.tanh(a + p["b_h"])
        return (zeta * (1 - z) + nu) * c + z * h, (h, z, c)

    h_0 = jnp.zeros((x.shape[1], p["U"].shape[0]), x.dtype)
    h, tape = lax.scan(step, h_0, x @ p["W"].T)
    return h, (p, x, zeta, nu, tape)


def _backward(saved, dh):
    p, x, zeta, nu, tape = saved

    def step(dh, tape_t):
        h, z, c = tape_t  # h_{t-1}, z_t, c_t
        dz = dh * (h - zeta * c) * z * (1 - z)
        dc = dh * (zeta * (1 - z) + nu) * (1 - c * c)
        da = dz + dc
        return dh * z + da @ p["U"], (da, dc, dh)

    _, (da, dc, dh) = lax.scan(step, dh, tape, reverse=True)
    h, z, c = tape
    dh_c = dh * c
    db_h = dc.sum((0, 1))
    gradients = {
        "W": jnp.einsum("tbh,tbd->hd", da, x),
        "U": jnp.einsum("tbh,tbk->hk", da, h),
        "b_z": da.sum((0, 1)) - db_h,
        "b_h": db_h,
        "zeta_hat": (dh_c * (1 - z)).sum() * zeta * (1 - zeta),
        "nu_hat": dh_c.sum() * nu * (1 - nu),
    }
    return gradients, None  # the data get no gradient


last_state_by_hand.defvjp(_forward, _backward)


def cross_entropy(last_state, p, x, y):
    """Mean cross-entropy of sequences x (B, T, D) against labels y (B,)."""
    head = {"V", "c"}
    h = last_state({name: value for name, value in p.items() if name not in head}, x)
    log_p = nn.log_softmax(h @ p["V"].T + p["c"])
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def clipped(gradient):
    """Scale a gradient to a norm of at most `CLIP_NORM`."""
    norm = jnp.sqrt(gradient @ gradient)
    return gradient * jnp.minimum(1.0, CLIP_NORM / (norm + 1e-6))


def adam(state, gradient):
    """One step of Adam (Kingma & Ba, ICLR 2015) on state (parameters, m, v, t)."""
    p, m, v, t = state
    t = t + 1
    m = BETA_1 * m + (1 - BETA_1) * gradient
    v = BETA_2 * v + (1 - BETA_2) * gradient**2
    m_hat, v_hat = m / (1 - BETA_1**t), v / (1 - BETA_2**t)
    return p - LEARNING_RATE * m_hat / (jnp.sqrt(v_hat) + EPSILON), m, v, t


class JaxContender:
    """Train with JAX on one thread."""

    def __init__(self, last_state):
        self.last_state = last_state
        self.facts = {}

    def trainer(self, workload):
        """Compile the epoch; the result trains from the start for some epochs.

        Returns
        -------
        callable
            ``train(n_epochs) -> loss``, the mean training loss of the last epoch.
        """
        X, y = workload.data()
        X, y = jnp.asarray(X), jnp.asarray(y, dtype=jnp.int32)
        initial, unravel = ravel_pytree(initial_parameters(workload))

        @partial(jax.jit, donate_argnums=0)
        def epoch(state, batches, X, y):
            def update(state, batch):
                def loss_of(p):
                    return cross_entropy(self.last_state, unravel(p), X[batch], y[batch])

                loss, gradient = jax.value_and_grad(loss_of)(state[0])
                return adam(state, clipped(gradient)), loss

            return lax.scan(update, state, batches)

        def initial_state():
            zero = jnp.zeros_like(initial)
            return jnp.copy(initial), zero, jnp.copy(zero), jnp.zeros(())

        rng = np.random.default_rng(0)

        def shuffled():
            return rng.permutation(len(X)).astype(np.int32).reshape(-1, workload.batch_size)

        start = time.perf_counter()
        compiled = epoch.lower(initial_state(), shuffled(), X, y).compile()
        self.facts.setdefault("compile_seconds", {})[workload.name] = time.perf_counter() - start

        def train(n_epochs):
            state = initial_state()
            for _ in range(n_epochs):
                state, losses = compiled(state, shuffled(), X, y)
            return float(losses.mean())

        return train


def autodiff():
    """Return the contender with gradients by JAX."""
    return JaxContender(last_state)


def by_hand():
    """Return the contender with gradients written by hand."""
    return JaxContender(last_state_by_hand)
