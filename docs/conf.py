"""Sphinx's configuration: `make docs` builds the site from the Markdown files in this folder."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from sphinx.application import Sphinx

REPOSITORY = ""
"""Address of the repository's files, such as https://HOST/wm_planner/blob/main; empty: none yet.

Links that lead out of this folder, to source files and results, point there. Without an address
they become plain text, because the site has no copies of these files.
"""

_LINK = re.compile(r"(?<!!)\[([^\]\[]*)\]\(([^)\s:#]+)(#[^)\s]*)?\)")

project = "wm_planner"
author = "the wm_planner authors"
copyright = f"2026, {author}"
release = "0.1.0"  # as in the packages; a test compares them

extensions = ["myst_parser"]
if importlib.util.find_spec("sphinx_copybutton"):  # rosdoc2 builds without it
    extensions.append("sphinx_copybutton")
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "examples", "screenshots"]
myst_enable_extensions = ["attrs_block"]
myst_heading_anchors = 4
highlight_language = "text"
pygments_style = "default"
pygments_dark_style = "monokai"

html_theme = "furo"
html_title = f"wm_planner {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go, .c1"


def link_to_repository(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace links that lead out of this folder, or to its code, which are no pages."""
    docs = Path(app.srcdir)
    folder = (docs / page).parent

    def replaced(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        file = Path(os.path.normpath(folder / target))
        if docs in file.parents and file.suffix == ".md":
            return match[0]
        path = os.path.normpath(Path("docs") / os.path.relpath(file, docs))
        return f"[{text}]({REPOSITORY}/{path}{anchor})" if REPOSITORY else text

    source[0] = _LINK.sub(replaced, source[0])


def setup(app: Sphinx) -> None:
    app.connect("source-read", link_to_repository)
