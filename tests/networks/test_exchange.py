# SPDX-License-Identifier: Apache-2.0
"""Networks as npz files and as the state of a PyTorch module."""

import numpy as np
import pytest

import fastntk as fn
from fastntk import _archive
from fastntk.activations import as_activation
from networks.as_reference import BOUNDS
from reference import finite

NET = fn.FullyConnected(hidden_layers=2, weight_std=1.3, bias_std=0.3)
WIDTHS = (4, 30, 20, 3)


def network(net=NET, **options):
    return fn.FiniteNetwork(net, WIDTHS, **options)


def as_module(state, activation, X):
    """What nn.Sequential(Linear, activation, Linear, ...) computes, in NumPy."""
    a = X
    for number in range(0, 2 * len(state), 2):
        if f"{number}.weight" not in state:
            break
        if number:
            a = np.array([finite.value(activation, row) for row in a])
        a = a @ state[f"{number}.weight"].T + state[f"{number}.bias"]
    return a


@pytest.mark.parametrize("networks", [None, 3])
@pytest.mark.parametrize("name", ["w.npz", "w.network", "w"])
def test_files_give_back_the_network(tmp_path, rng, dtype, networks, name):
    net = fn.FullyConnected(2, "erf", init_std=1.1, bias_std=0.2)
    w = network(
        net, networks=networks, parametrisation="mup", trainable=[0, 2], dtype=dtype, seed=4
    )
    w.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    again = fn.FiniteNetwork.load(tmp_path / name)
    assert type(again) is fn.FiniteNetwork
    np.testing.assert_array_equal(again.flat, w.flat)
    for one in ("net", "widths", "parametrisation", "rates", "dtype", "scales", "networks"):
        assert getattr(again, one) == getattr(w, one)
    X = rng.standard_normal((5, 4))
    np.testing.assert_array_equal(again.ntk(X), w.ntk(X))


def test_files_are_plain_arrays(tmp_path):
    w = network()
    w.save(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz", allow_pickle=False) as file:
        assert set(file.files) == {"fastntk.json", "W0", "b0", "W1", "b1", "W2", "b2"}
        np.testing.assert_array_equal(file["W1"], w.parameters[1][0])


def changed(path, change):
    """Write a network's file again, with other parts."""
    content, arrays = _archive.read(path)
    parts = content["saved"]["parts"]
    change(parts)
    _archive.write(path, {"saved": content["saved"]}, arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda parts: parts.pop("net"), r"KeyError: 'net'"),
        (lambda parts: parts.pop("widths"), r"KeyError: 'widths'"),
        (lambda parts: parts.pop("rates"), r"KeyError: 'rates'"),
        (lambda parts: parts.pop("b2"), r"KeyError: 'b2'"),
        (lambda parts: parts.update(widths=[3]), r"IndexError"),
        (lambda parts: parts.update(W1={"array": "W0"}), r"weights that follow|must have W of"),
        (lambda parts: parts.update(W1={"array": "W9"}), r"KeyError: 'W9'"),
        (lambda parts: parts.update(parametrisation="other"), r"parametrisation must be"),
        (lambda parts: parts["net"]["parts"].update(hidden_layers=-1), r"hidden_layers must be"),
        (lambda parts: parts["net"].update({"class": "os"}), r"KeyError: 'os'"),
        (lambda parts: parts.update(rates={"code": "1/0"}), r"no part of form 'code'"),
    ],
)
def test_files_whose_parts_make_no_network(tmp_path, change, message):
    """The message has the file and what is wrong in it."""
    path = tmp_path / "w.npz"
    network().save(path)
    changed(path, change)
    with pytest.raises(ValueError, match=rf"w\.npz holds a FiniteNetwork that .*({message})"):
        fn.FiniteNetwork.load(path)


def test_files_of_something_else(tmp_path):
    path = tmp_path / "file"
    fn.GramOperator.from_matrix(np.eye(2)).save(path)
    with pytest.raises(
        ValueError, match=r"holds a GramOperator, not a FiniteNetwork: fastntk\.load"
    ):
        fn.FiniteNetwork.load(path)
    network().save(path)
    assert isinstance(fn.load(path, device="cpu"), fn.FiniteNetwork)
    with pytest.raises(ValueError, match="device must be"):
        fn.load(path, device="tpu")
    with path.open("wb") as stream:
        np.savez(stream, W0=np.eye(2))
    with pytest.raises(ValueError, match="is not a file that fastntk saved"):
        fn.FiniteNetwork.load(path)


@pytest.mark.parametrize("parametrisation", ["ntk", "standard", "mup"])
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_a_state_computes_the_same_function(rng, activation, parametrisation, dtype):
    net = fn.FullyConnected(2, activation, 1.3, 0.3)
    w = network(net, parametrisation=parametrisation, dtype=dtype)
    state = w.state_dict()
    assert list(state) == [f"{i}.{kind}" for i in (0, 2, 4) for kind in ("weight", "bias")]
    assert {values.dtype for values in state.values()} == {np.dtype(dtype)}
    X = rng.standard_normal((7, 4)).astype(dtype)
    bound = BOUNDS[dtype]
    np.testing.assert_allclose(as_module(state, activation, X), w(X), atol=bound)
    for other in ("ntk", "standard", "mup"):
        v = fn.FiniteNetwork.from_state_dict(
            state, net, parametrisation=other, dtype=dtype, trainable="last"
        )
        assert (v.widths, v.parametrisation, v.rates[0]) == (WIDTHS, other, (0, 0))
        np.testing.assert_allclose(v(X), w(X), atol=bound)


@pytest.mark.parametrize(
    ("text", "between"),
    [
        ("leaky_relu(0.1)", lambda u: np.where(u > 0, u, 0.1 * u)),
        ("sin(2, 0.5)", lambda u: np.sin(u + 0.5)),
        ("cos(2)", np.cos),
        ("rbf(0.3)", lambda u: np.sqrt(2) * np.sin(u + np.pi / 4)),
        ("gaussian(0.3)", lambda u: np.exp(-u * u)),
        ("polynomial(1, 0, 2)", lambda u: 1 + 2 * u * u),
    ],
)
def test_a_state_has_what_multiplies_inputs_and_outputs(rng, text, between):
    """A module needs the activation without them, as the docstring says."""
    f = as_activation(text).scaled(input=0.7, output=1.4)
    w = network(fn.FullyConnected(2, f, 1.3, 0.3), dtype="float64")
    state, X = w.state_dict(), rng.standard_normal((7, 4))
    a = X @ state["0.weight"].T + state["0.bias"]
    for number in (2, 4):
        a = between(a) @ state[f"{number}.weight"].T + state[f"{number}.bias"]
    np.testing.assert_allclose(a, w(X), rtol=0, atol=1e-13 * abs(a).max())
    again = fn.FiniteNetwork.from_state_dict(state, w.net, dtype="float64")
    np.testing.assert_allclose(again(X), w(X), rtol=0, atol=1e-13 * abs(a).max())


def test_states_of_other_origin(rng):
    """Prefixes, gaps in the numbers, no biases, other orders and types."""
    state = {
        "net.7.weight": rng.integers(-3, 3, (2, 5)),
        "net.0.weight": rng.standard_normal((5, 4)).astype("float16"),
        "net.7.bias": [1, 2],
    }
    net = fn.FullyConnected(1)
    w = fn.FiniteNetwork.from_state_dict(state, net, parametrisation="standard", dtype="float64")
    assert w.widths == (4, 5, 2)
    np.testing.assert_array_equal(w.parameters[1][0], state["net.7.weight"])
    np.testing.assert_array_equal(w.parameters[1][1], [1, 2])
    assert not w.parameters[0][1].any()


def test_a_module_of_torch(rng, dtype):
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(
        torch.nn.Linear(4, 30),
        torch.nn.ReLU(),
        torch.nn.Linear(30, 20),
        torch.nn.ReLU(),
        torch.nn.Linear(20, 3),
    ).to(getattr(torch, dtype))
    w = network(dtype=dtype)
    module.load_state_dict(w.state_dict(torch=True))
    X = torch.from_numpy(rng.standard_normal((7, 4)).astype(dtype))
    f = w(X)
    assert isinstance(f, torch.Tensor)
    np.testing.assert_allclose(module(X).detach(), f, atol=BOUNDS[dtype])
    K = w.ntk(X)
    assert isinstance(K, torch.Tensor)
    again = fn.FiniteNetwork.from_state_dict(module.state_dict(), NET, dtype=dtype)
    np.testing.assert_allclose(again.ntk(X), K, atol=BOUNDS[dtype] * float(K.max()))
    # Its rates of 1 are those of "standard": a step of SGD is a step of ours.
    standard = w.in_parametrisation("standard", rates="own")
    parameters = list(module.parameters())
    rows = [
        torch.cat([p.ravel() for p in torch.autograd.grad(one, parameters, retain_graph=True)])
        for one in module(X).reshape(-1).split(1)
    ]
    J = torch.stack(rows)
    np.testing.assert_allclose(
        standard.ntk(X), J @ J.T, atol=BOUNDS[dtype] * float((J @ J.T).max())
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (list, TypeError, "state must be a dict of arrays, got list"),
        (lambda s: {}, ValueError, r"state must have a 2-D weight for each Linear layer, got \[\]"),
        (lambda s: s | {"conv.weight": 1}, ValueError, "state must have names such as '0.weight'"),
        (lambda s: s | {3: 1}, ValueError, "state must have names such as '0.weight'.*got 3"),
        (
            lambda s: s | {"head.0.weight": np.ones((30, 4))},
            ValueError,
            r"state must have one weight numbered 0, got another: 'head\.0\.weight'",
        ),
        (lambda s: s | {"6.bias": np.ones(3)}, ValueError, "state must have a 2-D weight for each"),
        (
            lambda s: s | {"2.weight": np.ones((20, 29))},
            ValueError,
            r"weights that follow each other, got \[\(30, 4\), \(20, 29\), \(3, 20\)\]",
        ),
        (
            lambda s: s | {"6.weight": np.ones((2, 3))},
            ValueError,
            "widths must have 4 numbers, the inputs, hidden_layers=2 widths and the outputs, got 5",
        ),
        (
            lambda s: s | {"0.bias": np.ones(29)},
            ValueError,
            r"parameters\[0\] must have W of shape",
        ),
        (
            lambda s: s | {"0.bias": np.full(30, np.nan)},
            ValueError,
            r"state\['0.bias'\] must be fin",
        ),
        (lambda s: s | {"0.bias": "abc"}, TypeError, r"state\['0.bias'\] must hold real numbers"),
    ],
)
def test_bad_states(change, error, message):
    with pytest.raises(error, match=message):
        fn.FiniteNetwork.from_state_dict(change(network().state_dict()), NET)


def test_biases_need_an_architecture_that_has_them():
    net = fn.FullyConnected(2, bias_std=0.0)
    with pytest.raises(ValueError, match="net must have a bias_std above 0 for a state with bias"):
        fn.FiniteNetwork.from_state_dict(network().state_dict(), net)
    state = {name: v for name, v in network().state_dict().items() if "bias" not in name}
    assert fn.FiniteNetwork.from_state_dict(state, net).widths == WIDTHS
    with pytest.raises(TypeError, match="net must be a FullyConnected"):
        fn.FiniteNetwork.from_state_dict(state, None)
    with pytest.raises(ValueError, match="a state_dict is of a single network such as"):
        network(networks=2).state_dict()
