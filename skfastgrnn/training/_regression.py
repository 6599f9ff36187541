"""Regression: numbers as targets, scaled, and the squared error or Huber's loss."""

import numpy as np

from .._validation._errors import error_context
from .._validation._sample_weight import checked_weights
from .._validation._targets import checked_numbers
from ..network import Loss, Targets, named_views
from ._data import DataSet
from ._metrics import r2_of
from ._objective import Objective
from ._target_scaling import center_and_scale, target_statistics

#: Updates of a stream in which predictions follow center and scale of the targets.
SETTLING = 10
#: Scales from the center within which targets count in those of a stream as they are; what is
#: farther away counts as if it were there, so that one wrong value does not spoil the scale.
REACH = 10.0


class Regression(Objective):
    """Objective of regression: one or several numbers for each sequence, in scaled units of y.

    Parameters
    ----------
    owner : str
        Name of the estimator, for errors.
    robust : bool, default=False
        Whether the loss is Huber's, and center and scale are median and median distance.
    huber_delta : float
        In units of the scale; only Huber's loss has it.
    head_is_trained : bool, default=True
        Whether all of the head is.

    Attributes
    ----------
    statistics : ndarray of shape (8, n_outputs)
        See `target_statistics`.
    center, scale : ndarray of shape (n_outputs,), float64
        The scale of an output that is constant is 0.
    is_1d : bool
        Whether y came without outputs.
    n_updates : int or None
        Updates of the training whose attributes were restored; None where it is not known.
    """

    metric = "r2"

    def __init__(self, owner, *, robust=False, huber_delta=np.inf, head_is_trained=True):
        self.owner = owner
        self.robust = robust
        self.huber_delta = huber_delta if robust else np.inf
        self.head_is_trained = head_is_trained
        self.n_updates = None

    def attributes(self):
        return {
            "_y_statistics": self.statistics,
            "_y_center": self.center,
            "_y_scale": self.scale,
            "_y_is_1d": self.is_1d,
        }

    def restore(self, attributes):
        self.statistics = attributes["_y_statistics"]
        self.center = attributes["_y_center"]
        self.scale = attributes["_y_scale"]
        self.is_1d = attributes["_y_is_1d"]
        self.n_updates = (attributes.get("_moments") or {}).get("step")

    @property
    def n_outputs(self):
        return len(self.scale)

    @property
    def has_just_begun(self):
        """Whether it is that of a stream with only a few updates so far."""
        return self.n_updates is not None and self.n_updates < SETTLING

    def encode(self, y, sequences, sample_weight, earlier=None):
        """Learn center and scale of y.

        What was learned `earlier` stays as it is, but for outputs that were constant, of which
        there was no scale to learn.
        """
        y, self.is_1d = self.read_numbers(y, sequences)
        weights = self.check(y, sequences, sample_weight, earlier)
        dtype = sequences.values.dtype
        statistics = target_statistics(y, weights, robust=self.robust)
        center, scale = center_and_scale(statistics, robust=self.robust)
        resolution = resolution_at(center, dtype)
        is_known = np.zeros(len(scale), dtype=bool)
        if earlier is not None:
            is_known = earlier.scale > 0
            statistics = np.where(is_known, earlier.statistics, statistics)
            center = np.where(is_known, earlier.center, center)
            scale = np.where(is_known, earlier.scale, scale)
        is_coarse = (scale > 0) & (resolution > 0.25 * scale) & ~is_known
        if is_coarse.any():
            output = np.argmax(is_coarse)
            raise ValueError(
                f"{dtype} cannot represent the differences of y: its values are within "
                f"{scale[output]:g} of {center[output]:g}. Subtract an offset from y, or "
                "pass X in float64."
            )
        self.statistics, self.center, self.scale = statistics, center, scale
        return self.data_set(sequences, y, weights, scale)

    def encode_piece(self, y, sequences, sample_weight, earlier):
        """Center and scale of all y so far."""
        if earlier is None:
            y, self.is_1d = self.read_numbers(y, sequences)
        else:
            with error_context("y"):
                y, _ = self.read_numbers(y, sequences)
            self.is_1d = earlier.is_1d
        weights = self.check(y, sequences, sample_weight, earlier)
        before, within = None, y
        if earlier is not None:
            before = earlier.statistics
            if not earlier.has_just_begun:
                reach = np.where(earlier.scale > 0, REACH * earlier.scale, np.inf)
                within = np.clip(y, earlier.center - reach, earlier.center + reach)
        self.statistics = target_statistics(within, weights, robust=self.robust, earlier=before)
        self.center, scale = center_and_scale(self.statistics, robust=self.robust)
        # Values yet to come may lie farther apart than these.
        resolution = resolution_at(self.center, sequences.values.dtype)
        self.scale = np.where(scale > 0, np.maximum(scale, 4 * resolution), 0.0)
        return self.data_set(sequences, y, weights, self.scale)

    def encode_validation(self, y, sequences, sample_weight):
        with error_context("y_val"):
            y, _ = self.read_numbers(y, sequences)
            check_outputs(y, self.n_outputs)
        with error_context("sample_weight_val"):
            weights = checked_weights(sample_weight, sequences)
        # An output that is constant in training has no scale to measure errors by.
        spread = np.sqrt(np.mean(np.square(y - self.center), axis=0))
        scale = np.where(self.scale > 0, self.scale, spread)
        with error_context("y_val"):
            return self.data_set(sequences, y, weights, scale)

    def read_numbers(self, y, sequences):
        """Targets (n_sequences, n_outputs) in float64, and whether they came without outputs."""
        if y is None:
            raise ValueError(f"{self.owner} requires y to be passed, but the target y is None.")
        y = checked_numbers(y, sequences)
        return y.reshape(len(y), -1), y.ndim == 1

    def check(self, y, sequences, sample_weight, earlier):
        """Refuse targets that cannot be learned; returns weights (n_sequences,), or None."""
        if earlier is not None:
            with error_context("y"):
                check_outputs(y, earlier.n_outputs)
        weights = self.read_weights(sample_weight, sequences)
        dtype = sequences.values.dtype
        if np.abs(y).max() > np.finfo(dtype).max / 1024:  # the head's weights need some room
            raise ValueError(f"y has values that {dtype} cannot hold; scale y.")
        return weights

    def read_weights(self, sample_weight, sequences):
        return checked_weights(sample_weight, sequences)

    def data_set(self, sequences, y, weights, scale):
        """Targets in units of a scale; where that is 0 they are the center, and so will be 0."""
        dtype = sequences.values.dtype
        scaled = np.zeros_like(y)
        with np.errstate(over="ignore"):
            np.divide(y - self.center, scale, out=scaled, where=scale > 0)
            if weights is not None:
                scaled[weights == 0] = 0.0  # they count for nothing, however far they are
            scaled = scaled.astype(dtype)
            is_too_far = ~np.isfinite(np.square(scaled))
        if is_too_far.any():
            sample, output = np.argwhere(is_too_far)[0]
            raise ValueError(
                f"sample {sample}, output {output} is too far from the other values of y for "
                f"{np.dtype(dtype)}. Leave it out, or pass X in float64."
            )
        if self.huber_delta < np.finfo(dtype).tiny:
            raise ValueError(
                f"huber_delta={self.huber_delta:g} is nothing in {dtype}, so nothing would be "
                f"learned. Take at least {np.finfo(dtype).tiny:g}."
            )
        targets = Targets(values=scaled, weights=weights)
        return DataSet.of_all(sequences, targets, Loss("huber", delta=self.huber_delta))

    def divergence_threshold(self, training):
        """Twice the loss of always predicting the center of y."""
        targets = training.targets
        weights = None if targets.weights is None else targets.weights[training.rows]
        errors = np.abs(targets.values[training.rows]).astype(np.float64)
        slopes = np.minimum(errors, self.huber_delta)
        losses = np.mean(slopes * (errors - slopes / 2), axis=1)
        return max(1.0, 2 * np.average(losses, weights=weights))

    def converged_loss(self, tol):
        return tol / 100

    def init_head(self, parts, earlier_params, earlier):
        """Convert the head from the units of y to scaled targets.

        Of an output that was constant, the head was folded to nothing: it stays as drawn.
        """
        rows = (earlier.scale > 0) & (self.scale > 0)
        units = earlier if self.is_settling(earlier) else self
        center, scale = units.center[rows], units.scale[rows]
        parts["head_weight"][rows] = earlier_params["head_weight"][rows] / scale[:, None]
        parts["head_bias"][rows] = (earlier_params["head_bias"][rows] - center) / scale
        if "head_weight_log_step" in parts:
            log_steps = earlier_params["head_weight_log_step"][rows]
            parts["head_weight_log_step"][rows] = log_steps - np.log(scale)

    def is_settling(self, earlier):
        """Whether predictions still follow center and scale, at the beginning of a stream.

        Later they stay what they are in units of y while center and scale move. In the first few
        updates a network has learned less than these have: taking their moves back in the head's
        bias, which follows slowly, cost 0.02 to 0.1 of R² after 1500 single samples.
        """
        return earlier.has_just_begun and self.head_is_trained

    def rescale_moments(self, moments, network, earlier):
        """Optimizer moments rescaled as if all gradients had used the current scale of the targets.

        The gradient of the head is proportional to the error, so to 1 / scale. That of the cell is
        proportional to error and head: to 1 / scale², and of several outputs to the mean of these.
        """
        if self.is_settling(earlier):
            return moments
        rows = (earlier.scale > 0) & (self.scale > 0)
        ratio = np.divide(earlier.scale, self.scale, out=np.zeros(len(rows)), where=rows)
        of_cell = np.mean(ratio[rows] ** 2) if rows.any() else 1.0
        factors = np.full(len(moments["first"]), of_cell)
        head = named_views(network, factors)
        head["head_weight"][...] = ratio[:, None]
        head["head_bias"][...] = ratio
        if "head_weight_log_step" in head:  # whose gradient is proportional to the step, too
            head["head_weight_log_step"][...] = ratio**2
        first, second = factors * moments["first"], factors**2 * moments["second"]
        return {**moments, "first": first, "second": second}

    def finalize(self, network, parameters):
        """From outputs for scaled targets to outputs in the units of y."""
        final = parameters.copy()
        head = named_views(network, final)
        head["head_weight"] *= self.scale[:, None]
        head["head_bias"] *= self.scale
        head["head_bias"] += self.center
        if "head_weight_log_step" in head:
            # Where the scale is 0 the weights are, and any step rounds them to 0.
            head["head_weight_log_step"] += np.log(np.where(self.scale > 0, self.scale, 1))
        return final

    def score_of(self, data):
        return r2_of(data)


def check_outputs(y, n_outputs):
    """Refuse targets (n_sequences, n) of another number of outputs than the network has."""
    if y.shape[1] != n_outputs:
        raise ValueError(f"It has {y.shape[1]} output(s), the network has {n_outputs}.")


def resolution_at(center, dtype):
    """Distance to the next number of a dtype."""
    return np.spacing(np.abs(center).astype(dtype)).astype(np.float64)
