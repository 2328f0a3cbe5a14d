"""Every dataset has a datasheet beside it; the tables of scikit-learn are those of their datasheets."""

import inspect
import re
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

from genlab import datasets
from genlab.datasets import breast_cancer, digits, iris, wine

FOLDER = resources.files("genlab.datasets")
# A dataset is a function that needs no data: nothing, or how many rows to draw and a generator.
DATASETS = {
    name: f
    for name, f in vars(datasets).items()
    if inspect.isfunction(f)
    and not name.startswith("_")
    and set(inspect.signature(f).parameters) <= {"n", "rng"}
}


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_names_a_datasheet_that_is_there(name):
    sheets = re.findall(r"(\w+\.md)", DATASETS[name].__doc__)
    assert sheets and all(FOLDER.joinpath(sheet).is_file() for sheet in sheets)


def test_every_file_of_data_has_a_datasheet():
    names = {entry.name for entry in FOLDER.iterdir() if entry.is_file()}
    text = "".join(
        FOLDER.joinpath(name).read_text(encoding="utf-8") for name in names if name.endswith(".md")
    )
    data = {name for name in names if not name.endswith((".py", ".md"))}
    assert data and all(name in text for name in data)


@pytest.mark.parametrize(
    "sheet", sorted(entry.name for entry in FOLDER.iterdir() if entry.name.endswith(".md"))
)
def test_a_datasheet_says_what_it_must(sheet):
    text = FOLDER.joinpath(sheet).read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (.+)\n([^#]+)", text, flags=re.MULTILINE))
    assert all(len(parts[name].split()) >= 12 for name in ("Origin", "Rights", "Known biases"))


def test_the_cohorts_datasheet_says_that_nobodys_data_was_used():
    assert "No real patient's data were used" in FOLDER.joinpath("cohort.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("load", "shape", "counts"),
    [
        (digits, (1797, 64), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
        (wine, (178, 13), [59, 71, 48]),
        (breast_cancer, (569, 30), [212, 357]),
        (iris, (150, 4), [50, 50, 50]),
    ],
)
def test_tables_of_scikit_learn(load, shape, counts):
    table = load()
    assert table.X.shape == shape and table.X.dtype == float and table.y.dtype == np.int64
    assert np.isfinite(table.X).all()
    assert len(table.columns) == shape[1] and len(table.classes) == len(counts)
    np.testing.assert_array_equal(np.bincount(table.y), counts)
    table.X[:], table.y[:] = 0, 0
    assert load().X.any() and load().y.any()  # a fresh copy each time


def test_facts_of_the_datasheets():
    X, y, *_ = iris()
    assert len(np.unique(X, axis=0)) == 149 and len(np.unique(X[:, 3])) == 22
    np.testing.assert_allclose(10 * X, np.round(10 * X), atol=1e-9)
    assert X[y == 0, 2].max() < X[y > 0, 2].min()
    np.testing.assert_array_equal([X.min(axis=0), X.max(axis=0)], [[4.3, 2, 1, 0.1], [7.9, 4.4, 6.9, 2.5]])
    assert (
        (digits().X % 1 == 0).all() and digits().X.max() == 16 and len(np.unique(digits().X, axis=0)) == 1797
    )
    assert (np.diff(wine().y) >= 0).all() and (np.diff(y) >= 0).all()
    assert len(np.unique(wine().X, axis=0)) == 178 and len(np.unique(breast_cancer().X, axis=0)) == 569


@pytest.mark.parametrize("load", [digits, wine, breast_cancer, iris])
def test_without_scikit_learn_the_error_says_what_to_install(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)  # to import it is now a ModuleNotFoundError
    with pytest.raises(
        ImportError, match=rf"^{load.__name__} comes with scikit-learn.*pip install scikit-learn"
    ):
        load()


def test_loading_datasets_does_not_load_scikit_learn():
    code = (
        "import sys, genlab.datasets; print([m for m in ('sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"
