"""The genlab command: what it prints, and how it ends."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from typer.testing import CliRunner

from genlab import cli

RUNNER = CliRunner()
COMMAND = [sys.executable, "-c", "from genlab.cli import main; main()"]
CONFIG = "from genlab.grading import configure\nc = get_config()\nconfigure(c)\n"


def notebook(answer):
    def cell(source, name, **settings):
        settings = {"grade": False, "solution": False, "locked": False, "task": False, **settings}
        return new_code_cell(
            source, metadata={"nbgrader": {"grade_id": name, "schema_version": 3, **settings}}
        )

    cells = [
        cell(answer, "answer", solution=True),
        cell("assert a", "test", grade=True, locked=True, points=2),
    ]
    return new_notebook(cells=cells)


def hand_in(student, answer="right"):
    folder = cli.Path("submitted", student, "ps1")
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(answer), folder / "ps1.ipynb")


def examine(work):
    """In place of the real one: the answer's text is what becomes of it."""
    from genlab.grading.work import Result, Verdict, Work

    wanted = Work.from_bytes(work)
    answer, test = wanted.notebook.cells
    if "error" in answer.source:
        raise RuntimeError("the examiner's fault")
    passed = "right" in answer.source
    if not passed:
        test.outputs = [new_output("error", ename="Failed", evalue="no", traceback=["no"])]
        test.metadata["genlab"] = {"says": "Not what was asked for."}
    verdicts = {"test": Verdict(2 if passed else 0)}
    return Result(wanted.notebook, verdicts, seconds=0.5, unsafe=wanted.unsafe).to_bytes()


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course in the current folder: ada was right, bob was not."""
    from concurrent.futures import ThreadPoolExecutor

    from genlab.grading import batch, sandbox, workers
    from genlab.grading import course as course_module

    monkeypatch.chdir(tmp_path)
    cli.Path("nbgrader_config.py").write_text(CONFIG)
    cli.Path("source/ps1").mkdir(parents=True)
    nbformat.write(notebook("### BEGIN SOLUTION\nright\n### END SOLUTION"), "source/ps1/ps1.ipynb")
    hand_in("ada")
    hand_in("bob", "wrong")
    monkeypatch.setattr(batch, "examine", examine)
    monkeypatch.setattr(course_module, "examine", examine)
    monkeypatch.setattr(batch, "local", lambda *kind: ThreadPoolExecutor(1))
    monkeypatch.setattr(workers, "warm", lambda assignment: None)
    monkeypatch.setattr(sandbox, "require_sandbox", lambda: None)
    monkeypatch.setattr(sandbox, "namespaces_nest", lambda: True)
    return tmp_path


def run(*arguments, code=0):
    result = RUNNER.invoke(cli.app, [*map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_says_where_grading_will_be_slower(course, monkeypatch):
    from genlab.grading import sandbox

    assert "nest" not in run("grade", "--force").stderr
    monkeypatch.setattr(sandbox, "namespaces_nest", lambda: False)
    assert "Sandboxes do not nest here" in run("grade", "--force").stderr


def test_a_class_from_release_to_feedback(course):
    run("release", "ps1")
    assert "right" not in (course / "release" / "ps1" / "ps1.ipynb").read_text()
    graded = run("grade")
    assert [line.split() for line in graded.stdout.splitlines()[2:]] == [["ada", "2", "2"], ["bob", "0", "2"]]
    assert "2 of 2" in graded.stderr
    run("feedback", "ps1")
    page = course / "feedback" / "bob" / "ps1" / "ps1.html"
    written = page.stat().st_mtime_ns
    run("feedback", "ps1")
    assert page.stat().st_mtime_ns == written
    page.write_text("half a pa")
    run("feedback", "ps1")
    assert page.read_text() != "half a pa"
    assert run("report", "ps1").stdout == graded.stdout


def test_a_solution_that_misses_marks_is_named_at_the_release(course):
    nbformat.write(notebook("### BEGIN SOLUTION\nwrong\n### END SOLUTION"), "source/ps1/ps1.ipynb")
    assert "the solution fails test" in run("release", "ps1", code=1).stderr


def test_json(course):
    hand_in("zoë [red]x\x1b[31m")
    found = json.loads(run("grade", "ps1", "--json").stdout)
    (assignment,) = found["assignments"]
    assert (found["graded"], found["unchanged"], found["failed"]) == (3, 0, 0)
    assert found["per_minute"] > 0
    bob = next(student for student in assignment["students"] if student["id"] == "bob")
    assert (bob["score"], bob["max_score"], bob["seconds"], bob["unsafe"]) == (0, 2, 0.5, False)
    (test,) = bob["tests"]
    assert (test["name"], test["score"], test["says"]) == ("test", 0, "Not what was asked for.")
    assert json.loads(run("report", "ps1", "--json").stdout)["students"][1]["score"] == 0


def test_what_a_student_chose_as_a_name_stays_text(course):
    hand_in("[red]x\x1b[31m\u202e")
    output = run("grade").output
    assert "[red]x\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}" in output
    assert "\x1b" not in output


@pytest.mark.parametrize("students", [["--students", "ada,bob"], ["--students", "ada", "--students", "bob"]])
def test_students(course, students):
    hand_in("cleo")
    run("grade", "ps1", *students)
    assert sorted(path.name for path in (course / "autograded").iterdir()) == ["ada", "bob"]


@pytest.mark.parametrize("names", [["ps2"], ["ps1", "--students", "nobody"]])
def test_a_wrong_name(course, names):
    assert "submitted/<student>/<assignment>" in run("grade", *names, code=2).stderr
    assert not (course / "autograded").exists()


def test_what_failed_is_named_and_the_others_are_graded(course):
    hand_in("cleo", "error")
    output = run("grade", code=1).stdout
    assert "Not graded: RuntimeError: the examiner's fault" in output
    assert "No feedback" not in run("feedback", "ps1", "--students", "ada").output
    assert "cleo: Not graded yet: run genlab grade ps1" in run("feedback", code=1).stderr


def test_without_a_sandbox_nothing_is_graded(course, monkeypatch):
    from genlab.grading import sandbox

    def refuse():
        raise sandbox.SandboxUnavailable("Install it: apt-get install bubblewrap")

    monkeypatch.setattr(sandbox, "require_sandbox", refuse)
    assert "apt-get install bubblewrap" in run("grade", code=2).stderr
    assert not (course / "autograded").exists()


def test_unsafe_is_loud_and_recorded(course):
    ran = run("grade", "--unsafe")
    assert "UNSAFE" in ran.stderr
    assert "UNSAFE" in ran.stdout
    assert "UNSAFE" in run("report", "ps1").stdout
    assert json.loads(run("report", "ps1", "--json").stdout)["unsafe"]
    assert "UNSAFE" not in run("grade").output  # graded again


@pytest.mark.parametrize("mistake", ["c = get_config(", "get_config().CourseDirectory.course_id = 3"])
def test_a_configuration_that_cannot_be_read(course, mistake):
    (course / "nbgrader_config.py").write_text(mistake)
    assert "nbgrader_config.py cannot be read" in run("grade", code=1).stderr


@pytest.mark.parametrize("command", ["feedback", "report", "release"])
def test_a_locked_gradebook_is_named(course, command):
    config = CONFIG + f'c.CourseDirectory.db_url = "sqlite:///{course}/gradebook.db?timeout=0.1"\n'
    (course / "nbgrader_config.py").write_text(config)
    run("grade")
    with sqlite3.connect(course / "gradebook.db") as other:
        other.execute("begin exclusive")
        assert "close the formgrader" in run(command, "ps1", code=1).stderr


def test_an_interruption(course, monkeypatch):
    from genlab.grading.course import Course

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Course, "write", interrupt)
    assert "run this again, and it goes on" in run("grade", code=130).stderr


@pytest.mark.slow
def test_interrupted_while_it_starts(tmp_path):
    options = {"cwd": tmp_path, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([*COMMAND, "grade"], **options) as run:
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children")

        def forks():
            started = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children.read_text().split()]
            return any(b"forkserver" in line for line in started)

        while not forks():
            time.sleep(0.01)
        time.sleep(0.1)  # now both import
        os.killpg(run.pid, signal.SIGINT)
        said = run.stderr.read()
    assert said == "Interrupted. What was graded is kept: run this again, and it goes on from here.\n"
    assert run.returncode == 130


def test_the_help_tells_how_it_ends():
    assert "Ends with 0" in run("grade", "--help").stdout


@pytest.mark.slow
def test_the_command_itself():
    def run_it(argument, stdout):
        return subprocess.run([*COMMAND, argument], stdout=stdout, stderr=subprocess.DEVNULL, text=True)

    shown = run_it("--help", subprocess.PIPE)
    assert "grade" in shown.stdout and shown.returncode == 0
    assert run_it("nonsense", subprocess.PIPE).returncode == 2
    with open("/dev/full", "w") as full:
        assert run_it("--help", full).returncode != 0
    closed = ["sh", "-c", '"$0" "$@" >&-', *COMMAND, "--help"]
    assert subprocess.run(closed, stderr=subprocess.DEVNULL).returncode == 0


# As sitecustomize.py: genlab and a notebook's cells find no module that Windows lacks, and what depends on a
# machine's encoding is an error.
ELSEWHERE = """
import builtins, warnings
found = builtins.__import__
LACKING = {"curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios"}
def find(name, globals=None, *rest, **options):
    if name in LACKING and (globals or {}).get("__name__", "").split(".")[0] in ("genlab", "__main__"):
        raise ImportError(f"{name}: not on Windows")
    return found(name, globals, *rest, **options)
builtins.__import__ = find
warnings.filterwarnings("error", "", EncodingWarning, "genlab|__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize("assignment", ["introduction", "probability", "gmm-em"])
def test_check_needs_nothing_that_windows_lacks(tmp_path, assignment):
    (tmp_path / "sitecustomize.py").write_text(ELSEWHERE, encoding="utf-8")
    solved = Path(__file__).parents[1] / "solutions" / assignment / f"{assignment}.ipynb"
    console = {"LC_ALL": "C", "PYTHONIOENCODING": "cp1252", "PYTHONWARNINGS": "ignore"}
    strict = {"PYTHONPATH": str(tmp_path), "PYTHONWARNDEFAULTENCODING": "1"}
    command = [*COMMAND, "check", solved]
    done = subprocess.run(command, env={**os.environ, **console, **strict}, capture_output=True)
    table = done.stdout.decode("cp1252")
    assert done.returncode == 0, done
    passed = re.findall(r"^\| (\w+) +\| \? passes, (\d+) of \2 +\|", table, re.MULTILINE)
    cells = [c for c in nbformat.read(solved, as_version=4).cells if c.cell_type == "code"]
    roles = [cell.metadata.get("nbgrader", {}) for cell in cells]
    assert [name for name, _ in passed] == [role["grade_id"] for role in roles if role.get("solution")]
