r"""The FastGRNN cell in NumPy: the normative maths, forward and backward side by side.

.. math::

    a_t &= W x_t + U h_{t-1} \\
    z_t &= \mathrm{gate}(a_t + b_z) \\
    c_t &= \mathrm{update}(a_t + b_h) \\
    h_t &= (\zeta (1 - z_t) + \nu) \odot c_t + z_t \odot h_{t-1}

with :math:`\zeta = \sigma(\hat\zeta)` and :math:`\nu = \sigma(\hat\nu)`: Kusupati et al.,
*FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network*, NeurIPS
2018, section 3.2. In a network that is `bounded`, :math:`\nu` is 0.

Shapes: B sequences, at most T steps, D channels, H hidden units. Sequences come in decreasing
length, so those that are still running at step t are the first n(t) rows.
"""

import numpy as np
from scipy.special import expit

from ._activations import activate, slope


def n_running(lengths, t):
    """Sequences longer than t; `lengths` decreases."""
    return int(np.searchsorted(-lengths, -t, side="left"))


def zeta_and_nu(network, p):
    """ζ and ν, from the named parameters."""
    return expit(p["zeta_hat"]), 0.0 if network.bounded else expit(p["nu_hat"])


def forward(network, p, x, lengths, h0=None):
    """Run the cell through time.

    x (B, T, D), lengths (B,) decreasing, h0 (B, H) or None for zeros; p holds the named parameters.
    Returns h (T+1, B, H) with h[0] = h0, and z, c (T, B, H). After its end a sequence keeps its
    last state.
    """
    B, T, _ = x.shape
    H = network.hidden_size
    zeta, nu = zeta_and_nu(network, p)
    h = np.zeros((T + 1, B, H), dtype=x.dtype)
    z, c = np.zeros((2, T, B, H), dtype=x.dtype)
    if h0 is not None:
        h[0] = h0
    for t in range(T):
        n = n_running(lengths, t)
        a = x[:n, t] @ p["W"].T + h[t, :n] @ p["U"].T  # (n, H)
        z[t, :n] = activate(network.gate_activation, a + p["bias_gate"])
        c[t, :n] = activate(network.update_activation, a + p["bias_update"])
        h[t + 1, n:] = h[t, n:]
        h[t + 1, :n] = (zeta * (1 - z[t, :n]) + nu) * c[t, :n] + z[t, :n] * h[t, :n]
    return h, z, c


def backward(network, p, x, lengths, h, z, c, upstream, gradient):
    """Go back through time from `upstream`, the gradient of every state (T, B, H).

    Adds to the named parts of `gradient`; returns the gradients of x (B, T, D) and of h0 (B, H).
    """
    B, T, _ = x.shape
    zeta, nu = zeta_and_nu(network, p)
    dx = np.zeros_like(x)
    dh = np.zeros((B, network.hidden_size), dtype=x.dtype)
    for t in reversed(range(T)):
        n = n_running(lengths, t)
        zt, ct, h_prev, xt = z[t, :n], c[t, :n], h[t, :n], x[:n, t]
        dh[:n] += upstream[t, :n]
        # h_t = (ζ (1 - z) + ν) c + z h_{t-1}
        dz = dh[:n] * (h_prev - zeta * ct) * slope(network.gate_activation, zt)
        dc = dh[:n] * (zeta * (1 - zt) + nu) * slope(network.update_activation, ct)
        da = dz + dc  # W and U are shared by gate and candidate
        gradient["zeta_hat"] += zeta * (1 - zeta) * np.sum(dh[:n] * (1 - zt) * ct)
        if not network.bounded:
            gradient["nu_hat"] += nu * (1 - nu) * np.sum(dh[:n] * ct)
        gradient["bias_gate"] += dz.sum(axis=0)
        gradient["bias_update"] += dc.sum(axis=0)
        gradient["W"] += da.T @ xt
        gradient["U"] += da.T @ h_prev
        dx[:n, t] = da @ p["W"]
        dh[:n] = dh[:n] * zt + da @ p["U"]
    return dx, dh
