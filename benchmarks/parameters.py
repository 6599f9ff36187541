"""Initial FastGRNN parameters, the same for every FastGRNN contender."""

import numpy as np


def initial_parameters(workload):
    """Draw the parameters of a FastGRNN cell and its linear head.

    Initialisation of the reference implementation (EdgeML): weights N(0, 0.1^2), biases 1,
    zeta_hat = 1, nu_hat = -4.

    Returns
    -------
    dict of str to float32 ndarray
        W (H, D), U (H, H), b_z (H,), b_h (H,), zeta_hat (), nu_hat (), V (C, H), c (C,);
        D channels, H hidden units, C classes.
    """
    rng = np.random.default_rng(0)
    D, H, C = workload.n_channels, workload.hidden_size, workload.n_classes

    def normal(*shape):
        return np.float32(0.1) * rng.standard_normal(shape, dtype=np.float32)

    return {
        "W": normal(H, D),
        "U": normal(H, H),
        "b_z": np.ones(H, np.float32),
        "b_h": np.ones(H, np.float32),
        "zeta_hat": np.array(1.0, np.float32),
        "nu_hat": np.array(-4.0, np.float32),
        "V": normal(C, H),
        "c": np.zeros(C, np.float32),
    }
