# SPDX-License-Identifier: Apache-2.0
"""What cannot be done is said in one line, with exit code 2, before any file is made."""

import re

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nothing", "No such command 'nothing'"),
        ("--nothing", "No such option: --nothing"),
        ("kpca --nothing", "No such option: --nothing"),
        ("kpca more", "unexpected extra argument"),
        ("kpca --components", "--components"),
        ("kpca --components 0", "'--components'"),
        ("kpca --components x", "'--components'"),
        ("kpca --samples 0", "'--samples'"),
        ("kpca --seed -1", "'--seed'"),
        ("kpca --threads 0", "'--threads'"),
        ("kpca --hidden-layers -1", "'--hidden-layers'"),
        ("kpca --dtype float16", "'float32', 'float64'"),
        ("kpca --kernel rbf", "'ntk', 'nngp'"),
        ("kpca --method magic", "'auto', 'dense', 'krylov'"),
        ("kpca --normalize l2", "'none', 'center', 'sphere'"),
        ("kpca --samples 2000", "samples must be between 1 and the 1797 rows of digits, got 2000"),
        ("kpca --samples 5", "--components must be at most the number of samples, 5, got 10"),
        ("kpca --seeds 3", "--seeds repeats over random subsets: it needs --samples"),
        ("kpca --tol 0", "--tol must be between 0 and 1, got 0"),
        ("kpca --tol nan", "--tol must be between 0 and 1, got nan"),
        ("kpca --data minst", "data 'minst' is neither a file nor a known name"),
        ("kpca --data .", "data '.' is a folder, not a file"),
        ("kpca --activation swish", "swish"),
        ("kpca --weight-std 0", "weight_std"),
        ("kpca --bias-std -1", "bias_std"),
        ("kpca --bias-std nan", "bias_std"),
        ("kpca --storage tape", "tape"),
        ("kpca --memory lots", "memory must be a number of bytes or text"),
        ("kpca --out taken", "--out needs a folder"),
        ("kpca --out taken/below", "--out needs a folder"),
        ("gram --out K.txt", "--out must end in .npy, got 'K.txt'"),
        ("gram --memory lots", "memory must be a number of bytes or text"),
        ("info --nothing", "No such option: --nothing"),
    ],
)
def test_one_line_and_exit_code_2(run, here, arguments, message):
    (here / "taken").write_text("a file")
    outcome = run(*arguments.split())
    assert outcome.code == 2
    assert message in outcome.output
    assert outcome.output.startswith("fastntk: ")
    assert outcome.output.count("\n") == 1
    assert [path.name for path in here.iterdir()] == ["taken"]


def test_parser_errors_point_to_the_help(run):
    assert run("gram", "--nothing").output.endswith("(see fastntk gram --help)\n")


def test_damaged_data_are_named(run, here):
    (here / "X.npy").write_bytes(b"\x93NUMPY\1\0")
    outcome = run("kpca", "--data", "X.npy")
    assert outcome.code == 2
    assert outcome.output.startswith("fastntk: X.npy: damaged or truncated .npy header")


def test_storage_beyond_the_budget_is_refused_with_both_numbers(run):
    outcome = run("kpca", "--storage", "dense", "--memory", "1 MB")
    assert outcome.code == 1
    needed, budget = map(int, re.findall(r"\((\d+) bytes\)", outcome.output))
    assert needed >= 1797**2 * 4
    assert budget == 10**6


def test_unwritable_folder_is_refused_before_computing(run, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    outcome = run("kpca", "--data", "not read")
    assert outcome.code == 1
    assert "cannot write to" in outcome.output


def test_debugging_shows_the_traceback(run, monkeypatch):
    monkeypatch.setenv("FASTNTK_DEBUG", "1")
    with pytest.raises(AssertionError):
        run("kpca", "--seeds", 3)
