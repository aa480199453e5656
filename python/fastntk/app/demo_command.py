# SPDX-License-Identifier: Apache-2.0
"""``fastntk demo``: a page in the browser, served until Ctrl-C."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

_NEEDED = ("panel", "bokeh")


def demo(
    *,
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes one that is free.", min=0, max=65535)
    ] = 5006,
    address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on. 0.0.0.0 is all of this machine's: anyone who reaches it "
            "can open the page, and use its processor.",
        ),
    ] = "127.0.0.1",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Serve the page."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"the page needs {' and '.join(missing)}, not installed here: "
            "pip install 'fastntk[demo]'"
        )
    from fastntk.demo.server import serve

    serve(port=port, address=address, browser=browser, ready=_say)
    print("stopped")


def _say(url: str) -> None:
    print(f"serving {url}  (Ctrl-C stops it)", flush=True)
