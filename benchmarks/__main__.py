"""Command line: measure, print the table, write the JSON file."""

import argparse
import json
from pathlib import Path

from . import environment, report, suite
from .pool import Pool
from .workloads import WORKLOADS


def parse_arguments():
    """Read the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each (default: 9)")
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="shortest measurement (default: 0.3)"
    )
    parser.add_argument(
        "--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), help="default: all"
    )
    parser.add_argument("--quick", action="store_true", help="3 rounds of at least 0.1 s")
    parser.add_argument(
        "--json", type=Path, default=Path("benchmarks.json"), metavar="PATH", help="file to write"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 3, 0.1
    return arguments


def main():
    """Run the suite."""
    arguments = parse_arguments()
    comparisons = [c for c in suite.COMPARISONS if c.workload in arguments.workloads]
    settings = {"rounds": arguments.rounds, "seconds_per_measurement": arguments.seconds}
    with Pool() as pool:
        times = suite.measure(pool, comparisons, arguments.rounds, arguments.seconds)
        results = report.build(comparisons, times, pool.workers, environment.describe(), settings)
    print(report.text(results))
    arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
