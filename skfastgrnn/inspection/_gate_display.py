"""GateDisplay: gates and states of a cell for one sequence."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from .._validation._printing import plain
from ..estimators._fitted import computed_parts, network_of, read_sequences
from ..kernels.reference import gates_and_states
from ._estimators import fitted_network, network_input


class GateDisplay:
    """Gate and state of a cell through the steps of one sequence, as two heat maps.

    A unit whose gate is 1 keeps its state; at 0 the state is replaced by a candidate. Gates that
    differ between steps show which steps matter, gates that differ between units show which of them
    have a long memory [1]_.

    Use :meth:`from_estimator` to create one from a fitted estimator. All parameters are stored as
    attributes. Plotting needs matplotlib.

    Parameters
    ----------
    gates : ndarray of shape (n_timesteps, hidden_size)
        Gate z of every hidden unit at every step.

    states : ndarray of shape (n_timesteps, hidden_size)
        State h of every hidden unit after every step.

    name : str, default=None
        Name of the cell, for the titles.

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes with the gates and with the states: steps from left to right, hidden units from top to
        bottom, both counted from 0.

    figure_ : matplotlib Figure
        Figure that holds them.

    images_ : list of 2 matplotlib AxesImage
        The heat maps of gates and of states.

    colorbars_ : list of 2 matplotlib Colorbar
        Their colour bars.

    See Also
    --------
    LossCurveDisplay : Losses and learning rate by epoch.
    FastGRNNClassifier.hidden_states : The states of the last layer, for all sequences.

    References
    ----------
    .. [1] A. Kusupati, M. Singh, K. Bhatia, A. Kumar, P. Jain, M. Varma, "FastGRNN: A Fast,
       Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network", NeurIPS 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.inspection import GateDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8) / 16
    >>> model = FastGRNNClassifier(hidden_size=8, max_iter=20, random_state=0).fit(X, y)
    >>> display = GateDisplay.from_estimator(model, X, sample=3)  # doctest: +SKIP
    >>> display.gates.shape  # doctest: +SKIP
    (8, 8)
    >>> display.figure_.savefig("gates.png")  # doctest: +SKIP
    """

    def __init__(self, *, gates, states, name=None):
        self.gates = gates
        self.states = states
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        sample: int = 0,
        layer: int = 1,
        reverse: bool = False,
        ax: Any = None,
        gate_kw: dict[str, Any] | None = None,
        state_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot gate and state of a fitted cell for one sequence.

        Parameters
        ----------
        estimator : FastGRNNClassifier, FastGRNNRegressor or Pipeline
            A fitted estimator, or a fitted Pipeline that ends in one, whose other steps transform
            X.

        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Sequences as in `predict`. Padding is left out.

        sample : int, default=0
            Index of the sequence in X.

        layer : int, default=1
            Number of the layer, counted from 1 for the one that reads X.

        reverse : bool, default=False
            Whether to show the reversed cell of a bidirectional layer. Its steps are plotted in the
            order of X, so its state evolves from right to left.

        ax : array-like of 2 matplotlib Axes, default=None
            Axes for gates and states; None creates a new figure.

        gate_kw, state_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.imshow` for gates and states, such as
            ``cmap``, ``vmin`` and ``vmax``.

        Returns
        -------
        display : GateDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator is of another type, or `sample` or `layer` is not an integer.
        NotFittedError
            If it is not fitted.
        ValueError
            If `predict` would refuse X, if there is no such sample, layer or direction, or if `ax`
            is not two axes.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        fitted = fitted_network(estimator, cls.__name__)
        network = network_of(fitted)
        layer = _checked(layer, "layer", 1, network.n_layers, "layer(s) in the network")
        if reverse and not network.bidirectional:
            raise ValueError(
                "reverse=True needs a network that was fitted with bidirectional=True; this one "
                "has no reversed cell."
            )
        sequences = read_sequences(fitted, network_input(estimator, X))
        sample = _checked(sample, "sample", 0, len(sequences) - 1, "sequence(s) in X")
        start = sequences.starts[sample]
        x = sequences.values[start : start + sequences.lengths[sample]]
        parts = computed_parts(fitted)
        gates, states = gates_and_states(network.dense, parts, x, layer - 1, reverse)
        name = []
        if network.n_layers > 1:
            name.append(f"layer {layer}")
        if network.bidirectional:
            name.append("reverse" if reverse else "forward")
        display = cls(gates=gates, states=states, name=", ".join(name) or None)
        return display.plot(ax, gate_kw=gate_kw, state_kw=state_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        gate_kw: dict[str, Any] | None = None,
        state_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot gates and states side by side.

        Parameters
        ----------
        ax : array-like of 2 matplotlib Axes, default=None
            Axes for gates and states; None creates a new figure.

        gate_kw, state_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.imshow` for gates and states.

        Returns
        -------
        display : GateDisplay
            Itself, with the attributes that end in an underscore.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` is not two axes.
        """
        check_matplotlib_support(f"{self.__class__.__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            _, ax = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
        axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) != 2:
            raise ValueError(
                f"ax must hold two axes, one for gates and one for states; got {len(axes)}. "
                "plt.subplots(1, 2) makes them."
            )
        suffix = "" if self.name is None else f" ({self.name})"
        maps = (
            (self.gates, gate_kw, f"Gate z{suffix}", "z (1 keeps the state)"),
            (self.states, state_kw, f"State h{suffix}", "h"),
        )
        self.images_, self.colorbars_ = [], []
        for panel, (values, chosen, title, label) in zip(axes, maps, strict=True):
            how = {"aspect": "auto", "interpolation": "nearest", **_colours(values)}
            image = panel.imshow(np.transpose(values), **{**how, **(chosen or {})})
            self.images_.append(image)
            self.colorbars_.append(panel.figure.colorbar(image, ax=panel, label=label))
            panel.set(title=title, xlabel="Step", ylabel="Hidden unit")
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            panel.yaxis.set_major_locator(MaxNLocator(integer=True))
        self.axes_ = axes
        self.figure_ = axes[0].figure
        return self


def _colours(values):
    """Colours from 0 to 1 for gates in that range, diverging at 0 for signed values."""
    finite = values[np.isfinite(values)]
    low, high = finite.min(initial=0.0), finite.max(initial=0.0)
    if low < 0:
        most = max(-low, high)
        return {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    return {"cmap": "viridis", "vmin": 0.0, "vmax": max(1.0, high)}


def _checked(number, name, first, last, what):
    """An integer from `first` to `last`."""
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise TypeError(f"{name} must be an integer; got {plain(number)!r}.")
    if not first <= number <= last:
        raise ValueError(
            f"{name} must be from {first} to {last}, as there are {last - first + 1} {what}; got "
            f"{number}."
        )
    return int(number)
