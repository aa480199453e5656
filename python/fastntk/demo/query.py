# SPDX-License-Identifier: Apache-2.0
"""A state of the demonstration as the query of a URL, short and readable.

Keys are the names of the state's fields, with "depth" for hidden_layers; what is left out is as by
default. Points are ``x,y`` with "_" between two, in letters that no URL has to escape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any
from urllib.parse import unquote_plus

from fastntk.demo.state import CHOICES, INTEGERS, REALS, DemoState, cleaned

_FIELDS = {
    "depth" if name == "hidden_layers" else name: name
    for name in (one.name for one in fields(DemoState))
}
# 40 points take 600 characters.
_LONGEST = 4000
# Of a value that is quoted in a sentence, and of sentences.
_QUOTED, _MOST_PROBLEMS = 24, 8
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?|inf", re.ASCII)


def written(state: DemoState) -> str:
    """Return a state as a query; see `DemoState.to_query`."""
    default = DemoState()
    pairs = []
    for key, name in _FIELDS.items():
        value = getattr(state, name)
        if value != getattr(default, name):
            pairs.append(f"{key}={_text(value)}")
    return "&".join(pairs)


def read(query: str) -> tuple[DemoState, list[str]]:
    """Return the state of a query, and what was wrong with it; see `DemoState.from_query`."""
    problems: list[str] = []
    if len(query) > _LONGEST:
        query = query[:_LONGEST]
        problems.append(f"the address is longer than {_LONGEST} characters: its end is left out")
    state = DemoState()
    found: dict[str, str] = {}
    for part in query.removeprefix("?").split("&"):
        key, _, text = part.partition("=")
        key, text = unquote_plus(key), unquote_plus(text)
        if key in found:
            problems.append(f"{key} is given more than once: its first value is taken")
        elif key in _FIELDS:
            found[key] = text
        elif part:
            problems.append(f"{_quoted(key)} is not a setting of this page: it is left out")
    for key, text in found.items():
        name = _FIELDS[key]
        if name == "points":
            points, said = cleaned(_pairs(text))
            state = replace(state, points=points)
            problems += said
            continue
        wanted, read_value = _reader(name)
        value = read_value(text)
        if value is None:
            kept = _text(getattr(state, name))
            problems.append(f"{key} must be {wanted}, not {_quoted(text)}: {kept} is taken")
        else:
            state = replace(state, **{name: value})
    if len(problems) > _MOST_PROBLEMS:
        more = len(problems) - _MOST_PROBLEMS
        problems = [*problems[:_MOST_PROBLEMS], f"and {more} more things like these"]
    return state, problems


def _reader(name: str) -> tuple[str, Callable[[str], Any]]:
    """Return what a field must be, in words, and what reads its text; None for what is not that."""
    if name in REALS:
        interval = REALS[name]

        def real(text: str) -> float | None:
            value = float(text) if _REAL.fullmatch(text) else float("nan")
            return value if interval.has(float(f"{value:.4g}")) else None

        return f"a number {interval}", real
    if name in INTEGERS:
        whole = INTEGERS[name]

        def integer(text: str) -> int | None:
            value = int(text) if _WHOLE.fullmatch(text) else -1
            return value if whole.has(value) else None

        return f"a whole number {whole}", integer
    if name in CHOICES:
        choices = CHOICES[name]
        return " or ".join(choices), lambda text: text if text in choices else None
    return "0 or 1", {"0": False, "1": True}.get


def _pairs(text: str) -> list[list[str]]:
    """Return the points of a text as pairs of texts, "" where one is not a plain number."""
    if not text:
        return []
    pairs = [one.split(",") for one in text.split("_")]
    return [[number if _REAL.fullmatch(number) else "" for number in pair] for pair in pairs]


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "_".join(f"{x:g},{y:g}" for x, y in value)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:g}".replace("e+0", "e")  # "+" in a query is a space
    return str(value)


def _quoted(text: str) -> str:
    """Return a text as a sentence may have it: short, on one line, in ASCII."""
    return ascii(text if len(text) <= _QUOTED else text[:_QUOTED] + "...")
