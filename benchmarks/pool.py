"""The worker processes, one for each contender, started when first asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

from .contenders import CONTENDERS

ROOT = Path(__file__).resolve().parent.parent


def usable_cores():
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count()))


def _environment(contender):
    threads = str(contender.n_threads)
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    inherited = {k: v for k, v in os.environ.items() if k != "SKFASTGRNN_KERNEL"}
    return inherited | dict.fromkeys(variables, threads) | contender.environment


class Worker:
    """A contender in its own pinned process.

    Attributes
    ----------
    status : str
        "ready", or why there is nothing to measure: "not installed", "unavailable", "failed".
    facts : dict
        What the contender reports besides times.
    """

    def __init__(self, contender):
        self.contender = contender
        self.facts = {}
        cores = usable_cores()[-contender.n_threads :]
        if len(cores) < contender.n_threads:
            self.process = None
            self.status = "unavailable"
            return
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", contender.name, *map(str, cores)],
            cwd=ROOT,
            env=_environment(contender),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def measure(self, task, workload, seconds):
        """Return the seconds of one epoch or call, or None where there is nothing to measure."""
        if self.status != "ready":
            return None
        request = {"task": task, "workload": workload, "seconds": seconds}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        reply = self._read()
        self.facts = reply.get("facts", self.facts)
        return reply.get("seconds")

    def _read(self):
        line = self.process.stdout.readline()
        reply = json.loads(line) if line else {"status": "failed", "detail": "process ended"}
        self.status = reply["status"]
        if self.status != "ready":
            label, detail = self.contender.label, reply["detail"]
            print(f"{label}: {self.status}: {detail}", file=sys.stderr)
        return reply

    def close(self):
        """End the process."""
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()


class Pool:
    """Workers by name of their contender; a context manager that ends them."""

    def __init__(self):
        self.workers = {}

    def __getitem__(self, name):
        if name not in self.workers:
            self.workers[name] = Worker(CONTENDERS[name])
        return self.workers[name]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for worker in self.workers.values():
            worker.close()
