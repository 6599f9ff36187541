"""HTMLPage: a page in which a model in integers runs, and its text."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from ..persistence._files import as_path, replace_file

FOLDER = Path(__file__).parent / "page"
SCRIPTS = (
    "integers.js",
    "run.js",
    "parse.js",
    "resample.js",
    "charts.js",
    "draw.js",
    "motion.js",
    "view.js",
    "page.js",
)
#: Pixels of the frame in a notebook.
HEIGHT = 900


class HTMLPage:
    """A page in which a model runs, as :func:`to_html` returns it.

    In a notebook it is shown in a frame.

    Parameters
    ----------
    html : str
        Text of the file.

    See Also
    --------
    to_html : Makes a page of a fitted model.
    """

    def __init__(self, html):
        self.html = html

    def __repr__(self):
        return f"<{type(self).__name__} of {len(self.html.encode())} bytes>"

    def _repr_html_(self):
        source = html.escape(self.html)
        return (
            f'<iframe srcdoc="{source}" sandbox="allow-scripts" allow="accelerometer; gyroscope" '
            f'style="width: 100%; height: {HEIGHT}px; border: 0"></iframe>'
        )

    def save(self, path: Any) -> None:
        """Write the page to a file, in one piece: an error leaves a file that was there unchanged.

        Parameters
        ----------
        path : str, bytes or path-like
            Name of the file, such as ``"model.html"``.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        replace_file(as_path(path), self.html.encode())


def page_text(model):
    """The text of a page.

    model : dict that `JSON` can hold, of which the page reads "title", "about", "kind", "channels",
        "labels", "rate", "example" and "network" (`stored_network`)
    """
    style = _read("page.css")
    script = "\n".join(_read(name) for name in SCRIPTS)
    parts = {
        "title": html.escape(model["title"].encode("utf-8", "replace").decode()),
        "style": style,
        "style_hash": _source_hash(style),
        "script": script,
        "script_hash": _source_hash(script),
        "model": _json_in_html(model),
    }
    return re.sub("@([a-z_]+)@", lambda match: parts[match[1]], _read("page.html"))


def stored_network(network):
    """What the page's `IntegerNetwork` is made of, from one of Python: a dict for JSON."""
    return {
        "gate_activation": network.gate_activation,
        "update_activation": network.update_activation,
        "pooling": network.pooling,
        "input_center": network.input_center.tolist(),
        "input_factor": network.input_factor.tolist(),
        "cells": [_stored_cell(cell) for cell in network.cells],
        "attention": _stored_matrix(network.attention),
        "head": _stored_matrix(network.head),
        "head_bias": network.head_bias.tolist(),
        "output_bits": network.output_bits,
        "output_center": network.output_center.tolist(),
        "output_unit": network.output_unit.tolist(),
    }


def _stored_cell(cell):
    return {
        "w_low": _stored_matrix(cell.w_low),
        "w": _stored_matrix(cell.w),
        "u_low": _stored_matrix(cell.u_low),
        "u": _stored_matrix(cell.u),
        "bias_gate": cell.bias_gate.tolist(),
        "bias_update": cell.bias_update.tolist(),
        "bias_shift": cell.bias_shift,
        "zeta": cell.zeta,
        "nu": cell.nu,
        "state_bits": cell.state_bits,
    }


def _stored_matrix(matrix):
    """Weights and mask as bytes in base64; None of no matrix."""
    if matrix is None:
        return None
    block_size = matrix.block_size
    weights, mask = matrix.packed(block_size)
    return {
        "n_columns": matrix.weights.shape[1],
        "bits": matrix.bits,
        "shift": matrix.shift,
        "block_size": block_size,
        "multiplier": matrix.multiplier.tolist(),
        "weights": _base64(weights),
        "mask": None if mask is None else _base64(mask),
    }


def _base64(values):
    return base64.b64encode(values.tobytes()).decode()


def _read(name):
    return (FOLDER / name).read_text("utf-8")


def _source_hash(text):
    """What a Content-Security-Policy names the text of a script or style by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _json_in_html(value):
    """JSON in which nothing can end a script element or begin a comment."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
