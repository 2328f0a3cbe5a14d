"""What is read from the instructor's notebook: names, needed cells, points in part."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from genlab.grading import instructor


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x):\n    y = 1\n    return x", {"f"}),
        ("class A(B):\n    c = 1", {"A"}),
        ("a, (b, *c) = 1, (2, 3)\nd += 1\ne: int = 3", {"a", "b", "c", "d", "e"}),
        ("for i in x:\n    j = i", {"i", "j"}),
        ("with open(p) as f:\n    pass\nif (n := 3):\n    m = 1", {"f", "n", "m"}),
        ("import numpy as np\nfrom scipy import special", set()),
        ("%matplotlib inline\nx = 1", {"x"}),
        ("def broken(:", set()),
    ],
)
def test_the_names_that_a_cell_defines(source, names):
    assert instructor.defines(source) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("print(a)\nb = 1", {"print", "a"}),
        ("def f(x):\n    y = x\n    return y + z", {"z"}),
        ("class A(B):\n    def f(self):\n        return [c for c in d]", {"B", "d"}),
        ("def test():\n    assert f(1) == 1\n\ntest()", {"f", "test"}),
        ("!ls\n%time g(3)", {"get_ipython"}),
        ("def broken(:", set()),
    ],
)
def test_the_global_names_that_a_cell_reads(source, names):
    assert instructor.mentions(source) == names


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ("2.5", True),
        ("score = 0\nscore += f(1) == 1\nscore += 2 * (f(2) == 4)\nscore", True),
        ("points = 1 if f(2) == 4 else 0.5\npoints", True),
        ("sum([f(1) == 1, f(2) == 4]) / 2", True),
        ("assert f(1) == 1", False),
        ("f(3)", False),
        ("score = 1\nscore;", False),
        ("score = f(3)\nscore", False),
        ("right(f, [1, 2])", True),
        ("2 - abs(f(3) - 9)", True),
        ("a = f(3)\nb = a[0]\nb", False),
        ("for x in f(3):\n    pass\nx", False),
        ("def g():\n    return f(3)\ng()", False),
        ("[x for x in f(3)][0]", False),
        ("with f(3) as x:\n    pass\nx", False),
        ("(y := f(3))\ny", False),
        ("f", False),
    ],
)
def test_points_in_part_are_the_tests_own(source, own):
    assert instructor.declares_points(source, frozenset({"f"})) is own


def cell(source, name="", **settings):
    metadata = {"nbgrader": {"grade_id": name, **settings}} if name else {}
    return new_code_cell(source, metadata=metadata)


def test_cells_that_only_show_what_students_wrote_are_not_needed():
    cells = [
        cell("import numpy as np"),
        cell("def f(): ...", "f", solution=True),
        cell("data = np.ones(3)"),
        cell("plot(f(data))"),
        cell("prepared = f(data)"),
        cell("unused = f(data)"),
        cell("assert f(prepared)", "test_f", grade=True),
        cell("assert f", "gone", grade=True),
    ]
    found = instructor.needed(new_notebook(cells=cells), {"test_f": "assert f(prepared)", "new": "f"}, {"f"})
    assert [c.source for c in found] == [cells[i].source for i in (0, 2, 4, 6)]
