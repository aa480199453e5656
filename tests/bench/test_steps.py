# SPDX-License-Identifier: Apache-2.0
"""Steps of a check fail, are skipped or run out of time without taking the others with them."""

import json
import sys
import time
from functools import partial

import pytest


@pytest.fixture
def run(tmp_path):
    """Run steps given as (name, work, keywords); their outcomes by name."""
    from bench import steps

    def run(*described, limit=60.0):
        chosen = [
            steps.Step(name, **{"limit": 60.0, "work": work} | more)
            for name, work, more in described
        ]
        said = []
        outcomes = steps.run_steps(chosen, tmp_path, limit, {"MARK": "set"}, tmp_path, said.append)
        assert [outcome.name for outcome in outcomes] == [name for name, _, _ in described]
        return {outcome.name: outcome for outcome in outcomes}

    return run


def _python(shell, code):
    return shell.run(sys.executable, "-c", code)


def test_a_failure_does_not_stop_the_next_step(run):
    found = run(
        ("bad", lambda shell: _python(shell, "raise SystemExit(3)"), {}),
        ("good", lambda shell: _python(shell, "print('done')").strip(), {}),
    )
    assert (found["bad"].status, found["good"].status) == ("FAIL", "PASS")
    assert found["bad"].remark.startswith("exit code 3 of ")
    assert found["good"].remark == "done"


def test_a_step_that_needs_a_failed_one_is_skipped(run):
    found = run(
        ("first", lambda shell: _python(shell, "1 / 0"), {}),
        ("second", lambda shell: "run", {"needs": ("first",)}),
        ("third", lambda shell: "run", {"needs": ("second",)}),
    )
    assert (found["second"].status, found["second"].remark) == ("SKIPPED", "first did not pass")
    assert found["third"].status == "SKIPPED"


def test_a_step_can_skip_itself_and_its_own_faults_are_failures(run):
    from bench.steps import StepSkipped

    def skips(shell):
        raise StepSkipped("no such tool")

    def breaks(shell):
        return {}["nothing"]

    found = run(("skips", skips, {}), ("breaks", breaks, {}))
    assert (found["skips"].status, found["skips"].remark) == ("SKIPPED", "no such tool")
    assert (found["breaks"].status, found["breaks"].remark) == ("FAIL", "KeyError: 'nothing'")


def test_a_missing_program_is_a_failure(run):
    found = run(("missing", lambda shell: shell.run("no-such-program-here"), {}))
    assert found["missing"].status == "FAIL"
    assert "does not start" in found["missing"].remark


def test_a_command_ends_with_its_time_and_so_does_what_it_started(run, tmp_path):
    # The child of the command would write the file long after its parent has ended.
    child = f"import time; time.sleep(3); open({str(tmp_path / 'late')!r}, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    found = run(("slow", lambda shell: _python(shell, code), {"limit": 1.0}), ("next", str, {}))
    assert found["slow"].status == "FAIL"
    assert found["slow"].remark.startswith("over its time in ")
    assert found["next"].status == "PASS"
    time.sleep(3)
    assert not (tmp_path / "late").exists()


def test_nothing_starts_after_the_whole_limit(run):
    found = run(("any", lambda shell: "run", {}), limit=0.0)
    assert (found["any"].status, found["any"].remark) == ("FAIL", "the whole limit of 0 s is over")


def test_an_optional_step_is_skipped_where_time_is_short(run):
    work = partial(_python, code="import time; time.sleep(60)")
    found = run(
        ("short", work, {"limit": 0.5, "optional": True}),
        ("long", work, {"limit": 70.0, "optional": True}),
        ("wrong", lambda shell: _python(shell, "1 / 0"), {"optional": True, "limit": 30.0}),
    )
    assert found["short"].status == "SKIPPED"
    assert found["short"].remark.startswith("over its time in ")
    assert found["long"].status == "SKIPPED"
    assert found["long"].remark.startswith("of 60 s ")
    assert found["wrong"].status == "FAIL"


def test_output_goes_to_the_log_and_the_environment_reaches_the_command(run, tmp_path):
    code = "import os, sys; print(os.environ['MARK']); print('err', file=sys.stderr)"
    found = run(("env", lambda shell: str(sorted(_python(shell, code).split())), {}))
    assert found["env"].remark == "['err', 'set']"
    log = (tmp_path / "env.log").read_text()
    assert log.startswith("$ ")
    assert "set" in log.splitlines()


def test_outputs_of_two_commands_are_told_apart(run):
    def work(shell):
        _python(shell, "print('first')")
        return _python(shell, "print('second')").strip()

    assert run(("two", work, {}))["two"].remark == "second"


def test_record_and_table(tmp_path):
    from bench import steps

    outcomes = [
        steps.Outcome("build", "PASS", 12.34, "sm_90"),
        steps.Outcome("tests", "FAIL", 3.0, "exit code 1"),
        steps.Outcome("racecheck", "SKIPPED", 0.0, "no tool"),
    ]
    steps.write(tmp_path / "record.json", outcomes, {"python": "3.12"})
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["failed"] is True
    assert record["python"] == "3.12"
    assert record["steps"][0] == {
        "name": "build",
        "status": "PASS",
        "seconds": 12.34,
        "remark": "sm_90",
    }
    assert steps.any_failed(outcomes[:1]) is False
    lines = steps.table(outcomes).splitlines()
    assert len(lines) == 5
    assert lines[3] == "| tests     | FAIL    | 3.0     | exit code 1 |"
