"""What a submission can reach and use up from inside the sandbox. Each probe runs in a real kernel."""

import base64
import json
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook, new_output

import genlab
from genlab.grading import sandbox
from genlab.grading.candidate import nursery as inside
from genlab.grading.candidates import Nursery
from genlab.grading.rehearsal import Rehearsal
from genlab.unavailable import UNAVAILABLE

COURSE = Path(genlab.__file__).parents[1]
pytestmark = pytest.mark.slow

FILES = {"data.csv": b"1,2"}
ENDS = ["os._exit(0)", "os.kill(os.getpid(), 9)", "import ctypes; ctypes.string_at(0)"]


@pytest.fixture(scope="module", params=[True, False], ids=["shared nursery", "a sandbox each"])
def nursery(request):
    """Both ways to start a candidate: as a fork, and, where namespaces do not nest, in a new sandbox."""
    nursery = Nursery(UNAVAILABLE["gmm-em"])
    assert nursery.shared, "this machine's namespaces do not nest: only one of the two ways can be tested"
    nursery.shared = request.param
    nursery.ready()
    yield nursery
    nursery.remove()


@pytest.fixture
def execute(nursery):
    def run(*cells, cell_seconds=30, submission_seconds=300):
        """The outputs of the cells (sources, or whole cells), run as a submission."""
        notebook = new_notebook(cells=[new_code_cell(c) if isinstance(c, str) else c for c in cells])
        rehearsal = Rehearsal(notebook, nursery, FILES, cell_seconds, submission_seconds)
        rehearsal.run().close()
        return [cell.outputs for cell in rehearsal.nb.cells]

    return run


def printed(outputs):
    return json.loads("".join(output.text for output in outputs if output.get("name") == "stdout"))


def errors(outputs):
    return [output.evalue for output in outputs if output.output_type == "error"]


def test_reaches_nothing_of_the_course_the_machine_or_the_network(execute):
    outputs = execute(
        "import json, os, socket, subprocess, sys",
        f"course = {str(COURSE)!r}",
        "print(json.dumps(sorted(n for n in os.listdir('.') if not n.startswith('.'))))",
        "print(json.dumps(sorted(os.listdir(course))))",
        "print(json.dumps(os.listdir(course + '/genlab/grading')))",
        "print(json.dumps([os.getuid(), os.geteuid(), os.getgid(), os.getgroups()]))",
        "print(json.dumps([name for _, name in socket.if_nameindex()]))",
        "print(json.dumps([p for p in os.listdir('/proc') if p.isdigit()]))",
        "print(json.dumps(sorted(os.environ)))",
        """
        import ctypes, struct
        capabilities = ctypes.create_string_buffer(24)
        assert ctypes.CDLL(None).capget(struct.pack("II", 0x20080522, 0), capabilities) == 0
        print(json.dumps(sum(capabilities.raw)))""",
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
    assert all(number in sandbox.NOBODIES for number in [*ids[:3], *ids[3]])
    assert interfaces == ["lo"]
    assert len(processes) <= 4  # bubblewrap's, the nursery, its watcher and the kernel; or none
    assert "JPY_PARENT_PID" not in environment
    assert capabilities == 0
    assert set(writable) == set(sandbox.SPACE)


def test_uses_up_no_more_than_its_share(execute):
    outputs = execute(
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
    assert 0 < children < sandbox.PROCESSES
    assert memory == "limited"
    assert 0 < written <= sandbox.SPACE["/tmp"]


def test_a_course_may_be_in_the_folder_of_the_environment(tmp_path, monkeypatch):
    for name in ("lib/python", "submitted/ada", ".git"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "gradebook.db").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    seen = subprocess.run([*sandbox.sandbox(), "ls", "-A", tmp_path], capture_output=True, text=True)
    assert seen.stdout == "lib\n", seen.stderr


def test_what_an_assignment_makes_unavailable_is_not_there(execute):
    imports = [
        "from sklearn.mixture import GaussianMixture",
        "from sklearn.cluster import KMeans",
        "from scipy.cluster.vq import kmeans",
        "from genlab.models.mixture import fit",
        "import genlab.grading.sandbox",
    ]
    assert all(errors(outputs) for outputs in execute(*imports))
    allowed = ["import scipy.stats, matplotlib.pyplot, genlab.plot, genlab.checks, genlab.models.gaussian"]
    assert errors(execute(*allowed)[0]) == []


def test_a_loop_costs_its_own_cell_only(execute):
    loop, after = execute("while True: pass", "1 + 1", cell_seconds=1)
    assert "stopped after 1 s" in errors(loop)[0]
    assert after[0].data["text/plain"] == "2"


def test_a_loop_that_swallows_interrupts_costs_the_time_out_once(execute):
    stubborn = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    loop, *after = execute(stubborn, *["1 + 1"] * 30, cell_seconds=1)
    assert "stopped after 1 s" in errors(loop)[0]
    assert all("could not be interrupted" in errors(outputs)[0] for outputs in after)


def test_a_stopped_cell_that_was_never_told_to_have_ended_takes_nothing_from_the_next(execute):
    silent = "kernel = get_ipython().kernel\npublish = kernel._publish_status\n"
    silent += "def once(*args): kernel._publish_status = publish\nkernel._publish_status = once\n"
    silent += "while True: pass"
    stopped, *after = execute(silent, *["print(1)"] * 5, cell_seconds=1)
    assert "stopped after 1 s" in errors(stopped)[0]
    assert [printed(outputs) for outputs in after] == [1] * 5


def test_a_submission_is_limited_as_a_whole(execute):
    outputs = execute(*["import time; time.sleep(1.5)"] * 5, cell_seconds=2, submission_seconds=4)
    assert errors(outputs[0]) == []
    assert "the whole submission took longer than 4 s" in errors(outputs[-1])[0]


@pytest.mark.parametrize("end", ENDS)
def test_a_kernel_that_is_ended_costs_its_own_submission_only(execute, end):
    first, later = execute(f"import os; {end}", "1 + 1")
    assert "ended the kernel" in errors(first)[0]
    assert "Not run" in errors(later)[0]
    assert execute("1 + 1")[0][0].data["text/plain"] == "2"


def test_terminals_are_its_own(nursery):
    holds = "import os, time\nit = os.openpty()\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(30)"
    candidates = []
    for source in (holds, "import json, os\nprint(json.dumps(os.listdir('/dev/pts')))"):
        rehearsal = Rehearsal(new_notebook(cells=[new_code_cell(source)]), nursery, {}, 30, 300)
        candidates.append(rehearsal.run())
    assert printed(rehearsal.nb.cells[0].outputs) == ["ptmx"]
    for candidate in candidates:
        candidate.close()


def test_has_a_share_of_processes_of_its_own(nursery, execute):
    other = Nursery(UNAVAILABLE["gmm-em"])
    other.shared = nursery.shared
    other.ready()
    holds = "import os, time\nwhile True:\n    if os.fork() == 0:\n        time.sleep(30)"
    rehearsal = Rehearsal(new_notebook(cells=[new_code_cell(holds)]), other, {}, 30, 300)
    candidate = rehearsal.run()
    assert errors(rehearsal.nb.cells[0].outputs)
    assert execute("1 + 1")[0][0].data["text/plain"] == "2"
    candidate.close()
    other.remove()


def test_can_kill_nothing_but_its_own(execute):
    execute("import os; os.kill(-1, 9)", "1 + 1")
    assert execute("1 + 1")[0][0].data["text/plain"] == "2"


def test_leaves_nothing_for_the_next_submission(execute):
    leave = """
    import os, subprocess
    for folder in FOLDERS:
        open(folder + '/mark', 'w').write('x')
    if os.fork() == 0:
        os.setsid()
        import time; time.sleep(600)"""
    find = """
    import os, json, subprocess
    found = [folder for folder in FOLDERS if os.path.exists(folder + '/mark')]
    print(json.dumps(found))"""
    folders = f"FOLDERS = {list(sandbox.SPACE)}"
    execute(folders, leave)
    assert printed(execute(folders, find)[1]) == []


@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",  # a new user namespace
        "libc.ptrace(0, 0, 0, 0)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.syscall(425, 1, 0)",  # io_uring
        "libc.syscall(321, 0, 0, 0)",  # bpf
        "libc.socket(40, 1, 0)",  # to the host of a virtual machine
        "libc.fcntl(libc.open(b'/usr', 0), 1026, 1)",  # to be told what is read in a folder
    ],
)
def test_odd_system_calls_are_refused(execute, call):
    (outputs,) = execute(f"import ctypes, json; libc = ctypes.CDLL(None); print(json.dumps({call}))")
    assert printed(outputs) == -1


def test_an_ordinary_user_in_a_new_namespace_is_refused_too(execute):
    code = "import subprocess, json; print(json.dumps(subprocess.run(['unshare', '-Ur', 'true']).returncode))"
    outputs = execute(code)
    assert printed(outputs[0]) != 0


def test_output_without_end_is_cut_and_costs_no_memory(execute):
    peak = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    endless, error, after = execute("while True: print('x' * 1000)", "1 / 0", peak, cell_seconds=2)
    assert sum(len(output.get("text", "")) for output in endless) < 2_000_000
    assert "stopped" in errors(endless)[0]
    assert [output.text for output in endless if "Left out" in output.get("text", "")]
    assert errors(error) == ["division by zero"]
    assert printed(after) < 400_000  # in KiB


def test_a_file_that_was_open_before_a_fork_is_shared_no_more(tmp_path):
    (tmp_path / "font").write_bytes(b"0123456789")
    program = f"""
import os
from genlab.grading.candidate import confine
font = os.open({str(tmp_path / "font")!r}, os.O_RDONLY)
os.lseek(font, 3, os.SEEK_SET)
if os.fork() == 0:
    confine.open_again()
    print(os.read(font, 2), flush=True)
    os._exit(0)
os.wait()
print(os.lseek(font, 0, os.SEEK_CUR))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "b'34'\n3\n"


def test_an_empty_cell_shows_nothing(execute):
    shown = new_output("stream", name="stdout", text="as if it had run")
    empty, after = execute(new_code_cell(" \n", outputs=[shown]), "1 + 1")
    assert empty == []
    assert after[0].data["text/plain"] == "2"


def test_what_is_short_is_shown_after_what_is_too_long(execute):
    _, after = execute("from IPython.display import HTML; HTML('x' * 2_000_000)", "1 + 1")
    assert [output.data["text/plain"] for output in after] == ["2"]


def test_figures_are_shown_and_are_not_counted_as_text(execute):
    noise = "import matplotlib.pyplot as plt, os; fig, ax = plt.subplots(dpi=150)\n"
    noise += "ax.imshow([list(os.urandom(500)) for _ in range(500)]);"
    *figures, after = execute(*[noise] * 3, "print('x' * 900_000)")
    shown = [len(output.data["image/png"]) for (output,) in figures]
    assert sum(shown) > 1_000_000
    assert [len(output.text) for output in after] == [900_001]


def test_a_figure_with_a_layout_of_its_own_is_shown_whole_and_any_other_cropped(execute):
    draw = "import matplotlib.pyplot as plt; it, _ = plt.subplots(figsize=(4, 3), dpi={}, layout={!r});"
    *figures, after = execute(
        draw.format(50, "constrained"), draw.format(200, "constrained"), draw.format(200, "none"), "it.dpi"
    )
    pictures = [base64.b64decode(output.data["image/png"]) for (output,) in figures]
    sizes = [struct.unpack(">II", picture[16:24]) for picture in pictures]  # of a PNG
    assert sizes[:2] == [(200, 150), (400, 300)]  # at most 100 dots an inch
    assert (200, 150) < sizes[2] < (400, 300)
    assert after[0].data["text/plain"] == "200"


def test_a_nursery_has_drawn_a_figure_to_its_end(monkeypatch):
    saved = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, file: saved.append(figure))
    inside._draw_first()
    assert [len(figure.axes) for figure in saved] == [1]


def test_what_a_cell_writes_to_a_stream_is_shown_as_one_text(execute):
    bar = "import sys\nfor n in range(3): print(f'\\r{n} of 2', end='', flush=True)"
    bar += "\nprint('note', file=sys.stderr, flush=True); print('\\nend')"
    (outputs,) = execute(bar)
    assert [(o.name, o.text) for o in outputs] == [("stdout", "2 of 2\nend\n"), ("stderr", "note\n")]


def test_a_display_can_be_changed_later(execute):
    steps = "print('a', flush=True)", "import time; time.sleep(0.3)", "print('b', flush=True)"
    shown = "\n".join([*steps, "it = display('x', display_id=True)"])
    first, second = execute(shown, "it.update('y')\nprint(1)")
    assert [output.get("text") or output.data["text/plain"] for output in first] == ["a\nb\n", "'y'"]
    assert printed(second) == 1


def test_each_cell_says_for_itself_that_something_was_left_out(execute):
    loud = "import sys; print('x' * 2_000_000); sys.stdout.flush(); print('{}', file=sys.stderr)"
    one, other = execute(loud.format("one"), loud.format("other"))
    said = [
        [line for output in outputs for line in output.text.split("\n") if line] for outputs in (one, other)
    ]
    assert [lines[0].startswith("Left out") for lines in said] == [True, True]
    assert [lines[1:] for lines in said] == [["one"], ["other"]]


def test_without_bubblewrap_it_refuses_and_says_what_to_install(monkeypatch):
    sandbox.require_sandbox.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(sandbox.SandboxUnavailable, match="apt-get install bubblewrap"):
        Nursery()
    sandbox.require_sandbox.cache_clear()


def test_unsafe_runs_without_bubblewrap(monkeypatch):
    sandbox.require_sandbox.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    nursery = Nursery(unsafe=True)
    rehearsal = Rehearsal(
        new_notebook(cells=[new_code_cell("open('data.csv').read()")]), nursery, FILES, 10, 30
    )
    rehearsal.run().close()
    assert rehearsal.nb.cells[0].outputs[0].data["text/plain"] == "'1,2'"
    nursery.remove()


def test_a_nursery_that_was_killed_is_replaced(execute, nursery):
    if nursery.process is not None:
        nursery.process.kill()
        nursery.process.wait()
    nursery.ready()
    assert execute("1 + 1")[0][0].data["text/plain"] == "2"


def test_a_quiet_moment_is_for_what_may_be_needed_later(execute, nursery):
    if not nursery.shared:
        pytest.skip("a sandbox of its own has none")
    ask = f"import json, sys; print(json.dumps([name in sys.modules for name in {inside.LATER}]))"
    for _ in range(10):
        time.sleep(2 * inside.IDLE)
        if all(printed(execute(ask)[0])):
            return
    pytest.fail("they are not loaded")


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").exists(),
    reason="the system has no large pages",
)
def test_large_pages_hold_what_the_process_held():
    code = """
import re
from genlab.grading.candidate import confine
held = [bytes([n]) * 1000 for n in range(250)] + [bytearray(b"held") * 4_000_000]
confine.ease_forks()
assert held == [bytes([n]) * 1000 for n in range(250)] + [bytearray(b"held") * 4_000_000]
with open("/proc/self/smaps_rollup") as file:
    print(re.search(r"AnonHugePages: +(\\d+)", file.read())[1])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) >= 8 * 1024  # kB, of 16 MB


def test_a_librarys_data_are_one_mapping():
    code = """
import numpy as np
from genlab.grading.candidate import confine
def mappings():
    with open("/proc/self/maps") as file:
        return [line.split() for line in file if ".so" in line]
before = mappings()
confine.ease_forks()
once = mappings()
confine.ease_forks()
assert mappings() == once
assert np.linalg.det(np.eye(3)) == 1 and __import__("zlib").crc32(b"abc") == 0x352441c2
for flags in ("r-xp", "rw-p", "r--p"):
    print(sum(one[1] == flags for one in before), sum(one[1] == flags for one in once))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    run, written, read = (tuple(map(int, line.split())) for line in found.stdout.splitlines())
    assert run[0] == run[1] and written[0] == written[1]
    assert read[0] > 2.5 * run[0] and read[1] < 2.5 * run[1]  # of three a library, two
