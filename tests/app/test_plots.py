# SPDX-License-Identifier: Apache-2.0
"""What is on the figure; how it looks is for the eye."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from fastntk._component_plane import component_plane


def draw(rng, labels, count=200, components=(2, 3), size=1.0, **words):
    figure = component_plane(
        size * rng.standard_normal((count, 2)), np.array([0.00113, 0.000831]), labels, components,
        **{"title": "Title", "subtitle": "Subtitle"} | words,
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


def test_axes_of_the_centred_kernel_say_so(rng):
    _, axes = draw(rng, None, matrix="HKH")
    assert axes.get_xlabel() == "2nd component   (eigenvalue of HKH/N: 0.00113)"
    assert "eigenvalue of HKH/N" in axes.get_ylabel()


@pytest.mark.parametrize("count", [400, 4000])
def test_twenty_classes_have_twenty_styles(rng, count):
    _, axes = draw(rng, np.arange(count) % 20, count=count)
    handles = axes.get_legend().legend_handles
    assert len({(handle.get_color(), handle.get_marker()) for handle in handles}) == 20
    assert len({handle.get_color() for handle in handles}) == 20
    if count > 2500:
        assert len(axes.collections) == 2  # discs and triangles
    assert sum(len(drawn.get_offsets()) for drawn in axes.collections) == count


def test_points_have_the_style_of_their_class(rng):
    labels = np.arange(4000) % 20
    scores = np.column_stack([labels, np.zeros(4000)])
    axes = component_plane(scores, np.ones(2), labels, (2, 3), title="").axes[0]
    colors = {
        (float(x), tuple(color[:3].round(3)))
        for cloud in axes.collections
        for x, color in zip(cloud.get_offsets()[:, 0], cloud.get_facecolors(), strict=True)
    }
    assert len(colors) == 20
    handles = axes.get_legend().legend_handles
    for x, color in colors:
        np.testing.assert_allclose(to_rgb(handles[int(x)].get_color()), color, atol=2e-3)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["10", "2", "1"], ["1", "2", "10"]),
        (["run 10", "run 9", "a"], ["a", "run 9", "run 10"]),
        ([b"10", b"9"], ["9", "10"]),
        ([10, 9, -1], ["-1", "9", "10"]),
        ([0.5, 10.0, 2.0], ["0.5", "2", "10"]),
    ],
)
def test_classes_are_in_natural_order(rng, names, expected):
    labels = np.array(names)[np.arange(200) % len(names)]
    scores = np.column_stack([np.arange(200) % len(names), np.zeros(200)])
    figure = component_plane(scores, np.ones(2), labels, (2, 3), title="")
    axes = figure.axes[0]
    assert legend_texts(axes) == expected
    # Sorting does not mix up whose points are whose: the first name's colour is at its points.
    blue = to_rgb(axes.get_legend().legend_handles[0].get_color())
    places = {
        float(x)
        for drawn in axes.collections
        for x, color in zip(
            drawn.get_offsets()[:, 0],
            np.broadcast_to(drawn.get_facecolors(), (len(drawn.get_offsets()), 4)),
            strict=True,
        )
        if np.allclose(color[:3], blue)
    }
    spelt = [name.decode() if isinstance(name, bytes) else f"{name}" for name in names]
    assert [spelt[int(x)].removesuffix(".0") for x in places] == [expected[0]]


def test_two_letters_are_drawn_as_tall_as_one(rng):
    _, axes = draw(rng, np.array([7, 12])[np.arange(200) % 2])
    one, two = (drawn.get_sizes()[0] for drawn in axes.collections)
    assert two >= 2.5 * one


@pytest.mark.parametrize(
    "odd", ["$", "a$b", r"$\frac$", "_hidden", "^", "", "née", "a very long name"]
)
@pytest.mark.parametrize("count", [200, 3000])
def test_an_odd_name_is_drawn_and_leaves_the_others_alone(rng, tmp_path, odd, count):
    labels = np.array(["1", "2", odd])[np.arange(count) % 3]
    figure, axes = draw(rng, labels, count=count, title="costs $5_", subtitle="or $6^")
    figure.savefig(tmp_path / "figure.png", dpi=40)
    assert sorted(legend_texts(axes)) == sorted(["1", "2", odd])
    assert sum(len(drawn.get_offsets()) for drawn in axes.collections) == count
    if count == 200:
        assert len(axes.collections) == 3  # two glyphs, and points for the odd one


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_an_odd_quantity_is_drawn_and_leaves_the_others_alone(rng, tmp_path, odd):
    labels = np.linspace(0, 1, 200)
    labels[17] = odd
    figure, axes = draw(rng, labels)
    figure.savefig(tmp_path / "figure.png", dpi=40)
    assert sum(len(drawn.get_offsets()) for drawn in axes.collections) == 200
    grey, scale = axes.collections
    assert len(grey.get_offsets()) == 1
    assert scale.get_clim() == (0, 1)


def test_a_class_called_nan_is_drawn(rng, tmp_path):
    figure, axes = draw(rng, np.array([0.0, 1.0, np.nan])[np.arange(200) % 3])
    figure.savefig(tmp_path / "figure.png", dpi=40)
    assert legend_texts(axes) == ["0", "1", "nan"]
    assert sum(len(drawn.get_offsets()) for drawn in axes.collections) == 200


def test_the_power_of_ten_does_not_cover_the_subtitle(rng):
    figure, axes = draw(rng, None, size=1e-6, subtitle="4 hidden layers, relu")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    power = axes.yaxis.get_offset_text()
    assert power.get_text() != ""
    (subtitle,) = (text for text in axes.texts if text.get_text() == "4 hidden layers, relu")
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in (power, subtitle)]
    assert not boxes[0].overlaps(boxes[1])
    assert boxes[0].x0 >= 0
