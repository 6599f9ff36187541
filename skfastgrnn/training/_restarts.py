"""Several trainings from different initial weights, in turn or at once; the best one is kept."""

from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import replace
from threading import Event
from typing import NamedTuple

import numpy as np

from ._report import collected_warnings, warn
from ._trainer import INTERRUPTED, TrainingResult

#: Seconds after which a thread that waits looks for signals: one may come just before it waits.
UNTIL_SIGNALS = 0.1


class Trained(NamedTuple):
    """A training that has ended.

    number : of the training, from 0
    result : TrainingResult
    loss : of the kept parameters
    warnings : list of (message, category), which have not been given
    """

    number: int
    result: TrainingResult
    loss: float
    warnings: list


def best_training(train_one, n_trainings, n_at_once):
    """Train several times, and keep the training that ends with the lowest loss.

    Of equal ones the first. Only warnings of the training that is kept are given. Ctrl-C ends the
    trainings that run, those at once after their epochs; the others are not begun.

    Parameters
    ----------
    train_one : callable
        Given the number of a training, from 0, and what its epochs notify or None, returns its
        TrainingResult and the loss of the parameters that this keeps.
    n_trainings : int
    n_at_once : int
        Number of threads that train.

    Returns
    -------
    number : int
    result : TrainingResult
        Not completed where a training was interrupted.
    """

    def trained(number, notifier=None):
        with collected_warnings() as warnings:
            result, loss = train_one(number, notifier)
        return Trained(number, result, loss, warnings)

    numbers = range(n_trainings)
    if n_at_once == 1:
        found, interrupted = train_in_turn(trained, numbers)
    else:
        found, interrupted = train_at_once(trained, numbers, n_at_once)
    losses = [each.loss for each in found]
    kept = found[int(np.argmin(np.nan_to_num(losses, nan=np.inf)))]
    for message, category in kept.warnings:
        warn(message, category)
    if interrupted and not kept.result.interrupted:
        warn(INTERRUPTED)
    interrupted = interrupted or kept.result.interrupted
    return kept.number, replace(kept.result, interrupted=interrupted)


def train_in_turn(trained, numbers):
    """One after the other; (those that have ended, whether one was interrupted)."""
    found = []
    for number in numbers:
        found.append(trained(number))
        if found[-1].result.interrupted or found[-1].result.stopped:
            break
    return found, found[-1].result.interrupted


def train_at_once(trained, numbers, n_threads):
    """Likewise in threads.

    All are started before one trains: Ctrl-C in the start of a thread would leave it running.
    """
    ending, started, interrupted = Ending(), Event(), False

    def work(number):
        started.wait()
        if ending.is_due.is_set():
            return None
        try:
            return trained(number, ending)
        except BaseException:
            ending.is_due.set()
            raise

    with ThreadPoolExecutor(n_threads) as pool:
        futures = []
        try:
            for number in numbers:
                futures.append(pool.submit(copy_context().run, work, number))
            started.set()
            while wait(futures, timeout=UNTIL_SIGNALS).not_done:
                pass
        except KeyboardInterrupt:
            interrupted = True
            ending.is_due.set()
        finally:
            started.set()
    found = [each for future in futures if (each := future.result()) is not None]
    if not found:
        raise KeyboardInterrupt
    return found, interrupted


class Ending:
    """Tells trainings after their epochs whether to end."""

    def __init__(self):
        self.is_due = Event()

    def epoch_begins(self):
        """Do nothing."""

    def epoch_ends(self):
        """Whether to end."""
        return self.is_due.is_set()
