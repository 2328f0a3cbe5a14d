import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from genlab.datasets import NETWORKS, network
from genlab.plot import graphs


@pytest.fixture
def ax():
    figure, ax = plt.subplots(figsize=(6.4, 3.6))
    yield ax
    plt.close(figure)


def drawn(ax, name, **options):
    parents = {variable: above for variable, above, _ in network(name)}
    graphs.network(ax, parents, **options)
    return parents, {text.get_text().replace(" ", "_"): text for text in ax.texts if text.get_text()}


@pytest.mark.parametrize("name", NETWORKS)
def test_each_parent_stands_above_and_points_at_its_child(ax, name):
    parents, labels = drawn(ax, name)
    assert labels.keys() == parents.keys()
    places = {name: label.get_position() for name, label in labels.items()}
    arrows = {(text.xyann, text.xy) for text in ax.texts if not text.get_text()}
    assert arrows == {(places[above], places[name]) for name in parents for above in parents[name]}
    assert all(start[1] > end[1] for start, end in arrows)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_two_labels_overlap_and_all_are_inside(ax, name):
    _, labels = drawn(ax, name)
    ax.figure.canvas.draw()
    boxes = [label.get_bbox_patch().get_window_extent() for label in labels.values()]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        inside = ax.get_window_extent()
        assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_arrow_crosses_a_label(ax, name):
    _, labels = drawn(ax, name)
    ax.figure.canvas.draw()
    boxes = [label.get_bbox_patch().get_window_extent() for label in labels.values()]
    for arrow in (text.arrow_patch for text in ax.texts if not text.get_text()):
        points = arrow.get_path().interpolated(20).vertices
        for box in boxes:
            assert not ((box.min + 2 < points) & (points < box.max - 2)).all(axis=1).any()


def test_what_is_observed_is_shaded(ax):
    _, labels = drawn(ax, "sprinkler", observed=["wet_grass"])
    lightness = {
        name: np.mean(to_rgb(label.get_bbox_patch().get_facecolor())) for name, label in labels.items()
    }
    assert lightness["wet_grass"] < 0.9 < lightness["rain"] == lightness["sprinkler"] == 1


def test_bad_networks(ax):
    with pytest.raises(ValueError, match=r"^parents has 'a' before its parent 'b'"):
        graphs.network(ax, {"a": ["b"], "b": []})
    with pytest.raises(ValueError, match=r"^observed has 'c'; the variables are a, b"):
        graphs.network(ax, {"a": [], "b": ["a"]}, observed=["c"])
