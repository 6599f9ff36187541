"""FastGRNNClassifier: sequences in, labels and probabilities out."""

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call

from .._validation._errors import as_it_is
from .._validation._printing import plain
from .._validation._targets import is_multilabel
from ..callbacks._sklearn import with_callbacks
from ..network import Loss
from ..persistence._safetensors import saveable
from ..persistence._schema import CLASSIFIER
from ..training import Classification, Multilabel
from ..training._classification import NEW_CLASSES
from ._base import BaseFastGRNN
from ._class_outputs import decision, labels, log_probabilities, probabilities


@saveable
class FastGRNNClassifier(ClassifierMixin, BaseFastGRNN):
    r"""Kilobyte-sized gated recurrent network for classification of sequences.

    A FastGRNN cell reads a sequence step by step,

    .. math::

        a_t &= W x_t + U h_{t-1} \\
        z_t &= \sigma(a_t + b_z) \\
        c_t &= \tanh(a_t + b_h) \\
        h_t &= (\zeta (1 - z_t) + \nu) \odot c_t + z_t \odot h_{t-1},

    and a linear head maps its last state (or the mean of its states) to a single logit for two
    classes, or to one logit per class. It is trained by exact backpropagation through time, by
    default with Adam, on the cross-entropy [1]_.

    Parameters are grouped by purpose:

    - network (`hidden_size` to `n_timesteps`)
    - loss, epochs and minibatches (`loss` to `shuffle`)
    - optimizer and learning rate (`solver` to `ema`)
    - regularisation (`alpha` to `augment`)
    - validation and stopping (`early_stopping` to `n_init`)
    - warm start and freezing (`warm_start`, `frozen`)
    - other (`n_jobs` to `verbose`)

    Parameters
    ----------
    hidden_size : int, default=32
        Number of hidden units H of a cell. A network of one cell, D channels and O outputs has ``H
        * (D + H + 2) + 2 + O * (H + 1)`` parameters.

    n_layers : int, default=1
        Number of layers, at most 16. Each layer reads the states of the one below, step by step.

    bidirectional : bool, default=False
        Whether each layer has a second cell that reads the steps in reverse [4]_.

    pooling : {'last', 'mean', 'max', 'attention'}, default='last'
        Input of the head: the last state of a sequence, the mean of its states, the maximum of each
        unit over the steps, or ('attention') a mean whose weights are the softmax of learned scores
        of the states, with one more parameter for each state, which begin at 0, the plain mean.

    compression : Compression or None, default=None
        Ranks, densities and bits of the weights, and how they are trained: see
        :class:`skfastgrnn.compression.Compression`. None compresses nothing.

    gate_activation : {'sigmoid', 'tanh', 'relu', 'hard_sigmoid', 'hard_tanh'}, default='sigmoid'
        Activation of the gate z. ``hard_sigmoid`` is ``clip((x + 1) / 2, 0, 1)`` and ``hard_tanh``
        ``clip(x, -1, 1)``, piecewise-linear forms for devices with integer arithmetic.

    update_activation : {'sigmoid', 'tanh', 'relu', 'hard_sigmoid', 'hard_tanh'}, default='tanh'
        Activation of the candidate state c.

    bounded_state : bool, default=False
        Whether no state can grow beyond 1, over however many steps: ν is 0 instead of learned. Only
        with activations whose values lie in [0, 1] (gate) and [-1, 1] (update), so not with 'relu'.

    n_timesteps : int or None, default=None
        How to read 2-D X. ``None``: a row is a univariate series, one column per step. ``T``: a row
        holds T steps of ``n_columns / T`` channels, one step after the other; 1 is plain tabular
        data. Not needed for 3-D X and lists.

    loss : {'cross_entropy', 'focal'}, default='cross_entropy'
        The loss to minimise. 'focal' multiplies the cross-entropy of a sample by ``(1 - p) **
        focal_gamma``, where p is the predicted probability of its class, so that well-classified
        samples count less, for rare classes [7]_.

    focal_gamma : float, default=2.0
        The exponent of ``loss='focal'``, at least 0; with 0 it equals the cross-entropy.

    label_smoothing : float, default=0.0
        Share of each target, in [0, 1), that is spread evenly over all classes: the target of the
        label is ``1 - label_smoothing + label_smoothing / n_classes``, that of every other class
        ``label_smoothing / n_classes`` [9]_. Probabilities become less extreme. The training loss
        then cannot fall below the entropy of the targets; that of validation is of the labels as
        they are. Only for ``loss='cross_entropy'`` and one class per sample.

    class_weight : dict, 'balanced' or None, default=None
        Weights by class label; 'balanced' gives all classes the same total weight in the training
        data. They multiply `sample_weight`, and `sample_weight_val` in validation.

    sampling : {'balanced'} or None, default=None
        'balanced' draws the sequences of every epoch with replacement, such that all classes are
        equally frequent. Unlike `class_weight`, it shows rare classes more often instead of
        weighting their loss; use only one of the two.

    max_iter : int or None, default=None
        Maximum number of epochs. None is 100, or as many as 2000 updates take if these are more:
        small training sets need more epochs.

    batch_size : int or 'auto', default='auto'
        Number of sequences in a minibatch, or all of them if there are fewer. 'auto' is 1/32 of
        the training sequences, but at least 8 and at most 32.

    gradient_accumulation_steps : int, default=1
        Number of minibatches whose gradients make one update, equivalent to a minibatch that many
        times as large.

    shuffle : bool, default=True
        Whether to shuffle the sequences before each epoch.

    solver : {'adam', 'adamw', 'sgd', 'rmsprop', 'adagrad'}, default='adam'
        The optimizer: Adam [2]_; Adam with decoupled weight decay, which multiplies weights by ``1
        - rate * alpha`` at every update; stochastic gradient descent with `momentum`; RMSProp;
        AdaGrad.

    learning_rate : str or callable, default='auto'
        Learning-rate schedule: 'constant', 'step', 'exponential', 'linear', 'cosine', 'one_cycle'
        or 'plateau', an object of :mod:`skfastgrnn.schedules`, or any callable that returns for an
        epoch, counted from 0, a factor of `learning_rate_init`. 'auto' is 'one_cycle', a rise and
        fall over `max_iter` epochs [6]_; if the length of training is not known (`n_iter_no_change`
        is a number, or in `partial_fit`) it is constant at 0.6 of the highest rate. 'plateau'
        divides the rate by 10 when the loss has not improved for a third of `n_iter_no_change`
        epochs, or for more than ten if that is None.

    learning_rate_init : float, default=0.02
        The learning rate, which `learning_rate` multiplies by a factor in every epoch; with
        'one_cycle' the highest rate.

    lr_decay : float or None, default=None
        Factor in (0, 1] of 'step' and 'exponential'; None for 0.1 and 0.95.

    lr_decay_step : int or None, default=None
        Number of epochs between two decays of 'step'; None for 50.

    beta_1 : float, default=0.9
        Adam's decay rate of the mean of gradients, in [0, 1).

    beta_2 : float or None, default=None
        Decay rate of the mean of squared gradients, in [0, 1), of 'adam', 'adamw' and 'rmsprop';
        None for 0.999, 0.999 and 0.99, the defaults of PyTorch.

    epsilon : float, default=1e-8
        Added to the denominator by 'adam', 'adamw', 'rmsprop' and 'adagrad' for numerical
        stability.

    momentum : float, default=0.9
        Momentum of ``solver='sgd'``, in [0, 1).

    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum with ``solver='sgd'``.

    clip_norm : float or None, default=5.0
        Gradients with a larger norm are scaled down to this norm.

    clip_value : float or None, default=None
        Entries of gradients are clipped to ``[-clip_value, clip_value]``, before `clip_norm`
        applies.

    ema : float or None, default=None
        Decay, in (0, 1), of an exponential moving average of the weights over the updates, at
        first ``(1 + n) / (10 + n)`` if that is less, after n updates [8]_. Validation, early
        stopping and the fitted model then use the average, which varies less than the weights.
        0.99 averages over about 100 updates. None keeps no average.

    alpha : float, default=1e-5
        Strength of the L2 penalty ``alpha / 2 * ||weights||² / n`` on W, U and the head's weights,
        where n is the number of sequences of a minibatch, times the mean sample weight if there are
        weights. With ``solver='adamw'`` the weight decay.

    dropout : float, default=0.0
        Fraction of states, in [0, 1), that are dropped at random in training: of those that a layer
        passes to the next, and of those that the head reads [3]_.

    augment : list of augmentations or None, default=None
        Random changes of the training sequences in every epoch, applied in this order; see
        :mod:`skfastgrnn.augmentation`.

    early_stopping : bool or 'auto', default='auto'
        Whether to hold out `validation_fraction` of the training sequences, to restore the weights
        of the epoch with the lowest (weighted) validation loss, and to stop when it has not
        improved for `n_iter_no_change` epochs. `X_val` in `fit` replaces the held-out part. 'auto'
        is True if `X_val` is passed, and otherwise holds nothing out, since the sequences are worth
        more for training.

    validation_fraction : float, default=0.2
        Fraction to hold out, in (0, 1).

    validation_split : {'auto', 'random', 'tail'}, default='auto'
        Which sequences to hold out: 'random' draws them (stratified by class), 'tail' takes the
        last ones, as needed for forecasts, and still shuffles the others. 'auto' is 'tail' with
        ``shuffle=False``, and otherwise 'random'.

    n_iter_no_change : int, inf or None, default=None
        Number of epochs without an improvement of the validation loss (without validation, of the
        training loss) by `tol` after which training stops, with a `ConvergenceWarning` if
        `max_iter` is reached first. None: with validation a third of `max_iter`; without, training
        stops only when nothing is left to learn, that is when the training loss is below ``30 *
        tol`` (of a regressor ``tol / 100``). ``float("inf")`` always trains for `max_iter` epochs.

    tol : float, default=1e-4
        Minimum decrease of the loss that counts as an improvement.

    refit : bool, default=False
        Whether to train again on all sequences, the validation set included, for `best_iter_`
        epochs at the rates of the first run: the protocol of [1]_. `history_` remains that of the
        first run.

    n_init : int, default=1
        Number of trainings, each from other initial weights and with sequences in another order.
        That whose weights have the lowest validation loss is kept (without validation the lowest
        training loss, without penalty), with its attributes; the first is that of ``n_init=1``. Up
        to `n_jobs` run at the same time. Not for `partial_fit`, nor to continue by `warm_start`.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of an earlier `fit` or `partial_fit` instead of
        initial ones. Optimizer moments are kept if the model has them (after `partial_fit`, or a
        `fit` with ``warm_start=True``), unless the solver or the classes change. Everything else
        starts afresh: epochs and learning rate, early stopping, `history_`, the random numbers of
        an integer `random_state`. If y has other classes than before, the head is rebuilt: known
        classes keep their weights, new ones get initial ones, and those missing from y are dropped.
        The network (channels, `hidden_size`, `n_layers`, `bidirectional`, `pooling`, activations)
        must not change, and `refit` must be False; otherwise `fit` raises ValueError. Weights are
        converted to the ranks and bits of `compression`; a support of its densities stays.

    frozen : str, list or tuple of str, or None, default=None
        Parameters of the network that are not trained: 'cell' (all parameters except those of the
        head, in all layers and directions), 'head', a name in `params_`, or several of these. With
        `warm_start` and in `partial_fit`, frozen parameters keep their learned values, otherwise
        their initial ones: a cell that is frozen from the start is a random reservoir whose states
        a trained head reads, as in echo state networks [5]_. A name that the network does not have
        raises ValueError, as does freezing everything.

    n_jobs : int or None, default=None
        Number of threads. None means 1 (unless in a :class:`joblib.parallel_config` context), -1
        all cores. The result does not depend on it, to the last bit.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, shuffling and the held-out part. No global state is used or
        changed.

    verbose : int, default=0
        With 1, print a line per epoch (losses, elapsed and remaining time), and one if training
        stops early.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted; in multilabel classification 0 to n_labels - 1.

    n_features_in_ : int
        Number of columns of 2-D X, otherwise number of channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns if X was a DataFrame with string column names; names of channels if it was
        a list of such DataFrames.

    n_channels_ : int
        Number of channels.

    n_iter_ : int
        Number of epochs trained by the last `fit`, and by `partial_fit` since then.

    best_iter_ : int
        The epoch, counted from 1, whose weights were kept: that of the lowest validation loss.
        Without validation the last one, or that of the lowest training loss if it fits better. 0 if
        no epoch was better than the initial weights (training diverged) or none was completed
        (training was interrupted). After `partial_fit` the last call that did not diverge.

    loss_ : float
        Training objective (mean loss and penalty) of the last epoch. Losses of a regressor refer to
        scaled targets.

    best_loss_ : float
        The lowest validation loss, or the lowest training objective if there is no validation.

    loss_curve_, validation_loss_curve_ : list of float
        Training objective and validation loss of every epoch, as in `history_`; the latter is empty
        without validation.

    validation_scores_ : list of float or None
        Validation accuracy of every epoch; None without validation.

    best_validation_score_ : float or None
        The highest of `validation_scores_`. The weights kept are those of the lowest validation
        loss (`best_iter_`), which may be another epoch's.

    history_ : dict of str -> list of float
        Per epoch: 'loss', 'validation_loss', 'accuracy', 'validation_accuracy', 'learning_rate',
        'gradient_norm' (mean over updates, before clipping) and 'seconds'. Training values are
        averages over the minibatches, each computed before its update. After `partial_fit` for the
        last 1000 epochs only.

    params_ : dict of str -> ndarray
        The learned parameters of the network by name.

    n_bytes_ : int
        Bytes of the network, as a device stores it: 4 for each parameter, whatever the precision of
        training. A network that was trained with `bits` is counted in integers. A matrix with
        weights that are 0 is stored as the others and a bitmap, if that is shorter. See
        :func:`skfastgrnn.compression.size_report`.

    n_operations_per_step_ : int
        Multiply-adds of a time step: one for each stored weight of the cells, 3 for the update of
        each hidden unit, and with attention 2 for each state. Activation functions, sums and what
        happens once in a sequence (the head) are not counted.

    See Also
    --------
    FastGRNNRegressor : Regression on sequences.
    sklearn.neural_network.MLPClassifier : Multi-layer perceptron, for rows.

    References
    ----------
    .. [1] A. Kusupati, M. Singh, K. Bhatia, A. Kumar, P. Jain, M. Varma, "FastGRNN: A Fast,
       Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network", NeurIPS 2018.
    .. [2] Diederik P. Kingma, Jimmy Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    .. [3] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: A
       Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014.
    .. [4] M. Schuster, K. K. Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Transactions
       on Signal Processing 45, 1997.
    .. [5] Herbert Jaeger, "The 'Echo State' Approach to Analysing and Training Recurrent Neural
       Networks", GMD Report 148, German National Research Center for Information Technology, 2001.
    .. [6] L. N. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using
       Large Learning Rates", arXiv:1708.07120, 2018.
    .. [7] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, "Focal Loss for Dense Object
       Detection", ICCV 2017.
    .. [8] B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging",
       SIAM Journal on Control and Optimization 30(4), 1992.
    .. [9] C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception
       Architecture for Computer Vision", CVPR 2016.

    Examples
    --------
    Handwritten digits, each read as 8 steps (rows of the image) of 8 channels:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skfastgrnn import FastGRNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     X.reshape(-1, 8, 8) / 16, y, random_state=0
    ... )
    >>> model = FastGRNNClassifier(hidden_size=16, random_state=0).fit(X_train, y_train)
    >>> model.score(X_test, y_test) > 0.9
    True
    >>> model.predict_proba(X_test[:2]).shape
    (2, 10)
    """

    _metric = "accuracy"
    _saved_attributes = CLASSIFIER
    _is_multilabel = False

    _parameter_constraints = {
        **BaseFastGRNN._parameter_constraints,
        "sampling": [StrOptions({"balanced"}), None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "loss": [StrOptions({"cross_entropy", "focal"})],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        hidden_size=32,
        *,
        n_layers=1,
        bidirectional=False,
        pooling="last",
        compression=None,
        gate_activation="sigmoid",
        update_activation="tanh",
        bounded_state=False,
        n_timesteps=None,
        loss="cross_entropy",
        focal_gamma=2.0,
        label_smoothing=0.0,
        class_weight=None,
        sampling=None,
        max_iter=None,
        batch_size="auto",
        gradient_accumulation_steps=1,
        shuffle=True,
        solver="adam",
        learning_rate="auto",
        learning_rate_init=0.02,
        lr_decay=None,
        lr_decay_step=None,
        beta_1=0.9,
        beta_2=None,
        epsilon=1e-8,
        momentum=0.9,
        nesterovs_momentum=True,
        clip_norm=5.0,
        clip_value=None,
        ema=None,
        alpha=1e-5,
        dropout=0.0,
        augment=None,
        early_stopping="auto",
        validation_fraction=0.2,
        validation_split="auto",
        n_iter_no_change=None,
        tol=1e-4,
        refit=False,
        n_init=1,
        warm_start=False,
        frozen=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            hidden_size=hidden_size,
            n_layers=n_layers,
            bidirectional=bidirectional,
            pooling=pooling,
            compression=compression,
            gate_activation=gate_activation,
            update_activation=update_activation,
            bounded_state=bounded_state,
            n_timesteps=n_timesteps,
            max_iter=max_iter,
            batch_size=batch_size,
            gradient_accumulation_steps=gradient_accumulation_steps,
            shuffle=shuffle,
            solver=solver,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            lr_decay=lr_decay,
            lr_decay_step=lr_decay_step,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            clip_norm=clip_norm,
            clip_value=clip_value,
            ema=ema,
            alpha=alpha,
            dropout=dropout,
            augment=augment,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            validation_split=validation_split,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            refit=refit,
            n_init=n_init,
            warm_start=warm_start,
            frozen=frozen,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )
        self.loss = loss
        self.focal_gamma = focal_gamma
        self.label_smoothing = label_smoothing
        self.sampling = sampling
        self.class_weight = class_weight

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        objective=None,
    ):
        """Train on sequences X with labels y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays of shape (n_timesteps_i, n_channels) or (n_timesteps_i,)
            Training sequences. Sequences of different lengths are passed as a list or object array,
            or in three dimensions with trailing steps that are NaN in every channel, which are
            ignored. 2-D X is read according to `n_timesteps`. float32 is trained in float32,
            anything else in float64. An array in C order, and views of one, are read in place.

        y : array-like of shape (n_samples,), or array-like or sparse matrix of shape \
                (n_samples, n_labels)
            Class labels: strings, integers or booleans. Or an indicator matrix (multilabel) with 1
            for each label of a sample, 0 for the others.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples.

        X_val : array-like, default=None
            Validation sequences in the same form, used instead of a held-out part of X. A Pipeline
            transforms them like X with ``transform_input=["X_val"]``, metadata routing enabled and
            ``set_fit_request(X_val=True, y_val=True)``.

        y_val : array-like of shape (n_validation_samples,), default=None
            Labels of X_val.

        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of X_val.

        objective : Objective, default=None
            Objective to minimise instead of the estimator's own loss. For meta-estimators, such as
            :class:`DistilledFastGRNN`; there is no public constructor yet.

        Returns
        -------
        self : FastGRNNClassifier

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid; the estimator is then unchanged.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` was reached before convergence, or if training diverged.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val, objective)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one more epoch, on these sequences.

        The first call, unless the model is fitted, starts from initial weights. Later calls
        continue with weights, optimizer moments, `history_` (of the last 1000 calls) and the count
        of epochs. Nothing is held out, and callbacks are not called. Schedules that need an end or
        comparable losses ('cosine', 'linear', 'one_cycle', 'plateau') do not apply: the rate is
        then `learning_rate_init`, or with the default 'auto' 0.6 times that. If training on a batch
        diverges, the previous weights are restored.

        Nor has `compression` phases here: factors begin at random, weights are rounded from the
        first call on, and the first call chooses which of them are kept; later ones go on with
        these. It is better to compress by `fit`, and to continue from there.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Sequences as in `fit`.

        y : array-like of shape (n_samples,), or (n_samples, n_labels)
            Class labels; some classes may be missing. Or an indicator matrix, as in `fit`.

        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur; required in the first call, optional in later ones. Not
            needed for an indicator matrix.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples.

        Returns
        -------
        self : FastGRNNClassifier

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid, y has a label that is not in `classes`,
            ``early_stopping=True`` or ``class_weight="balanced"``; the estimator is then unchanged.

        Warns
        -----
        ConvergenceWarning
            If training diverged: the loss of these sequences has more than doubled by training on
            them, to more than twice that of guessing.
        UserWarning
            If callbacks are set, or the learning rate of the schedule is almost 0.
        """
        if isinstance(self.class_weight, str) and not is_multilabel(y):
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which never sees all "
                "labels. Compute weights with sklearn.utils.compute_class_weight, and pass them as "
                "the class_weight parameter."
            )

        self._check_sampling()
        self._check_label_smoothing()

        def make_objective(fitted, earlier):
            objective = fitted._new_objective(y if earlier is None else None)
            if isinstance(objective, Multilabel):
                fitted._check_multilabel()
            if earlier is not None:
                fitted._check_classes_of_stream(classes)
            elif isinstance(objective, Multilabel):
                fitted.classes_ = np.arange(y.shape[1] if hasattr(y, "shape") else len(y[0]))
                if classes is not None and not np.array_equal(classes, fitted.classes_):
                    raise ValueError(
                        f"classes must be 0 to {fitted.classes_[-1]} for such an indicator matrix, "
                        f"got {plain(classes)!r}; they can be left out."
                    )
            else:
                _check_partial_fit_first_call(fitted, classes)
            if len(fitted.classes_) < 2:
                raise ValueError(f"classes must hold at least 2 of them; got {plain(classes)!r}.")
            objective.classes = fitted.classes_
            return objective

        return self._partial_fit(X, y, sample_weight, make_objective)

    def _check_classes_of_stream(self, classes):
        """Refuse another list of classes than that of the first call."""
        if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes={np.unique(classes).tolist()} is not the same as on last call to "
                f"partial_fit, was: {self.classes_.tolist()}. {NEW_CLASSES}"
            )

    def _new_objective(self, y=None):
        owner = type(self).__name__
        if y is None and self._is_multilabel:
            return Multilabel(owner)
        if y is not None and is_multilabel(y):
            self._check_multilabel()
            return Multilabel(owner)
        loss = Loss(self.loss, gamma=self.focal_gamma if self.loss == "focal" else 0.0)
        return Classification(
            owner,
            class_weight=self.class_weight,
            loss=loss,
            label_smoothing=float(self.label_smoothing),
        )

    def _check_multilabel(self):
        """Raise for parameters that require one class per sample."""
        for name, neutral, advice in (
            ("class_weight", None, "Use sample_weight instead."),
            ("sampling", None, "Use sample_weight instead."),
            ("loss", "cross_entropy", "Set loss='cross_entropy', which is summed over labels."),
            ("label_smoothing", 0, "Leave it out."),
        ):
            value = getattr(self, name)
            if value != neutral:
                raise ValueError(
                    f"{name}={plain(value)!r} needs one class for each sample, but y is an "
                    f"indicator matrix. {advice}"
                )

    def _check_combinations(self):
        super()._check_combinations()
        self._check_sampling()
        self._check_label_smoothing()

    def _check_label_smoothing(self):
        if self.label_smoothing > 0 and self.loss != "cross_entropy":
            raise ValueError(
                f"label_smoothing={plain(self.label_smoothing)!r} and loss={self.loss!r} exclude "
                "each other: the latter is of the label only. Set label_smoothing=0, or "
                "loss='cross_entropy'."
            )

    def _check_sampling(self):
        if self.sampling is not None and (self.class_weight is not None or not self.shuffle):
            clash = "class_weight" if self.class_weight is not None else "shuffle=False"
            raise ValueError(
                f"sampling='balanced' and {clash} exclude each other: the former draws sequences "
                "at random, so that all classes weigh the same. Leave one of them out."
            )

    def _check_parameters(self, network):
        super()._check_parameters(network)
        if isinstance(self.class_weight, dict):
            self._fitted_objective().weights_of_classes(np.arange(len(self.classes_)), None)

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            Sequences as in `fit`. Those of a model that was fitted on 2-D X are 2-D; otherwise they
            may have any length and form.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            For two classes the logit of ``classes_[1]``. float32 or float64, like X in `fit`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the number of channels or columns differs from that in `fit`, or X is not finite.
        """
        return decision(as_it_is(self)._outputs(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            As in `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`; float32 or float64, like X in `fit`. In multilabel
            classification, independent for each label.
        """
        now = as_it_is(self)
        return probabilities(now._outputs(X), is_multilabel=now._is_multilabel)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Log-probabilities of the classes, also where the probabilities underflow to 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            As in `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`; float32 or float64, like X in `fit`. In multilabel
            classification, independent for each label.
        """
        now = as_it_is(self)
        return log_probabilities(now._outputs(X), is_multilabel=now._is_multilabel)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sequence, or the labels more probable than not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_channels) or (n_samples, n_columns), or \
                list of n_samples arrays
            As in `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels from `classes_`; an indicator matrix of 0 and 1 if y was one in `fit`.
        """
        now = as_it_is(self)
        return labels(now._outputs(X), now.classes_, is_multilabel=now._is_multilabel)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
