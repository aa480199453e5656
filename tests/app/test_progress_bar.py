# SPDX-License-Identifier: Apache-2.0
"""The bar shows stages on a terminal, after a while, and nothing elsewhere."""

import io

import pytest
from rich.console import Console

from fastntk.app import progress_bar
from fastntk.app.progress_bar import ProgressBar


@pytest.fixture
def screen():
    return io.StringIO()


def terminal(screen, *, is_terminal=True):
    return Console(file=screen, force_terminal=is_terminal, width=80, _environ={})


def test_stages_with_share_and_time_to_go(screen, monkeypatch):
    monkeypatch.setattr(progress_bar, "_DELAY", 0)
    with ProgressBar(terminal(screen)) as bar:
        bar("Gram matrix", 0, 4)
        bar("Gram matrix", 3, 4)
        bar._progress.refresh()
        bar("eigenpairs", 1, 2)
        bar._progress.refresh()
        bar("drawing", 0, 0)
    shown = screen.getvalue()
    for part in ("Gram matrix", "eigenpairs", "drawing", "75%", "50%", "to go"):
        assert part in shown


def test_short_work_draws_nothing(screen):
    with ProgressBar(terminal(screen)) as bar:
        bar("Gram matrix", 1, 2)
    assert screen.getvalue() == ""


def test_pipes_get_nothing(screen, monkeypatch):
    monkeypatch.setattr(progress_bar, "_DELAY", 0)
    with ProgressBar(terminal(screen, is_terminal=False)) as bar:
        bar("Gram matrix", 1, 2)
    assert screen.getvalue() == ""


def test_terminal_is_restored_after_an_error(screen, monkeypatch):
    monkeypatch.setattr(progress_bar, "_DELAY", 0)

    def work():
        with ProgressBar(terminal(screen)) as bar:
            bar("Gram matrix", 1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    show_cursor = "\x1b[?25h"
    assert show_cursor in screen.getvalue()


def test_passes_go_on_from_one_to_the_next(screen, monkeypatch):
    now = iter(range(10_000))
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: next(now))
    with ProgressBar(terminal(screen)) as bar:
        bar("eigenpairs, pass 2", 3, 4)
        screen.truncate(0)
        bar("eigenpairs, pass 3", 0, 4)
    shown = screen.getvalue()
    assert "eigenpairs, pass 3" in shown
    assert "0% of pass 3, --:-- to go" in shown
    # The clock is that of the whole work, which a new pass does not set back.
    assert "00:00 elapsed" not in shown


@pytest.mark.parametrize("total", [0, 1])
def test_stages_of_unknown_length_show_no_share(screen, monkeypatch, total):
    monkeypatch.setattr(progress_bar, "_DELAY", 0)
    with ProgressBar(terminal(screen)) as bar:
        bar("eigenpairs, dense", 0, total)
    shown = screen.getvalue()
    assert "eigenpairs, dense" in shown
    assert "elapsed" in shown
    assert "%" not in shown
    assert "to go" not in shown


def test_a_stage_without_further_calls_is_drawn_at_once(screen):
    with ProgressBar(terminal(screen)) as bar:
        bar("drawing", 0, 0)
    assert "drawing" in screen.getvalue()
