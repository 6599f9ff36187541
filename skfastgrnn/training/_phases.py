"""Compression in training: from when on which weights are zero, and which are rounded."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from ..kernels import Frozen
from ..network import Network, n_parameters, named_views, set_log_steps, tensors
from ._compression import Compression, dense_fraction, rounded_fraction

#: The kinds of tensors that a density applies to.
PRUNED = {"density_w": ("W", "W1", "W2"), "density_u": ("U", "U1", "U2")}


@dataclass(frozen=True)
class Phases:
    """The phases of a training; without compression all epochs are the same.

    network : Network
    compression : Compression
    threshold_from : the epoch, counted from 0, that begins to threshold
    support_from : the epoch from which on weights that are zero stay zero
    rounded_from : the epoch from which on weights are rounded
    """

    network: Network
    compression: Compression
    threshold_from: int
    support_from: int
    rounded_from: int

    @classmethod
    def of(cls, compression, network, n_epochs):
        """Those of a training of `n_epochs`; None is for a stream, whose end is not known.

        The first piece of a stream then chooses the support, and all of them train rounded weights.
        """
        compression = Compression() if compression is None else compression
        if n_epochs is None:
            return cls(network, compression, threshold_from=0, support_from=1, rounded_from=0)
        dense = dense_fraction(compression, network)
        support_from = round((dense + compression.threshold_fraction) * n_epochs)
        rounded = max(1, round(rounded_fraction(compression) * n_epochs))
        return cls(
            network,
            compression,
            threshold_from=round(dense * n_epochs),
            support_from=min(support_from, n_epochs - 1),
            rounded_from=n_epochs - rounded,
        )

    @cached_property
    def densities(self):
        """The tensors that shall be sparse, each with its density."""
        wanted = {
            kind: density
            for name, kinds in PRUNED.items()
            if (density := getattr(self.compression, name)) is not None and density < 1
            for kind in kinds
        }
        return [
            (tensor, wanted[tensor.kind.name])
            for tensor in tensors(self.network)
            if tensor.kind.name in wanted
        ]

    @property
    def is_sparse(self):
        """Whether a weight shall be zero."""
        return bool(self.densities)

    def is_final(self, state):
        """Whether support and rounding of a training are what they will be at its end."""
        return self._support_is_final(state) and (self.network.bits is None or state.is_rounded)

    def only_rounding_is_left(self, state):
        """Whether the only phase that has not begun is that of rounded weights."""
        return self._support_is_final(state) and not self.is_final(state)

    def _support_is_final(self, state):
        return not self.is_sparse or state.support is not None

    def begin_epoch(self, state, *, nothing_left):
        """Begin the phases that are due before the next epoch.

        nothing_left : whether nothing is left to learn in the present phase, which then ends early
        """
        is_chosen = self._support_is_final(state)
        if not is_chosen:
            ends_early = nothing_left and state.is_thresholding
            state.is_thresholding |= nothing_left or state.n_iter >= self.threshold_from
            if ends_early or state.n_iter >= self.support_from:
                state.set_support(self.largest(state.parameters))
                state.begin_average_again()
        is_due = state.n_iter >= self.rounded_from or (nothing_left and is_chosen)
        if self.network.bits is not None and not state.is_rounded and is_due:
            self.round(state)
            state.begin_average_again()

    def round(self, state):
        """Round the weights of a training, and those of their average, from now on."""
        set_log_steps(self.network, state.parameters)
        if state.optimizer.average is not None:
            set_log_steps(self.network, state.optimizer.average)
        state.is_rounded = True

    def continue_from(self, state, *, is_rounded):
        """Go on where an earlier training has ended, whose parameters the state has.

        What is sparse enough keeps its support, and what was rounded stays rounded.
        """
        state.is_rounded = is_rounded
        if self.is_sparse and self.has_support(state.parameters):
            state.set_support(self.nonzero(state.parameters))

    def threshold_of(self, state):
        """The `Threshold` of the next epoch, or None."""
        if not (self.is_sparse and state.support is None and state.is_thresholding):
            return None
        return Threshold(self.compression.threshold_every, lambda: self.threshold(state))

    def threshold(self, state):
        """Keep the largest weights; the others, and their moments, become 0."""
        state.zero(~self.largest(state.parameters))

    def completed(self, parameters, *, has_steps):
        """Parameters as support and rounding ask for, wherever a training has ended.

        They stay as they are where they already are so.

        parameters : (P,)
        has_steps : whether the steps are those of these weights
        """
        if self.is_sparse:
            parameters = np.where(self.largest(parameters), parameters, parameters.dtype.type(0))
        if self.network.bits is not None and not has_steps:
            parameters = parameters.copy()
            set_log_steps(self.network, parameters)
        return parameters

    def current(self, state):
        """What the next epoch trains: network, parameters, optimizer and parametrization.

        Until weights are rounded it is the network without `bits`, whose parameters are the first
        ones. The arrays are views of those of the state.
        """
        parametrization = state.parametrization
        if state.support is not None:
            support = state.support.astype(state.parameters.dtype)
            parametrization = Frozen(parametrization.restricted(support))
        if self.network.bits is None or state.is_rounded:
            return self.network, state.parameters, state.optimizer, parametrization
        network = replace(self.network, bits=None)
        part = slice(n_parameters(network))
        optimizer = replace(state.optimizer, **of_arrays(state.optimizer, part))
        if isinstance(parametrization, Frozen):
            parametrization = Frozen(parametrization.trained[part])
        return network, state.parameters[part], optimizer, parametrization

    def largest(self, parameters):
        """Which entries (P,) hard thresholding keeps; all of what shall not be sparse."""
        block_size = self.compression.block_size
        return self._mask(parameters, lambda part, density: largest(part, density, block_size))

    def nonzero(self, parameters):
        """Which entries (P,) are in groups that are not zero; all of what shall not be sparse."""
        block_size = self.compression.block_size
        return self._mask(parameters, lambda part, density: nonzero(part, block_size))

    def has_support(self, parameters):
        """Whether just as many groups of weights as the densities say are not zero."""
        block_size = self.compression.block_size
        parts = named_views(self.network, parameters)
        return all(
            n_nonzero(parts[tensor.name], block_size)
            == number_kept(parts[tensor.name], density, block_size)
            for tensor, density in self.densities
        )

    def _mask(self, parameters, kept):
        parts = named_views(self.network, parameters)
        mask = np.ones(len(parameters), dtype=bool)
        masks = named_views(self.network, mask)
        for tensor, density in self.densities:
            masks[tensor.name][...] = kept(parts[tensor.name], density)
        return mask


@dataclass(frozen=True)
class Threshold:
    """What is done after every so many minibatches of an epoch, and at its end.

    every : minibatches, each of which makes an update
    apply : callable without arguments
    """

    every: int
    apply: Callable


def number_kept(matrix, density, block_size=1):
    """How many groups of weights of a matrix a density leaves, at least one."""
    rows, columns = matrix.shape
    return max(1, round(density * rows * -(-columns // block_size)))


def n_nonzero(matrix, block_size=1):
    """How many groups of weights of a matrix are not zero."""
    return np.count_nonzero(groups_of(matrix, block_size).any(axis=2))


def groups_of(matrix, block_size):
    """Groups (rows, groups, block_size) of neighbours in a row, float64; zeros fill the last."""
    rows, columns = matrix.shape
    n_groups = -(-columns // block_size)
    padded = np.zeros((rows, n_groups * block_size))
    padded[:, :columns] = matrix
    return padded.reshape(rows, n_groups, block_size)


def of_entries(groups, matrix, block_size):
    """For every entry of a matrix whether its group is among `groups` (rows, groups)."""
    return np.repeat(groups, block_size, axis=1)[:, : matrix.shape[1]]


def largest(matrix, density, block_size=1):
    """Which entries of a matrix hard thresholding keeps: the largest groups, the first of equals.

    Returns
    -------
    ndarray of shape (rows, columns), bool
    """
    with np.errstate(over="ignore"):  # a training that diverges
        sizes = np.square(groups_of(matrix, block_size)).sum(axis=2)
    kept = np.zeros(sizes.size, dtype=bool)
    order = np.argsort(-sizes, axis=None, kind="stable")
    kept[order[: number_kept(matrix, density, block_size)]] = True
    return of_entries(kept.reshape(sizes.shape), matrix, block_size)


def nonzero(matrix, block_size=1):
    """Which entries of a matrix are in groups that are not zero: (rows, columns), bool."""
    return of_entries(groups_of(matrix, block_size).any(axis=2), matrix, block_size)


def of_arrays(optimizer, part):
    """The same part of all arrays of an optimizer, by name."""
    values = {field.name: getattr(optimizer, field.name) for field in fields(optimizer)}
    return {name: value[part] for name, value in values.items() if isinstance(value, np.ndarray)}


def take_counts(optimizer, view):
    """Take over the numbers that a training has changed in a view of the optimizer's arrays."""
    for field in fields(optimizer):
        if not isinstance(getattr(optimizer, field.name), np.ndarray):
            setattr(optimizer, field.name, getattr(view, field.name))
