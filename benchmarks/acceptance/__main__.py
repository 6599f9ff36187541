"""Command line: run the topics that are named; fail where a promise is not kept.

python -m benchmarks.acceptance                     all of them
python -m benchmarks.acceptance har --data FOLDER   some
python -m benchmarks.acceptance comparison          one of those that take hours, by name only
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

from ..contenders import prefer_installed

TOPICS = (
    "defaults",
    "har",
    "memory",
    "vowels",
    "forecasts",
    "callbacks",
    "continuing",
    "distillation",
    "routing",
    "labels",
    "quantized",
    "integers",
    "exported",
    "devices",
    "har2_kilobytes",
    "har6_kilobytes",
    "accelerometer_bytes",
    "mnist_rows",
)
ONLY_BY_NAME = ("choice", "comparison", "averages", "har2_ablation", "mnist_pixels")


def main():
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.acceptance", description="Acceptance runs on real data."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(TOPICS)} (default: all of these), {', '.join(ONLY_BY_NAME)}",
    )
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the data sets"
    )
    arguments = parser.parse_args()
    known = (*TOPICS, *ONLY_BY_NAME)
    unknown = set(arguments.names) - set(known)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(known)}")
    prefer_installed()  # before a topic imports skfastgrnn
    kept = [
        import_module(f"{__package__}.{name}").run(arguments.data)
        for name in arguments.names or TOPICS
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
