# SPDX-License-Identifier: Apache-2.0
"""The documentation site.

Build it with ``python -m sphinx -W --keep-going -b html docs docs/_build/html`` after
``pip install '.[docs]'``: every example is executed, and an error, a warning or a line on standard
error in one fails the build. Neither the build nor the pages ask another host for anything.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
# The examples are the same on every machine, whichever has a GPU.
os.environ.setdefault("FASTNTK_DEVICE", "cpu")

from fastntk import __version__

project = "fastntk"
author = "the fastntk authors"
project_copyright = author
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "bench_tables",
    "offline",
    "svg_math",
]
templates_path = ["_templates"]
nitpicky = True  # a name in single quotes is a link, or an error
exclude_patterns = ["_build", "paper/results", "**/.ipynb_checkpoints"]
# .rst first: autosummary writes its pages with the first suffix.
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb"}

# Pages are MyST Markdown; ```{code-cell} blocks are executed, in the order of the page.
myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_show_tb = True
nb_execution_timeout = 300  # seconds for a cell, on a busy machine
nb_merge_streams = True  # what a cell prints is one block
nb_output_stderr = "remove-warn"  # a warning of Python's is one of the build's
nb_mime_priority_overrides = [("html", "image/svg+xml", 5)]

html_theme = "furo"
html_title = f"fastntk {version}"
html_static_path = ["_static"]
html_css_files = ["fastntk.css"]
html_math_renderer = "svg"
html_copy_source = False

autosummary_generate = True
default_role = "py:obj"  # `FullyConnected` in a docstring is a link
autodoc_typehints = "none"  # numpydoc sections say what a parameter is; signatures stay short
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # the page of a class lists them already
