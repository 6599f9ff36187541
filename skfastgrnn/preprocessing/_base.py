"""Base class of the transformers: sequences of any form in, the same form out."""

from copy import copy
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from .._validation._errors import working_copy
from .._validation._sequences import to_sequences

POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")


def has_names(transformer):
    """Whether output has names: columns of rows, or channels if X was sequences, too."""
    if not (transformer._returns_rows or getattr(transformer, "_reads_sequences", False)):
        raise AttributeError(
            f"This {transformer.__class__.__name__} converts rows to sequences, whose channels "
            "have no names."
        )
    return True


class SequenceTransformer(TransformerMixin, BaseEstimator):
    """Base class of transformers of sequences.

    A subclass whose output has other columns than X names them in `_names_out(names)`.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # scikit-learn's `set_output` wraps the output of these methods: rows, never sequences.
        cls._sklearn_auto_wrap_output_keys = property(
            lambda self: {"transform"} if self._returns_rows else set()
        )

    #: Whether NaN inside sequences is passed through; otherwise it is refused.
    _allows_gaps = False

    @property
    def _returns_rows(self):
        return not getattr(self, "_reads_sequences", False)

    def _read(self, X, *, reset, check_names=True):
        """X as contiguous sequences, and its form."""
        if not reset:
            check_is_fitted(self)
        with working_copy(self) as reader:
            sequences, form = to_sequences(
                reader, X, reset=reset, allow_gaps=self._allows_gaps, check_names=check_names
            )
        return sequences.stacked(), form

    def _read_back(self, X, **fitted):
        """X of `inverse_transform`, whose column names are not checked, as in scikit-learn.

        `fitted` replaces those attributes by which X differs from the X of `fit`.
        """
        check_is_fitted(self)
        reader = copy(self)
        vars(reader).update(fitted)
        return reader._read(X, reset=False, check_names=False)

    def _names_out(self, names):
        return names

    @available_if(has_names)
    def get_feature_names_out(self, input_features=None):
        """Names of the columns of 2-D output, or of the channels of sequences.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of 2-D X, or of the channels of sequences; None for those seen in
            `fit`, or else ``x0, x1, ...``.

        Returns
        -------
        ndarray of shape (n_columns_out,) or (n_channels_out,) of str objects

        Raises
        ------
        AttributeError
            If rows become sequences, whose channels have no names.
        ValueError
            If `input_features` differ from those seen in `fit`.
        """
        check_is_fitted(self)
        names = self._names_out(_check_feature_names_in(self, input_features))
        return np.asarray(names, dtype=object)

    def set_output(self, *, transform=None):
        """Set the container of 2-D output; sequences are always arrays.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Container of the output of `transform` and `fit_transform`; None leaves it unchanged.

        Returns
        -------
        SequenceTransformer
            Itself.
        """
        # scikit-learn's own is missing if a transformer returns sequences, and a pipeline that
        # contains such a transformer would then refuse `set_output`.
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self._allows_gaps
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
