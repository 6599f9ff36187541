"""CompressionDisplay: scores of the candidates of a search by their size."""

from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from .._validation._printing import plain
from ._best_under import BestUnder, scores_and_sizes

#: So many colours can be distinguished.
MOST_COLORS = 10
#: So many characters fit side by side in a legend, of which a marker and its margins take 6.
LEGEND_WIDTH = 78


class CompressionDisplay:
    """Score by size of the candidates of a search, with the Pareto front.

    A candidate is on the front if no other is both at least as small and at least as good, and
    better in one of the two. The line through the front is the best score that so many bytes allow.

    Use :meth:`from_search` to create one from a fitted search. All parameters are stored as
    attributes. Plotting needs matplotlib.

    Parameters
    ----------
    sizes : array-like of shape (n_candidates,)
        Sizes of the models in bytes, above 0.

    scores : array-like of shape (n_candidates,)
        Their scores, the greater the better. Candidates with a score of NaN are not plotted.

    errors : array-like of shape (n_candidates,), default=None
        Standard deviations of the scores, plotted as error bars. None: there are no bars.

    groups : list of length n_candidates, default=None
        A value for each candidate, at most 10 different ones, which have a colour each. None: all
        have the same colour.

    group_name : str, default=None
        What the values are, for the legend.

    score_name : str, default="score"
        Name of the score, for the label of its axis.

    max_bytes : float, default=None
        A budget, plotted as a vertical line. None: there is none.

    best_index : int, default=None
        The candidate that was selected, which is marked. None: none is.

    Attributes
    ----------
    pareto_front_ : ndarray of shape (n_on_front,) of int
        Indices of the candidates on the front, from the smallest to the largest.

    ax_ : matplotlib Axes
        Axes with the scores.

    figure_ : matplotlib Figure
        Figure of the axes.

    errorbars_ : list of matplotlib ErrorbarContainer
        The candidates, of one group after the other.

    front_line_ : matplotlib Line2D
        The Pareto front.

    budget_line_ : matplotlib Line2D or None
        The budget.

    best_marker_ : matplotlib Line2D or None
        The mark of the selected candidate.

    See Also
    --------
    best_under : Selects the best candidate within a budget.
    size_report : Bytes of one model by what they hold.

    Examples
    --------
    >>> from skfastgrnn.compression import CompressionDisplay
    >>> display = CompressionDisplay(
    ...     sizes=[424, 944, 2176, 2500], scores=[0.81, 0.93, 0.97, 0.95], max_bytes=1024
    ... ).plot()  # doctest: +SKIP
    >>> display.pareto_front_  # doctest: +SKIP
    array([0, 1, 2])
    >>> display.figure_.savefig("sizes.png")  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        sizes,
        scores,
        errors=None,
        groups=None,
        group_name=None,
        score_name="score",
        max_bytes=None,
        best_index=None,
    ):
        self.sizes = sizes
        self.scores = scores
        self.errors = errors
        self.groups = groups
        self.group_name = group_name
        self.score_name = score_name
        self.max_bytes = max_bytes
        self.best_index = best_index

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        score: str | None = None,
        n_bytes: str | None = None,
        max_bytes: float | None = None,
        color_by: str | None = None,
        ax: Any = None,
        errorbar_kw: dict[str, Any] | None = None,
        front_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot mean test scores of the candidates of a search by their size.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV or another search with `cv_results_`
            A fitted search that measured sizes with :func:`neg_n_bytes_scorer`. Error bars are the
            standard deviations over its splits; a size is the largest of the splits. Of a halving
            search, the candidates of the last iteration are plotted.

        score : str, default=None
            Name of the metric to plot. None: that of `best_under` in the search, or else the only
            metric beside the size.

        n_bytes : str, default=None
            Name of the metric that holds the negative size. None: that of `best_under` in the
            search, or else "neg_n_bytes".

        max_bytes : float, default=None
            A budget to plot. None: that of `best_under` in the search, if it is used there.

        color_by : str, default=None
            Name of a parameter of the search, such as "hidden_size", whose values, at most 10, have
            a colour each.

        ax : matplotlib Axes, default=None
            Axes for the plot; None creates a new figure.

        errorbar_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.errorbar` for the candidates.

        front_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.plot` for the front.

        Returns
        -------
        display : CompressionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `search` has no `cv_results_`.
        NotFittedError
            If it is not fitted.
        ValueError
            If it did not measure sizes, if it is not clear which metric is the score, if no fit
            succeeded, if it did not search `color_by`, or if that has more than 10 values.
        """
        check_matplotlib_support(f"{cls.__name__}.from_search")
        if isinstance(search, type) or not hasattr(search, "cv_results_"):
            if isinstance(search, BaseSearchCV):
                check_is_fitted(search)
            named = f"the class {search.__name__}" if isinstance(search, type) else repr(search)
            raise TypeError(
                f"{cls.__name__} needs a fitted search, such as GridSearchCV; got {named:.80}."
            )
        refit = getattr(search, "refit", None)
        results = search.cv_results_
        budget = refit if isinstance(refit, BestUnder) else BestUnder(np.inf)
        score = budget.score if score is None else score
        n_bytes = budget.n_bytes if n_bytes is None else n_bytes
        score, scores, sizes = scores_and_sizes(results, score, n_bytes, cls.__name__)
        rows = np.arange(len(scores))
        if "iter" in results:
            rows = rows[np.asarray(results["iter"]) == np.max(results["iter"])]
        if max_bytes is None and np.isfinite(budget.max_bytes):
            max_bytes = budget.max_bytes
        best = np.flatnonzero(rows == getattr(search, "best_index_", -1))
        display = cls(
            sizes=sizes[rows],
            scores=scores[rows],
            errors=np.asarray(results[f"std_test_{score}"], dtype=float)[rows],
            groups=None if color_by is None else _values_of(results, color_by, rows),
            group_name=color_by,
            score_name=f"mean test {score}",
            max_bytes=max_bytes,
            best_index=int(best[0]) if len(best) else None,
        )
        return display.plot(ax, errorbar_kw=errorbar_kw, front_kw=front_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        errorbar_kw: dict[str, Any] | None = None,
        front_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot scores by size.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes for the plot; None creates a new figure.

        errorbar_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.errorbar` for the candidates.

        front_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.plot` for the front.

        Returns
        -------
        display : CompressionDisplay
            Itself, with the attributes that end in an underscore.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `max_bytes` is not a number.
        ValueError
            If lengths differ, sizes or `max_bytes` are not above 0, no score is a number, or there
            are more than 10 groups.
        """
        check_matplotlib_support(f"{self.__class__.__name__}.plot")
        import matplotlib.pyplot as plt

        sizes, scores = self._checked()
        groups = self._grouped(np.isfinite(sizes) & np.isfinite(scores))
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        errors = None if self.errors is None else np.asarray(self.errors, dtype=float)
        self.errorbars_ = []
        for number, (label, rows) in enumerate(groups):
            look = {
                "marker": "o",
                "linestyle": "none",
                "markersize": 5,
                "elinewidth": 1,
                "zorder": 3,
            }
            look |= {"color": f"C{number}", "ecolor": (f"C{number}", 0.4), "label": label}
            bars = None if errors is None else errors[rows]
            self.errorbars_.append(
                ax.errorbar(sizes[rows], scores[rows], bars, **{**look, **(errorbar_kw or {})})
            )
        self.pareto_front_ = pareto_front(sizes, scores)
        look = {"color": "0.25", "drawstyle": "steps-post", "zorder": 2, "label": "Pareto front"}
        (self.front_line_,) = ax.plot(
            sizes[self.pareto_front_], scores[self.pareto_front_], **{**look, **(front_kw or {})}
        )
        self.best_marker_ = self.budget_line_ = None
        if self.best_index is not None:
            ring = {"markersize": 13, "markerfacecolor": "none", "markeredgewidth": 1.5}
            (self.best_marker_,) = ax.plot(
                sizes[self.best_index],
                scores[self.best_index],
                "o",
                **{**ring, "markeredgecolor": "k", "zorder": 4, "label": "Selected"},
            )
        if self.max_bytes is not None:
            self.budget_line_ = ax.axvline(
                self.max_bytes,
                color="0.25",
                linestyle=":",
                zorder=1,
                label=f"Budget: {self.max_bytes:g} bytes",
            )
        self._set_axes(ax)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _checked(self):
        """Sizes and scores as arrays of floats."""
        if self.max_bytes is not None:
            BestUnder(self.max_bytes)  # raises for what is no budget
        sizes = np.asarray(self.sizes, dtype=float)
        scores = np.asarray(self.scores, dtype=float)
        for name in ("scores", "errors", "groups"):
            values = getattr(self, name)
            if values is not None and len(values) != len(sizes):
                raise ValueError(f"There are {len(values)} {name}, but {len(sizes)} sizes.")
        if not (np.isfinite(sizes) & np.isfinite(scores)).any():
            raise ValueError("There is no candidate with a size and a score that are finite.")
        if (sizes <= 0).any():
            raise ValueError(f"sizes must be above 0; got {plain(sizes.min())!r}.")
        return sizes, scores

    def _grouped(self, is_plotted):
        """Label and rows of every group that is plotted."""
        if self.groups is None:
            return [("Candidates", np.flatnonzero(is_plotted))]
        texts = np.array([str(value) for value in plain(list(self.groups))])
        values = {str(value): value for value in plain(list(self.groups))}
        if len(values) > MOST_COLORS:
            raise ValueError(
                f"{self.group_name or 'groups'} has {len(values)} different values; at most "
                f"{MOST_COLORS} colours can be distinguished."
            )
        if all(value is None or isinstance(value, Real) for value in values.values()):
            order = sorted(values, key=lambda text: (values[text] is not None, values[text] or 0))
        else:
            order = list(values)
        prefix = "" if self.group_name is None else f"{self.group_name.split('__')[-1]} = "
        return [
            (" ".join((prefix + text).split()), np.flatnonzero(is_plotted & (texts == text)))
            for text in order
            if (is_plotted & (texts == text)).any()
        ]

    def _set_axes(self, ax):
        """Logarithmic sizes with ticks in plain numbers, and a legend that covers no point."""
        from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

        ax.set_xscale("log", base=2)
        low, high = ax.get_xlim()
        if high < 4 * low:  # too few powers of two
            ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        else:  # fewer ticks where their numbers are long
            ax.xaxis.set_major_locator(LogLocator(base=2, numticks=9 if high < 2**17 else 6))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:.15g}"))
        name = str(self.score_name)
        ax.set(xlabel="Size of the model in bytes", ylabel=name[:1].upper() + name[1:])
        drawn = [*self.errorbars_, self.front_line_, self.budget_line_, self.best_marker_]
        handles = [artist for artist in drawn if artist is not None]
        longest = max(len(artist.get_label()) for artist in handles)
        ax.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=max(1, min(2 if len(handles) < 5 else 3, LEGEND_WIDTH // (longest + 6))),
            frameon=False,
        )


def pareto_front(sizes, scores):
    """Indices of candidates that no other one surpasses, by increasing size.

    Of one candidate another one is better that is at least as small and at least as good, and
    better in one of the two. Candidates that are equal in both are all on the front or none is.
    """
    front, best, size_of_best = [], -np.inf, -np.inf
    for index in np.lexsort((-scores, sizes)):
        score, size = scores[index], sizes[index]
        if not (np.isfinite(score) and np.isfinite(size)):
            continue
        if score > best or (score == best and size == size_of_best):
            front.append(index)
            best, size_of_best = score, size
    return np.array(front, dtype=np.intp)


def _values_of(results, name, rows):
    """Values of a parameter of the search, of some candidates."""
    found = [results["params"][row] for row in rows]
    if not any(name in params for params in found):
        names = sorted({name for params in found for name in params})
        raise ValueError(
            f"color_by={name!r} is no parameter of the search, which has "
            f"{', '.join(map(repr, names))}."
        )
    return [params.get(name) for params in found]
