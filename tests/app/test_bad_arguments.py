# SPDX-License-Identifier: Apache-2.0
"""What cannot be done is said in one line, with exit code 2, before any file is made."""

import re

import numpy as np
import pytest

import fastntk as fn


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
        ("kpca --samples 2000", "--samples must be at most the 1797 rows of digits, got 2000"),
        ("kpca --samples 5", "--components must be at most the number of samples, 5, got 10"),
        ("kpca --seeds 3", "--seeds repeats over random subsets: it needs --samples"),
        ("kpca --tol 0", "--tol must be between 0 and 1, got 0"),
        ("kpca --tol nan", "--tol must be between 0 and 1, got nan"),
        ("kpca --data minst", "--data 'minst' is neither a file nor a known name"),
        ("kpca --data .", "--data '.' is a folder, not a file"),
        ("kpca --activation swish", "swish"),
        ("kpca --weight-std 0", "--weight-std must be positive"),
        ("kpca --bias-std -1", "--bias-std must be non-negative"),
        ("kpca --bias-std nan", "--bias-std must be"),
        ("kpca --weight-std 2 --init-std 1", "--weight-std"),
        ("gram --scale 0", "--scale must be positive and finite, got 0.0"),
        ("kpca --data unread --scale nan", "--scale must be positive and finite, got nan"),
        ("kpca --data unread --storage tape", "'auto', 'dense', 'packed', 'lazy'"),
        ("kpca --memory lots", "--memory must be a number of bytes or text"),
        ("kpca --out taken", "--out needs a folder"),
        ("kpca --out taken/below", "--out needs a folder"),
        ("gram --out taken", "--out needs a folder"),
        ("gram --memory lots", "--memory must be a number of bytes or text"),
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
    outcome = run("kpca", "--storage", "dense", "--memory", "10 MB")
    assert outcome.code == 1
    needed, budget = map(int, re.findall(r"\((\d+) bytes\)", outcome.output))
    assert needed >= 1797**2 * 4
    assert budget == 10**7


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


@pytest.mark.parametrize(
    ("typed", "offered"), [("--bogus", None), ("--sample", "--samples"), ("--comp", "--components")]
)
def test_suggestions_resemble_what_was_typed(run, typed, offered):
    output = run("kpca", typed).output
    assert ("Possible options" in output) == (offered is not None)
    assert offered is None or f"(Possible options: {offered})" in output


@pytest.mark.parametrize("command", ["kpca", "gram"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_found_in_their_file(run, here, command, value):
    X = np.ones((20, 3))
    X[7, 2] = value
    np.savez(here / "bad.npz", X=X)
    outcome = run(command, "--data", "bad.npz", "--normalize", "center", "--samples", 15)
    assert outcome.code == 2
    assert outcome.output.startswith(f"fastntk: bad.npz: X must be finite, got {value} at [7, 2]")
    assert outcome.output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "target"), [("kpca --out made/up", "made/up"), ("gram --out K.npy", "K.npy")]
)
def test_what_cannot_be_created_is_named(run, here, monkeypatch, arguments, target):
    def refuse(*_, **__):
        raise FileNotFoundError(2, "No such file or directory")  # what /proc says

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    outcome = run(*arguments.split())
    assert outcome.code == 1
    assert outcome.output.startswith(
        f"fastntk: cannot create {here / target}: cannot write to {here}: No such file"
    )


@pytest.mark.parametrize(
    "error",
    [
        FloatingPointError("overflow"),
        MemoryError("too little"),
        np.linalg.LinAlgError("no end"),
        fn.DivergenceError("step 3", 3, None, 0.1),
        fn.CudaError("a launch: cudaErrorLaunchFailure"),
    ],
)
def test_what_the_machine_cannot_do_is_exit_code_1(run, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("fastntk.app.kpca_run.kpca", fail)
    assert run("kpca", "--samples", 30) == (1, f"fastntk: {error}\n")


@pytest.mark.parametrize(
    "error", [TypeError("unexpected"), KeyError("x"), ImportError("broken", name="numpy")]
)
def test_defects_show_their_traceback(monkeypatch, run, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("fastntk.app.kpca_run.kpca", fail)
    with pytest.raises(AssertionError):
        run("kpca", "--samples", 30)
