"""Attacks on grading: each is graded as any submission, and an honest one after it by the same worker.

An attack is a text file in one of the folders here. It opens with its idea. "Earns:" names the marks that it
has earned: "nothing" (so it is without that line), "everything", "everything but" some tests, or tests with
points. Answers that it does not give are as released; or right, if it says "The rest is right.".
"Assignment:" names another one than ps1, which stands in ps1.txt. Then come its parts:

    # %% NAME         the source of the cell of that name; of several names, the other cells are emptied
    # %% first        a cell of the student's own before all others; so last, and after NAME
    # %% file PATH    a file beside the notebook
    # %% tamper       Python that changes the dict `notebook`, by `cell(name)`, or writes `file` itself

What an attack leaves behind is called was-here, so that it can be found. It prints LEAK where it has reached
what it must not. @COURSE@ stands for the course's folder. Attacks that steal run twice, with another secret
the second time: the student must get the same.
"""

import copy
import html
import json
import re

import pytest
from nbgrader.utils import determine_grade

from genlab.grading.rehearsal import is_test

pytestmark = pytest.mark.slow

SECONDS = 45  # the work allows 15 for its cells
PAGE = 3_000_000  # characters that a submission may show
SECRETS = {"40417", "58213", "was-never-the-students-to-read", "hidden-", "LEAK"}


def graded(result):
    return {cell.metadata.nbgrader.grade_id: cell for cell in result.notebook.cells if is_test(cell)}


def marks(result):
    """What nbgrader will write into the gradebook."""
    return {name: determine_grade(cell)[0] for name, cell in graded(result).items()}


def most(result):
    return {name: cell.metadata.nbgrader.points for name, cell in graded(result).items()}


def shown(result):
    """All that the student gets to read of a result."""
    notebook = copy.deepcopy(result.notebook)
    for cell in notebook.cells:
        if is_test(cell):
            cell.source = ""
            for output in cell.outputs:
                output.pop("traceback", None)  # the instructor's
    said = [verdict.says for verdict in result.verdicts.values()]
    return html.unescape(json.dumps([notebook, said, result.problem], sort_keys=True, ensure_ascii=False))


def stolen(result):
    """Secrets, and lines of hidden tests, that the student gets and did not write."""
    source = "\n".join(cell.source for cell in graded(result).values())
    blocks = re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", source, re.DOTALL)
    lines = {line.strip() for block in blocks for line in block.splitlines() if len(line.strip()) > 30}
    own = "\n".join(cell.source for cell in result.notebook.cells if not is_test(cell))
    page = shown(result)
    return {secret for secret in lines | SECRETS if secret in page and secret not in own}


def test_attack(attack, trials):
    trial = trials[attack.name].result()
    for result in trial.results:
        assert marks(result) == attack.expected(most(result))
        assert marks(result) == {name: verdict.score for name, verdict in result.verdicts.items()}
        assert stolen(result) == set()
        assert len(shown(result)) < PAGE
        assert result.seconds < SECONDS
        assert result.settled or "kill" in attack.name  # or else it ended the examination itself
        evidence = "".join(verdict.evidence for verdict in result.verdicts.values())
        assert "values to unpack" not in evidence, "the attack no longer finds what it attacks"
    if len(trial.results) == 2:
        assert shown(trial.results[0]) == shown(trial.results[1])
    assert marks(trial.after) == most(trial.after)
    assert trial.processes == []
    assert trial.traces == []
