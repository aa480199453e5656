# SPDX-License-Identifier: Apache-2.0
"""Steps of a check: commands with a time limit each, whose failures do not stop the next one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import IO, Literal

Status = Literal["PASS", "FAIL", "SKIPPED"]
_TAIL_LINES = 40
_GRACE_SECONDS = 5.0  # between the request to end and the end


class StepFailed(Exception):
    """A step did not do what it should; the message says what."""


class StepOverTime(StepFailed):
    """A command took longer than was left; the message says which."""


class StepSkipped(Exception):
    """A step has nothing to work with here; the message says what is missing."""


@dataclass(frozen=True)
class Step:
    """One thing to check."""

    name: str
    limit: float  # seconds
    work: Callable[[Shell], str | None]  # returns a remark for the table
    needs: tuple[str, ...] = ()  # steps that must have passed
    optional: bool = False  # skipped, not failed, where time is short


@dataclass(frozen=True)
class Outcome:
    """What became of a step."""

    name: str
    status: Status
    seconds: float
    remark: str


@dataclass
class Shell:
    """Runs the commands of one step, into one log, until the step's time is over."""

    log: IO[str]
    deadline: float  # of monotonic()
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()

    def run(self, *command: str | Path) -> str:
        """Return what a command prints; raise `StepFailed` where it fails or takes too long."""
        line = " ".join(map(str, command))
        self.log.write(f"$ {line}\n")
        self.log.flush()
        start = self.log.tell()
        remaining = self.deadline - monotonic()
        if remaining <= 0:
            raise StepFailed(f"no time left for {_short(line)}")
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                start_new_session=True,  # what it starts ends with it
            )
        except OSError as error:
            raise StepFailed(f"{command[0]} does not start: {error.strerror}") from None
        try:
            code = process.wait(remaining)
        except subprocess.TimeoutExpired:
            _end(process)
            raise StepOverTime(f"over its time in {_short(line)}") from None
        except BaseException:
            _end(process)
            raise
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as stream:
            stream.seek(start)
            text = stream.read()
        self.log.seek(0, os.SEEK_END)
        if code:
            raise StepFailed(f"exit code {code} of {_short(line)}")
        return text


def run_steps(
    steps: Iterable[Step],
    folder: Path,
    limit: float,
    environment: Mapping[str, str],
    root: Path,
    say: Callable[[str], None] = print,
) -> list[Outcome]:
    """Run every step; logs go to `folder`, and all together take `limit` seconds at most."""
    folder.mkdir(parents=True, exist_ok=True)
    end = monotonic() + limit
    outcomes: list[Outcome] = []
    for step in steps:
        passed = {outcome.name for outcome in outcomes if outcome.status == "PASS"}
        missing = [name for name in step.needs if name not in passed]
        start = monotonic()
        path = folder / f"{step.name}.log"
        if missing:
            outcome = Outcome(step.name, "SKIPPED", 0.0, f"{missing[0]} did not pass")
        elif step.optional and end - start < step.limit:
            left = f"of {limit:.0f} s {max(0.0, end - start):.0f} are left"
            outcome = Outcome(step.name, "SKIPPED", 0.0, f"{left}, and it has {step.limit:.0f}")
        elif start >= end:
            outcome = Outcome(step.name, "FAIL", 0.0, f"the whole limit of {limit:.0f} s is over")
        else:
            say(f"=== {step.name}")
            with path.open("w+", encoding="utf-8") as log:
                shell = Shell(log, min(end, start + step.limit), environment, root)
                status, remark = _status(step, shell)
            outcome = Outcome(step.name, status, monotonic() - start, remark)
            if status == "FAIL":
                say(_tail(path))
        say(f"{outcome.status}  {outcome.name}: {outcome.seconds:.1f} s  {outcome.remark}")
        outcomes.append(outcome)
    return outcomes


def table(outcomes: list[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    lines = [("step", "", "seconds", "remark")]
    lines += [(o.name, o.status, f"{o.seconds:.1f}", o.remark) for o in outcomes]
    widths = [max(len(line[c]) for line in lines) for c in range(3)]
    cells = [
        [cell.ljust(width) for cell, width in zip(line[:3], widths, strict=True)] + [line[3]]
        for line in lines
    ]
    cells.insert(1, ["-" * width for width in widths] + ["------"])
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def write(path: Path, outcomes: list[Outcome], facts: Mapping[str, object]) -> None:
    """Write the record as JSON."""
    record = {"failed": any_failed(outcomes), **facts, "steps": [asdict(o) for o in outcomes]}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def any_failed(outcomes: list[Outcome]) -> bool:
    """Return whether the whole check failed."""
    return any(outcome.status == "FAIL" for outcome in outcomes)


def _status(step: Step, shell: Shell) -> tuple[Status, str]:
    try:
        return "PASS", step.work(shell) or ""
    except StepSkipped as reason:
        return "SKIPPED", str(reason)
    except StepOverTime as reason:
        return "SKIPPED" if step.optional else "FAIL", str(reason)
    except StepFailed as reason:
        return "FAIL", str(reason)
    except Exception as error:  # a fault of the step itself: the next ones are run all the same
        return "FAIL", f"{type(error).__name__}: {error}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it has started: asked first, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])


def _short(line: str) -> str:
    return line if len(line) <= 70 else line[:67] + "..."
