"""What the tests of all assignments share."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from genlab.checks import ideas
from genlab.checks.catalogue import Assignment

SOLUTIONS = Path(__file__).parents[2] / "solutions"
SEEDS = range(1, 1 + int(os.environ.get("GENLAB_SEEDS", "2")))


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS, indirect=True)


@pytest.fixture(scope="session")
def answered():
    """Gives an assignment with its own solution, or with other answers; made once."""
    return cache(lambda name, answers="": Assignment(SOLUTIONS / name, answers))


@pytest.fixture(autouse=True)
def known_ideas(assignment):
    """Let visible tests know the wrong answers that the release knows."""
    ideas.read(SOLUTIONS / assignment / "ideas.json")
    yield
    ideas.read(SOLUTIONS / "none")


@pytest.fixture(autouse=True)
def fixed_data(monkeypatch):
    monkeypatch.setenv("GENLAB_SEED", "0")


@pytest.fixture
def seed(request, monkeypatch, fixed_data):
    """Let the hidden tests draw their data from this seed."""
    monkeypatch.setenv("GENLAB_SEED", str(request.param))


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """Gives the folder of an assignment as nbgrader releases it; made once."""

    @cache
    def release(name):
        course = tmp_path_factory.mktemp("course")
        shutil.copytree(SOLUTIONS / name, course / "solutions" / name)
        bin = Path(sys.executable).parent
        command = [shutil.which("nbgrader", path=bin), "generate_assignment", name, "--log-level=ERROR"]
        command += [
            "--CourseDirectory.source_directory=solutions",
            "--CourseDirectory.release_directory=exercises",
        ]
        environment = {**os.environ, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(command, cwd=course, env=environment, check=True)
        return course / "exercises" / name

    return release
