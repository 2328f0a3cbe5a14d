"""A course to attack, its attacks, and the workers that grade them."""

import hashlib
import json
import logging
import os
import re
import shutil
import site
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from genlab.grading import submission
from genlab.grading.course import Course
from genlab.grading.examination import examine
from genlab.grading.work import Result

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
HONEST = "fair/everything_right"
CELL_SECONDS, SUBMISSION_SECONDS = 3, 15
LANES = 3  # that attacks are tried in, side by side: some of them mostly wait
SECRET, OTHER_SECRET = "40417", "58213"
TREASURE = "was-never-the-students-to-read"  # in the grader's environment and in the course's files
CONFIG = f"""
from genlab.grading import configure
c = get_config()  # {TREASURE}
configure(c)
c.Examine.timeout, c.Examine.submission_timeout = {CELL_SECONDS}, {SUBMISSION_SECONDS}
"""


def parts(path):
    """What a text file says first, and its parts, title to text."""
    head, *rest = re.split(r"^# %% (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return head, list(zip(rest[::2], [text.strip("\n") for text in rest[1::2]], strict=True))


def ps1():
    """The foreign assignment's source notebook."""
    cells = []
    for title, source in parts(HERE / "ps1.txt")[1]:
        kind, name, *points = title.split()
        settings = {
            "grade_id": f"test_{name}" if kind == "test" else name,
            "schema_version": 3,
            "task": False,
        }
        settings |= {"locked": kind in ("given", "test"), "solution": kind in ("answer", "essay")}
        settings |= {"grade": kind in ("test", "essay")} | ({"points": int(points[0])} if points else {})
        make = new_markdown_cell if kind == "essay" else new_code_cell
        cells.append(make(source, metadata={"nbgrader": settings}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


class Attack:
    """What a file describes; see test_attacks.py."""

    def __init__(self, name):
        self.name = name
        self.student = name.replace("/", "-")
        head, self.parts = parts(HERE / f"{name}.txt")
        said = dict(re.findall(r"^(\w+): (.+)$", head, re.MULTILINE))
        self.assignment = said.get("Assignment", "ps1")
        self.earns = said.get("Earns", "nothing")
        self.right = "The rest is right." in head

    def expected(self, most):
        """The marks by test; most is what each gives at most."""
        if self.earns.startswith("everything"):
            lost = re.findall(r"\w+", self.earns.removeprefix("everything").removeprefix(" but"))
            return most | {f"test_{name}": 0 for name in lost}
        earned = {} if self.earns == "nothing" else dict(part.split() for part in self.earns.split(", "))
        return dict.fromkeys(most, 0) | {f"test_{name}": float(points) for name, points in earned.items()}

    def hand_in(self, course):
        """Write the submission."""
        path = f"{self.assignment}/{self.assignment}.ipynb"
        notebook, solved = (json.loads((course / step / path).read_text()) for step in ("release", "source"))
        cells, answers = (
            {c["metadata"]["nbgrader"]["grade_id"]: c for c in n["cells"] if "nbgrader" in c["metadata"]}
            for n in (notebook, solved)
        )
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        if self.right:
            for name, cell in cells.items():
                if not cell["metadata"]["nbgrader"]["locked"]:
                    cell["source"] = "".join(answers[name]["source"])
        file = course / "submitted" / self.student / path
        file.parent.mkdir(parents=True)
        scope = {"notebook": notebook, "cell": cells.get, "file": file, "course": course, "json": json}
        for title, text in self.parts:
            text = text.replace("@COURSE@", str(course))
            how, _, where = title.partition(" ")
            if title == "tamper":
                exec(text, scope)
            elif how == "file":
                (file.parent / where).parent.mkdir(parents=True, exist_ok=True)
                (file.parent / where).write_text(text)
            elif how in ("first", "last", "after"):
                places = {"first": 0, "last": len(notebook["cells"])}
                place = notebook["cells"].index(cells[where]) + 1 if where else places[how]
                own = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
                notebook["cells"].insert(place, own | {"source": text})
            else:
                for name in title.split(", "):
                    cells[name]["source"], text = text, ""
        if scope["notebook"] is not None and not os.path.lexists(file):
            file.write_text(json.dumps(scope["notebook"]))


class Lane:
    """A worker process that examines one submission after the other."""

    def __init__(self):
        self.usual = 0
        self.pool = ProcessPoolExecutor(1, get_context("spawn"))

    def examine(self, work):
        """Examine; a worker that dies of it is replaced."""
        try:
            return Result.from_bytes(self.pool.submit(examine, work).result())
        except BrokenExecutor:
            self.__init__()
            raise

    def left_over(self):
        """Processes beyond those that the worker has at first; they get a moment to end."""
        worker = psutil.Process(next(iter(self.pool._processes)))
        for _ in range(50):
            processes = worker.children(recursive=True)
            self.usual = self.usual or len(processes)
            if len(processes) <= self.usual:
                break
            time.sleep(0.1)
        return processes[self.usual :]


@dataclass
class Trial:
    """What came of an attack: its results, of the honest submission after it, and what it left."""

    results: list
    after: Result
    processes: list
    traces: list


def make_course(folder):
    """A course with something to find in it; what is handed in is graded within the attacks' limits."""
    for name in ("source/ps1", "source/gmm-em", "submitted", "feedback"):
        (folder / name).mkdir(parents=True)
    nbformat.write(ps1(), folder / "source/ps1/ps1.ipynb")
    shutil.copytree(ROOT / "solutions/gmm-em", folder / "source/gmm-em", dirs_exist_ok=True)
    (folder / "nbgrader_config.py").write_text(CONFIG)
    course = Course(folder)
    for assignment in ("ps1", "gmm-em"):
        course.release(assignment)
    return course


class Ground:
    """A course with something to find, and lanes."""

    def __init__(self, folder):
        self.folder = folder
        self.course = make_course(folder)
        self.honest = self.work(Attack(HONEST))
        self.lanes = SimpleQueue()
        for _ in range(LANES):
            self.lanes.put(Lane())

    def work(self, attack):
        """Hand in an attack, and make work of it."""
        attack.hand_in(self.folder)
        names = attack.student, attack.assignment, attack.assignment
        made, _ = submission.work(self.course.directory, *names, CELL_SECONDS, SUBMISSION_SECONDS)
        return made.to_bytes()

    def digest(self):
        """A digest of what the instructor has, and of where programs look for what to run at their start."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and "submitted" not in path.parts:
                digest.update(str(path).encode() + path.read_bytes())
        starts = [Path.home() / name for name in (".ipython/profile_default/startup", ".config", ".jupyter")]
        for path in [self.folder / "submitted", *starts, *map(Path, site.getsitepackages())]:
            digest.update(str(path.exists() and sorted(os.listdir(path))).encode())
        return digest.hexdigest()

    def traces(self):
        """What attacks have left, where it can be expected."""
        places = [
            "/tmp",
            "/var/tmp",
            "/dev/shm",
            "/run",
            "/",
            "/etc",
            "/usr/bin",
            Path.home(),
            Path.cwd(),
            ROOT,
        ]
        places += [HERE, self.folder, sys.prefix, Path(sys.executable).parent, *site.getsitepackages()]
        found = [path for place in places for path in Path(place).glob("was-here*")]
        return found + ([] if self.digest() == self.before else ["a changed course, or start-up folder"])

    def try_out(self, works):
        """Examine an attack's works, and then an honest one."""
        lane = self.lanes.get()
        try:
            if not lane.usual:
                lane.examine(self.honest)
                lane.left_over()
            results = [lane.examine(work) for work in works]
            return Trial(results, lane.examine(self.honest), lane.left_over(), self.traces())
        finally:
            self.lanes.put(lane)


@pytest.fixture(params=sorted(str(path.relative_to(HERE).with_suffix("")) for path in HERE.glob("*/*.txt")))
def attack(request):
    return Attack(request.param)


@pytest.fixture(scope="session")
def trials(tmp_path_factory, request):
    """The trials of the attacks that are asked for, by name: on their way, one a lane."""
    names = [
        item.callspec.params["attack"] for item in request.session.items if "attack" in item.fixturenames
    ]
    logging.disable()
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(LANES) as threads:
        patch.setenv("EXAMINER_SECRET", TREASURE)
        ground = Ground(tmp_path_factory.mktemp("course"))
        works = {name: [ground.work(Attack(name)) if name != HONEST else ground.honest] for name in names}
        for name, [work] in works.items():
            if name.startswith("stealing/"):
                works[name] = [work, work.replace(SECRET.encode(), OTHER_SECRET.encode())]
        ground.before = ground.digest()
        yield {name: threads.submit(ground.try_out, works[name]) for name in names}
        threads.shutdown(cancel_futures=True)
        for _ in range(LANES):
            ground.lanes.get().pool.shutdown()
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def arena():
    """What is in this file, for tests that grade by other ways."""
    return SimpleNamespace(**globals())
