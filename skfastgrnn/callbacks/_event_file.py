"""Event files for TensorBoard: the only file that imports the package tensorboard."""

import os
import socket
import time
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.summary.writer.record_writer import RecordWriter

N_BINS = 30


class EventFile:
    """A file of events in a folder.

    It begins with the start of a session at `first_step`, so that TensorBoard discards entries of
    other files in the folder for this and later steps.
    """

    def __init__(self, folder, first_step):
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._records = RecordWriter(open(Path(folder) / name, "xb"))  # noqa: SIM115
        self._add(file_version="brain.Event:2")
        self._add(step=first_step, session_log=SessionLog(status=SessionLog.START))

    def add_scalars(self, step, numbers):
        """Add numbers by tag."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in numbers.items()]
        self._add(step=step, summary=Summary(value=values))

    def add_histograms(self, step, arrays):
        """Add histograms of the finite values of arrays by tag; of none there is no histogram."""
        finite = {tag: array[np.isfinite(array)] for tag, array in arrays.items()}
        values = [
            Summary.Value(tag=tag, histo=histogram(values))
            for tag, values in finite.items()
            if len(values)
        ]
        self._add(step=step, summary=Summary(value=values))

    def _add(self, **content):
        self._records.write(Event(wall_time=time.time(), **content).SerializeToString())

    def flush(self):
        """Hand all to the operating system."""
        self._records.flush()

    def close(self):
        """Flush and close."""
        self._records.close()


def histogram(values):
    """Numbers, counted in bins of equal width."""
    values = values.astype(np.float64)
    counts, edges = np.histogram(values, bins=N_BINS)
    return HistogramProto(
        min=values.min(),
        max=values.max(),
        num=len(values),
        sum=values.sum(),
        sum_squares=values @ values,
        bucket_limit=edges[1:],
        bucket=counts,
    )
