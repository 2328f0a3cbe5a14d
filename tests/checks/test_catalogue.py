"""A small assignment with its catalogue, from the notebook to ideas.json."""

import json
import subprocess
import sys

import pytest

from genlab.checks import ideas
from genlab.checks.catalogue import Assignment, visible, write

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


def test_the_command_writes_the_same(folder, tmp_path):
    write(folder)
    written = (folder / "ideas.json").read_text()
    (folder / "ideas.json").unlink()
    tmp_path.joinpath("solutions").mkdir()
    for path in (folder, folder.with_name("doubling_ideas.py")):
        path.rename(tmp_path / "solutions" / path.name)
    subprocess.run([sys.executable, "-m", "genlab.checks.catalogue", "doubling"], cwd=tmp_path, check=True)
    assert (tmp_path / "solutions" / "doubling" / "ideas.json").read_text() == written


def test_a_question_is_its_function_and_its_arguments():
    key = ideas.key("f", [[1, 2]], {"n": 3})
    assert key.startswith("f ")
    assert key == ideas.key("f", [(1.0, 2.0)], {"n": 3.0})
    assert len({key, ideas.key("g", [[1, 2]], {"n": 3}), ideas.key("f", [[[1, 2]]], {"n": 3}),
                ideas.key("f", [[1, 2]], {"m": 3}), ideas.key("f", [[1, 2], 3], {})}) == 5  # fmt: skip


def test_no_file_is_no_ideas(tmp_path):
    ideas.read(tmp_path / "ideas.json")
    assert ideas.find("f 0", []) == ""
