"""SequenceReshaper: rows <-> sequences, for tools that accept only rows."""

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .._validation._errors import working_copy
from ._base import POSITIVE_INTEGER, SequenceTransformer


class SequenceReshaper(SequenceTransformer):
    """Convert rows to sequences, or sequences to rows.

    scikit-learn's `ColumnTransformer`, `FeatureUnion` and `BaggingClassifier` accept only 2-D X.
    Inside them, ``to="3d"`` makes sequences for later steps, and ``to="2d"`` makes rows again.

    Parameters
    ----------
    to : {"2d", "3d"}, default="3d"
        Output: rows (n_samples, n_timesteps * n_channels), which hold one step after the other, or
        sequences (n_samples, n_timesteps, n_channels).
    n_timesteps : int, default=None
        Steps of each row. None reads each column of 2-D X as one step, and makes rows as long as
        the longest sequence in `fit`.

    Attributes
    ----------
    n_timesteps_ : int
        Steps of each row.
    n_channels_ : int
        Number of channels.
    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns if X was a DataFrame with string column names; names of channels if it was
        a list of such DataFrames.

    Notes
    -----
    X that already has the output form is returned unchanged, so that one pipeline serves both
    forms.

    Shorter sequences are padded with steps of NaN. Every estimator of this package reads them as
    padding in 3-D X, but as missing values in rows: convert rows to 3-D first. Other NaN are passed
    through.

    A `ColumnTransformer` or `FeatureUnion` concatenates the rows of its branches. These are not
    steps of more channels, so reshape each branch separately. A pipeline that converts rows to
    sequences loses the names of columns; to scale rows and keep the names, set `n_timesteps` of the
    scaler instead.

    Examples
    --------
    Bagging passes rows, here of two steps with two channels each; the first ends after one step:

    >>> import numpy as np
    >>> from sklearn.ensemble import BaggingClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfastgrnn import FastGRNNClassifier
    >>> from skfastgrnn.preprocessing import SequenceReshaper
    >>> rows = np.array([[0.0, 1.0, np.nan, np.nan], [1.0, 0.0, 1.0, 0.0]] * 4)
    >>> SequenceReshaper(n_timesteps=2).fit_transform(rows)[0]
    array([[ 0.,  1.],
           [nan, nan]])
    >>> member = make_pipeline(
    ...     SequenceReshaper(n_timesteps=2),
    ...     FastGRNNClassifier(learning_rate_init=0.1, random_state=0),
    ... )
    >>> bag = BaggingClassifier(member, n_estimators=3, random_state=0)
    >>> bag.fit(rows, ["short", "long"] * 4).predict(rows[:2]).tolist()
    ['short', 'long']

    Sequences become rows:

    >>> reshaper = SequenceReshaper("2d")
    >>> reshaper.fit_transform([np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0]])])
    array([[ 1.,  2.,  3.,  4.],
           [ 5.,  6., nan, nan]])
    >>> reshaper.get_feature_names_out().tolist()
    ['x0_t0', 'x1_t0', 'x0_t1', 'x1_t1']
    """

    _allows_gaps = True
    _parameter_constraints = {
        "to": [StrOptions({"2d", "3d"})],
        "n_timesteps": [POSITIVE_INTEGER, None],
    }

    def __init__(self, to: str = "3d", *, n_timesteps: int | None = None) -> None:
        self.to = to
        self.n_timesteps = n_timesteps

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the number of steps of a row and of channels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps * n_channels) or (n_samples, n_timesteps, \
                n_channels), or a list or object array of n_samples arrays (n_timesteps_i, \
                n_channels)
            Numbers; NaN may be among them.
        y : None
            Ignored.

        Returns
        -------
        SequenceReshaper
            Itself.

        Raises
        ------
        ValueError
            If the number of columns is not a multiple of `n_timesteps`, or a sequence is longer
            than the rows to be made; if sequences differ in their channels; if X holds infinity or
            an all-NaN sequence.
        """
        with working_copy(self) as fitted:
            sequences, form = fitted._read(X, reset=True)
            fitted.n_timesteps_ = int(fitted.n_timesteps or form.n_timesteps or sequences.longest)
            if fitted.to == "2d":
                fitted._refuse_longer(sequences)
        return self

    def transform(self, X):
        """Reshape X.

        Parameters
        ----------
        X : array-like in the form passed to `fit`
            Numbers; NaN may be among them.

        Returns
        -------
        ndarray of shape (n_samples, `n_timesteps_` * `n_channels_`) or (n_samples, n_timesteps, \
                `n_channels_`)
            Rows or sequences, according to `to`; a view of X if possible. Sequences are as long as
            the rows or 3-D X, or as the longest in a list. float32 if X is, else float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns or channels than in `fit`, holds infinity or an all-NaN sequence,
            or if a sequence does not fit into a row.
        """
        return self._reshaped(*self._read(X, reset=False), to_rows=self._returns_rows)

    def inverse_transform(self, X):
        """Reshape back to the form of X in `fit`; a list of sequences becomes 3-D.

        Parameters
        ----------
        X : array-like of the form that `transform` returns
            Numbers; NaN may be among them.

        Returns
        -------
        ndarray of shape (n_samples, `n_timesteps_` * `n_channels_`) or (n_samples, n_timesteps, \
                `n_channels_`)
            Rows or sequences; a view of X if possible.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            As in `transform`.
        """
        check_is_fitted(self)
        n_columns = self.n_channels_ * (self.n_timesteps_ if self._returns_rows else 1)
        sequences, form = self._read_back(
            X, n_features_in_=n_columns, _reads_sequences=not self._returns_rows
        )
        return self._reshaped(sequences, form, to_rows=not self._reads_sequences)

    @property
    def _returns_rows(self):
        return self.to == "2d"

    def _reshaped(self, sequences, form, *, to_rows):
        if to_rows:
            self._refuse_longer(sequences)
            form = form._replace(kind="2-D", n_timesteps=self.n_timesteps_)
        else:
            n_timesteps = form.n_timesteps or sequences.longest
            form = form._replace(kind="3-D", n_timesteps=n_timesteps)
        return form.restore(sequences.values, sequences.lengths)

    def _refuse_longer(self, sequences):
        longer = np.flatnonzero(sequences.lengths > self.n_timesteps_)
        if len(longer):
            sample = longer[0]
            raise ValueError(
                f"Sample {sample} has {sequences.lengths[sample]} steps, but rows hold "
                f"n_timesteps_={self.n_timesteps_}. Cut longer sequences, or fit with a larger "
                "n_timesteps."
            )

    def _names_out(self, names):
        if not (self._reads_sequences and self._returns_rows):
            return names
        return [f"{name}_t{step}" for step in range(self.n_timesteps_) for name in names]
