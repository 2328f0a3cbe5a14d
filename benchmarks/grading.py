"""Time the grading of a class against stock nbgrader: python benchmarks/grading.py [students] [rounds]

Both grade the same honest submissions of gmm-em, in three styles, from nothing and each by its own command:
stock `nbgrader autograde`, and `genlab grade` with the sandbox. They take turns. That both give everybody the
same marks is checked.
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from shutil import copytree, rmtree

import nbformat
import psutil
from nbgrader.api import Gradebook

ROOT = Path(__file__).parents[1]
NAME = "gmm-em"
STYLES = ("loops", "vectorised", "scipy_helpers")
FOLDERS = """c = get_config()
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
"""
SWITCHED_OVER = "from genlab.grading import configure\nconfigure(c)\n"
COMMANDS = {
    "nbgrader": ["nbgrader", "autograde", NAME, "--log-level=ERROR"],
    "genlab": ["genlab", "grade", NAME],
}


def course(folder: Path, config: str, students: int) -> None:
    """A course whose students have handed in right answers, no two the same."""
    copytree(ROOT / "solutions", folder / "solutions")
    (folder / "nbgrader_config.py").write_text(config)
    run(["nbgrader", "generate_assignment", NAME, "--log-level=ERROR"], folder)
    answers = Path(ROOT, "tests", "grading", "hand_in.py")
    run([sys.executable, str(answers), str(folder / "class")], folder)
    files = [folder / "class" / style / NAME / f"{NAME}.ipynb" for style in STYLES]
    styles = [nbformat.read(file, 4) for file in files]
    for number in range(students):
        notebook = styles[number % len(styles)]
        (cell,) = [cell for cell in notebook.cells if cell.get("id") == "bic"]
        cell.source = re.sub(r"^(# student .*\n)?", f"# student {number}\n", cell.source)
        target = folder / "submitted" / f"student{number:04}" / NAME / f"{NAME}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)


def run(command: list[str], folder: Path) -> None:
    """Run a command of this environment's."""
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Grade from nothing; returns the seconds to the end, and to the first grade."""
    first = []
    start = time.perf_counter()

    def look() -> None:
        if not first and any(folder.glob("autograded/*/*/*.ipynb")):
            first.append(time.perf_counter() - start)

    with watching(look):
        grade(command, folder)
    return time.perf_counter() - start, first[0]


def memory(command: list[str], folder: Path) -> tuple[float, float]:
    """Grade from nothing, more slowly; returns the most MiB of the first process, and of all others."""
    first, others = [0.0], [0.0]

    def look() -> None:
        used = [0.0, 0.0]
        for place, process in enumerate(psutil.Process().children(recursive=True)):
            with suppress(psutil.Error):
                used[place > 0] += process.memory_full_info().pss / 2**20
        first.append(used[0])
        others.append(used[1])

    with watching(look):
        grade(command, folder)
    return max(first), max(others)


def grade(command: list[str], folder: Path) -> None:
    """Grade from nothing."""
    for name in ("autograded", ".genlab"):
        rmtree(folder / name, ignore_errors=True)
    run(command, folder)


@contextmanager
def watching(look: Callable[[], None]) -> Iterator[None]:
    """Look every tenth of a second."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    done.set()
    watcher.join()


def marks(folder: Path) -> dict[str, float]:
    """Student to marks by machine."""
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        return {s.student.id: s.score for s in book.assignment_submissions(NAME)}


def main(students: int = 30, rounds: int = 3) -> None:
    """Print the table of benchmarks/README.md."""
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        folders = {name: Path(folder, name) for name in COMMANDS}
        for name, place in folders.items():
            place.mkdir()
            course(place, FOLDERS + (SWITCHED_OVER if name == "genlab" else ""), students)
        for number in range(rounds):
            seconds = {}
            for name, command in COMMANDS.items():
                seconds[name], first = timed(command, folders[name])
                each = seconds[name] / students
                print(f"{name:9} {seconds[name]:7.1f} s, {each:5.2f} s each, the first after {first:4.1f} s")
            print(f"round {number + 1}: {seconds['nbgrader'] / seconds['genlab']:.1f} times the throughput")
        for name, command in COMMANDS.items():
            first, others = memory(command, folders[name])
            print(f"{name:9} {first:5.0f} MiB at most; its other processes {others:5.0f} MiB")
        given = {name: marks(place) for name, place in folders.items()}
        assert given["nbgrader"] == given["genlab"], "the marks differ"
        print(f"the same marks for all: {sorted(set(given['genlab'].values()))}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
