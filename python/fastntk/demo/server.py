# SPDX-License-Identifier: Apache-2.0
"""The page's server: on this machine, nothing from elsewhere, a state for each window."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import webbrowser
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import panel as pn
from panel.io.resources import LOCAL_DIST, patch_model_css
from panel.io.server import get_server

from fastntk.demo.page import Page

TITLE = "fastntk: infinitely wide networks"
# A window that is closed is forgotten after 15 to 18 seconds: as long as a slow one has to connect.
_FORGET, _LOOK = 15_000, 3_000
_EVERYWHERE = "0.0.0.0"
# What these warn of is of no use to a user: windows that close while something is sent to them,
# listening on all addresses as was asked for, an advice to use an option that there is not.
_LOGGERS = {
    "bokeh": logging.ERROR,
    "bokeh.server.views.ws": logging.CRITICAL,
    "tornado.access": logging.ERROR,
}
# Seconds that networks have to end their step when the server ends.
_LAST_STEP = 10.0

_open: set[Page] = set()


def serve(
    *,
    port: int = 5006,
    address: str = "127.0.0.1",
    browser: bool = True,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    port : int
        0 takes a free one.
    address : str
        Of this machine, which is listened on: "0.0.0.0" is all of them.
    browser : bool
        Whether to show the page in the user's browser.
    ready : callable, optional
        Called with the page's URL as soon as it can be opened.

    Raises
    ------
    ValueError
        The port is in use, or not allowed, or the address is not this machine's.
    """
    server = make_server(port, address)
    host = "127.0.0.1" if address == _EVERYWHERE else address
    url = f"http://{host}:{server.port}/"
    loop = server.io_loop
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.add_callback_from_signal(loop.stop))
    server.start()
    if ready is not None:
        ready(url)
    if browser:
        loop.add_callback(lambda: webbrowser.open(url))
    try:
        loop.start()
    finally:
        server.unlisten()
        for page in list(_open):
            page.close()
        # An interpreter that ends under a thread in native code is aborted.
        for page in list(_open):
            page.networks.join(_LAST_STEP)
        server.stop(wait=False)


def make_server(port: int, address: str) -> Any:
    """Return a server that listens already, and that `start` starts; for `serve` and tests."""
    for name, level in _LOGGERS.items():
        logging.getLogger(name).setLevel(level)
    if not 0 <= port < 65536:
        raise ValueError(f"port must be between 0 and 65535, got {port}")
    if not address or ":" in address:
        raise ValueError(f"address must be a name or four numbers as 127.0.0.1, got {address!r}")
    port = _free_port(port, address)
    return get_server(
        _window,
        port=port,
        address=address,
        websocket_origin=origins(address, port),
        title=TITLE,
        location=False,
        show=False,
        start=False,
        verbose=False,
        unused_session_lifetime_milliseconds=_FORGET,
        check_unused_sessions_milliseconds=_LOOK,
    )


def origins(address: str, port: int) -> list[str]:
    """Return the hosts whose pages may connect.

    This machine under its own names, so that a tunnel from the same port works, and the address
    itself; any host where all addresses are listened on, for a machine does not know all its names.
    """
    if address == _EVERYWHERE:
        return ["*"]
    return sorted({f"{host}:{port}" for host in ("localhost", "127.0.0.1", address)})


def _window() -> None:
    """Put a page into a new window's document."""
    document = pn.state.curdoc
    page = Page(_query(document.session_context.request.arguments), document)
    _open.add(page)
    document.on_session_destroyed(lambda _: _close(page))
    page.template().server_doc(document, TITLE, location=False)
    # Panel's style sheets are this server's. It sees to that itself when it renders a page, but not
    # for a window that connects after its session was forgotten.
    for root in document.roots:
        patch_model_css(root, dist_url=LOCAL_DIST)


def _close(page: Page) -> None:
    _open.discard(page)
    page.close()


def _query(arguments: dict[str, list[bytes]]) -> str:
    pairs = [(name, one) for name, several in arguments.items() for one in several]
    return urlencode(pairs)


def _free_port(port: int, address: str) -> int:
    """Return the port, or a free one for 0; raise where it cannot be listened on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise ValueError(_why(error, port, address)) from error
        return int(probe.getsockname()[1])


def _why(error: OSError, port: int, address: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {address} is in use: give another one, or 0 for any that is free"
    if error.errno == errno.EACCES:
        return f"port {port} is not allowed to this user: give one from 1024 on, or 0"
    return f"address must be one of this machine's, got {address!r} ({error.strerror or error})"
