"""The project as a whole: a lock in step with pyproject.toml, imports that run one way, a cheap import."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKED_EXTRAS = ["course", "book", "test"]

# What each part of genlab may import from the rest of it.
MAY_IMPORT = {
    "models": {"models"},
    "sampling": {"sampling", "models"},
    "datasets": {"datasets"},
    "plot": {"plot", "models"},
    "checks": {"checks", "models", "unavailable"},
    "unavailable": set(),
    "notebooks": set(),
    "grading": {"grading", "checks", "models", "datasets", "plot", "notebooks", "unavailable"},
    "cli": {"checks", "grading"},
}


def lock():
    """The pins of requirements.txt: name to list of (requirement, what requires it)."""
    pins, current = {}, None
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if re.match(r"[a-z0-9]", line):
            requirement = Requirement(line)
            current = []
            pins.setdefault(requirement.name, []).append((requirement, current))
        elif line.startswith("    #"):
            current += line.removeprefix("    #").removeprefix(" via").split()
    return pins


def direct_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for extra in LOCKED_EXTRAS for line in project["optional-dependencies"][extra]]
    return {r.name: r for r in map(Requirement, project["dependencies"] + extras)}


def test_the_lock_pins_what_pyproject_names():
    pins, wanted = lock(), direct_requirements()
    for name, requirement in wanted.items():
        for pin, _ in pins[name]:
            (specifier,) = pin.specifier
            assert specifier.operator == "=="
            assert specifier.version in requirement.specifier, (
                f"{pin} does not satisfy {requirement}: make lock"
            )


def test_the_lock_pins_nothing_that_pyproject_no_longer_names():
    from_project = {name for name, pin in lock().items() for _, via in pin if "genlab" in via}
    assert from_project == set(direct_requirements())


def test_the_lock_ends_with_the_project_itself_and_has_no_hashes():
    text = (ROOT / "requirements.txt").read_text()
    assert text.endswith("\n.\n")
    assert "--hash" not in text and "://" not in text


def test_the_environment_is_the_lock():
    subprocess.run([sys.executable, "-m", "pip", "check"], check=True)
    freeze = [sys.executable, "-m", "pip", "freeze", "--all", "--exclude-editable"]
    lines = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout.splitlines()
    versions = dict(line.split("==") for line in lines if "==" in line)
    versions = {canonicalize_name(name): version for name, version in versions.items()}
    for name, pins in lock().items():
        for pin, _ in pins:
            if pin.marker is None or pin.marker.evaluate():
                assert pin.specifier.contains(versions[name]), name


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_run_one_way(part):
    files = [*(ROOT / "genlab" / part).rglob("*.py"), *(ROOT / "genlab").glob(f"{part}.py")]
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("genlab."):
                    assert name.split(".")[1] in MAY_IMPORT[part], f"{file}: {name}"


def test_importing_genlab_loads_nothing_heavy():
    heavy = "print([m for m in ('scipy', 'matplotlib', 'sklearn', 'nbgrader') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", f"import sys, genlab; {heavy}"], check=True, capture_output=True, text=True
    )
    assert run.stdout == "[]\n"


def test_importing_the_command_loads_nothing_heavy_and_nothing_of_grading():
    heavy = "print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'nbgrader') or 'grading' in m])"
    run = subprocess.run(
        [sys.executable, "-c", f"import sys, genlab.cli; {heavy}"], check=True, capture_output=True, text=True
    )
    assert run.stdout == "[]\n"


def test_every_part_of_genlab_is_known_to_the_import_rule():
    parts = {path.stem for path in (ROOT / "genlab").iterdir() if not path.name.startswith("_")}
    assert parts <= set(MAY_IMPORT)


@pytest.mark.slow
def test_what_students_use_calls_nothing_that_windows_lacks():
    """The types of Python's own library tell what is there on which system."""
    parts = sorted(path for path in (ROOT / "genlab").glob("[!_]*") if path.name != "grading")
    command = [sys.executable, "-m", "mypy", "--platform=win32", "--follow-imports=silent"]
    command += ["--cache-dir=.mypy_cache/win32", *parts]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
