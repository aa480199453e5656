# SPDX-License-Identifier: Apache-2.0
"""One server and one browser for all tests of the page; a window for each."""

import queue
import signal
import threading
from typing import NamedTuple

import pytest

from command_line import run
from demo_window import SERVE, Window, find_browser, laptop, launch, phone, start_server

__all__ = ["run"]


class Server(NamedTuple):
    """Where the page is, and the lines that its server says."""

    url: str
    said: queue.Queue


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Where tests run in several processes, one of them has the server and the browser."""
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("demo"))


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if find_browser() is None:
        pytest.skip("no Chromium: install one, or name it in FASTNTK_CHROMIUM")
    with playwright.sync_playwright() as started:
        chromium = launch(started)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server():
    """A process that serves the page."""
    pytest.importorskip("panel")
    process, url = start_server("-c", SERVE)
    said = queue.Queue()

    def listen():
        for line in process.stdout:
            said.put(line)

    with process:
        listener = threading.Thread(target=listen)
        listener.start()
        yield Server(url, said)
        process.send_signal(signal.SIGINT)
        listener.join()


@pytest.fixture(scope="session")
def screens(browser):
    """Contexts of windows by the kind of device."""
    return {"laptop": laptop(browser), "phone": phone(browser)}


@pytest.fixture
def window(screens, server):
    """Open windows; at the end nothing went wrong in them, and they asked nobody else."""
    opened = []

    def window(query="", screen="laptop"):
        opened.append(Window(screens[screen], server.url, query))
        return opened[-1]

    yield window
    for one in opened:
        one.close()
    for one in opened:
        assert one.wrong == []
        assert one.hosts == {server.url.split("/")[2]}
