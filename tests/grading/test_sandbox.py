"""What a submission can reach and use up from inside the sandbox. Each probe runs in a real kernel."""

import json
import shutil
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

import genlab
from genlab.grading import sandbox
from genlab.grading.execute import SandboxedExecute

COURSE = Path(genlab.__file__).parents[1]


def execute(folder, *cells, assignment="gmm-em", **limits):
    """The notebook made of the cells (sources, or whole cells), run as a submission in the folder."""
    notebook = new_notebook(cells=[new_code_cell(c) if isinstance(c, str) else c for c in cells])
    resources = {"metadata": {"path": str(folder)}, "nbgrader": {"assignment": assignment, "student": "ada"}}
    notebook, _ = SandboxedExecute(kernel_name="python3", **limits).preprocess(notebook, resources)
    return [cell.outputs for cell in notebook.cells]


def graded(source, **metadata):
    nbgrader = {"grade": True, "solution": False, "points": 2}
    return new_code_cell(source, metadata={"nbgrader": nbgrader, **metadata})


def printed(outputs):
    return json.loads("".join(output.text for output in outputs if output.get("name") == "stdout"))


def errors(outputs):
    return [output.evalue for output in outputs if output.output_type == "error"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data.csv").write_text("1,2")
    (tmp_path / "submission.ipynb").write_text("{}")
    (tmp_path / "link").symlink_to(COURSE / "pyproject.toml")
    return tmp_path


def test_reaches_nothing_of_the_course_the_machine_or_the_network(folder):
    outputs = execute(
        folder,
        "import json, os, socket, subprocess, sys",
        f"course = {str(COURSE)!r}",
        "print(json.dumps(sorted(n for n in os.listdir('.') if not n.startswith('.'))))",
        "print(json.dumps(sorted(os.listdir(course))))",
        "print(json.dumps(os.listdir(course + '/genlab/grading')))",
        "print(json.dumps([os.getuid(), os.geteuid(), os.getgid(), os.getgroups()]))",
        "print(json.dumps([name for _, name in socket.if_nameindex()]))",
        "print(json.dumps([p for p in os.listdir('/proc') if p.isdigit()]))",
        "print(json.dumps(sorted(os.environ)))",
        "print(json.dumps(open('/proc/self/status').read().split('CapEff:')[1].split()[0]))",
        """
        writable = []
        for top, folders, _ in os.walk('/'):
            if top.startswith(('/proc', '/dev/pts')):
                folders.clear()
            elif os.access(top, os.W_OK):
                writable.append(top)
                folders.clear()
        print(json.dumps(sorted(writable)))""",
    )
    assert [problem for cell in outputs for problem in errors(cell)] == []
    own, course, grading, ids, interfaces, processes, *rest = map(printed, outputs[2:])
    environment, capabilities, writable = rest
    assert own == ["data.csv"]
    assert set(course) <= {".venv", "genlab"}
    assert grading == []
    assert all(number == sandbox.NOBODY for number in [*ids[:3], *ids[3]])
    assert interfaces == ["lo"]
    assert len(processes) <= 3  # bubblewrap's, and the kernel
    assert "JPY_PARENT_PID" not in environment
    assert set(capabilities) == {"0"}
    assert set(writable) == set(sandbox.SPACE)


def test_uses_up_no_more_than_its_share(folder):
    outputs = execute(
        folder,
        "import json, os, time",
        """
        children = 0
        try:
            while children < 1000:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                children += 1
        except BlockingIOError:
            pass
        print(json.dumps(children))""",
        """
        try:
            bytearray(8 * 2**30)
            print(json.dumps("unlimited"))
        except MemoryError:
            print(json.dumps("limited"))""",
        """
        written = 0
        try:
            for n in range(1000):
                with open(f'/tmp/{n}', 'wb') as file:
                    file.write(bytes(2**24))
                written += 2**24
        except OSError:
            pass
        print(json.dumps(written))""",
    )
    children, memory, written = map(printed, outputs[1:])
    assert 0 < children < sandbox.LIMITS["nproc"]
    assert memory == "limited"
    assert 0 < written <= sandbox.SPACE["/tmp"]


def test_what_an_assignment_makes_unavailable_is_not_there(folder):
    imports = [
        "from sklearn.mixture import GaussianMixture",
        "from sklearn.cluster import KMeans",
        "from scipy.cluster.vq import kmeans",
        "from genlab.models.mixture import fit",
        "import genlab.grading.sandbox",
    ]
    assert all(errors(outputs) for outputs in execute(folder, *imports))
    allowed = ["import scipy.stats, matplotlib.pyplot, genlab.plot, genlab.checks, genlab.models.gaussian"]
    assert errors(execute(folder, *allowed)[0]) == []


def test_a_loop_costs_its_own_cell_only(folder):
    loop, after = execute(folder, "while True: pass", "1 + 1", timeout=1)
    assert "stopped after 1 s" in errors(loop)[0]
    assert after[0].data["text/plain"] == "2"


def test_a_loop_that_swallows_interrupts_costs_the_time_out_once(folder):
    stubborn = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    loop, *after = execute(folder, stubborn, *["1 + 1"] * 30, timeout=1)
    assert "stopped after 1 s" in errors(loop)[0]
    assert all("could not be interrupted" in errors(outputs)[0] for outputs in after)


def test_a_submission_is_limited_as_a_whole(folder):
    outputs = execute(folder, *["import time; time.sleep(1.5)"] * 5, timeout=2, submission_timeout=4)
    assert errors(outputs[0]) == []
    assert "the whole submission took longer than 4 s" in errors(outputs[-1])[0]


@pytest.mark.parametrize("end", ["import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)"])
def test_a_kernel_that_is_ended_leaves_no_later_test_passed(folder, end):
    first, test = execute(folder, end, graded("assert True"))
    assert "ended the kernel" in errors(first)[0]
    assert errors(test)


def test_a_test_cell_keeps_its_message_and_nothing_else(folder):
    quiet, number, wrong, skipped = execute(
        folder,
        graded("import sys, warnings; warnings.warn('odd'); print('seen', file=sys.stderr)"),
        graded("0.5"),
        graded("secret = 3\nassert secret == 4, 'three is not four'"),
        graded("assert False, 'this ran'", tags=["skip-execution", "raises-exception"]),
    )
    assert quiet == number == []
    assert [(o.output_type, o.traceback) for o in wrong] == [("error", ["AssertionError: three is not four"])]
    assert errors(skipped) == ["this ran"]


def test_output_without_end_is_cut(folder):
    (outputs,) = execute(folder, "while True: print('x' * 1000)", timeout=2)
    assert sum(len(output.get("text", "")) for output in outputs) < 2_000_000
    assert "stopped" in errors(outputs)[0]


def test_without_bubblewrap_it_refuses_and_says_what_to_install(folder, monkeypatch):
    sandbox.require_sandbox.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(sandbox.SandboxUnavailable, match="apt-get install bubblewrap"):
        execute(folder, "1")
