# SPDX-License-Identifier: Apache-2.0
"""What is on the figure; how it looks is for the eye."""

import numpy as np
import pytest

from fastntk.app.plots import component_plane


def draw(rng, labels, count=200, components=(2, 3)):
    figure = component_plane(
        rng.standard_normal((count, 2)), np.array([0.00113, 0.000831]), labels, components,
        title="Title", subtitle="Subtitle",
    )  # fmt: skip
    return figure, figure.axes[0]


def legend_texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_axes_carry_component_and_eigenvalue(rng):
    _, axes = draw(rng, np.arange(200) % 10)
    assert axes.get_xlabel() == "2nd component   (eigenvalue of K/N: 0.00113)"
    assert axes.get_ylabel() == "3rd component   (eigenvalue of K/N: 0.000831)"
    assert axes.get_title(loc="left") == "Title"


@pytest.mark.parametrize(
    ("numbers", "spelt"),
    [((1, 2), ("1st", "2nd")), ((11, 12), ("11th", "12th")), ((21, 113), ("21st", "113th"))],
)
def test_ordinals(rng, numbers, spelt):
    _, axes = draw(rng, None, components=numbers)
    assert axes.get_xlabel().startswith(spelt[0] + " component")
    assert axes.get_ylabel().startswith(spelt[1] + " component")


def test_few_points_are_drawn_as_their_class(rng):
    _, axes = draw(rng, np.arange(200) % 10)
    assert legend_texts(axes) == [str(digit) for digit in range(10)]
    assert len(axes.collections) == 10
    assert sum(len(drawn.get_offsets()) for drawn in axes.collections) == 200


def test_many_points_are_one_rasterised_cloud_with_class_centres(rng):
    _, axes = draw(rng, np.arange(6000) % 3, count=6000)
    (cloud,) = axes.collections
    assert cloud.get_rasterized()
    assert cloud.get_alpha() < 0.5
    assert [text.get_text() for text in axes.texts[:3]] == ["0", "1", "2"]
    assert legend_texts(axes) == ["0", "1", "2"]


def test_points_keep_their_colours_when_shuffled(rng):
    labels = np.arange(3000) % 2
    scores = np.column_stack([labels, np.zeros(3000)])
    figure = component_plane(scores, np.ones(2), labels, (2, 3), title="")
    (cloud,) = figure.axes[0].collections
    left = cloud.get_offsets()[:, 0] == 0
    assert len(np.unique(cloud.get_facecolors()[left], axis=0)) == 1
    assert len(np.unique(cloud.get_facecolors(), axis=0)) == 2


def test_names_are_in_the_legend(rng):
    _, axes = draw(rng, np.array(["cat", "a dog"])[np.arange(200) % 2])
    assert legend_texts(axes) == ["a dog", "cat"]


def test_quantities_get_a_colour_bar(rng):
    figure, axes = draw(rng, np.linspace(0, 1, 200))
    assert axes.get_legend() is None
    assert len(figure.axes) == 2


def test_no_labels_no_legend(rng):
    figure, axes = draw(rng, None)
    assert axes.get_legend() is None
    assert len(figure.axes) == 1


@pytest.mark.parametrize("labels", [None, np.arange(200) % 10, np.linspace(0, 1, 200)])
def test_figures_can_be_saved(rng, tmp_path, labels):
    figure, _ = draw(rng, labels)
    figure.savefig(tmp_path / "figure.png", dpi=50)
    assert (tmp_path / "figure.png").stat().st_size > 1000
