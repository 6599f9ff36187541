"""A monitor that collects the rows of its copies in all processes."""

import os
import weakref
from datetime import UTC, datetime

from ..training import warn
from ._sklearn import ScoringMonitor, _transport

#: The monitors that were made in this process, by the address at which they are sent rows.
MONITORS = weakref.WeakValueDictionary()


class SharedMonitor(ScoringMonitor):
    """A `ScoringMonitor` whose copies all write to the log of the original.

    scikit-learn's own detects by the address of its listener whether it has been sent to another
    process. This fails in two cases, where the rows then stay in a copy: a forked process inherits
    the table of listeners, as with joblib's backend "multiprocessing"; and dask unpickles what it
    sends once in the sending process.
    """

    def __init__(self, *, scoring):
        super().__init__(scoring=scoring)
        self._process = os.getpid()
        MONITORS[self._listener_handle.address] = self

    def setup(self, estimator, context):
        """Warn if rows cannot reach the original."""
        super().setup(estimator, context)
        self._leave_inherited_listener()
        while context.parent is not None:
            context = context.parent
        if self._lost_since is not None and context.init_time < self._lost_since:
            warn(
                f"{type(self).__name__} cannot reach the process that it was sent from, on this "
                "machine or another one: its get_logs will lack this fit.",
                RuntimeWarning,
            )

    #: When a copy was made that cannot reach the process that it was sent from.
    _lost_since = None

    def __setstate__(self, state):
        """Find the monitor that this is a copy of."""
        address = state["_listener_handle"].address
        if state["_process"] == os.getpid():
            original = MONITORS.get(address)
            if original is not None:
                # The reference keeps the listener open.
                vars(self).update(state, _log=original._log, _original=original)
                return
        vars(self).update(state)
        self._leave_inherited_listener()
        super().__setstate__(state)
        if self._listener_handle.address != address:
            self._process = os.getpid()
            self._lost_since = datetime.now(UTC)
            MONITORS[self._listener_handle.address] = self

    def _leave_inherited_listener(self):
        """Forget what a fork has inherited of the listener, which is another process's."""
        if self._process != os.getpid():
            _transport._message_consumers.pop(self._listener_handle.address, None)
            _transport._listeners.pop(self._listener_handle.address, None)

    def __getstate__(self):
        """What copies get."""
        state = dict(super().__getstate__())
        for name in ("_original", "_lost_since"):
            state.pop(name, None)
        return state
