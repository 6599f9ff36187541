"""What files keep of an estimator."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..augmentation import checked_augmentations
from ..network import shapes
from ..persistence._schema import FITTED, SOMETIMES_FITTED, check_fitted, record
from ._config import epochs_of, make_network_spec, number_of_threads, schedule_of
from ._warm_start import make_parametrization


class SavedMixin:
    """The part of an estimator that `persistence` saves and restores it by."""

    #: Attributes of this kind of estimator that a file keeps, each with its check: see `_schema`.
    _saved_attributes = {}

    def _to_save(self):
        """What a file keeps beside the constructor's parameters: attributes, arrays by name."""
        check_is_fitted(self)
        names = {**FITTED, **SOMETIMES_FITTED, **self._saved_attributes}
        state = self.__getstate__()
        return {name: state[name] for name in names if name in state}, self.params_

    def _restore(self, attributes, arrays):
        """Restore fitted attributes from the results of `_to_save`, validated."""
        record({**FITTED, **self._saved_attributes}, SOMETIMES_FITTED)("attributes", attributes)
        vars(self).update(attributes)
        network = make_network_spec(self, self._fitted_objective().n_outputs)
        check_fitted(attributes, arrays, network, self)
        self._parameters = np.concatenate([arrays[name].ravel() for name in shapes(network)])
        self._check_parameters(network)

    def _check_parameters(self, network):
        """Refuse parameters that no training of a network takes, whatever the data."""
        self._check_combinations()
        make_parametrization(network, self.frozen, self._parameters.dtype)
        schedule_of(self, epochs_of(self, 1))
        number_of_threads(self.n_jobs)
        step, rng = np.zeros((1, network.n_channels)), np.random.default_rng(0)
        with np.errstate(over="ignore"):
            for augmentation in checked_augmentations(self.augment):
                augmentation.apply(step, np.array([0]), np.array([1]), rng)
