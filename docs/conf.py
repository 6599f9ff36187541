"""Sphinx configuration: `make docs` builds the pages, a warning is an error."""

import sys
from pathlib import Path

from docutils import nodes

import skfastgrnn

sys.path.insert(0, str(Path(__file__).parent))  # _mathml

project = "skfastgrnn"
author = "The skfastgrnn developers"
copyright = "2026, the skfastgrnn developers"
version = release = skfastgrnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
    "_mathml",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = "code"

autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"

# The class template lists the methods; docstrings are checked as they are read.
numpydoc_show_class_members = False
numpydoc_validation_checks = {
    "all",
    "ES01",  # an extended summary is not always needed,
    "EX01",  # nor an example
    "SA01",  # nor a See Also
    "SS05",  # "Logits of the classes." is as good a summary as "Return the logits ..."
    "RT02",  # "self : FastGRNNClassifier" is what scikit-learn users read elsewhere,
    "RT03",  # and needs no description
    "RT04",  # "float32 or float64" begins with a small letter
}
numpydoc_validation_exclude = {
    # inherited from scikit-learn
    r"\.(get_params|set_params|score|set_\w+_request|get_metadata_routing|set_callbacks)$",
    r"Monitor\.get_logs$",
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "api/backreferences",
    "doc_module": ("skfastgrnn",),
    "filename_pattern": r"\.py$",  # run all of them
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,  # its pages load scripts from elsewhere
    "within_subsection_order": "FileNameSortKey",
}

plot_include_source = False
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 150)]

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "skfastgrnn"
html_static_path = ["_static"]
html_css_files = ["mathml.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "development": [], "extending": [], "decisions": [], "changelog": []}


def link_to_scikit_learn(app, env, node, content):
    """Resolve what scikit-learn documents, in our docstrings and in those inherited from it."""
    target = node["reftarget"]
    if target.startswith("sklearn."):
        uri = f"https://scikit-learn.org/stable/modules/generated/{target}.html"
        return nodes.reference("", "", content, internal=False, refuri=uri)
    if target in ("accuracy_score", "r2_score"):  # labels of its user guide
        anchor = target.replace("_", "-")
        uri = f"https://scikit-learn.org/stable/modules/model_evaluation.html#{anchor}"
        return nodes.reference("", "", content, internal=False, refuri=uri)
    return None


def setup(app):
    """Connect to Sphinx."""
    app.connect("missing-reference", link_to_scikit_learn)
