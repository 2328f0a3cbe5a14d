"""Grading a class: nothing is lost, nobody graded twice, whatever is killed, damaged, locked or full."""

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook

from genlab.grading import batch
from genlab.grading.course import Course, GradingError
from genlab.grading.report import report
from genlab.grading.store import Store
from genlab.grading.work import Result, Verdict, Work

CONFIG = """
import os
from genlab.grading import configure
c = get_config()
c.CourseDirectory.db_url = f"sqlite:///{os.path.dirname(__file__)}/gradebook.db?timeout=0.1"
configure(c)
"""
ALL = {"test_a": 2, "test_b": 3}


def nbgrader_cell(make, source, name, **settings):
    settings = {"grade": False, "solution": False, "locked": False, "task": False, **settings}
    return make(source, metadata={"nbgrader": {"grade_id": name, "schema_version": 3, **settings}})


def source():
    """An instructor's notebook: an answer, two tests of it, and a written answer."""
    answer = "### BEGIN SOLUTION\nright\n### END SOLUTION"
    test = {"grade": True, "locked": True}
    written = {"grade": True, "solution": True, "points": 5}
    return new_notebook(
        cells=[
            nbgrader_cell(new_code_cell, answer, "answer", solution=True),
            nbgrader_cell(new_code_cell, "assert a", "test_a", points=2, **test),
            nbgrader_cell(new_code_cell, "assert b", "test_b", points=3, **test),
            nbgrader_cell(new_markdown_cell, "Your text", "written", **written),
        ]
    )


def fake(work: bytes) -> bytes:
    """In place of examine: the answer's text is what becomes of it."""
    wanted = Work.from_bytes(work)
    notebook, verdicts = wanted.notebook, {}
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells}
    answer = cells["answer"].source if "answer" in cells else ""
    if "error" in answer:
        raise RuntimeError("the examiner's fault")
    for name, points in ALL.items():
        passed = "right" in answer or ("half" in answer and name == "test_a")
        verdicts[name] = Verdict(points if passed else 0, says="" if passed else "Not what was asked for.")
        if not passed:
            cells[name].outputs = [new_output("error", ename="Failed", evalue="no", traceback=["no"])]
            cells[name].metadata["genlab"] = {"says": "Not what was asked for."}
    settled = "killed" not in answer
    return Result(notebook, verdicts, seconds=0.5, unsafe=wanted.unsafe, settled=settled).to_bytes()


class Here(Executor):
    """Runs everything at once, in this process."""

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def hand_in(course, student, answer, text="Your text"):
    notebook = source()
    notebook.cells[0].source = answer
    notebook.cells[3].source = text
    folder = course / "submitted" / student / "ps1"
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / "ps1.ipynb")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    (folder / "nbgrader_config.py").write_text(CONFIG)
    (folder / "source" / "ps1").mkdir(parents=True)
    nbformat.write(source(), folder / "source" / "ps1" / "ps1.ipynb")
    for student, answer in [("ada", "right"), ("bob", "half"), ("cleo", "wrong")]:
        hand_in(folder, student, answer, "My text")
    Course(folder).register("ps1")
    return folder


@pytest.fixture
def folder(template, tmp_path, monkeypatch):
    """A course with three submissions."""
    monkeypatch.setattr(batch, "examine", fake)
    return Path(shutil.copytree(template, tmp_path / "a course"))


def grade(folder, **options):
    """Grade ps1; returns student to status."""
    outcomes = list(batch.grade(Course(folder), "ps1", **{"executor": Here, **options}))
    assert len({outcome.student for outcome in outcomes}) == len(outcomes)
    return {outcome.student: outcome.status for outcome in outcomes}


def scores(folder):
    """Student to marks by machine."""
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        submissions = book.assignment_submissions("ps1")
        assert len({s.student.id for s in submissions}) == len(submissions)
        return {
            s.student.id: sum(g.auto_score or 0 for n in s.notebooks for g in n.grades) for s in submissions
        }


def counted(monkeypatch):
    """Count examinations."""
    answers = []

    def examine(work):
        answers.append(Work.from_bytes(work).notebook.cells[0].source)
        return fake(work)

    monkeypatch.setattr(batch, "examine", examine)
    return answers


RIGHT = {"ada": 5, "bob": 2, "cleo": 0}


def test_who_writes_loads_nothing_that_only_others_need(folder):
    code = """
import sys
from pathlib import Path
from genlab.grading import batch
from genlab.grading.course import Course
Course(Path())
print({"genlab.grading.feedback", "numpy", "matplotlib"} & sys.modules.keys())
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert found.stdout == "set()\n"


def test_a_class_is_graded_and_only_once(folder, monkeypatch):
    before = {path: path.read_bytes() for path in (folder / "submitted").rglob("*.ipynb")}
    assert set(grade(folder).values()) == {"done"}
    assert scores(folder) == RIGHT
    examined = counted(monkeypatch)
    assert set(grade(folder).values()) == {"unchanged"}
    assert examined == []
    assert {path: path.read_bytes() for path in before} == before


def test_only_what_changed_is_graded_again(folder, monkeypatch):
    grade(folder)
    kept = set(os.listdir(folder / ".genlab"))
    hand_in(folder, "bob", "right", "My text, again")
    examined = counted(monkeypatch)
    assert grade(folder) == {"ada": "unchanged", "bob": "done", "cleo": "unchanged"}
    assert examined == ["right"]
    assert scores(folder) == {**RIGHT, "bob": 5}
    assert len(os.listdir(folder / ".genlab")) == len(kept)  # the outdated result is gone


@pytest.mark.parametrize("name", ["new\nline", b"caf\xe9".decode("utf-8", "surrogateescape")])
def test_a_folder_whose_name_no_gradebook_holds_is_to_be_renamed(folder, name):
    hand_in(folder, name, "right")
    outcomes = {outcome.student: outcome for outcome in batch.grade(Course(folder), "ps1", executor=Here)}
    assert "Rename the folder" in outcomes[name].says and outcomes[name].status == "failed"
    assert scores(folder) == RIGHT


def test_force_grades_everybody_again(folder, monkeypatch):
    grade(folder)
    examined = counted(monkeypatch)
    assert set(grade(folder, force=True).values()) == {"done"}
    assert sorted(examined) == ["half", "right", "wrong"]


def test_students_can_be_named(folder):
    assert grade(folder, students=["bob"]) == {"bob": "done"}
    assert scores(folder) == {"bob": 2}


def test_equal_submissions_are_examined_once(folder, monkeypatch):
    for student in ("dan", "eve"):
        hand_in(folder, student, "right", "My text")
    examined = counted(monkeypatch)
    assert len(grade(folder)) == 5
    assert len(examined) == 3
    assert scores(folder) == {**RIGHT, "dan": 5, "eve": 5}


def test_what_was_killed_is_graded_and_examined_again_by_the_next_run(folder, monkeypatch):
    for student in ("ada", "bob"):
        hand_in(folder, student, "half: killed")
    assert grade(folder) == {"ada": "done", "bob": "done", "cleo": "done"}
    assert scores(folder) == {"ada": 2, "bob": 2, "cleo": 0}
    monkeypatch.setattr(batch, "examine", lambda work: fake(work.replace(b"half: killed", b"right")))
    assert grade(folder) == {"ada": "done", "bob": "done", "cleo": "unchanged"}


@pytest.mark.parametrize("name", ["zoë o'neil", "=cmd|'C'!A0", "[red]x", "*", "a b", " c ", "{x}", "a,b"])
def test_odd_names(folder, name):
    hand_in(folder, name, "half")
    assert grade(folder)[name] == "done"
    assert scores(folder) == {**RIGHT, name: 2}
    assert (folder / "autograded" / name / "ps1" / "ps1.ipynb").exists()


@pytest.mark.parametrize("name", ["two\nlines", os.fsdecode(b"\xff")])
def test_impossible_names_hurt_nobody_else(folder, name):
    hand_in(folder, name, "half")
    assert {**grade(folder), name: "failed"} == {**dict.fromkeys(RIGHT, "done"), name: "failed"}
    assert {student: scores(folder)[student] for student in RIGHT} == RIGHT


@pytest.mark.parametrize("bad", ["missing", "empty", "text"])
def test_a_submission_without_a_readable_notebook_gets_nothing_and_a_sentence(folder, bad):
    notebook = folder / "submitted" / "ada" / "ps1" / "ps1.ipynb"
    notebook.unlink()
    if bad != "missing":
        notebook.write_text("" if bad == "empty" else "hello")
    assert grade(folder)["ada"] == "done"
    assert scores(folder) == {**RIGHT, "ada": 0}
    course = Course(folder)
    student = next(s for s in report(course, "ps1").students if s.id == "ada")
    assert "ps1" in student.problem
    assert not any(test.by_hand for test in student.tests if test.name != "written")
    assert grade(folder)["ada"] == "unchanged"


def test_an_error_while_examining_one_submission_hurts_nobody_else(folder):
    hand_in(folder, "dan", "error")
    outcomes = {o.student: o for o in batch.grade(Course(folder), "ps1", executor=Here)}
    assert "the examiner's fault" in outcomes["dan"].says
    assert scores(folder) == RIGHT


@pytest.mark.parametrize("after", range(6))
def test_stopped_anywhere_a_second_run_goes_on(folder, monkeypatch, after):
    """Every third step of each of the three is an examination, its result kept, and the marks written."""
    steps = []

    def stop(function):
        def stopping(*arguments):
            steps.append(function)
            if len(steps) > after:
                raise KeyboardInterrupt
            return function(*arguments)

        return stopping

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", stop(Store.put))
        patch.setattr(Course, "write", stop(Course.write))
        with pytest.raises(KeyboardInterrupt):
            grade(folder)
    examined = counted(monkeypatch)
    grade(folder)
    assert scores(folder) == RIGHT
    assert len(examined) <= 3


def test_a_damaged_result_is_found_out_again(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Course, "write", lambda *_: (_ for _ in ()).throw(RuntimeError("no")))
        assert set(grade(folder).values()) == {"failed"}
    results = [path for path in (folder / ".genlab").iterdir() if path.name not in ("lock", "errors.log")]
    assert len(results) == 3
    results[0].write_bytes(results[0].read_bytes()[:100])
    content = bytearray(results[1].read_bytes())
    content[200] ^= 1
    results[1].write_bytes(content)
    examined = counted(monkeypatch)
    grade(folder)
    assert len(examined) == 2
    assert scores(folder) == RIGHT


def test_a_vanished_gradebook_is_filled_again_without_examining(folder, monkeypatch):
    grade(folder)
    (folder / "gradebook.db").unlink()
    examined = counted(monkeypatch)
    assert set(grade(folder).values()) == {"done"}
    assert examined == []
    assert scores(folder) == RIGHT


@pytest.mark.slow
def test_a_new_gradebook_has_the_version_that_nbgrader_gives_it(folder):
    stock = "import os, sys; os.environ['PATH'] = os.path.dirname(sys.executable); "
    stock += "from nbgrader.api import get_alembic_version; print(get_alembic_version())"
    said = subprocess.run([sys.executable, "-c", stock], capture_output=True, text=True, check=True).stdout
    with sqlite3.connect(folder / "gradebook.db") as book:
        assert book.execute("SELECT version_num FROM alembic_version").fetchall() == [(said.strip(),)]


def test_a_gradebook_that_vanishes_in_a_run(folder, monkeypatch):
    write = Course.write

    def vanish(*arguments):
        monkeypatch.setattr(Course, "write", write)
        (folder / "gradebook.db").unlink()
        write(*arguments)

    monkeypatch.setattr(Course, "write", vanish)
    assert set(grade(folder).values()) == {"done"}
    grade(folder)
    assert scores(folder) == RIGHT


def test_half_an_assignment_in_the_gradebook_is_completed(folder):
    with sqlite3.connect(folder / "gradebook.db") as book:
        book.execute("delete from source_cell where name = 'test_b'")
    grade(folder)
    assert scores(folder) == RIGHT


def test_an_old_copy_of_the_gradebook_is_brought_up_to_date(folder):
    grade(folder)
    shutil.copy(folder / "gradebook.db", folder / "old")
    hand_in(folder, "bob", "right")
    grade(folder)
    shutil.copy(folder / "old", folder / "gradebook.db")
    assert grade(folder)["bob"] == "done"
    assert scores(folder) == {**RIGHT, "bob": 5}


def test_a_locked_gradebook(folder, monkeypatch):
    with sqlite3.connect(folder / "gradebook.db") as other:
        other.execute("begin immediate")
        with pytest.raises(GradingError, match="locked by another program: close the formgrader"):
            grade(folder)
        other.rollback()
    grade(folder)
    assert scores(folder) == RIGHT


def test_a_damaged_gradebook(folder):
    (folder / "gradebook.db").write_bytes(b"no database" * 1000)
    with pytest.raises(GradingError, match="damaged"):
        grade(folder)


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("place", "name"), [(Store, "put"), (Course, "write"), (Course, "register"), (os, "fsync")]
)
def test_a_full_disk(folder, monkeypatch, place, name):
    with monkeypatch.context() as patch:
        patch.setattr(place, name, full)
        with pytest.raises(GradingError, match="The disk is full: free some space"):
            grade(folder)
    grade(folder)
    assert scores(folder) == RIGHT
    assert not list((folder / ".genlab").glob("unfinished-*"))


def test_what_a_person_wrote_survives(folder):
    grade(folder)
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        place = ("ps1", "ps1", "bob")
        book.find_grade("written", *place).manual_score = 4
        book.find_grade("test_b", *place).extra_credit = 0.5
        book.find_comment("written", *place).manual_comment = "Well said."
        book.db.commit()
    grade(folder, force=True)
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        assert book.find_submission("ps1", "bob").score == 2 + 4 + 0.5
        assert book.find_comment("written", *place).comment == "Well said."


def test_two_runs_at_once(folder):
    with Course(folder).lock(), pytest.raises(GradingError, match="at work"):
        grade(folder)
    assert set(grade(folder).values()) == {"done"}


def test_an_unknown_assignment(folder):
    with pytest.raises(GradingError, match="ps2"):
        list(batch.grade(Course(folder), "ps2", executor=Here))


class Mortal(Here):
    """Dies of the answer 'wrong', with all that were handed out after it."""

    dead = False
    made = 0

    def __init__(self):
        Mortal.made += 1

    def submit(self, function, work):
        self.dead = self.dead or "wrong" in Work.from_bytes(work).notebook.cells[0].source
        if not self.dead:
            return super().submit(function, work)
        future = Future()
        future.set_exception(BrokenProcessPool("killed"))
        return future


def test_a_submission_that_ends_the_process_is_named_and_hurts_nobody_else(folder):
    for student in ("dan", "eve"):
        hand_in(folder, student, "right", student)
    outcomes = {o.student: o for o in batch.grade(Course(folder), "ps1", executor=Mortal)}
    assert {name for name, outcome in outcomes.items() if outcome.status == "failed"} == {"cleo"}
    assert "ended 3 times" in outcomes["cleo"].says
    assert scores(folder) == {"ada": 5, "bob": 2, "dan": 5, "eve": 5}


def start(folder, slow):
    """A run in a process of its own, with real workers, each examination taking some time."""
    (folder / "faked.py").write_text(
        "import sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "def examine(work):\n"
        "    from test_batch import fake\n"
        f"    time.sleep({slow})\n"
        "    return fake(work)\n"
    )
    script = """
        import faked, sys
        from genlab.grading import batch
        from genlab.cli import app
        batch.examine = faked.examine
        if __name__ == "__main__":
            app(["grade", "ps1", "--unsafe"])
    """
    (folder / "run.py").write_text(textwrap.dedent(script))
    return subprocess.Popen([sys.executable, "run.py"], cwd=folder, stdout=subprocess.PIPE, text=True)


def workers(run):
    """The processes that examine."""
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    found = [int(pid) for pid in children.read_text().split()]
    servers = [pid for pid in found if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return [int(pid) for s in servers for pid in Path(f"/proc/{s}/task/{s}/children").read_text().split()]


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_a_killed_worker(folder):
    run = start(folder, slow=1)
    os.kill(wait_for(lambda: workers(run))[0], signal.SIGKILL)
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert scores(folder) == RIGHT


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_no_process_and_a_second_completes_it(folder, sign):
    run = start(folder, slow=30)
    left = wait_for(lambda: workers(run))
    time.sleep(0.5)
    run.send_signal(sign)
    run.communicate(timeout=10)
    assert run.returncode == (130 if sign == signal.SIGINT else -sign)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), seconds=5)
    grade(folder)
    assert scores(folder) == RIGHT
