# SPDX-License-Identifier: Apache-2.0
"""Estimators as files and as pickles: the same predictions to the bit."""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import fastntk as fn
from fastntk import _archive, _version

NET = fn.FullyConnected(hidden_layers=2, bias_std=0.2)
RIDGE = {"ridge": 1e-3}
MODELS = {
    "kpca": fn.KernelPCA(NET, 2),
    "centred kpca": fn.KernelPCA(NET, 2, centered=True, kernel="nngp"),
    "ridge": fn.KernelRidge(NET, **RIDGE),
    "classifier": fn.KernelClassifier(NET, **RIDGE),
    "nngp": fn.GaussianProcess(NET, **RIDGE),
    "ntk": fn.GaussianProcess(NET, "ntk", **RIDGE),
    "ntk at a time": fn.GaussianProcess(NET, "ntk", t=50.0),
    "iterative": fn.GaussianProcess(NET, "ntkgp", method="iterative", **RIDGE),
}


def pickled(model, _):
    return pickle.loads(pickle.dumps(model))


def dumped(model, path):
    joblib.dump(model, path)
    return joblib.load(path)


def saved(model, path):
    model.save(path)
    return type(model).load(path)


def data(rng, kind, n=60):
    if kind == "uint8":
        return rng.integers(0, 256, (n, 6), dtype=np.uint8), 1 / 255
    return rng.standard_normal((n, 6)).astype(kind), 1.0


def fitted(name, X, scale):
    y = X[:, 0] * scale - X[:, 1] * scale
    y = np.where(y > np.median(y), "high", "low") if name == "classifier" else np.stack([y, -y], 1)
    return clone(MODELS[name]).set_params(scale=scale).fit(X, y)


def assert_same(again, model, Z):
    """Compare parameters, attributes, and everything that an estimator predicts."""
    assert type(again) is type(model)
    assert again.get_params() == model.get_params()
    assert set(vars(again)) == set(vars(model))
    for name, value in vars(model).items():
        if name.endswith("_") and isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(again, name), value, strict=True)
        elif name.endswith("_"):
            assert getattr(again, name) == value, name
    if isinstance(model, fn.KernelPCA):
        np.testing.assert_array_equal(again.transform(Z), model.transform(Z), strict=True)
        return
    np.testing.assert_array_equal(again.predict(Z), model.predict(Z), strict=True)
    if isinstance(model, fn.GaussianProcess):
        for option in ("return_std", "return_cov"):
            options = {option: True}
            found, want = again.predict(Z, **options)[1], model.predict(Z, **options)[1]
            np.testing.assert_array_equal(found, want, strict=True)
        if model.law != "ntk":
            found = again.log_marginal_likelihood(eval_gradient=True)
            np.testing.assert_array_equal(found[1], model.log_marginal_likelihood(None, True)[1])
        if np.isinf(model.t):
            found, want = again.leave_one_out(), model.leave_one_out()
            np.testing.assert_array_equal(found.variance, want.variance)


@pytest.mark.parametrize(
    ("way", "kind"), [(saved, "uint8"), (saved, "float64"), (pickled, "float32")]
)
@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_the_same_to_the_bit(tmp_path, rng, name, kind, way):
    X, scale = data(rng, kind)
    model = fitted(name, X, scale)
    assert_same(way(model, tmp_path / "model"), model, data(rng, kind, 5)[0])


def test_a_factor_of_several_blocks(tmp_path, rng):
    """The triangle is kept block by block; joblib keeps it as it is."""
    X, scale = data(rng, "float64", 300)
    model = fitted("nngp", X, scale)
    for way in (saved, dumped):
        assert_same(way(model, tmp_path / "model"), model, X[:3] + 0.1)
    assert saved(model, tmp_path / "model").save(tmp_path / "again") is None
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_hyper_parameters_that_were_fitted(tmp_path, rng):
    pytest.importorskip("scipy")
    X, _ = data(rng, "float64", 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fn.ConvergenceWarning)  # one may end on its bound
        model = fn.GaussianProcess(NET, ridge=0.1).fit(X, np.sin(X[:, 0]), optimize=True)
    again = saved(model, tmp_path / "model")
    assert again.net_ == model.net_ != model.net
    assert_same(again, model, X[:3] + 0.1)


@pytest.mark.parametrize("net", [fn.RBF(1.5), "finite network"])
def test_other_kernels(tmp_path, rng, net):
    X, _ = data(rng, "float64", 20)
    if net == "finite network":
        net = fn.FiniteNetwork(NET, (6, 40, 40, 2), dtype="float64")
    model = fn.KernelRidge(net, ridge=0.1).fit(X, X[:, 0])
    if isinstance(net, fn.FiniteNetwork):
        net.flat = net.flat * 2  # the model is of the parameters that it was fitted with
    again = saved(model, tmp_path / "model")
    np.testing.assert_array_equal(again.predict(X + 0.1), model.predict(X + 0.1), strict=True)
    if isinstance(net, fn.FiniteNetwork):
        np.testing.assert_array_equal(again.net.flat, net.flat)


@pytest.mark.parametrize("labels", [np.array([3, 5, 5]), np.array(["a", "b", "a"], dtype=object)])
def test_labels_keep_their_type(tmp_path, labels):
    model = fn.KernelClassifier(NET).fit(np.eye(3), labels)
    again = saved(model, tmp_path / "model")
    np.testing.assert_array_equal(again.classes_, model.classes_, strict=True)
    np.testing.assert_array_equal(again.predict(np.eye(3)), labels, strict=True)


def test_frames(tmp_path, rng):
    """Names of columns are known again, and that results are to be frames."""
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(rng.standard_normal((9, 2)), columns=["a", "b"])
    model = fn.KernelPCA(NET, 2).set_output(transform="pandas").fit(X)
    again = saved(model, tmp_path / "model")
    pandas.testing.assert_frame_equal(again.transform(X), model.transform(X))
    with pytest.raises(ValueError, match="feature names"):
        again.transform(X.rename(columns={"a": "c"}))


def test_unfitted_estimators(tmp_path):
    """Parameters alone, of every type that they may have."""
    model = fn.GaussianProcess(
        NET, "ntk", t=float("inf"), dtype=np.float32, storage=tmp_path / "K", memory="1 GB"
    ).set_params(threads=np.int64(2), random_state=None)
    again = saved(model, tmp_path / "model")
    assert again.get_params() == model.get_params() | {"dtype": "float32"}
    assert not hasattr(again, "X_fit_")


class Mine(fn.KernelRidge):
    """A subclass, which a file cannot know."""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            fn.KernelRidge(fn.UserKernel(np.dot)),
            r"parameters\.net is .*UserKernel, which cannot be",
        ),
        (
            fn.KernelPCA(random_state=np.random.RandomState(0)),
            r"parameters\.random_state is .*Rand",
        ),
        (
            Mine(),
            "Mine, which cannot be saved: a file holds no code, only objects of Activation",
        ),
    ],
)
def test_what_is_no_number_is_refused(tmp_path, model, message):
    with pytest.raises(TypeError, match=message):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_labels_that_are_no_text_are_refused(tmp_path):
    model = fn.KernelClassifier(NET).fit(np.eye(3), [1, 2, 2])
    model.classes_ = np.array([1, 2], dtype=object)
    with pytest.raises(TypeError, match=r"fitted\.classes_ holds values of type object"):
        model.save(tmp_path / "model")


def test_files_of_another_class(tmp_path):
    fn.KernelPCA(NET).save(tmp_path / "model")
    with pytest.raises(
        ValueError, match=r"model holds a KernelPCA, not a KernelRidge: fastntk\.lo"
    ):
        fn.KernelRidge.load(tmp_path / "model")
    assert isinstance(fn.load(tmp_path / "model"), fn.KernelPCA)


def changed(path, change):
    """Write a file anew with other parts and arrays."""
    content, arrays = _archive.read(path)
    change(content["saved"]["parts"], arrays)
    _archive.write(path, {"saved": content["saved"]}, arrays)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("part", "value", "error"),
    [
        ("widths", nested(900), "RecursionError"),
        ("rates", [[10**400, 1], [1, 1]], "OverflowError"),
    ],
)
def test_values_that_python_refuses(tmp_path, part, value, error):
    fn.FiniteNetwork(fn.FullyConnected(1), (2, 3, 1)).save(tmp_path / "net")
    changed(tmp_path / "net", lambda parts, _: parts.update({part: value}))
    with pytest.raises(ValueError, match=rf"net holds a FiniteNetwork .* \({error}: "):
        fn.load(tmp_path / "net")


def shortened(name):
    return lambda parts, arrays: arrays.update({name: arrays[name][:-1]})


def replaced(name, value):
    return lambda parts, arrays: parts["fitted"]["dict"].update({name: value})


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("ridge", shortened("fitted.dual_coef_"), "dual_coef_ has shape"),
        ("kpca", shortened("fitted._projection"), "_projection has shape"),
        ("nngp", shortened("fitted.weights.diagonal"), "weights has 59 rows for 60 samples"),
        ("ntk at a time", shortened("fitted.weights.vectors"), "weights has 59 rows"),
        ("classifier", shortened("fitted.classes_"), "classes_ has shape"),
        ("ridge", replaced("X", None), "X must hold real numbers"),
        ("ridge", replaced("kernel", "other"), "kernel must be one of"),
        ("ridge", replaced("dtype", {"dtype": "int8"}), "dtype must be"),
        ("ridge", lambda parts, _: parts["parameters"]["dict"].update(device=5), "device must be"),
    ],
)
def test_parts_that_do_not_fit_each_other(tmp_path, rng, name, change, message):
    X, scale = data(rng, "float64")
    fitted(name, X, scale).save(tmp_path / "model")
    changed(tmp_path / "model", change)
    with pytest.raises(ValueError, match=rf"model holds a \w+ that is not restored .*{message}"):
        fn.load(tmp_path / "model")


@pytest.mark.parametrize("part", ["net", "kernel", "scale", "dtype", "X", "dual_coef_", "weights"])
def test_files_that_lack_something(tmp_path, part):
    fn.GaussianProcess(NET, **RIDGE).fit(np.eye(3), np.arange(3.0)).save(tmp_path / "model")
    changed(tmp_path / "model", lambda parts, _: parts["fitted"]["dict"].pop(part))
    message = rf"model holds a GaussianProcess that is not restored \(KeyError: '{part}'\)"
    with pytest.raises(ValueError, match=message):
        fn.load(tmp_path / "model")


def test_a_device_takes_the_place_of_the_parameter(tmp_path):
    model = fn.GaussianProcess(NET, **RIDGE).fit(np.eye(3), np.arange(3.0))
    model.set_params(device="cuda:7").save(tmp_path / "model")
    again = fn.load(tmp_path / "model", device="cpu")
    assert again.device == "cpu"
    np.testing.assert_array_equal(again.predict(np.eye(3)), model.predict(np.eye(3)))


@pytest.mark.parametrize("name", [*MODELS, None])
def test_a_device_that_is_not_here(tmp_path, rng, name):
    """All classes alike say what restores the file."""
    X, scale = data(rng, "float64", 8)
    model = fn.KernelRidge() if name is None else fitted(name, X, scale)
    model.set_params(device="cuda:99").save(tmp_path / "model")
    message = r"device='cuda:99'.*; load\(path, device='cpu'\) restores it on the CPU"
    with pytest.raises(ValueError, match=message):
        fn.load(tmp_path / "model")
    assert fn.load(tmp_path / "model", device="cpu").device == "cpu"


def test_a_dtype_that_is_none(tmp_path):
    with pytest.raises(TypeError, match=r"dtype must be .*, got 'nonsense'"):
        fn.KernelRidge(dtype="nonsense").save(tmp_path / "model")


@pytest.mark.parametrize("copy_X", [True, False])
@pytest.mark.parametrize("kind", [fn.KernelRidge, fn.GaussianProcess])
def test_networks_are_held_as_after_fit(tmp_path, kind, copy_X):
    """What training the network does, and what counts of budgets, do not change by saving."""
    net = fn.FiniteNetwork(fn.FullyConnected(1), (3, 40, 1), dtype="float64")
    model = kind(net, ridge=0.1, copy_X=copy_X).fit(np.eye(3), np.arange(3.0))
    again = saved(model, tmp_path / "model")
    assert again.net_ is again.net
    assert again._maker.nbytes == model._maker.nbytes
    assert (again._maker.nbytes > 0) == copy_X
    if copy_X:
        again.net_.flat = again.net_.flat * 2
        np.testing.assert_array_equal(again.predict(np.eye(3)), model.predict(np.eye(3)))


def test_pickles_of_another_version_warn(monkeypatch):
    """As those of scikit-learn's estimators do, with a warning that passes for theirs."""
    model = fn.KernelRidge(NET).fit(np.eye(3), np.arange(3.0))
    there = pickle.dumps(model)
    monkeypatch.setattr("fastntk.models.saved_estimator.__version__", "9.1")
    message = rf"KernelRidge was pickled by fastntk {_version.__version__} and is read by fastntk 9"
    with pytest.warns(InconsistentVersionWarning, match=message):
        again = pickle.load(io.BytesIO(there))
    np.testing.assert_array_equal(again.predict(np.eye(3)), model.predict(np.eye(3)))
    assert "_fastntk_version" not in vars(again)
    copy.deepcopy(again)  # no warning: of this version
