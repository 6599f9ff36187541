"""Models and checkpoints in files.

_safetensors.py    save, load, and checkpoints: safetensors, and no code
_serialization.py  Python's values as JSON and arrays, and back
_schema.py         what an entry of a file may be
_fingerprint.py    what data a training learned from
_files.py          paths, and files that are complete or not there
"""

from ._safetensors import IMPORTED_LATER, load, save

__all__ = ["IMPORTED_LATER", "load", "save"]
