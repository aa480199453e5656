# SPDX-License-Identifier: Apache-2.0
"""``fastntk regress``: numbers against dense NumPy, files, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

import fastntk
from fastntk.app import regress_files


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """To draw takes longer than to compute; `test_function_plots` draws."""
    monkeypatch.setattr("fastntk._ink.save", lambda _, path: path.write_bytes(b""))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def result(folder):
    return json.loads((folder / "result.json").read_text())


@pytest.fixture
def labelled(here, rng):
    """An .npz file of float64 points with a test part, labels in three classes called by name."""
    points = {"x_train": rng.standard_normal((60, 4)), "x_test": rng.standard_normal((25, 4))}
    kinds = np.array(["ant", "bee", "cat"])
    labels = {
        f"y_{part}": kinds[np.argmax(points[f"x_{part}"][:, :3], axis=1)]
        for part in ("train", "test")
    }
    np.savez(here / "data.npz", **points, **labels)
    return points | labels


def dense(kernel, data, ridge, columns):
    net = fastntk.FullyConnected(hidden_layers=2, bias_std=0.3)
    compute = net.ntk if kernel == "ntk" else net.nngp
    K = compute(data["x_train"]) + ridge * np.eye(60)
    return compute(data["x_test"], data["x_train"]) @ np.linalg.solve(K, columns)


def test_both_kernels_agree_with_dense_numpy(run, here, labelled):
    outcome = run(
        "regress", "--data", "data.npz", "--hidden-layers", 2, "--bias-std", 0.3, "--ridge", 0.01,
        "--out", "out",
    )  # fmt: skip
    assert outcome.code == 0, outcome.output
    assert names(here / "out") == ["confusion.png", "predictions.npz", "result.json"]
    classes = np.array(["ant", "bee", "cat"])
    Y = (labelled["y_train"][:, None] == classes) - 1 / 3
    found = result(here / "out")
    with np.load(here / "out" / "predictions.npz") as predictions:
        np.testing.assert_array_equal(predictions["labels"], labelled["y_test"])
        np.testing.assert_array_equal(predictions["classes"], classes)
        for kernel in ("ntk", "nngp"):
            scores = dense(kernel, labelled, 0.01, Y) + 1 / 3
            # A condition number of 1e3 on values of rounding 1e-16, with room.
            np.testing.assert_allclose(predictions[f"{kernel}_scores"], scores, atol=1e-10)
            predicted = classes[scores.argmax(axis=1)]
            np.testing.assert_array_equal(predictions[f"{kernel}_predicted"], predicted)
            accuracy = np.mean(predicted == labelled["y_test"])
            part = found["kernels"][kernel]
            assert part["accuracy"] == pytest.approx(accuracy)
            assert part["errors"] == np.sum(predicted != labelled["y_test"])
            assert part["residual"] <= 1e-6
            assert f"{accuracy:.2%}" in outcome.output


def test_values_have_a_fit_and_a_picture_of_their_own(run, here, rng):
    X = rng.standard_normal((100, 3))
    np.savez(here / "values.npz", X=X, y=X[:, 0] + 5)
    run("regress", "--samples", 50, "--out", "out")
    outcome = run(
        "regress", "--data", "values.npz", "--kernel", "ntk", "--ridge", 1e-3,
        "--ridge-units", "trace", "--out", "out",
    )  # fmt: skip
    assert names(here / "out") == ["agreement.png", "predictions.npz", "result.json"]
    with np.load(here / "out" / "predictions.npz") as predictions:
        assert set(predictions) == {"labels", "rows", "ntk_scores", "ntk_predicted"}
        test = predictions["rows"]
        train = np.setdiff1d(np.arange(100), test)
        y = X[:, 0] + 5
        np.testing.assert_array_equal(predictions["labels"], y[test])
        K = fastntk.FullyConnected().ntk(X)
        inner = K[np.ix_(train, train)]
        ridge = 1e-3 * np.trace(inner) / len(train)
        right = np.linalg.solve(inner + ridge * np.eye(len(train)), y[train] - y[train].mean())
        expected = K[np.ix_(test, train)] @ right + y[train].mean()
        np.testing.assert_allclose(predictions["ntk_predicted"], expected, atol=1e-9)
    part = result(here / "out")["kernels"]["ntk"]
    assert part["ridge"] == pytest.approx(ridge)
    rmse = np.sqrt(np.mean((expected - y[test]) ** 2))
    assert part["rmse"] == pytest.approx(rmse, rel=1e-6)
    assert part["r_squared"] == pytest.approx(1 - rmse**2 / y[test].var(), rel=1e-6)
    assert f"{part['r_squared']:.4f}" in outcome.output


def test_result_names_everything_needed_to_repeat(run, here):
    outcome = run("regress", "--samples", 40, "--seed", 5, "--method", "cg", "--dtype", "float64")
    content = result(here / "fastntk-regress")
    assert content["parameters"]["method"] == "cg"
    assert content["parameters"]["samples"] == 40
    assert content["data"]["samples"] == 40
    assert content["test_data"]["samples"] == 359
    assert content["classes"] == list(range(10))
    assert {"load", "ntk", "nngp", "figure", "total"} <= set(content["seconds"])
    for part in content["kernels"].values():
        assert {"kernel", "solve", "predict"} <= set(part["seconds"])
        assert (part["method"], part["dtype"]) == ("cg", "float64")
    assert "peak memory" in outcome.output


def test_refinement_wins_the_digits_that_float32_has_lost(run, here):
    options = ("--samples", 300, "--kernel", "ntk", "--dtype", "float32", "--out", "out")
    outcome = run("regress", *options)
    part = result(here / "out")["kernels"]["ntk"]
    before, *after = part["residuals_float64"]
    # float32 entries, condition number 1e3: far above what is asked for, which one step reaches.
    assert before > 1e-6
    assert after[-1] <= 1e-6
    assert "refinement 1" in outcome.output
    assert {"kernel", "solve", "refine", "predict"} == set(part["seconds"])
    train, test = fastntk.datasets.load_split("digits", samples=300, seed=0)
    net = fastntk.FullyConnected()
    K = net.ntk(train.X, scale=1 / 16, dtype="float64")
    A = np.linalg.solve(K, np.eye(10)[train.y] - 0.1)
    cross = net.ntk(test.X, train.X, scale=1 / 16, dtype="float64")
    with np.load(here / "out" / "predictions.npz") as predictions:
        # K(Z, X) is of float32, whose rounding the coefficients of size 10 magnify.
        np.testing.assert_allclose(predictions["ntk_scores"], cross @ A + 0.1, atol=1e-4)
    outcome = run("regress", *options, "--refine", 0)
    assert outcome.code == 0, outcome.output
    assert result(here / "out")["kernels"]["ntk"]["residuals_float64"] == []
    assert "refinement" not in outcome.output


def test_scores_are_those_of_the_classifier(run, here):
    run("regress", "--samples", 100, "--kernel", "nngp", "--ridge", 0.01, "--dtype", "float64")
    train, test = fastntk.datasets.load_split("digits", samples=100, seed=0)
    model = fastntk.KernelClassifier(kernel="nngp", ridge=0.01, scale=1 / 16, dtype="float64")
    outputs = model.fit(train.X, train.y).decision_function(test.X)
    with np.load(here / "fastntk-regress" / "predictions.npz") as predictions:
        np.testing.assert_allclose(predictions["nngp_scores"], outputs + 0.1, atol=1e-10)
        np.testing.assert_array_equal(predictions["nngp_predicted"], model.predict(test.X))


def test_a_solution_that_did_not_converge_is_written_and_said(run, here, monkeypatch):
    solve = fastntk.solve
    monkeypatch.setattr(fastntk, "solve", lambda *a, **k: replace(solve(*a, **k), converged=False))
    outcome = run("regress", "--samples", 40, "--kernel", "nngp")
    assert outcome.code == 0
    assert "NNGP not converged" in outcome.output
    assert result(here / "fastntk-regress")["kernels"]["nngp"]["converged"] is False


@pytest.mark.parametrize("where", ["solve", "draw"])
def test_a_stop_leaves_no_file(run, here, monkeypatch, where):
    def stop(*_, **__):
        if where == "solve":
            raise fastntk.SolveInterrupted("how to go on in Python", None)
        raise KeyboardInterrupt

    monkeypatch.setattr(fastntk if where == "solve" else regress_files, where, stop)
    outcome = run("regress", "--samples", 40)
    assert outcome == (130, "fastntk: interrupted; no file was left half written\n")
    assert names(here) == []


def test_conflicting_labels_of_one_point_are_named(run, here, rng):
    X = rng.standard_normal((20, 3))
    X[8] = X[3]
    np.savez(here / "twice.npz", x_train=X, y_train=np.arange(20) % 2, x_test=X, y_test=X[:, 0] > 0)
    outcome = run("regress", "--data", "twice.npz")
    assert outcome.code in (1, 2)
    assert "3" in outcome.output
    assert "8" in outcome.output
    assert outcome.output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("regress --tol 0", "--tol must be between 0 and 1, got 0"),
        ("regress --ridge -1", "--ridge must be non-negative"),
        ("regress --storage K.gram", "--storage K.gram holds one matrix"),
        ("regress --data bare.npy", "bare.npy has no labels"),
        ("regress --data one.npz", "one.npz has one class only, 1"),
        ("regress --data nan.npz", "nan.npz: labels must be finite, got nan in row"),
        ("regress --data names.npz --targets values", "labels as values must be numbers"),
        ("dynamics --data zero.npz --bias-std 0", "the kernel of zero.npz is 0: nothing can"),
        ("dynamics --tol 2", "--tol must be between 0 and 1, got 2"),
        ("dynamics --holdout 1", "--holdout must be at least 0 and below 1, got 1"),
        ("dynamics --holdout 0.01 --samples 9", "of 9 training rows leaves a part without rows"),
        ("dynamics --label-noise 2", "--label-noise must be between 0 and 1, got 2"),
        ("dynamics --times -1", "--times must be non-negative numbers, inf, or FIRST:LAST:COUNT"),
        ("dynamics --times 1:10", "got '1:10'"),
        ("dynamics --times 10:1:5", "got '10:1:5'"),
        ("dynamics --times nan", "got 'nan'"),
    ],
)
def test_one_line_and_exit_code_2(run, here, arguments, message):
    X = np.arange(40.0).reshape(20, 2)
    y = np.linspace(0, 1, 20)
    np.save(here / "bare.npy", X)
    np.savez(here / "zero.npz", X=np.zeros((20, 2)), y=np.arange(20) % 2)
    np.savez(here / "one.npz", X=X, y=np.ones(20, int))
    np.savez(here / "nan.npz", X=X, y=np.where(y > 0.5, np.nan, y))
    np.savez(here / "names.npz", X=X, y=np.array(["a", "b"])[np.arange(20) % 2])
    before = names(here)
    outcome = run(*arguments.split())
    assert outcome.code == 2, outcome.output
    assert message in outcome.output
    assert outcome.output.startswith("fastntk: ")
    assert outcome.output.count("\n") == 1
    assert names(here) == before
