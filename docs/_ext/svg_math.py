# SPDX-License-Identifier: Apache-2.0
"""Equations as SVG drawn at build by ziamath: no script, no request to another host.

The drawings take the colour of the text around them, so that they suit the dark theme too; the TeX
source is their label for screen readers. An equation that ziamath cannot draw is a warning, and so
an error under ``-W``.
"""

from __future__ import annotations

from html import escape

import ziamath
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
PIXELS = 17.0  # of the font; furo's text has 16, and STIX is a little smaller on the line than most


def drawing(tex: str, node: nodes.Element, *, inline: bool) -> str:
    """One equation as an <svg> element; the source in <code> where it cannot be drawn."""
    try:
        equation = ziamath.Latex(tex, size=PIXELS, color="currentColor", inline=inline)
        svg, below = equation.svg(), equation.getyofst()
    except Exception as problem:  # whatever the parser raises, this equation is the reason
        logger.warning("cannot draw the equation %r: %s", tex, problem, location=node)
        return f"<code>{escape(tex)}</code>"
    label = f'<svg role="img" aria-label="{escape(tex, quote=True)}" class="equation" '
    return svg.replace("<svg ", f'{label}style="vertical-align:{below:.2f}px" ', 1)


def visit_math(self, node: nodes.math) -> None:
    """Draw an equation within a line."""
    self.body.append(drawing(node.astext(), node, inline=True))
    raise nodes.SkipNode


def visit_math_block(self, node: nodes.math_block) -> None:
    """Draw a displayed equation, with its number where it has a label."""
    self.body.append(self.starttag(node, "div", CLASS="equation"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(drawing(node.astext(), node, inline=False))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make ``html_math_renderer = "svg"`` known."""
    app.add_html_math_renderer("svg", (visit_math, None), (visit_math_block, None))
    ziamath.config.svg2 = False  # whole paths, no identifiers that drawings of a page would share
    ziamath.config.precision = 2
    return {"parallel_read_safe": True, "parallel_write_safe": True}
