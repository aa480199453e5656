# SPDX-License-Identifier: Apache-2.0
"""``fastntk paper``: files, tables, exit codes, and what Ctrl-C leaves."""

import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import fastntk as fn
from fastntk.paper import registry
from fastntk.paper.experiment import Check, Claim, Outcome


def _diverged(message):
    return fn.DivergenceError(message, step=3, run=None, suggested_learning_rate=1.0)


@pytest.fixture
def fake(monkeypatch):
    """An experiment whose parts, check and memory a test chooses."""
    state = SimpleNamespace(error=0.0, memory=10, stop=None, fails={}, computed=0)

    def one(number):
        if number == state.stop:
            raise KeyboardInterrupt
        state.computed += 1
        return {"value": np.array(float(number))}

    def run(name, *, quick, seed, parts, progress, device):
        if name in state.fails:
            raise state.fails[name]
        values = [
            parts.of(f"part{i}", {"seed": seed, "quick": quick}, lambda i=i: one(i))["value"]
            for i in range(3)
        ]
        claims = [Claim("x", "up | down", "down [1]", False), Claim("y", "up", "up", True)]
        checks = [Check("identity", state.error, 1e-9)]
        return Outcome(name, "Fake", {"values": np.array(values)}, claims, {"seed": seed}, checks)

    def experiment(name):
        return SimpleNamespace(
            name=name,
            title="Fake",
            run=partial(run, name),
            draw=lambda outcome: None,
            memory=lambda _: state.memory,
        )

    monkeypatch.setattr(registry, "experiment", experiment)
    monkeypatch.setattr("fastntk._ink.save", lambda _, path: path.write_bytes(b""))
    return state


def test_everything_is_written(run, here, fake):
    outcome = run("paper", "fig1", "--seed", 3)
    assert outcome.code == 0, outcome.output
    assert "up | down" in outcome.output
    assert "down [1]" in outcome.output
    folder = here / "fastntk-paper"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "parts",
        "paper.md",
        *(f"fig1.{end}" for end in ("png", "svg", "npz", "json", "md")),
    }
    content = json.loads((folder / "fig1.json").read_text())
    assert content["settings"] == {"seed": 3}
    assert [claim["holds"] for claim in content["claims"]] == [False, True]
    assert content["checks"] == [{"text": "identity", "error": 0, "bound": 1e-9, "holds": True}]
    assert set(content["part_seconds"]) == {"part0", "part1", "part2"}
    assert {"seconds", "versions", "processor", "device", "command"} <= set(content)
    assert "| x | up \\| down | down [1] | no |" in (folder / "fig1.md").read_text()
    with np.load(folder / "fig1.npz") as arrays:
        assert arrays["values"].tolist() == [0, 1, 2]


def test_quick_results_have_their_own_folder(run, here, fake):
    assert run("paper", "fig1", "--quick").code == 0
    assert [path.name for path in here.iterdir()] == ["fastntk-paper-quick"]


@pytest.mark.parametrize("error", [1e-3, float("nan")])
def test_a_run_that_is_not_sound_ends_with_1(run, here, fake, error):
    fake.error = error
    outcome = run("paper", "fig1")
    assert outcome.code == 1
    assert "this run is not sound: fig1: identity: off by" in outcome.output
    assert "│ not sound │" in run("paper", "fig1", "fig2").output
    content = json.loads((here / "fastntk-paper" / "fig1.json").read_text())
    assert content["checks"][0]["holds"] is False


def test_what_was_finished_is_found_again(run, here, fake):
    fake.stop = 2
    outcome = run("paper", "fig1")
    assert outcome.code == 130
    assert "2 finished parts of fig1 are in fastntk-paper/parts" in outcome.output
    assert [path.name for path in (here / "fastntk-paper").iterdir()] == ["parts"]
    fake.stop = None
    assert run("paper", "fig1").code == 0
    assert fake.computed == 3
    content = json.loads((here / "fastntk-paper" / "fig1.json").read_text())
    assert content["parts_found"] == ["part0", "part1"]
    assert run("paper", "fig1", "--seed", 1).code == 0
    assert fake.computed == 6


def test_several_experiments_end_with_a_summary(run, here, fake):
    outcome = run("paper", "all")
    assert outcome.code == 0, outcome.output
    pages = (here / "fastntk-paper" / "paper.md").read_text()
    titles = [line for line in pages.splitlines() if line.startswith("# ")]
    assert titles == [f"# {name}: Fake" for name in registry.NAMES]
    assert f"(1 of {len(registry.NAMES)})" in outcome.output


def test_all_tables_are_those_of_the_folder(run, here, fake):
    """Of this run and of those before it, in the registry's order."""
    assert run("paper", "fig3a", "fig2").code == 0
    assert run("paper", "fig1", "fig2", "--seed", 1).code == 0
    lines = (here / "fastntk-paper" / "paper.md").read_text().splitlines()
    found = [line[2:].split(":")[0] for line in lines if line.startswith("# ")]
    assert found == ["fig1", "fig2", "fig3a"]
    assert [line[7:8] for line in lines if line.startswith("- seed")] == ["1", "1", "0"]


@pytest.mark.parametrize("error", [_diverged("it grew"), np.linalg.LinAlgError("it grew")])
def test_experiments_after_one_that_fails_are_run(run, here, fake, error):
    fake.fails["fig2"] = error
    outcome = run("paper", "fig1", "fig2", "table")
    assert outcome.code == 1
    assert "fig2 has no result: it grew" in outcome.output
    rows = [line.split() for line in outcome.output.splitlines() if "│" in line]
    assert {row[1]: row[-2] for row in rows if "sound" in row or "failed" in row} == {
        "fig1": "sound", "fig2": "failed", "table": "sound"
    }  # fmt: skip
    names = {path.name for path in (here / "fastntk-paper").iterdir()}
    assert "table.md" in names
    assert "fig2.md" not in names


def test_a_training_that_diverges_is_one_line(run, here, fake):
    fake.fails["fig1"] = _diverged("the training diverged at step 3")
    outcome = run("paper", "fig1")
    assert outcome.code == 1
    assert "the training diverged at step 3" in outcome.output
    assert "Traceback" not in outcome.output
    assert not (here / "fastntk-paper").exists()


def test_the_place_of_the_parts_is_looked_at_first(run, here, fake):
    (here / "results").mkdir()
    (here / "results" / "parts").write_text("")
    outcome = run("paper", "fig1", "--out", "results")
    assert outcome.code == 2
    assert "results/parts is a file" in outcome.output
    assert fake.computed == 0


def test_what_cannot_be_done_is_said_first(run, here, fake):
    outcome = run("paper", "fig1", "fig9")
    assert outcome.code == 2
    assert "NAME must be all or one of fig1, " in outcome.output
    assert "got 'fig9'" in outcome.output
    fake.memory = 10**18
    outcome = run("paper", "fig1")
    assert outcome.code == 1
    assert "the experiment fig1 needs" in outcome.output
    assert fake.computed == 0
    assert list(here.iterdir()) == []
