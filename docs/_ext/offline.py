# SPDX-License-Identifier: Apache-2.0
"""A page that would ask another host for a script, a style, a font or a picture is a warning."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
# A link that a reader follows is no request of the page.
IN_PAGES = re.compile(r"<(?!a\b)[a-z]+\b[^>]*?\b(?:src|href|srcset)=\"((?:https?:)?//[^\"]+)\"")
IN_STYLES = re.compile(r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')]+)")


def look(app: Sphinx, exception: Exception | None) -> None:
    """Look through everything that has been written."""
    if exception is not None or app.builder.format != "html":
        return
    for pattern, suffix in ((IN_PAGES, "*.html"), (IN_STYLES, "*.css")):
        for path in sorted(Path(app.outdir).rglob(suffix)):
            for address in pattern.findall(path.read_text(encoding="utf-8")):
                logger.warning("%s asks %s", path.relative_to(app.outdir), address)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look when the site has been built."""
    app.connect("build-finished", look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
