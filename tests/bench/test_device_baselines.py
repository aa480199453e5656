# SPDX-License-Identifier: Apache-2.0
"""What competes on a GPU computes the same kernel as what competes on the CPU."""

import numpy as np
import pytest


@pytest.fixture
def problem(rng):
    from bench.baselines.numpy_ntk import Parameters

    A = rng.random((37, 11))
    return A, Parameters(hidden_layers=3, weight_std=1.2, bias_std=0.3, scale=1.0, dtype="float64")


@pytest.mark.parametrize("rows", [5, 37, 100])
def test_blocks_of_rows(problem, monkeypatch, rows):
    from bench.baselines import cupy_ntk, numpy_ntk

    monkeypatch.setattr(cupy_ntk, "_ROWS", rows)
    A, net = problem
    K = numpy_ntk.limiting_ntk(A, None, net)
    # The same formulas, rounded in another order: the arc cosine amplifies that near the diagonal.
    got = cupy_ntk.limiting_ntk(np, A, np.empty((37, 37)), net)
    np.testing.assert_allclose(got, K, rtol=1e-7)
    V = np.ones((37, 2))
    np.testing.assert_allclose(cupy_ntk.matmat(np, A, V, np.empty_like(V), net), K @ V, rtol=1e-7)


def test_cases_of_the_gpu_have_goals_and_names_of_their_own():
    from bench import cases

    assert len({case.name for case in cases.ALL}) == len(cases.ALL)
    for case in cases.GPU:
        assert case.device == "cuda"
        assert case.rows == case.columns
        assert case.rows == 60_000 or case.operation == "empirical"
        if case.operation != "activations":  # whose goals are multiples of ReLU's time
            assert case.goal > 0


def test_eigenpairs_are_checked_in_whole_rows(monkeypatch):
    import fastntk as fn
    from bench import cases, data, reference

    pytest.importorskip("sklearn")
    case = next(case for case in cases.GPU if case.operation == "kpca").quick()
    case = type(case)(**{**case.__dict__, "rows": 300, "columns": 300, "vectors": 5})
    problem = data.problem(case, data.synthetic_digits(300))
    truth = reference.expected(case, problem)
    net = fn.FullyConnected(hidden_layers=3, bias_std=0.1)
    model = fn.KernelPCA(net, 5, scale=problem.scale, dtype="float32").fit(problem.X)
    assert truth.check(case, model) <= case.gate
    model.eigenvalues_[1] *= 1.01
    with pytest.raises(reference.WrongAnswer, match="relative error"):
        truth.check(case, model)
    model.eigenvalues_ = model.eigenvalues_[::-1]
    with pytest.raises(reference.WrongAnswer, match="descending"):
        truth.check(case, model)


def test_inputs_beyond_an_image_are_several_side_by_side():
    from bench import cases, data

    (case,) = cases.find("gpu-empirical-16-*")
    assert case.images == data.images_needed((case,)) == 64
    images = data.synthetic_digits(64)
    X = data.problem(case, images).X
    assert X.shape == (16, 3_072)
    np.testing.assert_array_equal(X[1, 784:1_568], images[5] / np.float32(255))
    with pytest.raises(ValueError, match="needs 64 images, got 63"):
        data.problem(case, images[:63])
