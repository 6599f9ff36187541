"""What a training minimises."""

import numpy as np


class Objective:
    """Base class of objectives: the loss, its targets, and when losses of epochs are comparable.

    An objective belongs to one training. `encode` is called first: it learns what is to be learned
    from y, such as classes or a scale, which `attributes` and `restore` exchange with an estimator.
    The defaults below are those of plain supervised training.

    Attributes
    ----------
    metric : str
        Name of the score in the history: "accuracy" or "r2".
    n_outputs : int
        Outputs of the network.
    """

    metric = None

    def encode(self, y, sequences, sample_weight, earlier=None):
        """Learn properties of the targets, such as classes or scale, from y.

        Parameters
        ----------
        y : array-like of n_sequences targets, as `fit` got them
        sequences : SequenceBatch
        sample_weight : array-like of shape (n_sequences,), or None
        earlier : Objective or None
            That of the training whose weights this one begins with.

        Returns
        -------
        DataSet
            All sequences.
        """
        raise NotImplementedError

    def encode_validation(self, y, sequences, sample_weight):
        """The DataSet of a validation set, of which nothing is learned."""
        raise NotImplementedError

    def encode_piece(self, y, sequences, sample_weight, earlier):
        """The DataSet of a piece of a stream; `earlier` is None for the first one."""
        raise NotImplementedError

    def attributes(self):
        """What was learned from targets, as attributes of an estimator by name."""
        raise NotImplementedError

    def restore(self, attributes):
        """Know what the attributes of a fitted estimator say."""
        raise NotImplementedError

    def on_split(self, training, validation):
        """Refuse a training part that cannot be learned from; `validation` may be None."""

    def resolve(self, n_epochs):
        """Ask schedules for the values of all epochs; None is for a stream, which has no end."""

    def at_epoch(self, training, epoch):
        """The DataSet that an epoch, counted from 0, trains on."""
        return training

    def soften(self, training):
        """A DataSet as it is, or with less certain targets: what gradients are computed of."""
        return training

    def uses_all_samples(self, epoch):
        """Whether an epoch trains on all sequences."""
        return True

    def is_comparable_to_next(self, epoch):
        """Whether the training loss of an epoch can be compared with that of the next one."""
        return True

    def divergence_threshold(self, training):
        """A mean loss that only a diverged training ends above."""
        return np.inf

    def converged_loss(self, tol):
        """A training loss below which nothing is left to learn."""
        return 0.0

    def scoring_rows(self, rows):
        """Those rows of which a score can be computed, and their targets; None for those of y."""
        return rows, None

    def init_head(self, parts, earlier_params, earlier):
        """Begin with the head of an earlier training: `parts` of the parameters are changed."""

    def has_head_of(self, earlier):
        """Whether the outputs of a network of the same size mean the same."""
        return True

    def rescale_moments(self, moments, network, earlier):
        """The optimizer's moments of an earlier training as if it had had these targets."""
        return moments

    def finalize(self, network, parameters):
        """Parameters as they predict, from those that were trained."""
        return parameters

    def score_of(self, data):
        """A function from the kernel's mean metric over a DataSet to the score `metric`."""
        return lambda value: value
