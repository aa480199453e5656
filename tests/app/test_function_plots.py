# SPDX-License-Identifier: Apache-2.0
"""Figures of regressions and of training: what is on them; how they look is for the eye."""

import numpy as np
import pytest

from fastntk import _ink as ink
from fastntk.app import dynamics_plots, outcome_plots
from fastntk.app.dynamics_run import Curve, Stop

PNG = b"\x89PNG\r\n\x1a\n"
WORDS = {"title": "costs $5_", "subtitle": "or $6^"}


def saved(figure, tmp_path):
    figure.savefig(tmp_path / "figure.png", dpi=40)
    return (tmp_path / "figure.png").read_bytes().startswith(PNG)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_confusion_has_per_cents_of_each_true_class(tmp_path):
    true = np.array([0, 0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 0, 1, 1, 2, 2])
    panels = [outcome_plots.Panel("one", predicted), outcome_plots.Panel("two", true)]
    figure = outcome_plots.confusion(true, panels, ["a", "b$", "_c"], **WORDS)
    left, right = figure.axes
    found = {(text.get_position()[::-1]): text.get_text() for text in left.texts}
    assert found == {
        (0, 0): "75.0", (0, 1): "25.0", (1, 1): "50.0", (1, 2): "50.0", (2, 2): "100",
    }  # fmt: skip
    assert texts(right) == ["100"] * 3
    rows = [label.get_text() for label in left.get_yticklabels()]
    assert rows == ["a (4)", "b$ (2)", "_c (1)"]
    assert left.get_title(loc="left") == "one"
    assert saved(figure, tmp_path)


def test_mistakes_have_a_scale_of_their_own():
    true = np.repeat([0, 1], 500)
    predicted = true.copy()
    predicted[:10] = 1  # 2 % of the first class
    figure = outcome_plots.confusion(
        true, [outcome_plots.Panel("", predicted)], ["a", "b"], **WORDS
    )
    colors = figure.axes[0].images[0].get_array()
    assert np.all(colors[1, 0] == 1)  # none: white
    assert colors[0, 1, 2] < 0.3  # the commonest: the full colour
    assert colors[0, 0, 2] > 0.6  # right: blue


def test_many_classes_are_drawn_without_numbers(tmp_path):
    true = np.arange(200) % 50
    names = [str(c) for c in range(50)]
    figure = outcome_plots.confusion(true, [outcome_plots.Panel("", true)], names, **WORDS)
    assert texts(figure.axes[0]) == []
    assert saved(figure, tmp_path)


def test_agreement_shows_values_and_residuals(tmp_path):
    true, predicted = np.array([0.0, 1.0, 3.0]), np.array([0.5, 1.0, 2.0])
    figure = outcome_plots.agreement(true, [outcome_plots.Panel("one", predicted)], **WORDS)
    above, below = figure.axes
    np.testing.assert_allclose(above.collections[0].get_offsets(), np.c_[true, predicted])
    np.testing.assert_allclose(below.collections[0].get_offsets(), np.c_[true, predicted - true])
    assert saved(figure, tmp_path)


@pytest.mark.parametrize(
    ("times", "classes"),
    [
        ([1.0, 10.0, 100.0], True),
        ([0.0, 1.0, 10.0, np.inf], False),
        ([0.0, np.inf], True),
        ([np.inf], False),
        ([0.0], True),
    ],
)
def test_training_is_drawn_for_any_times(tmp_path, times, classes):
    times = np.array(times)
    cost = np.linspace(1, 0.5, len(times))
    error = cost / 2 if classes else None
    curves = {name: Curve(cost, error) for name in ("train", "held-out", "test")}
    stop = Stop(float(times[-1]), 0.5, 0.5, None)
    rates = np.array([1.0, 0.1, 0.0])
    figure = dynamics_plots.dynamics(times, curves, stop, rates, **WORDS)
    assert len(figure.axes) == (3 if classes else 2)
    spectrum, panel = figure.axes[:2]
    np.testing.assert_allclose(spectrum.lines[0].get_ydata(), [1, 0.1])
    places = panel.lines[0].get_xdata()
    assert np.all(np.isfinite(places))
    assert np.all(places > 0)
    assert np.all(np.diff(places) > 0)
    ticks = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert ("0" in ticks, "∞" in ticks) == (times[0] == 0, np.isinf(times[-1]))
    assert saved(figure, tmp_path)


def test_early_stopping_counts_the_components_learnt():
    curves = {"train": Curve(np.ones(2), None)}
    rates = np.array([1.0, 0.2, 0.05, 0.0125])
    figure = dynamics_plots.dynamics(
        np.array([1.0, 30.0]), curves, Stop(30.0, 1.0, 1.0, None), rates, **WORDS
    )
    assert texts(figure.axes[0]) == ["early stopping: 3 faster"]
    assert texts(figure.axes[1]) == ["early stopping, t = 30"]


def test_nothing_is_cut_off_in_the_file(tmp_path):
    true = np.arange(50) % 10
    panels = [outcome_plots.Panel("one", true), outcome_plots.Panel("two", true)]
    figure = outcome_plots.confusion(true, panels, [str(c) for c in range(10)], **WORDS)
    ink.save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(PNG)
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
