# SPDX-License-Identifier: Apache-2.0
"""``fastntk demo`` by itself, without a browser."""

import signal
from urllib.request import urlopen

import pytest

from demo_window import start_server

pytest.importorskip("panel")


def test_the_extra_is_named_where_it_is_missing(run, monkeypatch):
    monkeypatch.setattr("fastntk.app.demo_command.find_spec", lambda name: None)
    said = run("demo")
    assert said.code == 1
    assert "panel and bokeh" in said.output
    assert "pip install 'fastntk[demo]'" in said.output


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", ["127.0.0.1:80", "localhost:80"]),
        ("192.168.0.7", ["127.0.0.1:80", "192.168.0.7:80", "localhost:80"]),
        ("0.0.0.0", ["*"]),
    ],
)
def test_whose_pages_may_connect(address, allowed):
    from fastntk.demo.server import origins

    assert origins(address, 80) == allowed


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("192.0.2.1", "address must be one of this machine's, got '192.0.2.1'"),
        ("::1", "address must be a name or four numbers as 127.0.0.1, got '::1'"),
        ("", "address must be a name or four numbers as 127.0.0.1, got ''"),
    ],
)
def test_addresses_that_cannot_be_listened_on(run, address, message):
    said = run("demo", "--address", address, "--no-browser")
    assert said.code == 2
    assert message in said.output


@pytest.mark.parametrize("t", [0.0, 0.001, 0.0102, 9995.0, 10010.0, 100100.0, 999900.0, 1e6])
def test_the_time_slider_has_every_time(t):
    from fastntk.demo.controls import Controls
    from fastntk.demo.state import DemoState

    slider = Controls(DemoState(t=t)).fields["t"]
    assert slider.value == t
    assert {1e5, 1e6} < set(slider.values)


@pytest.mark.parametrize("name", ["inputs", "activation", "kernel", "band"])
def test_every_choice_has_a_button(name):
    from fastntk.demo.controls import Controls
    from fastntk.demo.state import CHOICES, DemoState

    for choice in CHOICES[name]:
        buttons = Controls(DemoState(**{name: choice})).fields[name]
        assert buttons.value == choice
    assert list(buttons.options.values()) == list(CHOICES[name])


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
