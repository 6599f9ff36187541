"""The optimizers in NumPy, each an equation over flat vectors: the twins of c/optimizers.h.

θ are the parameters, g their gradient, m and v the moments `first` and `second`, t the number of
the update from 1; all vectors are changed in place.
"""

import numpy as np

from ...network import SOLVERS
from ._tables import complete


def adam(theta, g, o, decayed):
    """Kingma & Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015, algorithm 1.

    m = β1 m + (1 - β1) g;  v = β2 v + (1 - β2) g²;  θ -= rate · m / (1 - β1^t) / (√(v / (1 - β2^t))
    + ε)
    """
    o.first += (1 - o.beta_1) * (g - o.first)
    o.second += (1 - o.beta_2) * (g**2 - o.second)
    unbiased_first = o.first / (1 - o.beta_1**o.step)
    unbiased_second = o.second / (1 - o.beta_2**o.step)
    theta -= o.learning_rate * unbiased_first / (np.sqrt(unbiased_second) + smallest(o, theta))


def adamw(theta, g, o, decayed):
    """Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019.

    θ -= rate · α θ, then Adam's update.
    """
    theta[decayed] *= theta.dtype.type(1 - o.learning_rate * o.alpha)
    adam(theta, g, o, decayed)


def sgd(theta, g, o, decayed):
    """Sutskever et al., *On the importance of initialization and momentum in deep learning*, 2013.

    m = μ m + g;  θ -= rate · m, or with Nesterov's momentum θ -= rate · (g + μ m).
    """
    o.first *= o.momentum
    o.first += g
    theta -= o.learning_rate * (g + o.momentum * o.first if o.nesterov else o.first)


def rmsprop(theta, g, o, decayed):
    """Tieleman & Hinton, *Neural Networks for Machine Learning*, lecture 6.5, Coursera 2012.

    v = β2 v + (1 - β2) g²;  θ -= rate · g / (√v + ε)
    """
    o.second += (1 - o.beta_2) * (g**2 - o.second)
    theta -= o.learning_rate * g / (np.sqrt(o.second) + smallest(o, theta))


def adagrad(theta, g, o, decayed):
    """Duchi, Hazan & Singer, *Adaptive Subgradient Methods*, JMLR 2011.

    v = v + g²;  θ -= rate · g / (√v + ε)
    """
    o.second += g**2
    theta -= o.learning_rate * g / (np.sqrt(o.second) + smallest(o, theta))


OPTIMIZERS = complete(
    {"adam": adam, "adamw": adamw, "sgd": sgd, "rmsprop": rmsprop, "adagrad": adagrad}, SOLVERS
)


def smallest(o, theta):
    """ε, but no smaller than what divides without overflow."""
    return max(o.epsilon, np.finfo(theta.dtype).tiny)


def clip(g, o):
    """Clip every entry to clip_value, then the whole to the norm clip_norm; in place.

    Returns the norm before.
    """
    unclipped = float(np.linalg.norm(g.astype(np.float64)))
    np.clip(g, -o.clip_value, o.clip_value, out=g)
    norm = np.linalg.norm(g.astype(np.float64))
    if norm > o.clip_norm:
        g *= o.clip_norm / norm
    return unclipped


def update(theta, g, o, decayed):
    """One update of `theta` by the gradient g.

    `decayed` is the leading slice of the vector that weight decay shrinks.
    """
    o.step += 1
    OPTIMIZERS[o.solver](theta, g, o, decayed)


def update_average(theta, o):
    """The exponential moving average of θ after every update, with n updates before.

    average += (1 - d) (θ - average),  d = min(ema, (1 + n) / (10 + n)): the average of what does
    not change is that, to the last bit. Polyak & Juditsky, *Acceleration of Stochastic
    Approximation by Averaging*, 1992.
    """
    decay = min(o.ema, (1 + o.n_averaged) / (10 + o.n_averaged))
    o.n_averaged += 1
    if o.average is not None:
        o.average += theta.dtype.type(1 - decay) * (theta - o.average)
