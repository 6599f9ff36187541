"""LossCurveDisplay: losses and learning rate by epoch."""

from typing import Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ._estimators import fitted_network


class LossCurveDisplay:
    """Losses and learning rate by epoch.

    Use :meth:`from_estimator` to create one from a fitted estimator. All parameters are stored as
    attributes. Plotting needs matplotlib.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Training objective of every epoch.

    validation_loss : array-like of shape (n_validated_epochs,), default=None
        Validation loss of every epoch, or only of the first ones if `partial_fit` followed a `fit`
        with validation. None or empty: there was no validation.

    learning_rate : array-like of shape (n_epochs,), default=None
        Learning rate of every epoch. None: it is not plotted.

    best_iter : int, default=None
        The epoch, counted from 1, whose weights were kept. None or 0: none is marked.

    first_epoch : int, default=1
        The epoch of the first loss, since the history of a stream only covers the last 1000 calls
        of `partial_fit`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.

    figure_ : matplotlib Figure
        Figure of the axes.

    lines_ : list of matplotlib Line2D
        The training loss and, if there is one, the validation loss.

    best_iter_line_ : matplotlib Line2D or None
        The vertical line at the best epoch.

    learning_rate_ax_ : matplotlib Axes or None
        Axes with the learning rate, which share their x-axis with `ax_`.

    learning_rate_line_ : matplotlib Line2D or None
        The learning rate.

    See Also
    --------
    GateDisplay : Gates and states of a cell for one sequence.
    sklearn.model_selection.LearningCurveDisplay : Scores by the size of the training set.

    Notes
    -----
    If the learning rate is plotted, the legend is above the axes, so that it covers no line. Use
    ``display.figure_.suptitle`` for a title above it.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.inspection import LossCurveDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FastGRNNClassifier(
    ...     hidden_size=8, learning_rate="cosine", max_iter=20, early_stopping=True, random_state=0
    ... ).fit(X.reshape(-1, 8, 8) / 16, y)
    >>> display = LossCurveDisplay.from_estimator(model)  # doctest: +SKIP
    >>> display.ax_.set_yscale("log")  # doctest: +SKIP
    >>> display.figure_.savefig("loss_curve.png")  # doctest: +SKIP
    """

    def __init__(
        self, *, loss, validation_loss=None, learning_rate=None, best_iter=None, first_epoch=1
    ):
        self.loss = loss
        self.validation_loss = validation_loss
        self.learning_rate = learning_rate
        self.best_iter = best_iter
        self.first_epoch = first_epoch

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        plot_learning_rate: bool = True,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot losses and learning rate of a fitted estimator.

        Parameters
        ----------
        estimator : FastGRNNClassifier, FastGRNNRegressor or Pipeline
            A fitted estimator, or a fitted Pipeline that ends in one. Its `history_` and
            `best_iter_` are plotted.

        ax : matplotlib Axes, default=None
            Axes for the plot; None creates a new figure.

        plot_learning_rate : bool, default=True
            Whether to plot the learning rate, too, with an axis on the right.

        line_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.plot` for both losses.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator is of another type.
        NotFittedError
            If it is not fitted.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        network = fitted_network(estimator, cls.__name__)
        display = cls(
            loss=network.history_["loss"],
            validation_loss=network.history_["validation_loss"],
            learning_rate=network.history_["learning_rate"],
            best_iter=network.best_iter_,
            first_epoch=network.n_iter_ - len(network.history_["loss"]) + 1,
        )
        return display.plot(ax, plot_learning_rate=plot_learning_rate, line_kw=line_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        plot_learning_rate: bool = True,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the losses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes for the plot; None creates a new figure.

        plot_learning_rate : bool, default=True
            Whether to plot the learning rate, too, with an axis on the right.

        line_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.plot` for both losses.

        Returns
        -------
        display : LossCurveDisplay
            Itself, with the attributes that end in an underscore.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{self.__class__.__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        epochs = self.first_epoch + np.arange(len(self.loss))
        line_kw = {"marker": "o" if len(epochs) == 1 else None, **(line_kw or {})}
        self.lines_ = ax.plot(epochs, self.loss, **{"label": "Training loss", **line_kw})
        if self.validation_loss is not None and len(self.validation_loss):
            validated = epochs[: len(self.validation_loss)]
            self.lines_ += ax.plot(
                validated, self.validation_loss, **{"label": "Validation loss", **line_kw}
            )
        self.best_iter_line_ = None
        if self.best_iter and self.best_iter >= self.first_epoch:
            self.best_iter_line_ = ax.axvline(
                self.best_iter, color="k", linestyle=":", label=f"Best epoch: {self.best_iter}"
            )
        ax.set(xlabel="Epoch", ylabel="Loss")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.learning_rate_ax_ = self.learning_rate_line_ = None
        if plot_learning_rate and self.learning_rate is not None:
            self._plot_learning_rate(ax, epochs)
        drawn = (*self.lines_, self.best_iter_line_, self.learning_rate_line_)
        # "best" ignores the line of the other axes, so the legend is placed above both.
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 2, "frameon": False}
        ax.legend(
            handles=[line for line in drawn if line is not None],
            **(above if self.learning_rate_ax_ else {"loc": "best"}),
        )
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _plot_learning_rate(self, ax, epochs):
        """Plot the rate with its own axis on the right, beneath losses and legend."""
        right = ax.twinx()
        (self.learning_rate_line_,) = right.plot(
            epochs,
            self.learning_rate,
            color="tab:gray",
            linestyle="--",
            drawstyle="steps-mid",
            label="Learning rate",
        )
        right.set_ylabel("Learning rate", color="tab:gray")
        right.tick_params(axis="y", colors="tab:gray")
        right.set_ylim(bottom=0)
        ax.set_zorder(right.get_zorder() + 1)
        right.patch.set(visible=ax.patch.get_visible(), facecolor=ax.get_facecolor())
        ax.patch.set_visible(False)
        self.learning_rate_ax_ = right
