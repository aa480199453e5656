# SPDX-License-Identifier: Apache-2.0
"""``fastntk demo`` by itself, without a browser."""

import signal
from urllib.request import urlopen

import pytest

from demo_window import start_server

pytest.importorskip("panel")


def test_it_serves_until_it_is_interrupted(run):
    process, url = start_server("-m", "fastntk", "demo", "--port", "0", "--no-browser")
    with process:
        with urlopen(url) as answer:
            text = answer.read().decode()
        assert "<title>fastntk" in text
        port = url.rstrip("/").rpartition(":")[2]
        taken = run("demo", "--port", port, "--no-browser")
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().strip() == "stopped"
        assert process.wait(20) == 0
    assert taken.code == 2
    assert taken.output.startswith(f"fastntk: port {port} of 127.0.0.1 is in use: give another")
