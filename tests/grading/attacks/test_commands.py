"""From submissions to the gradebook by the instructor's commands: attacked, and killed at random."""

import json
import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from nbgrader.api import Gradebook

pytestmark = pytest.mark.slow

SCRIPTS = Path(sys.executable).parent
GENLAB = ["genlab", "grade", "ps1"]
NBGRADER = ["nbgrader", "autograde", "ps1", "--log-level=ERROR"]
# Some from each folder, of those that take no longer than they must.
ATTACKS = [
    *("channel/answered_twice", "channel/nests_in_frames", "exhausting/crash", "exhausting/error_text"),
    *("forging/assert_deleted", "forging/equal_to_everything", "forging/marks_as_output"),
    *("malformed/truncated", "malformed/own_numpy", "stealing/frames", "stealing/course"),
    *("tampering/course", "tampering/kill_everybody", "tampering/same_name_twice", "tampering/tests_deleted"),
    *("fair/own_error", "fair/everything_right"),
]


PATIENT = "c.Examine.timeout, c.Examine.submission_timeout = 30, 120\n"  # only the machine may be slow


def make_course(arena, folder):
    """A course to grade, in which nobody runs out of time."""
    arena.make_course(folder)
    with open(folder / "nbgrader_config.py", "a") as config:
        config.write(PATIENT)


def start(folder, command):
    """Start a command of this environment's in a course's folder."""
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONWARNINGS": "ignore"}
    streams = dict(stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return subprocess.Popen([SCRIPTS / command[0], *command[1:]], cwd=folder, env=environment, **streams)


def marks(folder, tests):
    """Student to what the gradebook has for these tests."""
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        found = {}
        for submission in book.assignment_submissions("ps1"):
            assert submission.student.id not in found, "graded twice"
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            found[submission.student.id] = {g.name: g.auto_score for g in grades if g.name in tests}
        return found


@pytest.fixture(scope="module")
def most(arena):
    """Test to points."""
    cells = [cell.metadata.nbgrader for cell in arena.ps1().cells]
    return {cell.grade_id: cell.points for cell in cells if cell.grade and not cell.solution}


@pytest.mark.parametrize("command", [GENLAB, NBGRADER], ids=["genlab", "nbgrader"])
def test_attackers_and_the_honest_get_what_they_earned(arena, most, tmp_path, command):
    make_course(arena, tmp_path)
    attacks = [arena.Attack(name) for name in ATTACKS]
    for attack in attacks:
        attack.hand_in(tmp_path)
    run = start(tmp_path, command)
    _, said = run.communicate(timeout=180)
    assert run.returncode == 0, said.decode()
    assert marks(tmp_path, most) == {attack.student: attack.expected(most) for attack in attacks}


def test_whatever_is_killed_a_second_run_ends_with_the_right_marks_for_all(arena, most, tmp_path):
    make_course(arena, tmp_path)
    students = [f"student{number}" for number in range(10)]
    for student in students:
        honest = arena.Attack(arena.HONEST)
        honest.student = student
        honest.hand_in(tmp_path)
        file = tmp_path / "submitted" / student / "ps1" / "ps1.ipynb"
        notebook = json.loads(file.read_text())
        notebook["cells"][1]["source"] += f"\n# {student}"  # no two are the same
        file.write_text(json.dumps(notebook))
    chance = random.Random(0)
    run = start(tmp_path, GENLAB)
    process, seen, killed = psutil.Process(run.pid), set(), []
    while run.poll() is None:
        time.sleep(chance.uniform(0.2, 0.5))
        with suppress(psutil.Error):
            descendants = process.children(recursive=True)
            seen.update(descendants)
            if descendants and any(tmp_path.glob("autograded/*")) and len(killed) < 12:
                kinds = {(child.name(), child.ppid()): child for child in descendants}
                victim = chance.choice(list(kinds.values()))
                killed.append(victim.cmdline()[:1])
                victim.kill()
    run.communicate()
    assert len(killed) > 3, "it was over before much could be killed"
    assert psutil.wait_procs(seen, timeout=10)[1] == []
    run = start(tmp_path, GENLAB)
    _, said = run.communicate(timeout=180)
    assert run.returncode == 0, said.decode()
    assert marks(tmp_path, most) == dict.fromkeys(students, most)
