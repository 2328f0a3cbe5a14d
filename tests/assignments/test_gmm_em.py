"""gmm-em: what is special to it. A wrong step costs its own points only; the chapter's versions underflow."""

from pathlib import Path

import nbformat
import pytest

COURSE = Path(__file__).parents[2]
SOURCE = nbformat.read(COURSE / "solutions" / "gmm-em" / "gmm-em.ipynb", as_version=4)

pytestmark = pytest.mark.parametrize("assignment", ["gmm-em"])


@pytest.fixture
def solved(answered):
    return answered("gmm-em")


@pytest.mark.parametrize(
    "name", ["prior_forgotten", "hard_labels", "too_much_added", "average", "first_rows"]
)
def test_a_wrong_step_costs_its_own_points_only(solved, monkeypatch, name):
    wrong = solved.ideas[name]
    monkeypatch.setitem(solved.names, wrong.target, wrong.function)
    assert [function for function in solved.functions if solved.failures(function)] == [wrong.target]


def test_the_chapters_versions_fail_where_they_underflow_and_nowhere_else(solved, answered):
    page = nbformat.read(COURSE / "book" / "4-mixtures" / "em-in-code.ipynb", as_version=4)
    names = ("gaussian_density", *solved.functions[:5])
    cells = [
        cell.source for cell in page.cells if cell.source.startswith(tuple(f"def {name}(" for name in names))
    ]
    assert len(cells) == len(names)
    rest = [
        cell.source
        for cell in SOURCE.cells
        if cell.source.startswith(("def sample_gmm", "def bic", "def kmeans"))
    ]
    textbook = answered("gmm-em", "\n".join([*cells, *rest]))
    failures = {
        grade_id: str(f)
        for function in solved.functions
        for grade_id, f in textbook.failures(function).items()
    }
    assert list(failures) == [
        "test_expectation_step_far",
        "test_compute_log_likelihood_far",
        "test_em_algorithm_collapse",
    ]
    assert "underflow" in failures["test_expectation_step_far"]
    assert "underflow" in failures["test_compute_log_likelihood_far"]
    assert "collapses" in failures["test_em_algorithm_collapse"]
