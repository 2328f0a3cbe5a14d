"""One submission, examined: verdicts, what the student reads of them, and what the instructor sees."""

import json
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from unittest.mock import patch

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_raw_cell

from genlab.grading import examination
from genlab.grading.examination import examine
from genlab.grading.rehearsal import is_test
from genlab.grading.sanitize import harmless
from genlab.grading.work import Result, Work

SOLUTION = """def squares(n):
    if n < 1:
        raise ValueError(f"n is {n}; it must be at least 1")
    return [i**2 for i in range(1, n + 1)]"""
PLAIN = """assert squares(2) == [1, 4]
### BEGIN HIDDEN TESTS
assert squares(7)[-1] == 49, "seven squared is 49"
### END HIDDEN TESTS"""
TESTS = {
    "plain": PLAIN,
    "raises": """try:
    squares(0)
except ValueError:
    pass
else:
    raise AssertionError("did not raise")""",
    "deletes": """kept = squares
del squares
try:
    total(2)
except NameError:
    pass
else:
    raise AssertionError("total does not use squares")
finally:
    squares = kept
assert total(2) == 5""",
    "replaces": """kept, squares = squares, lambda n: [10] * n
try:
    assert total(3) == 30
finally:
    squares = kept""",
    "part": """score = 0
score += squares(1) == [1]
score += squares(3) == [1, 4, 9]
score""",
    "no part": "squares(2)[0]",
    "given": "assert given == 3 and np.ones(2).sum() == 2",
}


@pytest.fixture(scope="module")
def worker():
    """A process that examines, as in a class."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


def cell(source, name="", **settings):
    settings = {"grade": False, "solution": False, "locked": False, **settings}
    return new_code_cell(source, metadata={"nbgrader": {"grade_id": name, **settings}} if name else {})


@pytest.fixture
def grade(worker):
    def graded(
        squares=SOLUTION, total="def total(n):\n    return sum(squares(n))", more="", tests=TESTS, **options
    ):
        """What comes of these answers."""

        def notebook(one, two, own):
            cells = [cell("import numpy as np\ngiven = 3"), cell(one, "squares", solution=True)]
            cells += [cell(two, "total", solution=True), *([cell(own)] if own else [])]
            cells += [cell(text, name, grade=True, points=2) for name, text in tests.items()]
            return new_notebook(cells=cells)

        source = notebook(SOLUTION, "def total(n):\n    return sum(squares(n))", "")
        work = Work("ps1", notebook(squares, total, more), source, {}, {}, **{"cell_seconds": 5, **options})
        return Result.from_bytes(worker.submit(examine, work.to_bytes()).result())

    return graded


def scores(result):
    return {name: verdict.score for name, verdict in result.verdicts.items()}


FULL = dict.fromkeys(TESTS, 2.0)


def test_right_answers_have_full_marks(grade):
    result = grade()
    assert scores(result) == FULL
    assert all(not verdict.says for verdict in result.verdicts.values())
    assert all(c.outputs == [] for c in result.notebook.cells if c.metadata.get("nbgrader", {}).get("grade"))


def test_pictures_of_the_exercises_are_not_drawn(grade):
    picture = "from genlab.checks import picture\n@picture('squares')\ndef draw():\n    print('drawn')"
    result = grade(more=f"{picture}\nprint('ran')")
    assert [output.text for cell in result.notebook.cells for output in cell.get("outputs", ())] == ["ran\n"]


def test_numbers_of_the_global_generator_are_fresh(grade):
    test = "assert False, str(np.random.rand())"
    assert grade(tests={"test": test}).verdicts != grade(tests={"test": test}).verdicts


def test_a_test_may_seed_the_global_generator_and_see_whether_it_is_used(grade):
    test = "np.random.seed(5)\nbefore = str(np.random.get_state())\nsquares(2)\n"
    tests = {"left": test + "assert before == str(np.random.get_state())"}
    assert scores(grade(tests=tests)) == {"left": 2}
    used = "import numpy as np\ndef squares(n):\n    np.random.seed(5)"
    assert scores(grade(squares=used, tests=tests)) == {"left": 0}


def test_an_exception_of_the_tests_own_comes_back_through_the_students_code(grade):
    given = """
class Stop(ValueError):
    pass


def log_target(x):
    raise Stop(x)


def raised():
    try:
        squares(log_target)
    except Exception as error:
        return type(error).__name__, error.args
"""
    answers = {
        "through": "def squares(f):\n    return f(3)",
        "caught": "def squares(f):\n    try:\n        f(3)\n    except ValueError:\n        f(4)",
        "own": "def squares(f):\n    try: f(3)\n    except ValueError: raise KeyError('no')",
    }
    expected = {"through": ("Stop", (3,)), "caught": ("Stop", (4,)), "own": ("KeyError", ("no",))}
    for name, answer in answers.items():
        tests = {name: f"{given}\nassert raised() == {expected[name]}"}
        assert scores(grade(squares=answer, tests=tests)) == {name: 2}, name


def test_given_names_are_the_examiners_own(grade):
    assert scores(grade(more="class Fake:\n    pass\nnp = Fake()\ngiven = 4")) == FULL


def test_of_a_visible_test_the_student_is_told_everything(grade):
    verdict = grade(squares="def squares(n):\n    raise KeyError(f'got {n}')").verdicts["plain"]
    assert "KeyError" in verdict.says and "got 2" in verdict.says
    assert "assert squares(2) == [1, 4]" in verdict.says


def test_the_line_that_is_told_is_the_tests_own(grade):
    tests = {
        "helps": "def check(value):\n\n    assert value == [1]",
        "asks": "given\ncheck(squares(2))\ngiven",
    }
    assert grade(tests=tests).verdicts["asks"].says == "AssertionError\n  in: check(squares(2))"


@pytest.mark.parametrize(
    "answer",
    [
        "if n == 7: raise ValueError(f'n is {n}')",
        "if n == 7: raise type(f'N{n}', (ValueError,), {})('seven')",
        "if n == 7: return type(f'N{n}', (), {})()",
        "if n == 7: return [49.5]",
        "if n == 7: import os; os._exit(7)",
    ],
)
def test_of_a_hidden_test_the_student_is_told_nothing_of_the_input(grade, answer):
    verdict = grade(
        squares=f"def squares(n):\n    {answer}\n    return [i**2 for i in range(1, n + 1)]"
    ).verdicts["plain"]
    assert verdict.score == 0
    assert verdict.says and not any(digit in verdict.says for digit in "79")
    assert "7" in verdict.evidence


def test_what_a_hidden_test_asked_cannot_speak_through_a_visible_one(grade):
    spy = """import os
def squares(n):
    if os.path.exists('/tmp/seen'):
        raise RuntimeError('the hidden test asked for ' + open('/tmp/seen').read())
    if n == 7:
        open('/tmp/seen', 'w').write(str(n))
    return [n]"""
    result = grade(squares=spy)
    assert result.verdicts["plain"].score == 0
    assert not any("asked for" in verdict.says for verdict in result.verdicts.values())


def test_points_in_part(grade):
    half = grade(squares="def squares(n):\n    return [1]")
    assert half.verdicts["part"].score == 1
    assert half.verdicts["part"].says
    (output,) = next(c for c in half.notebook.cells if c.source == TESTS["part"]).outputs
    assert (output.output_type, output.data["text/plain"]) == ("execute_result", "1.0")


@pytest.mark.parametrize(
    ("test", "points"),
    [
        ("def right(f):\n    return (f(1) == [1]) + (f(2) == [1, 4])\nright(squares)", 1),
        ("2 * np.mean([squares(1) == [1], squares(2) == [1, 4]])", 1),
        ("2 - 3 * squares(3).count(1)", 0),
        ("float('nan') * len(squares(3))", 0),
    ],
)
def test_points_in_part_that_the_test_computes(grade, test, points):
    result = grade(squares="def squares(n):\n    return [1]", tests={"part": test})
    assert scores(result) == {"part": points}


LOOP = "for got, want in zip(map(squares, [1, 2]), [[1], [1, 4]]):\n    assert got == want"
MOCK = """from unittest.mock import patch
with patch("__main__.squares", return_value=[40, 2]) as mock:
    assert total(1) == 42
mock.assert_called_once_with(1)"""
CAUGHT = "try:\n    total(0)\nexcept squares as error:\n    assert 'negative' in str(error)"


@pytest.mark.parametrize(
    ("test", "squares", "total", "points"),
    [
        (LOOP, "def squares(n):\n    raise StopIteration", "", 0),
        (LOOP, "class squares(StopIteration):\n    def __init__(self, n):\n        raise self", "", 0),
        (LOOP, SOLUTION, "", 2),
        ("import inspect\nassert 'for' not in inspect.getsource(squares)", SOLUTION, "", 0),
        (MOCK, SOLUTION, "def total(n):\n    return sum(squares(n))", 2),
        (CAUGHT, "class squares(ValueError): ...", "def total(n):\n    raise squares('negative')", 2),
        (
            "squares.n = 5\nassert total(0) == 5",
            "class squares: ...",
            "def total(n):\n    return squares.n",
            2,
        ),
    ],
)
def test_a_stand_in_is_to_the_test_what_the_function_is(grade, test, squares, total, points):
    assert scores(grade(squares, total, tests={"test": test})) == {"test": points}


def test_no_line_of_a_docstring_is_run(grade, tmp_path):
    trace = tmp_path / "was-here"
    test = "import doctest\ndoctest.run_docstring_examples(squares, globals())\ndoctest.testmod()"
    for text in (f">>> open({str(trace)!r}, 'w')", f">>>\n    ... open({str(trace)!r}, 'w')"):
        answer = f'def squares(n):\n    """Squares.\n\n    {text}\n    """'
        assert scores(grade(answer, tests={"documented": test})) == {"documented": 0}
    assert not trace.exists()


@pytest.mark.parametrize(
    "asks",
    ["gives([1.0] * 7, 7)", "of(7, shapes=(8,))", "draws(8)", "gives([1.0], 8)"],
)
def test_a_check_that_quotes_is_not_told_of_a_hidden_part(grade, asks):
    hidden = f"### BEGIN HIDDEN TESTS\nAnswer('', squares).{asks}\n### END HIDDEN TESTS"
    test = f"from genlab.checks import Answer\n{hidden}"
    answer = "def squares(n):\n    if n == 8:\n        raise ValueError(n)\n    return np.arange(n)"
    verdict = grade(answer, tests={"quotes": test}).verdicts["quotes"]
    assert verdict.score == 0
    assert not any(digit in verdict.says for digit in "178")


def test_what_hidden_tests_leave_in_names_is_not_told(grade):
    hidden = "\n### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
    tests = {
        "first": "assert squares(1) == [1]" + hidden.format("given = total = 77"),
        "second": "assert squares(given) == [1, 4, 9]" + hidden.format("assert squares(2) == [1, 4]"),
    }
    answer = "def squares(n):\n    if n > 1:\n        raise ValueError(f'{n}, {total}')\n    return [1]"
    result = grade(answer, tests=tests)
    assert scores(result) == {"first": 2, "second": 0}
    says = result.verdicts["second"].says
    assert says.startswith("ValueError: 3, <function") and "77" not in says


def test_the_seed_of_a_hidden_part_is_not_told(grade):
    tests = {
        "seeds": "assert True\n### BEGIN HIDDEN TESTS\nnp.random.seed(5)\n### END HIDDEN TESTS",
        "draws": "drawn = np.random.randint(10**9)\nassert squares(1) == [2], f'of {drawn}'",
    }
    says = grade(tests=tests).verdicts["draws"].says
    assert says.startswith("AssertionError: of ")
    hidden = np.random.RandomState(5).randint(10**9, size=9)
    assert not any(str(drawn) in says for drawn in hidden)


@pytest.mark.parametrize(
    "test",
    [
        "%%capture\nassert squares(2) == [1]",
        "get_ipython().run_cell('assert squares(2) == [1]')",
        "%%time\nassert squares(2) == [1]",
    ],
)
def test_what_a_magic_runs_is_part_of_the_test(grade, test):
    right = test.replace("[1]", "[1, 4]")
    assert scores(grade(tests={"wrong": test, "right": right})) == {"wrong": 0, "right": 2}


def test_pictures_may_be_switched_on(grade):
    assert scores(grade(tests={"inline": "%matplotlib inline\nassert squares(1) == [1]"})) == {"inline": 2}


def test_a_test_may_ask_from_several_threads(grade):
    test = "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool:\n"
    test += "    assert [a[-1] for a in pool.map(squares, range(1, 99))] == [n**2 for n in range(1, 99)]"
    assert scores(grade(tests={"threads": test})) == {"threads": 2}


SHAPES = """import math


class Shape:
    def __init__(self, size):
        self.size = size

    def __lt__(self, other):
        return self.size < other.size

    def __add__(self, other):
        return Circle(self.size + other.size) if isinstance(other, Shape) else NotImplemented


class Circle(Shape):
    def area(self):
        return math.pi * self.size**2


A = Circle(3)


def find(table, key):
    return table[key]
"""
USES = {
    "derives": "assert isinstance(Circle(1), Shape) and abs(Circle(2).area() - 4 * math.pi) < 1e-9",
    "is given": "assert A.size == 3",
    "compares": "one, two = Shape(1), Shape(2)\nassert max(one, two).size == 2 and two > one",
    "adds": "try:\n    Shape(1) + 1\nexcept TypeError:\n    pass\nelse:\n    raise AssertionError",
    "catches": "try:\n    find({}, 'k')\nexcept KeyError as error:\n    assert error.args[0] == 'k'",
    "imports": "import beside\nassert beside.three == 3",
}


def test_what_tests_may_use(worker):
    def notebook(answer):
        tests = [cell(test, name, grade=True, points=1) for name, test in USES.items()]
        return new_notebook(cells=[cell(answer, "shapes", solution=True), *tests])

    work = Work("ps1", notebook(SHAPES), notebook(SHAPES), {}, {"beside.py": b"three = 3"}, cell_seconds=5)
    result = Result.from_bytes(worker.submit(examine, work.to_bytes()).result())
    assert [(name, verdict.evidence) for name, verdict in result.verdicts.items() if not verdict.score] == []


def test_a_given_cell_that_fails_is_evidence(worker):
    cells = [cell("import no_such_module", "given", locked=True), cell(PLAIN, "plain", grade=True, points=2)]
    source = new_notebook(cells=[cell(SOLUTION, "squares", solution=True), *cells])
    work = Work("ps1", new_notebook(cells=cells), source, {}, {}, cell_seconds=5)
    result = Result.from_bytes(worker.submit(examine, work.to_bytes()).result())
    assert "A given cell failed in the grader (ModuleNotFoundError" in result.verdicts["plain"].evidence


def test_markup_for_which_there_is_no_time_is_shown_as_text():
    shown = harmless(new_notebook(cells=[new_raw_cell("<b title=i>x")]), seconds=0)
    assert shown.cells[0].source == "&lt;b title=i&gt;x"


def test_a_course_may_mark_hidden_tests_in_its_own_way(grade):
    answer = "def squares(n):\n    return [1, 4] if n == 2 else f'got {n}'"
    tests = {"plain": PLAIN.replace("BEGIN HIDDEN TESTS", "SECRET").replace("END HIDDEN TESTS", "PUBLIC")}
    told = grade(answer, tests=tests, hidden=("SECRET", "PUBLIC")).verdicts["plain"].says
    assert told == "A hidden test failed (AssertionError)."


def test_warnings_prints_and_numbers_cost_nothing(grade):
    noisy = (
        SOLUTION
        + "\n\n_quiet = squares\n\ndef squares(n):\n    import sys, warnings\n    warnings.warn('odd')\n"
    )
    noisy += "    print(0.5, file=sys.stderr)\n    print('seen')\n    return _quiet(n)"
    assert scores(grade(squares=noisy)) == FULL


def test_a_function_that_hangs_costs_its_time_once(grade):
    start = time.monotonic()
    result = grade(squares="def squares(n):\n    while True: pass", cell_seconds=4)
    assert time.monotonic() - start < 25
    assert result.verdicts["plain"].score == 0 and "did not end in time" in result.verdicts["plain"].says
    assert result.verdicts["given"].score == 2


def test_a_kernel_that_was_ended_keeps_what_was_set_aside(grade):
    tests = {"plain": PLAIN, "given": TESTS["given"]}
    result = grade(more="import os\nos._exit(0)", tests=tests)
    assert scores(result) == {"plain": 0, "given": 0}
    assert "ended the kernel" in result.verdicts["plain"].says


def test_a_kernel_that_is_killed_just_before_it_is_told_to_end_was_killed(grade):
    dying = """
import os, socket, threading
for number in range(3, 64):
    try:
        end = socket.socket(fileno=os.dup(number))
    except OSError:
        continue
    if end.type == socket.SOCK_SEQPACKET:
        os.close(number)  # as the system does first, when it ends a process
    end.close()
threading.Timer(0.5, os.kill, [os.getpid(), 9]).start()
"""
    assert not grade(more=dying).settled


def test_a_copy_that_is_killed_just_before_all_are_counted_was_killed(grade):
    dying = """
import os, threading, time
def squares(n):
    threading.Timer(0.1, os.kill, [os.getpid(), 9]).start()
    os.closerange(3, 64)  # as the system does first, when it ends a process
    time.sleep(9)
"""
    result = grade(dying, tests={"plain": PLAIN})
    assert scores(result) == {"plain": 0} and not result.settled


def test_the_last_word_is_that_of_the_cells_before_the_test(grade):
    redefined = "def squares(n):\n    return [0] * n"
    assert grade(more=redefined).verdicts["plain"].score == 0


@pytest.mark.parametrize(
    "killed", [[], [{"notebook": new_notebook()}], [{"done": "killed"}], [{"failed": "no memory"}]]
)
def test_an_examination_that_was_killed_is_begun_again(monkeypatch, killed):
    test = cell("assert True", "test", grade=True, points=2)
    notebook = new_notebook(cells=[test])
    verdict = {"test": "test", "verdict": {"score": 2.0, "says": "", "evidence": ""}}
    runs = iter([killed, [{"notebook": notebook}, verdict, {"done": "well"}]])
    monkeypatch.setattr(examination, "nursery", lambda *kind: None)
    monkeypatch.setattr(examination, "warm", lambda work: None)
    monkeypatch.setattr(examination, "_in_a_fork", lambda work, nursery: next(runs))
    result = Result.from_bytes(examine(Work("ps1", notebook, notebook, {}, {}).to_bytes()))
    assert scores(result) == {"test": 2.0} and not result.problem


@pytest.mark.parametrize(
    ("end", "settled"),
    [
        ({"done": "well"}, True),
        ({"silent": True}, True),
        ({"done": "killed"}, False),
        ({"notebook": 0}, False),
    ],
)
def test_what_was_killed_each_time_is_not_settled(monkeypatch, end, settled):
    notebook = new_notebook(cells=[cell("assert True", "test", grade=True, points=2)])
    end = {"notebook": notebook} if "notebook" in end else end
    monkeypatch.setattr(examination, "nursery", lambda *kind: None)
    monkeypatch.setattr(examination, "warm", lambda work: None)
    monkeypatch.setattr(examination, "_in_a_fork", lambda work, nursery: [end])
    work = Work("ps1", notebook, notebook, {}, {}).to_bytes()
    assert Result.from_bytes(examine(work)).settled is settled


def examine_slowly(work, folder):
    """Examine as if what a cell shows took for ever to be made harmless, with temporary files in a folder."""

    def slow(nb, **limits):
        if any(cell.get("outputs") for cell in nb.cells):
            time.sleep(60)
        return harmless(nb, **limits)

    with (
        patch.object(examination, "harmless", slow),
        patch.object(examination, "GRACE", 3),
        patch.object(tempfile, "tempdir", folder),
    ):
        return examine(work)


def examine_and_list(work, log):
    """Examine, and write down what each candidate is to run, and whether it draws figures."""

    class Listed(examination.Rehearsal):
        def run(self):
            ran = [cell.source for cell in self.nb.cells if cell.source and not is_test(cell)]
            with open(log, "a") as file:
                print(json.dumps([self.provision["figures"], ran]), file=file)
            return super().run()

    with patch.object(examination, "Rehearsal", Listed):
        return examine(work)


def test_what_is_told_of_a_failed_test_is_found_out_with_no_more_cells_than_it_needs(worker, tmp_path):
    early, late = "def squares(n):\n    return n", "last = 1"
    cells = [cell(early, "squares", solution=True), cell(PLAIN, "plain", grade=True, points=2)]
    cells += [cell(late, "last", solution=True), cell("assert last == 1", "late", grade=True, points=2)]
    source = new_notebook(cells=[cell(SOLUTION, "squares", solution=True), *cells[1:]])
    work = Work("ps1", new_notebook(cells=cells), source, {}, {}, cell_seconds=5)
    log = tmp_path / "log"
    result = Result.from_bytes(worker.submit(examine_and_list, work.to_bytes(), str(log)).result())
    assert scores(result) == {"plain": 0, "late": 2}
    assert "squares(2) == [1, 4]" in result.verdicts["plain"].says
    assert [json.loads(line) for line in log.read_text().splitlines()] == [
        [True, [early, late]],
        [False, [early]],
    ]


@pytest.mark.parametrize(
    ("behind", "says"),
    [
        ("", "A hidden test failed (AssertionError)."),
        ("\nassert squares(3) == [1, 4, 9]", "AssertionError\n  in: assert squares(3) == [1, 4, 9]"),
    ],
)
def test_visible_parts_that_have_passed_are_not_tried_again(worker, tmp_path, behind, says):
    wrong = "def squares(n):\n    return [1, 4][:n]"
    cells = [cell(wrong, "squares", solution=True), cell(PLAIN + behind, "plain", grade=True, points=2)]
    source = new_notebook(cells=[cell(SOLUTION, "squares", solution=True), cells[1]])
    work = Work("ps1", new_notebook(cells=cells), source, {}, {}, cell_seconds=5)
    log = tmp_path / "log"
    result = Result.from_bytes(worker.submit(examine_and_list, work.to_bytes(), str(log)).result())
    assert (scores(result), result.verdicts["plain"].says) == ({"plain": 0}, says)
    assert len(log.read_text().splitlines()) == (2 if behind else 1)


def test_what_takes_for_ever_to_show_costs_no_marks_and_leaves_nothing(worker, tmp_path):
    cells = [cell("print('markup')"), cell("assert True", "test", grade=True, points=2)]
    notebook = new_notebook(cells=cells)
    work = Work("ps1", notebook, notebook, {}, {}, cell_seconds=2, submission_seconds=10)
    began = time.monotonic()
    result = Result.from_bytes(worker.submit(examine_slowly, work.to_bytes(), str(tmp_path)).result())
    assert time.monotonic() - began < 50
    assert scores(result) == {"test": 2.0}
    assert "took too long" in result.problem
    assert [cell.outputs for cell in result.notebook.cells] == [[], []]
    assert list(tmp_path.iterdir()) == []


ASKED = """def test():
    answer = Answer("squares", squares)
    answer.gives([1.0, 4.0], 2)
    ### BEGIN HIDDEN TESTS
    answer.gives([1.0, 4.0, 9.0, 16.0], 4, kind="four")
    ### END HIDDEN TESTS


from genlab.checks import Answer

test()"""
IDEAS = """from genlab.checks.catalogue import idea


@idea("squares", "These are powers of two.")
def powers(n):
    return squares(0 if n < 1 else 2)[:1] + [2**i for i in range(2, n + 1)]
"""


@pytest.mark.parametrize(
    ("answer", "idea"), [("1, 4, 8, 16", "These are powers of two."), ("1, 4, 10, 16", "")]
)
def test_a_wrong_idea_is_named_on_hidden_input_and_nothing_else_told(grade, answer, idea):
    squares = f"def squares(n):\n    return [{answer}][:n]"
    verdict = grade(squares=squares, tests={"asked": ASKED}, ideas=IDEAS).verdicts["asked"]
    assert verdict.says == f"squares (hidden test: four): wrong values in the result.\n{idea}".strip()


def test_without_the_sandbox_the_marks_are_the_same_and_it_is_recorded(grade):
    result = grade(unsafe=True)
    assert scores(result) == FULL
    assert result.unsafe
