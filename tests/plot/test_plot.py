"""The figures draw what they say: checked on the artists, not on pixels."""

import itertools
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from genlab import plot

MEANS = np.array([[1.0, -2.0], [4.0, 0.5]])
COVARIANCES = np.array([[[2.0, 0.8], [0.8, 0.5]], [[0.3, -0.4], [-0.4, 1.7]]])


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


def lightness(color: str) -> float:
    """CIE L* of a colour, 0 black to 100 white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(116 * np.dot([0.2126, 0.7152, 0.0722], linear) ** (1 / 3) - 16)


def test_an_outline_lies_at_its_mahalanobis_distance(ax):
    plot.ellipses(ax, MEANS, COVARIANCES, n_std=(1, 2.5))
    outlines = [p for p in ax.patches if isinstance(p, Ellipse)]
    assert len(outlines) == 4
    expected = [(mean, cov, r) for mean, cov in zip(MEANS, COVARIANCES, strict=True) for r in (1, 2.5)]
    for patch, (mean, covariance, r) in zip(outlines, expected, strict=True):
        # the unit circle as the patch places it (the patch's own path is only nearly a circle)
        angle = np.linspace(0, 2 * np.pi, 50)
        edge = patch.get_patch_transform().transform(np.column_stack([np.cos(angle), np.sin(angle)])) - mean
        distance = np.sqrt(np.einsum("ni,ij,nj->n", edge, np.linalg.inv(covariance), edge))
        np.testing.assert_allclose(distance, r, rtol=1e-9)


def test_a_flat_covariance_is_drawn_as_a_line(ax):
    plot.ellipses(ax, [[0, 0]], [[[1.0, 1.0], [1.0, 1.0]]], n_std=(1,))
    assert ax.patches[0].get_height() == pytest.approx(0, abs=1e-7)
    assert ax.patches[0].get_width() == pytest.approx(2 * np.sqrt(2))


def test_density_in_one_dimension_is_the_density(ax):
    plot.density(ax, lambda x: -0.5 * x[:, 0] ** 2 - 0.5 * np.log(2 * np.pi), (-5, 5))
    x, p = ax.lines[0].get_data()
    assert np.trapezoid(p, x) == pytest.approx(1, abs=1e-5)
    assert ax.get_xlim() == (-5, 5)


def test_density_in_two_dimensions_shades_from_three_deviations_to_the_peak(ax):
    plot.density(ax, lambda x: -0.5 * (x**2).sum(axis=1), ((-4, 4), (-5, 5)))
    contours = ax.collections[0]
    np.testing.assert_allclose(np.sqrt(-2 * contours.levels[:-1]), [3, 2.5, 2, 1.5, 1, 0.5])
    outermost = contours.get_paths()[0].vertices
    assert np.hypot(*outermost.T).max() == pytest.approx(3, abs=0.01)


def test_clusters_mark_and_colour_each_label(ax):
    plot.clusters(ax, [[0, 0], [1, 1], [2, 2]], [0, 1, 1])
    assert [len(c.get_offsets()) for c in ax.collections] == [1, 2]
    for points, color in zip(ax.collections, plot.COLORS, strict=False):
        np.testing.assert_allclose(points.get_facecolor()[0, :3], to_rgb(color))


def test_responsibilities_mix_the_colours(ax):
    plot.clusters(ax, [[0, 0], [1, 1]], [[0.75, 0.25], [0.0, 1.0]])
    first, second = np.array(to_rgb(plot.COLORS[0])), np.array(to_rgb(plot.COLORS[1]))
    np.testing.assert_allclose(ax.collections[0].get_facecolor()[0, :3], 0.75 * first + 0.25 * second)
    np.testing.assert_allclose(ax.collections[1].get_facecolor()[0, :3], second)


def test_points_without_labels_are_grey(ax):
    plot.clusters(ax, MEANS)
    np.testing.assert_allclose(ax.collections[0].get_facecolor()[0, :3], to_rgb(plot.GREY))


def test_trace_counts_iterations_from_one(ax):
    plot.trace(ax, [-3.0, -2.0, -1.5])
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, -3], [2, -2], [3, -1.5]])
    assert ax.get_ylabel() == "log-likelihood"


@pytest.mark.parametrize(("columns", "sharey"), [(1, False), (2, False), (2, True), (3, True)])
def test_the_labels_of_panels_fit_into_their_margins(columns, sharey):
    with mpl.rc_context():
        plot.use_style()
        figure, axes = plot.panels(columns, sharey=sharey)
        axes = np.atleast_1d(axes)
        for ax in axes:
            ax.plot([0, 1], [-1300, -600])
            ax.set(xlabel="iteration", title="Title")
            if ax is axes[0] or not sharey:
                ax.set_ylabel("log-likelihood")
            assert len(ax.get_yticks()) <= 6
        boxes = [ax.get_tightbbox() for ax in axes]
        page = figure.bbox
        plt.close(figure)
    assert min(box.x0 for box in boxes) >= 0 and max(box.x1 for box in boxes) <= page.x1
    assert min(box.y0 for box in boxes) >= 0 and max(box.y1 for box in boxes) <= page.y1
    assert all(one.x1 < next.x0 for one, next in itertools.pairwise(boxes))


def test_colours_differ_in_greyscale():
    assert min(abs(lightness(a) - lightness(b)) for a, b in itertools.combinations(plot.COLORS, 2)) > 7
    assert len(set(plot.MARKERS)) == len(plot.MARKERS) == len(plot.COLORS)


def test_the_style_is_legible_in_the_dark():
    with mpl.rc_context():
        plot.use_style()
        assert mpl.rcParams["figure.facecolor"] == mpl.rcParams["savefig.facecolor"] == "white"


@pytest.mark.parametrize(
    ("draw", "named"),
    [
        (lambda ax: plot.ellipses(ax, [[0, 0, 0]], np.eye(3)[None]), "means"),
        (lambda ax: plot.ellipses(ax, MEANS, COVARIANCES[:1]), "covariances"),
        (lambda ax: plot.ellipses(ax, MEANS, COVARIANCES, colors=["red"]), "colors"),
        (lambda ax: plot.density(ax, lambda x: x[:, 0], (1, 2, 3)), "limits"),
        (lambda ax: plot.clusters(ax, [1, 2, 3]), "X"),
        (lambda ax: plot.clusters(ax, MEANS, [0, 1, 1]), "labels"),
        (lambda ax: plot.clusters(ax, np.zeros((9, 2)), range(9)), "colors"),
    ],
)
def test_bad_input_is_named(ax, draw, named):
    with pytest.raises(ValueError, match=f"^{named} has"):
        draw(ax)


def test_importing_plot_loads_neither_the_models_nor_scikit_learn():
    program = "import sys, genlab.plot; print([m for m in sys.modules if m in ('sklearn', 'genlab.models')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
