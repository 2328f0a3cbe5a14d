"""A small assignment with its catalogue, from the notebook to ideas.json."""

import json
import subprocess
import sys

import numpy as np
import pytest

from genlab.checks import Answer, CheckFailed, ideas
from genlab.checks.catalogue import Assignment, recognise, visible, write

SOLUTION = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
TEST = """
def test():
    answer = Answer("double", double)
    answer.gives([0.0, 4.0], [0.0, 2.0])
    answer.gives([6.0], [3.0])
    ### BEGIN HIDDEN TESTS
    answer.gives([14.0], [7.0], kind="seven")
    ### END HIDDEN TESTS

test()
"""
IDEAS = """
from genlab.checks.catalogue import idea

@idea("double", "You squared.")
def squared(x):
    return x**2

@idea("double", "You added two.")
def two_added(x):
    return x + 2

@idea("double", "You added two, too.")
def two_added_otherwise(x):
    return 2 + x

@idea("double", "You halved.")
def halved(x):
    return x / 2

@idea("double", "You halved.")
def halved_otherwise(x):
    return 0.5 * x

@idea("double", "You stopped at five.")
def at_most_five(x):
    return 2 * x if max(x) < 5 else x
"""


@pytest.fixture
def folder(tmp_path):
    def cell(source, **data):
        nbgrader = {"grade": False, "solution": False, "grade_id": "", **data}
        return {
            "cell_type": "code",
            "source": source.splitlines(keepends=True),
            "metadata": {"nbgrader": nbgrader},
        }

    cells = [
        {"cell_type": "markdown", "source": ["# Doubling"], "metadata": {}},
        cell(SOLUTION, solution=True, grade_id="double"),
        cell(TEST, grade=True, grade_id="test_double", points=3),
    ]
    (tmp_path / "doubling").mkdir()
    (tmp_path / "doubling" / "doubling.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "doubling_ideas.py").write_text(IDEAS)
    return tmp_path / "doubling"


def test_the_hidden_part_is_left_out():
    assert "seven" not in visible(TEST) and visible(TEST).rstrip().endswith("test()")
    assert visible("a\n### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS\nc") == "a\nc"


def test_the_solution_passes_and_answers_take_its_place(folder):
    assert Assignment(folder).failures("double") == {}
    assert Assignment(folder).points == {"test_double": 3}
    wrong = Assignment(folder, "def double(x):\n    return 3 * x")
    assert list(wrong.failures("double")) == ["test_double"]


def test_ideas_fail_and_leave_the_namespace_as_it_was(folder):
    assignment = Assignment(folder)
    assert list(assignment.ideas) == [
        "squared", "two_added", "two_added_otherwise", "halved", "halved_otherwise", "at_most_five",
    ]  # fmt: skip
    for wrong in assignment.ideas.values():
        assert assignment.failures_of(wrong)
    assert assignment.failures_of(assignment.ideas["at_most_five"], hidden=False) == {}
    assert assignment.failures("double") == {}


def test_each_answer_stands_where_it_first_differs_unless_another_idea_gives_it_too(folder):
    write(folder)
    table = json.loads((folder / "ideas.json").read_text())
    first, second = ideas.key("double", [[0.0, 2.0]], {}), ideas.key("double", [[3.0]], {})
    assert table == {
        first: [{"says": "You halved.", "got": [[0.0, 1.0]]}],
        second: [{"says": "You squared.", "got": [[9.0]]}],
    }


def test_the_command_writes_the_same(folder):
    write(folder)
    written = (folder / "ideas.json").read_bytes()
    (folder / "ideas.json").unlink()
    folder.parent.rename(folder.parent.with_name("solutions"))
    course = folder.parent.parent
    command = [sys.executable, "-m", "genlab.checks.catalogue", "doubling"]
    subprocess.run(command, cwd=course, check=True)
    assert (course / "solutions" / "doubling" / "ideas.json").read_bytes() == written


def failing(function, expected, *arguments, **options):
    with pytest.raises(CheckFailed) as failed:
        Answer("double", function).gives(expected, *arguments, kind="a hidden one", **options)
    return failed.value


@pytest.mark.parametrize(
    ("answer", "x", "says"),
    [
        (lambda x: x * x, [7.0, 1.0], "You squared."),
        (lambda x: x - x / 2, [7.0, 1.0], "You halved."),  # two ideas, one sentence
        (lambda x: x + 2, [7.0, 1.0], ""),  # two ideas, two sentences
        (lambda x: x * 5, [7.0, 1.0], ""),
        (lambda x: x * x, [2.0, 2.0 + 1e-6], ""),  # as near to the right answer as to a wrong one
        (lambda x: x[:1], [7.0, 1.0], ""),
    ],
)
def test_an_idea_is_recognised_on_any_input(answer, x, says):
    assert recognise(IDEAS, failing(answer, 2 * np.array(x), x, rtol=1e-12)) == says


def test_what_is_no_wrong_value_is_not_recognised():
    assert recognise(IDEAS, failing(lambda x: 1 / 0, 4.0, 2.0)) == ""
    assert recognise(IDEAS, CheckFailed("double: no")) == ""


AWKWARD = """
from genlab.checks.catalogue import idea

@idea("double", "raises")
def raises(x, rng):
    raise KeyError

@idea("double", "exits")
def exits(x, rng):
    raise SystemExit

@idea("double", "warns, and changes what it was given")
def in_place(x, rng):
    np.log(x - 100.0)
    x += rng.normal()
    return x

@idea("double", "draws from elsewhere")
def elsewhere(x, rng):
    return np.random.rand(3)

@idea("double", "draws twice")
def twice(x, rng):
    rng.normal()
    return x + rng.normal()

@idea("other", "another function's")
def another(x, rng):
    return x + rng.normal()
"""


@pytest.mark.parametrize(
    ("draws", "says"), [(1, "warns, and changes what it was given"), (2, "draws twice"), (3, "")]
)
def test_ideas_may_do_anything_and_draw_what_the_student_drew(draws, says, capfd):
    failure = failing(
        lambda x, rng: x + rng.normal(size=draws)[-1], [0.0], [1.0], rng=np.random.default_rng(3)
    )
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for _ in range(2):
        assert recognise(AWKWARD, failure) == says
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert capfd.readouterr() == ("", "")


def test_a_question_is_its_function_and_its_arguments():
    key = ideas.key("f", [[1, 2]], {"n": 3})
    assert key.startswith("f ")
    assert key == ideas.key("f", [(1.0, 2.0)], {"n": 3.0})
    assert len({key, ideas.key("g", [[1, 2]], {"n": 3}), ideas.key("f", [[[1, 2]]], {"n": 3}),
                ideas.key("f", [[1, 2]], {"m": 3}), ideas.key("f", [[1, 2], 3], {})}) == 5  # fmt: skip


def test_no_file_is_no_ideas(tmp_path):
    ideas.read(tmp_path / "ideas.json")
    assert ideas.find("f 0", []) == ""
