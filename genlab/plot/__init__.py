"""The book's figures: one style, one function a kind of picture."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray

# The first three are Paul Tol's high-contrast scheme. All six differ in lightness (29, 72, 50, 64, 40, 80 of
# 100), so they survive greyscale as well as colour-blindness; markers differ too, for points that overlap.
COLORS = ("#004488", "#DDAA33", "#BB5566", "#5AA9A0", "#774B98", "#A9CBE8")
MARKERS = ("o", "^", "s", "D", "v", "P")
INK = "#222222"
GREY = "#8A8F98"
SHADES = LinearSegmentedColormap.from_list("genlab", ["#FFFFFF", "#DCE6F2", "#7FA3CC"])
HALO = [withStroke(linewidth=3.0, foreground="white")]


def use_style() -> None:
    """Set Matplotlib's defaults to the book's style: white ground, few lines, type that fits the page."""
    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 3.6),
            "figure.dpi": 150,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "font.size": 11,
            "axes.titlesize": 11,
            "axes.labelsize": 11,
            "mathtext.fontset": "cm",
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.edgecolor": INK,
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titley": 1.0,  # or each title measures its axes to keep clear of labels on top
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "xtick.color": INK,
            "ytick.color": INK,
            "lines.linewidth": 2.0,
            "lines.solid_capstyle": "round",
            "legend.frameon": False,
            "legend.fontsize": 10,
            "patch.linewidth": 0.0,
        }
    )


def panels(columns: int = 1, sharex: bool = False, sharey: bool = False) -> tuple[Figure, Any]:
    """Make a figure of panels side by side, as plt.subplots does, but with fixed margins and few numbers.

    The margins are those that this style's labels need, so no label has to be measured.

    Args:
        columns: how many panels.
        sharex: whether they have one horizontal axis in common.
        sharey: whether they have one vertical axis in common, with numbers at the first panel only.

    Returns:
        the figure, and its Axes; of several an array.
    """
    width, height = mpl.rcParams["figure.figsize"]  # all in inches
    left, right, bottom, top, gap = 0.9, 0.2, 0.55, 0.3, 0.15 if sharey else 0.9
    each = (width - left - right - gap * (columns - 1)) / columns
    margins = {
        "left": left / width,
        "right": 1 - right / width,
        "bottom": bottom / height,
        "top": 1 - top / height,
        "wspace": gap / each,
    }
    layout = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)
    figure, axes = plt.subplots(1, columns, sharex=sharex, sharey=sharey, gridspec_kw=margins, layout=layout)
    for panel in figure.axes:
        panel.locator_params("y", nbins=5)  # each number takes over a millisecond to draw
        panel.locator_params("x", nbins=5 if columns < 3 else 3)
    return figure, axes


def ellipses(
    ax: Axes,
    means: ArrayLike,
    covariances: ArrayLike,
    n_std: Sequence[float] = (1, 2, 3),
    colors: Sequence[str] | None = None,
) -> None:
    """Outline each Gaussian at the given numbers of standard deviations, and mark its mean.

    Args:
        ax: where to draw.
        means: (K, 2), a Gaussian a row.
        covariances: (K, 2, 2), symmetric positive semi-definite.
        n_std: Mahalanobis distances of the outlines, the first drawn heaviest.
        colors: one a Gaussian; the book's colours if left out.

    Raises:
        ValueError: the arrays are not of those shapes, or there are fewer colours than Gaussians.
    """
    m, s = np.asarray(means, float), np.asarray(covariances, float)
    if m.ndim != 2 or m.shape[1] != 2:
        raise ValueError(f"means has shape {m.shape}; a picture needs (K, 2)")
    if s.shape != (len(m), 2, 2):
        raise ValueError(f"covariances has shape {s.shape}; {len(m)} means need ({len(m)}, 2, 2)")
    for mean, covariance, color in zip(m, s, _colors(len(m), colors), strict=True):
        variances, axes = np.linalg.eigh(covariance)  # ascending: the last column is the long axis
        angle = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
        minor, major = 2 * np.sqrt(variances.clip(0))
        dark = tuple(0.75 * np.array(to_rgb(color)))
        for rank, r in enumerate(n_std):
            ax.add_patch(
                Ellipse(
                    (mean[0], mean[1]),
                    r * major,
                    r * minor,
                    angle=angle,
                    fill=False,
                    zorder=3,
                    edgecolor=dark,
                    linewidth=max(2.2 - 0.6 * rank, 0.8),
                    path_effects=HALO,
                )
            )
        ax.plot(*mean, marker="+", color=dark, markersize=9, markeredgewidth=2.2, path_effects=HALO, zorder=4)
    ax.autoscale_view()


def density(
    ax: Axes,
    log_prob: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    limits: Sequence[float] | Sequence[Sequence[float]],
) -> None:
    """Draw a density: a filled curve in one dimension, shaded contours in two.

    Args:
        ax: where to draw.
        log_prob: log density, (N, d) -> (N,), with d = 1 or 2.
        limits: (low, high) of the axis in one dimension, a pair of those in two.

    In two dimensions the contours lie where the log density is r^2 / 2 below its peak, r = 0.5, 1, ... 3: on
    one Gaussian those are its ellipses, half a standard deviation apart.

    Raises:
        ValueError: limits is neither (2,) nor (2, 2).
    """
    bounds = np.asarray(limits, float)
    if bounds.shape == (2,):
        x = np.linspace(bounds[0], bounds[1], 401)
        p = np.exp(log_prob(x[:, None]))
        ax.plot(x, p, color=COLORS[0])
        ax.fill_between(x, p, color=COLORS[0], alpha=0.12)
        ax.set_xlim(bounds[0], bounds[1])
        ax.set_ylim(bottom=0)
        return
    if bounds.shape != (2, 2):
        raise ValueError(f"limits has shape {bounds.shape}; one axis needs (2,), two need (2, 2)")
    (left, right), (low, high) = bounds
    x, y = np.meshgrid(np.linspace(left, right, 201), np.linspace(low, high, 201))
    log_p = log_prob(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
    levels = log_p.max() - np.arange(3.0, -0.1, -0.5) ** 2 / 2
    ax.contourf(x, y, log_p, levels=levels, cmap=SHADES, zorder=0)
    ax.set(xlim=(left, right), ylim=(low, high))


def clusters(ax: Axes, X: ArrayLike, labels: ArrayLike | None = None) -> None:
    """Scatter points in the plane, coloured and marked by cluster.

    Args:
        ax: where to draw.
        X: (N, 2), a point a row.
        labels: (N,) integers from 0, or (N, K) responsibilities, which mix the colours; if left out, every
            point is a grey dot.

    Raises:
        ValueError: X is not (N, 2), labels do not match it, or there are more clusters than colours.
    """
    x = np.asarray(X, float)
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"X has shape {x.shape}; a picture needs (N, 2)")
    if labels is None:
        ax.scatter(x[:, 0], x[:, 1], s=12, color=GREY, alpha=0.75, linewidths=0)
        return
    z = np.asarray(labels)
    if z.ndim not in (1, 2) or len(z) != len(x):
        raise ValueError(f"labels has shape {z.shape}; {len(x)} points need ({len(x)},) or ({len(x)}, K)")
    r = np.eye(int(z.max()) + 1)[z] if z.ndim == 1 else z
    mixed = np.clip(r @ np.array([to_rgb(c) for c in _colors(r.shape[1], None)]), 0, 1)
    nearest = r.argmax(axis=1)
    for k in range(r.shape[1]):
        mine = nearest == k
        ax.scatter(
            x[mine, 0],
            x[mine, 1],
            s=16,
            c=mixed[mine],
            marker=MARKERS[k % len(MARKERS)],
            alpha=0.85,
            linewidths=0.3,
            edgecolors="white",
        )


def trace(ax: Axes, log_likelihoods: ArrayLike) -> None:
    """Draw the log-likelihood after each iteration.

    Args:
        ax: where to draw.
        log_likelihoods: (iterations,), natural logarithms.
    """
    values = np.asarray(log_likelihoods, float)
    ax.plot(np.arange(1, len(values) + 1), values, marker="o", markersize=3.5)
    ax.set(xlabel="iteration", ylabel="log-likelihood")


def _colors(n: int, given: Sequence[str] | None) -> Sequence[str]:
    colors = COLORS if given is None else given
    if len(colors) < n:
        raise ValueError(f"colors has {len(colors)} entries; {n} are needed")
    return colors[:n]
