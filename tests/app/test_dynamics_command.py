# SPDX-License-Identifier: Apache-2.0
"""``fastntk dynamics``: curves against dense NumPy, label noise, early stopping, files."""

import json
import re

import numpy as np
import pytest

import fastntk
from fastntk.app.dynamics_problem import parsed_times


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """To draw takes longer than to compute; `test_function_plots` draws."""
    monkeypatch.setattr("fastntk._ink.save", lambda _, path: path.write_bytes(b""))


def read(folder):
    with np.load(folder / "curve.npz") as arrays:
        return dict(arrays), json.loads((folder / "result.json").read_text())


def test_curves_agree_with_dense_numpy(run, here):
    outcome = run(
        "dynamics", "--samples", 120, "--seed", 3, "--dtype", "float64", "--holdout", 0.25,
        "--times", "0,10:1e4:4,inf",
    )  # fmt: skip
    assert outcome.code == 0, outcome.output
    folder = here / "fastntk-dynamics"
    assert sorted(path.name for path in folder.iterdir()) == [
        "curve.npz", "dynamics.png", "result.json",
    ]  # fmt: skip
    arrays, content = read(folder)
    digits = fastntk.datasets.load("digits")
    rows = {part: arrays[f"{part}_rows"] for part in ("train", "held_out", "test")}
    assert [len(part) for part in rows.values()] == [90, 30, 359]
    assert len(np.unique(np.concatenate([*rows.values()]))) == 479
    X, Y = digits.X, np.eye(10)[digits.y]
    net, train = fastntk.FullyConnected(), rows["train"]
    K = net.ntk(X[train], scale=1 / 16, dtype="float64")
    values, vectors = np.linalg.eigh(K)
    targets = vectors.T @ (Y[train] - 0.1)
    times = np.array([0, 10, 100, 1000, 1e4, np.inf])
    np.testing.assert_allclose(arrays["times"], times)
    for i, t in enumerate(times):
        filtered = (1 - np.exp(-t * values / 90)) / values
        c = vectors @ (filtered[:, None] * targets)
        for part, where in rows.items():
            f = net.ntk(X[where], X[train], scale=1 / 16, dtype="float64") @ c + 0.1
            cost = np.sum((f - Y[where]) ** 2) / (2 * len(where))
            # Eigenvalues down to 1e-5 of the first, in float64.
            np.testing.assert_allclose(arrays[f"{part}_cost"][i], cost, rtol=1e-9, atol=1e-12)
            if t > 0:  # at 0 all outputs are equal
                error = np.mean(f.argmax(axis=1) != digits.y[where])
                assert arrays[f"{part}_error"][i] == pytest.approx(error)
        assert np.abs(arrays["test_outputs"][i] - f).max() < 1e-6  # float32
    np.testing.assert_allclose(arrays["eigenvalues_over_n"], values[::-1] / 90, rtol=1e-9)
    assert content["times"][-1] == "inf"
    assert content["curves"]["test"]["cost"] == pytest.approx(arrays["test_cost"].tolist())
    assert content["max_learning_rate"] == pytest.approx(180 / values[-1])


def test_label_noise_has_a_best_time_that_held_out_rows_find(run, here):
    outcome = run("dynamics", "--samples", 600, "--label-noise", 0.4, "--holdout", 0.2)
    arrays, content = read(here / "fastntk-dynamics")
    truth = fastntk.datasets.load("digits").y[arrays["train_rows"]]
    wrong = np.mean(arrays["train_labels"] != truth)
    # 40 % are drawn anew, of which 1 in 10 is right by chance; 480 rows, 4 standard errors.
    assert abs(wrong - 0.36) < 4 * np.sqrt(0.36 * 0.64 / 480)
    assert content["data"]["noisy_labels"] == 240
    for curve in (arrays["test_cost"], arrays["test_error"], arrays["held_out_cost"]):
        best = int(np.argmin(curve))
        assert 0 < best < len(curve) - 1
        assert curve[0] > 1.02 * curve[best]
        assert curve[-1] > 1.02 * curve[best]
    assert np.all(np.diff(arrays["train_cost"]) < 0)
    stop = content["early_stopping"]
    best = int(np.argmin(arrays["held_out_cost"]))
    assert arrays["times"][best - 1] < stop["time"] < arrays["times"][best + 1]
    assert stop["held_cost"] <= arrays["held_out_cost"][best]
    # Half of the mistakes that training to the end adds are avoided, at least. The cost is least a
    # little earlier: held-out rows with random labels favour smaller outputs than the test rows.
    best, last = arrays["test_error"].min(), arrays["test_error"][-1]
    assert stop["test_error"] - best < 0.5 * (last - best)
    assert stop["test_cost"] < arrays["test_cost"][-1]
    assert f"early stopping at t = {stop['time']:.3g}" in outcome.output


def test_random_labels_are_learnt_and_mean_nothing(run, here):
    run("dynamics", "--samples", 400, "--label-noise", 1, "--holdout", 0, "--times", "1:1e7:4,inf")
    arrays, content = read(here / "fastntk-dynamics")
    assert content["early_stopping"] is None
    assert content["held_out"] is None
    assert arrays["train_error"][-1] == 0
    assert arrays["train_cost"][-1] < 1e-10 * arrays["train_cost"][0]
    # One in ten is right by chance; 359 rows whose guesses hang together, 5 standard errors.
    assert abs(arrays["test_error"][-1] - 0.9) < 5 * np.sqrt(0.09 / 359)


def test_values_have_costs_and_no_accuracy(run, here, rng):
    X = rng.standard_normal((60, 3))
    np.savez(here / "values.npz", X=X, y=X[:, 0])
    outcome = run("dynamics", "--data", "values.npz", "--kernel", "nngp", "--holdout", 0)
    assert outcome.code == 0, outcome.output
    assert "accuracy" not in outcome.output
    arrays, _ = read(here / "fastntk-dynamics")
    assert "test_error" not in arrays
    assert arrays["test_cost"][-1] < 0.2 * arrays["test_cost"][0]
    # Default times: 20, from a tenth to 10^5 of the first time constant.
    first = 1 / arrays["eigenvalues_over_n"][0]
    np.testing.assert_allclose(arrays["times"], np.geomspace(0.1 * first, 1e5 * first, 20))


def test_times_are_numbers_and_rows_of_them():
    np.testing.assert_allclose(parsed_times("inf,5,1:100:3,0"), [0, 1, 5, 10, 100, np.inf])


def test_more_samples_take_a_krylov_space(run, here, monkeypatch):
    options = ("--samples", 200, "--times", "1:3000:3", "--dtype", "float64")
    with monkeypatch.context() as patch:
        patch.setattr("fastntk.dynamics.flow_method._DENSE_ROWS", 50)
        outcome = run("dynamics", *options, "-k", 7)
    assert outcome.code == 0, outcome.output
    assert re.search(r"krylov method, \d+ passes", outcome.output)
    found, content = read(here / "fastntk-dynamics")
    assert content["solver"]["converged"] is True
    assert len(found["eigenvalues_over_n"]) == 7
    run("dynamics", *options, "--out", "dense")
    exact, _ = read(here / "dense")
    # Outputs of size 1 by the tolerance of 1e-4; eigenvalues by eigenpairs' own 1e-6.
    np.testing.assert_allclose(found["test_outputs"], exact["test_outputs"], atol=1e-3)
    np.testing.assert_allclose(
        found["eigenvalues_over_n"], exact["eigenvalues_over_n"][:7], rtol=1e-5
    )


def test_what_is_never_learnt_is_said(run, here, rng):
    X = rng.standard_normal((30, 3))
    X[8] = X[3]
    y = np.arange(30) % 2
    np.savez(here / "twice.npz", x_train=X, y_train=y, x_test=X, y_test=y)
    outcome = run("dynamics", "--data", "twice.npz", "--holdout", 0, "--times", "10,inf")
    assert outcome.code == 0, outcome.output
    assert "note: " in outcome.output
    assert "3 and 8" in outcome.output
