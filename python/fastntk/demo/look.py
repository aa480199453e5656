# SPDX-License-Identifier: Apache-2.0
"""Colours of the page, and the style sheets of its widgets."""

from __future__ import annotations

from importlib.resources import files

from fastntk._ink import BLUE, FAINT, INK, ORANGE, SOFT

__all__ = ["BLUE", "FAINT", "FONT", "INK", "ORANGE", "SOFT", "page_html", "widget_css"]

_COLOURS = {"blue": BLUE, "ink": INK, "soft": SOFT, "orange": ORANGE}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def _read(name: str) -> str:
    return files("fastntk.demo").joinpath("static", name).read_text(encoding="utf-8")


def _variables() -> str:
    colours = "".join(f"--{name}: {value};" for name, value in _COLOURS.items())
    return f":root {{ {colours} --font: {FONT}; }}\n"


def page_html() -> str:
    """Return the page as a Jinja template, with its styles inside: nothing else to fetch."""
    return _read("page.html").replace("/* STYLES */", _variables() + _read("page.css"))


def widget_css() -> str:
    """Return the style sheet of the widgets, which the page's own does not reach."""
    return _read("widgets.css")
