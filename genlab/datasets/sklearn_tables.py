"""Four well-known tables that scikit-learn carries: no download; scikit-learn loads when one is asked for."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Table(NamedTuple):
    """Data (N, d), a class 0..K-1 a row (N,), the names of the d columns and of the K classes."""

    X: NDArray[np.float64]
    y: NDArray[np.int64]
    columns: tuple[str, ...]
    classes: tuple[str, ...]


def digits() -> Table:
    """Load 1797 handwritten digits of 8 by 8 pixels, each 0 to 16. The datasheet is digits.md.

    Raises:
        ImportError: if scikit-learn is not installed, as in the other three.

    >>> digits().X.shape
    (1797, 64)
    """
    return _load("digits")


def wine() -> Table:
    """Load 13 chemical measurements of 178 wines of three kinds. The datasheet is wine.md.

    >>> wine().X.shape
    (178, 13)
    """
    return _load("wine")


def breast_cancer() -> Table:
    """Load 30 measurements of cell nuclei in 569 breast masses. The datasheet is breast_cancer.md.

    >>> breast_cancer().classes
    ('malignant', 'benign')
    """
    return _load("breast_cancer")


def iris() -> Table:
    """Load four measurements of 150 irises of three species, in centimetres. The datasheet is iris.md.

    >>> iris().classes
    ('setosa', 'versicolor', 'virginica')
    """
    return _load("iris")


def _load(name: str) -> Table:
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} comes with scikit-learn, which is not installed: python -m pip install scikit-learn"
        ) from error
    bunch = getattr(datasets, f"load_{name}")()
    return Table(
        np.array(bunch.data, dtype=float),
        np.array(bunch.target, dtype=np.int64),
        tuple(str(column) for column in bunch.feature_names),
        tuple(str(label) for label in bunch.target_names),
    )
