"""The results as a table to read and as JSON to keep."""

from itertools import groupby
from statistics import median

from .contenders import CONTENDERS
from .suite import ratios
from .workloads import WORKLOADS

UNITS = {
    "train": "ns per sample and step",
    "predict all rows": "ns per sample and step",
    "predict one row": "us per call",
}
HEADER = ("task", "workload", "reference", "time", "measured", "time", "ratio (min-max)", "target")
LEFT = {"task", "workload", "reference", "measured", "target"}


def in_units(seconds, task, workload):
    """Convert the time of an epoch or call to the unit of its task."""
    if task == "predict one row":
        return seconds * 1e6
    return seconds * 1e9 / WORKLOADS[workload].n_steps


def comparison_record(comparison, times, statuses):
    """Summarise one comparison.

    Parameters
    ----------
    comparison : Comparison
    times : dict
        As returned by `suite.measure`.
    statuses : dict of str to str
        Status of each contender.

    Returns
    -------
    dict
        JSON-ready; times are medians in the unit of the task. ``ratio`` and ``met`` are None
        where a side is missing, and ``met`` where there is no target.
    """
    c = comparison
    group = times[c.task, c.workload]
    record = {
        "section": c.section,
        "task": c.task,
        "workload": c.workload,
        "unit": UNITS[c.task],
        "target": None if c.target is None else str(c.target),
        "ratio": None,
        "met": None,
    }
    for side, name in (("reference", c.reference), ("measured", c.measured)):
        time = in_units(median(group[name]), c.task, c.workload) if name in group else None
        record[side] = {"contender": name, "status": statuses[name], "median": time}
    if c.reference in group and c.measured in group:
        both = group[c.reference], group[c.measured]
        by_round = ratios(*both)
        record["ratio"] = {
            "median": median(by_round),
            "min": min(by_round),
            "max": max(by_round),
        }
        if c.target is not None:
            record["met"] = c.target.met(*both)
    return record


def build(comparisons, times, workers, environment, settings):
    """Collect everything that is known after a run, JSON-ready."""
    statuses = {name: worker.status for name, worker in workers.items()}
    return {
        "environment": environment,
        "settings": settings,
        "contenders": {
            name: {"label": CONTENDERS[name].label, "status": w.status, "facts": w.facts}
            for name, w in workers.items()
        },
        "comparisons": [comparison_record(c, times, statuses) for c in comparisons],
        "seconds": [
            {"task": task, "workload": workload, "contender": name, "rounds": rounds}
            for (task, workload), group in times.items()
            for name, rounds in group.items()
        ],
    }


def text(report):
    """Lay the report out as tables."""
    environment = report["environment"]
    libraries = environment["libraries"].items()
    lines = [
        f"{environment['processor']}, {environment['system']} {environment['machine']}, "
        f"Python {environment['python']}",
        ", ".join(f"{name} {version or 'not installed'}" for name, version in libraries),
    ]
    for section, records in groupby(report["comparisons"], key=lambda r: r["section"]):
        records = list(records)
        lines += ["", section, *_table([HEADER, *map(_row, records)])]
    lines += ["", *_facts(report)]
    return "\n".join(lines)


def _row(record):
    cells = [record["task"], record["workload"]]
    for side in (record["reference"], record["measured"]):
        cells += [CONTENDERS[side["contender"]].label, _time(side, record["unit"])]
    ratio = record["ratio"]
    cells.append("{median:.2f}x ({min:.2f}-{max:.2f})".format(**ratio) if ratio else "-")
    verdict = {None: "", True: "  met", False: "  MISSED"}[record["met"]]
    cells.append((record["target"] or "") + verdict)
    return cells


def _time(side, unit):
    if side["median"] is None:
        return side["status"]
    return f"{side['median']:.1f} {unit.split()[0]}"


def _table(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if title in LEFT else cell.rjust(width)
            for title, cell, width in zip(HEADER, row, widths, strict=True)
        )
        yield "  " + "  ".join(cells).rstrip()


def _facts(report):
    for contender in report["contenders"].values():
        for fact, value in contender["facts"].items():
            yield f"{contender['label']}: {fact.replace('_', ' ')}: {_shown(value)}"


def _shown(value):
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)
