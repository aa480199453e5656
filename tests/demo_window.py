# SPDX-License-Identifier: Apache-2.0
"""The demonstration as its users have it: a served page in a headless browser."""

import os
import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

# The machine may be busy; what is waited for takes a tenth of a second when it is not.
PATIENCE = 30_000

# The served page with two changes: closed windows are forgotten soon, and it says when.
SERVE = """
from fastntk.demo import page, server
server._FORGET, server._LOOK = 400, 200
close = page.Page.close
def told(self):
    close(self)
    print("closed", self.state.to_query(), flush=True)
page.Page.close = told
server.serve(port=0, browser=False, ready=lambda url: print("serving", url, flush=True))
"""


def find_browser():
    """Path of a Chromium, or None."""
    names = (os.environ.get("FASTNTK_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


def launch(playwright):
    """Start the browser, without a window; "no sandbox" is for containers, where users are root."""
    return playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])


def start_server(*command):
    """Start a process that serves the page; returns it and the URL that it prints."""
    process = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"serving (http://\S+)", line)
        if found:
            return process, found[1]
    process.wait()
    process.stdout.close()
    raise RuntimeError("".join(said))


def laptop(browser):
    """Open a context of windows as on a laptop; they share the browser's memory of scripts."""
    return browser.new_context(viewport={"width": 1280, "height": 800})


def phone(browser):
    """Open a context of windows as on a phone."""
    return browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )


class Window:
    """A browser window with the page; remembers what went wrong and who was asked for what."""

    def __init__(self, context, url, query=""):
        self.page = context.new_page()
        self.wrong, self.hosts = [], set()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self._ask(request.url))
        self.page.on("websocket", lambda socket: self._ask(socket.url))
        self.page.set_default_timeout(PATIENCE)
        self.url = url
        self.open(query)

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _ask(self, url):
        # "data:" and "blob:" are of the page itself.
        if urlsplit(url).netloc:
            self.hosts.add(urlsplit(url).netloc)

    def open(self, query=""):
        """Load the page and wait until it is drawn and connected."""
        self.page.goto(f"{self.url}?{query}")
        self.drawn()

    def reload(self):
        """Load the page again, at the address that it has now."""
        self.page.reload()
        self.drawn()

    def drawn(self):
        """Wait for the pictures."""
        self.until("Bokeh.documents.length && Bokeh.documents[0].is_idle && window.fastntk_ready")

    def until(self, condition):
        """Wait until a condition in JavaScript holds; `data("law")` is a source's columns."""
        self.page.wait_for_function(f"() => {{ {_DATA} return {condition} }}")

    def read(self, expression):
        """Value of an expression in JavaScript."""
        return self.page.evaluate(f"() => {{ {_DATA} return {expression} }}")

    def data(self, name):
        """Columns of a data source, as lists."""
        return self.read(f"data({name!r})")

    @property
    def points(self):
        """The points as pairs."""
        columns = self.data("points")
        return list(zip(columns["x"], columns["y"], strict=True))

    def settled(self):
        """Wait until the address and the curves are those of the points."""
        self.until(
            "location.search.includes('points=' + data('points').x.map((x, i) => "
            "`${+x.toFixed(3)},${+data('points').y[i].toFixed(3)}`).join('_'))"
        )

    @property
    def query(self):
        """What the address says."""
        return urlsplit(self.page.url).query

    def notes(self):
        """What the page tells its user."""
        return " ".join(self.page.locator(".notes p").all_inner_texts())

    def place(self, x, y):
        """Where a point of the curves' picture is on the screen."""
        box = self.page.locator(".curves .bk-Canvas").bounding_box()
        sx, sy = self.read(
            "(() => { const view = Bokeh.index.find_one(doc.get_model_by_name('curves'));"
            f"return [view.frame.x_scale.compute({x}), view.frame.y_scale.compute({y})] }})()"
        )
        return box["x"] + sx, box["y"] + sy

    def click(self, x, y):
        """Click at a point."""
        self.page.mouse.click(*self.place(x, y))

    def slide(self, name, key, times=1):
        """Move a slider by keys."""
        self.page.locator(f".control.{name} .noUi-handle").focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def close(self):
        """Close the window."""
        self.page.close()


_DATA = """
const doc = window.Bokeh?.documents?.[0]
const data = (name) => Object.fromEntries(
  [...Object.entries(doc.get_model_by_name(name).data)].map(([key, values]) =>
    [key, Array.from(values, (one) => typeof one == "number" ? one : Array.from(one))]))
"""
