"""Print which lines of the kernel in C were run, from the counts in a build folder.

The kernel is compiled once for each precision and instruction set: a line counts as run if one of
them has run it.

    python .ci/gcov_report.py BUILD_FOLDER
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

folder = Path(sys.argv[1]).resolve()
runs = defaultdict(lambda: defaultdict(int))  # of each line of each file
for counts in sorted(folder.rglob("*kernel.c.gcda")) + sorted(folder.rglob("*dispatch.c.gcda")):
    command = ["gcov", "--json-format", "--stdout", counts]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    for report in done.stdout.splitlines():
        for source in json.loads(report)["files"]:
            if Path(source["file"]).parent.name == "c":
                for line in source["lines"]:
                    runs[Path(source["file"]).name][line["line_number"]] += line["count"]
if not runs:
    sys.exit(f"There are no counts below {folder}.")
for name, lines in sorted(runs.items()):
    missing = [number for number, count in sorted(lines.items()) if count == 0]
    share = 100 * (1 - len(missing) / len(lines))
    print(f"{name:<16}{len(lines):>5} lines{share:>6.1f} %  {', '.join(map(str, missing))}")
total = sum(map(len, runs.values()))
run = sum(count > 0 for lines in runs.values() for count in lines.values())
print(f"{'all':<16}{total:>5} lines{100 * run / total:>6.1f} %")
