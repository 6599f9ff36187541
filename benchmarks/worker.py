"""A child process that runs one contender and times it on request.

Requests and replies are lines of JSON. The first line out tells whether the contender is there::

    {"status": "ready"}        or "not installed", "unavailable"
    -> {"task": "train", "workload": "har", "seconds": 0.3}
    {"status": "ready", "seconds": 0.012, "facts": {}}

``seconds`` in a request is how long one measurement lasts at least; in a reply, the time of one
epoch or one call.
"""

import json
import math
import os
import statistics
import sys
import time
import traceback

from .contenders import CONTENDERS, prefer_installed
from .workloads import WORKLOADS


class Epochs:
    """Time of one epoch: a whole training, divided by its epochs."""

    def __init__(self, contender, workload, at_least):
        self.train = contender.trainer(workload)
        self.n_epochs = 1
        self._seconds()  # warm up
        while (seconds := self._seconds()) < at_least:
            self.n_epochs = max(self.n_epochs + 1, math.ceil(self.n_epochs * at_least / seconds))

    def _seconds(self):
        start = time.perf_counter()
        self.train(self.n_epochs)
        return time.perf_counter() - start

    def measure(self):
        """Return seconds per epoch."""
        return self._seconds() / self.n_epochs


class Calls:
    """Time of one call of ``predict_proba``: the median of many."""

    def __init__(self, contender, workload, at_least, n_rows):
        self.predict = contender.predictor(workload, n_rows)
        self.at_least = at_least
        self.measure()  # warm up

    def measure(self):
        """Return seconds per call."""
        times = []
        end = time.perf_counter() + self.at_least
        while time.perf_counter() < end or len(times) < 3:
            start = time.perf_counter()
            self.predict()
            times.append(time.perf_counter() - start)
        return statistics.median(times)


def prepare(contender, task, workload, at_least):
    """Set up the measurement of a task; nothing of this is timed."""
    if task == "train":
        return Epochs(contender, workload, at_least)
    n_rows = {"predict all rows": workload.n_samples, "predict one row": 1}[task]
    return Calls(contender, workload, at_least, n_rows)


def serve(name, requests, reply):
    """Create the contender, then answer requests until they end."""
    try:
        contender = CONTENDERS[name].create()
    except ModuleNotFoundError as error:
        return reply(status="not installed", detail=str(error))
    except (ImportError, RuntimeError, ValueError) as error:
        return reply(status="unavailable", detail=str(error))
    reply(status="ready")
    prepared = {}
    for line in requests:
        request = json.loads(line)
        task, workload = request["task"], request["workload"]
        try:
            if (task, workload) not in prepared:
                prepared[task, workload] = prepare(
                    contender, task, WORKLOADS[workload], request["seconds"]
                )
            seconds = prepared[task, workload].measure()
        except Exception:
            return reply(status="failed", detail=traceback.format_exc())
        reply(status="ready", seconds=seconds, facts=contender.facts)


def main():
    """Pin the process to its cores, then serve on the standard streams."""
    name, *cores = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, map(int, cores))
    prefer_installed()
    # What libraries print must not mix with replies.
    replies, sys.stdout = sys.stdout, sys.stderr

    def reply(**message):
        print(json.dumps(message), file=replies, flush=True)

    serve(name, sys.stdin, reply)


if __name__ == "__main__":
    main()
