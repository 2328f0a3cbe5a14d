"""Drawings of the graphs of models."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from genlab.plot import COLORS, INK, SHADES


def network(ax: Axes, parents: dict[str, Sequence[str]], observed: Sequence[str] = ()) -> None:
    """Draw a Bayesian network: an arrow from each parent to its child, causes above their effects.

    Args:
        ax: where to draw; its axes are hidden.
        parents: name to parents' names, every variable there and after its parents.
        observed: names of variables to shade, as is usual for those whose value is known.

    Raises:
        ValueError: a parent does not come before, or an observed name is unknown.
    """
    level: dict[str, int] = {}
    for name, above in parents.items():
        if unknown := [parent for parent in above if parent not in level]:
            raise ValueError(f"parents has {name!r} before its parent {unknown[0]!r}; parents come first")
        level[name] = 1 + max((level[parent] for parent in above), default=-1)
    if unknown := [name for name in observed if name not in parents]:
        raise ValueError(f"observed has {unknown[0]!r}; the variables are {', '.join(parents)}")
    for name in reversed(parents):  # a cause stands just above the first of its effects
        below = [level[child] for child, above in parents.items() if name in above]
        level[name] = min(below, default=level[name] + 1) - 1

    rows = [[name for name in parents if level[name] == depth] for depth in range(max(level.values()) + 1)]
    place: dict[str, tuple[float, float]] = {}
    for depth, row in enumerate(rows):
        # Children stand in the order of their parents, so that fewer arrows cross.
        row.sort(key=lambda name: float(np.mean([place[p][0] for p in parents[name] if p in place] or [0])))
        for i, name in enumerate(row):
            place[name] = (i - (len(row) - 1) / 2, -0.9 * depth)

    boxes = {}
    for name, (x, y) in place.items():
        shade = SHADES(0.65) if name in observed else "white"
        box = {"boxstyle": "round,pad=0.5,rounding_size=0.8", "facecolor": shade, "edgecolor": COLORS[0]}
        label = ax.text(
            x, y, name.replace("_", " "), ha="center", va="center", color=INK, bbox={**box, "linewidth": 1.4}
        )
        boxes[name] = label.get_bbox_patch()
    for name, above in parents.items():
        for parent in above:
            # Past the variables between them, bulge outwards.
            skips = level[name] > level[parent] + 1
            bend = 0.0 if not skips else 0.4 if place[name][0] + place[parent][0] < 0 else -0.4
            arrow = {
                "arrowstyle": "-|>",
                "connectionstyle": f"arc3,rad={bend}",
                "color": INK,
                "linewidth": 1.2,
            }
            arrow |= {"patchA": boxes[parent], "patchB": boxes[name], "shrinkA": 0, "shrinkB": 1}
            ax.annotate("", xy=place[name], xytext=place[parent], arrowprops=arrow)
    x, y = np.array(list(place.values())).T
    ax.set(xlim=(x.min() - 0.6, x.max() + 0.6), ylim=(y.min() - 0.45, y.max() + 0.45))
    ax.set_axis_off()
