"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

Of what the package needs, and of pandas, whose frames it reads; the tools of the tests are as they
are.
"""

import re
import tomllib
from pathlib import Path

settings = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
required = settings["project"]["dependencies"]
required += [line for line in settings["dependency-groups"]["test"] if line.startswith("pandas")]
for line in required:
    name, version = re.fullmatch(r"([\w-]+)>=([\d.]+)", line).groups()
    print(f"{name}=={version}")
