"""What every model asks of its arguments: each check returns them in their final form, or a ValueError."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def samples(name: str, x: ArrayLike, d: int | None = None) -> Array:
    """Return x as floats (N, d), N >= 1; a ValueError names it if it is anything else, or not finite."""
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or 0 in x.shape or d not in (None, x.shape[1]):
        raise ValueError(f"{name} must have shape (N, {d or 'd'}), a sample a row, got shape {x.shape}")
    finite = np.isfinite(x)
    if not finite.all():
        row = finite.all(axis=1).argmin()
        raise ValueError(f"{name} must be finite, got {x[row]} in row {row}")
    return x


def integers(name: str, x: ArrayLike, n: int | None = None, *, ndim: int = 1) -> Integers:
    """Return x as integers from 0 to n - 1 (or from 0 on), not empty; a ValueError names it if it is not."""
    x = np.asarray(x)
    if x.ndim != ndim or 0 in x.shape:
        raise ValueError(f"{name} must have {ndim} axes, none of them empty, got shape {x.shape}")
    allowed = "from 0 on" if n is None else f"from 0 to {n - 1}"
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be integers {allowed}, got type {x.dtype}")
    wrong = ~((x >= 0) & (x < (2**53 if n is None else n)) & (x == np.floor(x)))  # also nan
    if wrong.any():
        raise ValueError(f"{name} must be integers {allowed}, got {x[wrong][0]}")
    return x.astype(np.int64)


def parameter(name: str, value: ArrayLike, *, ndim: int = 0, shape: tuple[int, ...] | None = None) -> Array:
    """Return a read-only copy of a model's parameter; a ValueError names it if shape or values are wrong."""
    value = np.array(value, dtype=float)
    if value.shape != shape if shape else value.ndim != ndim or 0 in value.shape:
        wanted = f"shape {shape}" if shape else f"{ndim} axes, none of them empty"
        raise ValueError(f"{name} must have {wanted}, got shape {value.shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"{name} must be finite, got {value}")
    value.setflags(write=False)
    return value


def probabilities(
    name: str,
    value: ArrayLike,
    *,
    ndim: int = 1,
    shape: tuple[int, ...] | None = None,
    positive: bool = False,
) -> Array:
    """Return a parameter whose last axis is a distribution; a ValueError names it if it is not one."""
    value = parameter(name, value, ndim=ndim, shape=shape)
    if (value <= 0 if positive else value < 0).any() or (np.abs(value.sum(axis=-1) - 1) > 1e-8).any():
        sign = "positive" if positive else "at least 0"
        raise ValueError(f"{name} must be {sign} and sum to 1 along the last axis, got {value}")
    return value


def cholesky(name: str, covariances: Array) -> Array:
    """Lower Cholesky factors of covariances (..., d, d); a ValueError names them if there are none."""
    scale = np.abs(covariances).max(axis=(-2, -1), keepdims=True)
    if (np.abs(covariances - covariances.mT) > 1e-8 * scale).any():
        raise ValueError(f"{name} must be symmetric, got {covariances}")
    try:
        return np.asarray(np.linalg.cholesky(covariances), dtype=float)
    except np.linalg.LinAlgError:
        raise ValueError(f"{name} must be positive definite, got {covariances}") from None


def at_least(least: float, **values: float) -> None:
    """Raise a ValueError that names the first of the values to be less than least, or nan."""
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
