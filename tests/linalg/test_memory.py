# SPDX-License-Identifier: Apache-2.0
"""Budgets: sizes as text, what control groups leave, refusals with both byte counts."""

import pytest

from fastntk._memory import (
    Budget,
    available_bytes,
    available_for,
    budget_bytes,
    format_bytes,
    parse_bytes,
)

GIB = 2**30


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (1, 1),
        ("17", 17),
        ("8 GB", 8 * 10**9),
        ("512 MiB", 512 * 2**20),
        ("1.5gb", 1_500_000_000),
        (" .5 KiB ", 512),
        ("3 B", 3),
        ("2TB", 2 * 10**12),
    ],
)
def test_sizes_are_parsed(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "8 gigs", "-1 GB", "8 GB 3", "1e9", "nan"])
def test_text_that_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="memory must be a number of bytes or text like '8 GB'"):
        parse_bytes(text)


@pytest.mark.parametrize("size", [0, -5, "0 GB"])
def test_sizes_are_positive(size):
    with pytest.raises(ValueError, match="memory must be positive, got"):
        parse_bytes(size)


@pytest.mark.parametrize("size", [1.5, None, True, [8]])
def test_other_types_are_refused(size):
    with pytest.raises(TypeError, match="memory must be an int"):
        parse_bytes(size)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (99_940, "99.9 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (7_200_000_000, "7.20 GB"),
        (14_400 * 10**9, "14.4 TB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes_are_shown_with_three_digits(count, text):
    assert format_bytes(count) == text


def test_a_refusal_gives_both_sizes():
    Budget(10).require(10, "a thing")
    message = r"a thing needs 7\.20 GB \(7200000000 bytes\), the memory budget is 2\.00 GB \(2000"
    with pytest.raises(MemoryError, match=message):
        Budget(2_000_000_000).require(7_200_000_000, "a {}", "thing")


def test_a_refusal_on_a_gpu_names_it_and_says_what_to_do():
    message = r"a thing needs 2 bytes \(2 .*budget on cuda:1 is 1 bytes.*blocks of rows.*'lazy'"
    with pytest.raises(MemoryError, match=message):
        Budget(1, place="cuda:1").require(2, "a thing")


def test_default_budget_is_half_of_what_is_available():
    # Other processes take and return memory between the two calls.
    assert 0.3 * available_bytes() < budget_bytes(None) < 0.7 * available_bytes()
    assert budget_bytes("2 GB") == 2 * 10**9


def _system(tmp_path, cgroup, groups):
    """Write a /proc and a /sys/fs/cgroup; return their paths."""
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 99999999 kB\nMemAvailable: 16777216 kB\n")
    (proc / "self" / "cgroup").write_text(cgroup)
    root.mkdir()
    for name, text in groups.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return proc, root


@pytest.mark.parametrize(
    ("cgroup", "groups", "available"),
    [
        ("", {}, 16 * GIB),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/b/memory.current": "5\n"}, 16 * GIB),
        (
            "0::/a/b\n",
            {
                "a/b/memory.max": f"{4 * GIB}\n",
                "a/b/memory.current": f"{3 * GIB}\n",
                "a/b/memory.stat": f"anon 7\ninactive_file {GIB}\n",
            },
            2 * GIB,
        ),
        # An ancestor is tighter than the group itself.
        (
            "0::/a/b\n",
            {
                "a/memory.max": f"{GIB}\n",
                "a/memory.current": "0\n",
                "a/b/memory.max": f"{4 * GIB}\n",
                "a/b/memory.current": "0\n",
            },
            GIB,
        ),
        # In a container: the path is that of the host, only the mount is visible.
        (
            "5:cpu:/x\n4:memory:/host/x\n0::/\n",
            {
                "memory/memory.limit_in_bytes": f"{3 * GIB}\n",
                "memory/memory.usage_in_bytes": f"{GIB}\n",
                "memory/memory.stat": "total_inactive_file 1024\n",
            },
            2 * GIB + 1024,
        ),
        # More in use than allowed, for a moment.
        ("0::/\n", {"memory.max": "10\n", "memory.current": "20\n"}, 1),
    ],
    ids=["none", "unlimited", "v2", "ancestor", "v1", "exceeded"],
)
def test_control_groups_limit_what_is_available(tmp_path, cgroup, groups, available):
    proc, root = _system(tmp_path, cgroup, groups)
    assert available_bytes(proc, root) == available


def test_a_system_without_proc_has_some_memory(tmp_path):
    assert available_bytes(tmp_path / "proc", tmp_path / "cgroup") > 0


def test_small_requests_do_not_ask_the_system(monkeypatch):
    monkeypatch.setattr("fastntk._memory.available_bytes", lambda: 7)
    assert available_for(10**6) >= 10**6
    assert available_for(10**9) == 7
