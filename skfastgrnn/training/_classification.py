"""Classification: labels as targets, and the cross-entropy."""

import numpy as np
from scipy.special import entr
from sklearn.utils import compute_class_weight

from .._validation._errors import error_context
from .._validation._printing import plain
from .._validation._sample_weight import check_total, checked_weights
from .._validation._targets import checked_labels
from ..network import Loss, Targets
from ._data import DataSet
from ._objective import Objective

#: Advice if a batch of a stream has a label that is not one of the classes.
NEW_CLASSES = (
    "partial_fit cannot add classes: with warm_start=True, fit continues from the learned weights, "
    "on data of all classes, old and new."
)


class Classification(Objective):
    """Objective of classification: one class for each sequence.

    Parameters
    ----------
    owner : str
        Name of the estimator, for errors.
    class_weight : dict, "balanced" or None
    loss : Loss
    label_smoothing : float
        Share of the targets, in [0, 1), that all classes have in common.
    """

    metric = "accuracy"

    def __init__(
        self,
        owner,
        *,
        class_weight=None,
        loss=Loss("cross_entropy"),  # noqa: B008
        label_smoothing=0.0,
    ):
        self.owner = owner
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.loss = loss
        self.classes = None
        self.class_weights = None

    def attributes(self):
        return {
            "classes_": self.classes,
            "_class_weights": self.class_weights,
            "_is_multilabel": False,
        }

    def restore(self, attributes):
        self.classes = attributes["classes_"]
        self.class_weights = attributes["_class_weights"]

    @property
    def n_outputs(self):
        return 1 if len(self.classes) == 2 else len(self.classes)

    def encode(self, y, sequences, sample_weight, earlier=None):
        with error_context("y"):
            y = self.read_labels(y, sequences)
            self.classes, labels = np.unique(y, return_inverse=True)
        self.check_number_of_classes()
        weights = checked_weights(sample_weight, sequences)
        self.check_every_class_has_weight(
            labels, weights, "all their samples have zero weight. Leave them out of X and y."
        )
        self.class_weights = self.weights_of_classes(labels, weights)
        return self.data_set(sequences, labels, weights)

    def encode_validation(self, y, sequences, sample_weight):
        return self.encode_known(y, sequences, sample_weight, suffix="_val")

    def encode_piece(self, y, sequences, sample_weight, earlier):
        self.class_weights = self.weights_of_classes(np.arange(len(self.classes)), None)
        return self.encode_known(y, sequences, sample_weight, advice=NEW_CLASSES)

    def encode_known(self, y, sequences, sample_weight, *, suffix="", advice=""):
        """The DataSet of sequences whose labels must be among the classes."""
        with error_context(f"y{suffix}"):
            y = self.read_labels(y, sequences)
            number = {label: i for i, label in enumerate(self.classes.tolist())}
            unknown = set(y.tolist()) - set(number)
            if unknown:
                raise ValueError(
                    f"It has labels that are not in classes: {sorted(unknown)}; there are "
                    f"{self.classes.tolist()}. {advice}".rstrip()
                )
            labels = np.array([number[label] for label in y.tolist()])
        with error_context(f"sample_weight{suffix}"):
            weights = checked_weights(sample_weight, sequences)
            return self.data_set(sequences, labels, weights)

    def data_set(self, sequences, labels, weights):
        """All sequences, with the numbers of their classes; weights of classes multiply."""
        if self.class_weights is not None:
            by_sample = np.where(labels < 0, 1.0, self.class_weights[labels])
            by_sample = by_sample.astype(sequences.values.dtype)
            weights = by_sample if weights is None else weights * by_sample
            check_total(weights)
        targets = Targets(labels=labels.astype(np.int32), weights=weights)
        return DataSet.of_all(sequences, targets, self.loss)

    def soften(self, training):
        """Targets of 1 - label_smoothing for the label, and the rest for all classes alike.

        Szegedy et al., *Rethinking the Inception Architecture for Computer Vision*, 2016.
        """
        if self.label_smoothing == 0:
            return training
        labels, n_classes = training.targets.labels, len(self.classes)
        dtype, kept = training.sequences.values.dtype, 1 - self.label_smoothing
        shape = (len(labels), self.n_outputs)
        values = np.full(shape, self.label_smoothing / n_classes, dtype=dtype)
        if self.n_outputs == 1:
            values[:, 0] += dtype.type(kept) * labels
        else:
            values[np.arange(len(labels)), labels] += dtype.type(kept)
        return training._replace(targets=training.targets._replace(labels=None, values=values))

    def read_labels(self, y, sequences):
        if y is None:
            raise ValueError(f"{self.owner} requires y to be passed, but the target y is None.")
        return checked_labels(y, sequences)

    def check_number_of_classes(self):
        if len(self.classes) < 2:
            raise ValueError(
                f"{self.owner} needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {plain(self.classes[0])!r}"
            )

    def weights_of_classes(self, labels, sample_weights):
        """One weight a class, or None; labels below 0 are unknown."""
        if self.class_weight is None:
            return None
        is_known = labels >= 0
        weights = compute_class_weight(
            self.class_weight,
            classes=self.classes,
            y=self.classes[labels[is_known]],
            sample_weight=None if sample_weights is None else sample_weights[is_known],
        )
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise ValueError(
                "class_weight must hold finite weights of at least 0; got "
                f"{plain(self.class_weight)!r}."
            )
        return weights

    def on_split(self, training, validation):
        weights, rows = training.targets.weights, training.rows
        if len(rows) < len(training.sequences):
            reason = (
                "none of their samples with a weight is left to train on by the part that is held "
                "out. Pass X_val, or set early_stopping=False or validation_split='random'."
            )
        else:
            reason = "their class_weight is zero. Leave their samples out of X and y."
        self.check_every_class_has_weight(
            training.targets.labels[rows], None if weights is None else weights[rows], reason
        )

    def check_every_class_has_weight(self, labels, weights, reason):
        totals = np.bincount(labels, weights=weights, minlength=len(self.classes))
        missing = self.classes[totals == 0]
        if len(missing):
            raise ValueError(f"Nothing can be learned of class(es) {missing.tolist()}: {reason}")

    def divergence_threshold(self, training):
        """Twice the cross-entropy of guessing, which is the same for smoothed labels."""
        return 2 * np.log(len(self.classes))

    def converged_loss(self, tol):
        """The cross-entropy of 30 tol, or the focal loss at the same probabilities.

        With smoothed labels 30 tol above the least that there is, their entropy.
        """
        surprise = 30 * tol
        least = 0.0
        if self.label_smoothing > 0:
            share = self.label_smoothing / len(self.classes)
            of_label = share + 1 - self.label_smoothing
            least = entr(of_label) + (len(self.classes) - 1) * entr(share)
        return least + surprise * (-np.expm1(-surprise)) ** self.loss.gamma

    def init_head(self, parts, earlier_params, earlier):
        if isinstance(earlier, Classification):
            remap_head(parts, earlier_params, self.classes, earlier.classes)
        if self.has_head_of(earlier) and "head_weight_log_step" in parts:
            parts["head_weight_log_step"][...] = earlier_params["head_weight_log_step"]

    def has_head_of(self, earlier):
        is_like = isinstance(earlier, Classification)
        return is_like and np.array_equal(self.classes, earlier.classes)


def remap_head(parts, earlier, classes, earlier_classes):
    """Copy the head's rows of known classes; those of new classes keep their initial values.

    The single logit o of two classes is taken for the two logits (-o / 2, o / 2), which give the
    same probabilities; from two logits comes their difference.
    """
    names = ("head_weight", "head_bias")
    rows = {name: rows_of_classes(parts[name]) for name in names}
    place = {label: i for i, label in enumerate(earlier_classes.tolist())}
    for name in names:
        known = rows_of_classes(earlier[name])
        for i, label in enumerate(classes.tolist()):
            if label in place:
                rows[name][i] = known[place[label]]
        parts[name][...] = rows[name] if len(parts[name]) > 1 else rows[name][1:] - rows[name][:1]


def rows_of_classes(head):
    """A head's array (n_outputs, ...) with one row a class (n_classes, ...)."""
    return head.copy() if len(head) > 1 else np.concatenate([-0.5 * head, 0.5 * head])
