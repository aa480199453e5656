# SPDX-License-Identifier: Apache-2.0
"""The Jacobian of PyTorch modules."""

import importlib
import sys

import numpy as np
import pytest

import fastntk as fn

# torch.func uses what PyTorch itself is about to replace.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")

# Sums of some 30 products in another order.
ROUNDING = {"float64": 1e-13, "float32": 3e-6}


@pytest.fixture
def torch():
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        pytest.skip(f"PyTorch, an optional dependency, is not installed, or does not load: {error}")


@pytest.fixture
def module(torch, dtype):
    """A network with three outputs, the second layer of which has no gradients."""
    torch.manual_seed(0)
    layers = [
        torch.nn.Linear(5, 8),
        torch.nn.Tanh(),
        torch.nn.Linear(8, 8),
        torch.nn.ReLU(),
        torch.nn.Linear(8, 3),
    ]
    layers[2].requires_grad_(False)
    return torch.nn.Sequential(*layers).to(getattr(torch, dtype)).eval()


def autograd(torch, module, X):
    """Every row by backpropagation of its own."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    rows = []
    for sample in module(X):
        for output in sample.reshape(-1):
            parts = torch.autograd.grad(output, parameters, retain_graph=True)
            rows.append(torch.cat([part.reshape(-1) for part in parts]))
    return torch.stack(rows).numpy()


def test_against_autograd(torch, module, dtype, rng):
    X = rng.standard_normal((10, 5)).astype(dtype)
    J = autograd(torch, module, torch.tensor(X))
    U, V = rng.standard_normal((30, 3)).astype(dtype), rng.standard_normal((75, 3)).astype(dtype)
    V.flags.writeable = False
    for given in (X, X.tolist(), torch.tensor(X)):
        jacobian = fn.torch_jacobian(module, given, block=4)
        assert (jacobian.shape, jacobian.samples, jacobian.outputs) == ((30, 75), 10, 3)
        assert jacobian.dtype == dtype
        for got, want in (
            (jacobian.to_dense(), J),
            (jacobian @ V, J @ V),
            (jacobian @ V[:, 0], J @ V[:, 0]),
            (jacobian.T @ U, J.T @ U),
        ):
            assert got.dtype == dtype
            np.testing.assert_allclose(got, want, rtol=0, atol=ROUNDING[dtype] * abs(want).max())
    assert (jacobian @ V[:, :0]).shape == (30, 0)


def test_float64_products_of_a_float32_module(torch, rng):
    module = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    X = rng.standard_normal((6, 5)).astype(np.float32)
    jacobian = fn.torch_jacobian(module, X)
    V = rng.standard_normal((jacobian.shape[1], 2))
    got = jacobian @ V
    J = autograd(torch, module.double(), torch.tensor(X.astype(np.float64)))
    np.testing.assert_allclose(got, J @ V, rtol=0, atol=1e-13)


def test_the_operator(torch, module, dtype, rng):
    X = rng.standard_normal((10, 5)).astype(dtype)
    K = autograd(torch, module.double(), torch.tensor(X).double())
    K = K @ K.T
    op = fn.JacobianOperator(fn.torch_jacobian(module.to(getattr(torch, dtype)), X))
    np.testing.assert_allclose(op.to_dense(), K, rtol=0, atol=ROUNDING[dtype] * K.max())
    np.testing.assert_allclose(op.diagonal(), np.diag(K), rtol=0, atol=ROUNDING[dtype] * K.max())
    np.testing.assert_allclose(op @ K, K @ K, rtol=0, atol=1e-12 * (K @ K).max())
    pairs = fn.eigenpairs(op, k=3, method="krylov", tol=1e-10, block=6)
    want = np.linalg.eigvalsh(K)[::-1][:3]
    np.testing.assert_allclose(pairs.values, want, rtol=0, atol=1e-10 * want[0])


def test_it_is_the_jacobian_of_the_same_finite_network(torch, rng):
    net = fn.FullyConnected(hidden_layers=2)
    w = fn.FiniteNetwork(net, (5, 9, 7, 2), parametrisation="standard", dtype="float64", seed=1)
    layers = [torch.nn.Linear(n, m, dtype=torch.float64) for n, m in ((5, 9), (9, 7), (7, 2))]
    relu = torch.nn.ReLU()
    with torch.no_grad():
        for layer, (W, b) in zip(layers, w.parameters, strict=True):
            layer.weight.copy_(torch.tensor(W))
            layer.bias.copy_(torch.tensor(b))
    module = torch.nn.Sequential(layers[0], relu, layers[1], relu, layers[2])
    X = rng.standard_normal((10, 5))
    got, want = fn.torch_jacobian(module, X).to_dense(), w.jacobian(X).to_dense()
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13)


def test_outputs_and_samples_of_any_shape(torch, rng):
    """A convolution with normalisation, whose outputs are images; buffers are kept."""
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Sigmoid()
    )
    module = module.double().eval()
    module[1].running_var += 1.0
    X = torch.tensor(rng.standard_normal((5, 1, 4, 4)))
    jacobian = fn.torch_jacobian(module, X, block=2)
    assert (jacobian.samples, jacobian.outputs) == (5, 8)
    want = autograd(torch, module, X)
    np.testing.assert_allclose(jacobian.to_dense(), want, rtol=0, atol=1e-14)
    U = rng.standard_normal((40, 2))
    np.testing.assert_allclose(jacobian.T @ U, want.T @ U, rtol=0, atol=1e-13)


def test_integer_samples_reach_the_module(torch):
    module = torch.nn.Sequential(
        torch.nn.Embedding(7, 3), torch.nn.Flatten(), torch.nn.Linear(6, 1)
    )
    X = torch.tensor([[0, 1], [5, 6], [2, 2]])
    want = autograd(torch, module, X)
    got = fn.torch_jacobian(module, X)
    np.testing.assert_allclose(got.to_dense(), want, rtol=0, atol=1e-6)
    V = np.eye(got.shape[1])
    np.testing.assert_allclose(got @ V, want, rtol=0, atol=1e-6)


def test_progress(module, rng):
    calls = []
    jacobian = fn.torch_jacobian(module, rng.standard_normal((10, 5)), block=4)
    jacobian.matmat(np.ones((75, 2)), lambda *call: calls.append(call))
    assert calls[-1] == ("Jacobian product", 20, 20)


def test_bad_arguments(torch, module, dtype):
    X = np.ones((2, 5))
    frozen = torch.nn.Linear(5, 1).requires_grad_(False)
    mixed = torch.nn.Sequential(torch.nn.Linear(5, 5), torch.nn.Linear(5, 1).double())
    dropout = torch.nn.Sequential(torch.nn.Linear(5, 1), torch.nn.Dropout())
    total = torch.nn.Sequential(torch.nn.Linear(5, 1), torch.nn.Flatten(0))
    for call, error, message in (
        (lambda: fn.torch_jacobian(np.sin, X), TypeError, r"module must be a torch.nn.Module, got"),
        (lambda: fn.torch_jacobian(frozen, X), ValueError, "must have a parameter that requires"),
        (lambda: fn.torch_jacobian(mixed, X), TypeError, "one dtype, .* got torch.float32 on cpu,"),
        (lambda: fn.torch_jacobian(frozen.half().requires_grad_(), X), TypeError, "torch.float16"),
        (lambda: fn.torch_jacobian(dropout, X), ValueError, "evaluation mode .* got 1, a Dropout"),
        (lambda: fn.torch_jacobian(module, X[:0]), ValueError, "X must have at least one sample"),
        (lambda: fn.torch_jacobian(module, X, block=0), ValueError, "block must be at least 1"),
        (lambda: fn.torch_jacobian(module, "no"), TypeError, "X must hold real numbers"),
    ):
        with pytest.raises(error, match=message):
            call()
    fn.torch_jacobian(total, X)  # one output: its only axis is that of the samples


def test_outputs_need_an_axis_of_samples(torch):
    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(5))

        def forward(self, X):
            return (X @ self.weight).sum()

    with pytest.raises(ValueError, match=r"first axis is that of the samples, got shape \(\)"):
        fn.torch_jacobian(Sum(), np.ones((2, 5)))


def test_without_pytorch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"torch_jacobian needs PyTorch 2.0 or later"):
        fn.torch_jacobian(None, np.ones((2, 5)))
