"""What a notebook calls around its tests: refused imports, right functions beside a test, pictures."""

import json
import subprocess
import sys

import pytest

from genlab.checks import Answer, CheckFailed, begin, beside, picture
from genlab.unavailable import UNAVAILABLE

# Tries each import in turn, in a process of its own; prints what each says.
PROGRAM = """
import importlib, json, sys
assignment, before, imports = json.loads(sys.argv[1])
for line in before:
    exec(line)
from genlab.checks import begin
begin(assignment)
said = []
for line in imports:
    try:
        exec(line)
        said.append("")
    except ImportError as error:
        said.append(str(error))
print(json.dumps(said))
"""


def importing(assignment, imports, before=()):
    arguments = json.dumps([assignment, list(before), list(imports)])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


GMM_EM = [
    "import sklearn.mixture",
    "from sklearn.mixture import GaussianMixture",
    "from sklearn import mixture",
    "import sklearn; sklearn.mixture.GaussianMixture",
    "from sklearn.cluster import KMeans",
    "from scipy.cluster.vq import kmeans2",
    "from scipy import cluster",
    "importlib.import_module('genlab.models.mixture')",
    "from genlab.models import mixture",
]


@pytest.mark.parametrize("loaded_before", [False, True])
def test_what_answers_the_question_is_refused_with_a_sentence(loaded_before):
    before = ["import sklearn.mixture, scipy.cluster.vq, genlab.models.mixture"] if loaded_before else []
    for line, said in zip(GMM_EM, importing("gmm-em", GMM_EM, before), strict=True):
        assert "is not available in this assignment" in said, line


@pytest.mark.parametrize("assignment", ["introduction", "probability"])
def test_genlabs_own_models_are_refused_where_they_are_the_question(assignment):
    own = ["import genlab.models.gaussian", "from genlab import models", "from genlab.models import mixture"]
    loaded = ["import genlab.models.gaussian"]
    for before in ([], loaded):
        assert all("is not available" in said for said in importing(assignment, own, before))


def test_introduction_refuses_ready_made_classifiers_and_leaves_the_rest():
    refused = ["sklearn.naive_bayes", "sklearn.discriminant_analysis", "sklearn.mixture"]
    said = importing("introduction", [f"import {module}" for module in refused])
    assert all("is not available" in sentence for sentence in said)
    allowed = [
        "import scipy.stats, scipy.special, genlab.plot",
        "import sklearn.linear_model, sklearn.datasets",
    ]
    assert importing("introduction", [*allowed, "genlab.plot.use_style()"]) == [""] * 3


def test_the_rest_is_there():
    allowed = [
        "import matplotlib.pyplot, genlab.plot, genlab.datasets, genlab.checks, genlab.models.gaussian",
        "import scipy.stats, scipy.special, scipy.spatial.distance, scipy.linalg, scipy.signal",
        "import sklearn.metrics, sklearn.preprocessing, sklearn.datasets, sklearn.linear_model",
        "genlab.plot.use_style(); genlab.datasets.old_faithful()",
    ]
    assert importing("gmm-em", allowed) == [""] * len(allowed)


def test_with_scipy_stats_goes_all_that_loads_it():
    for assignment in ("probability", "taxonomy", "sampling"):
        imports = ["import scipy.stats", "import scipy.signal", "import sklearn.metrics"]
        said = importing(assignment, imports)
        assert all("is not available" in sentence for sentence in said)
        needed = "import scipy.special, scipy.linalg, genlab.plot, genlab.checks, genlab.datasets"
        assert importing(assignment, [needed, "assert 'scipy.stats' not in sys.modules"]) == ["", ""]


def test_a_second_assignment_replaces_the_first():
    program = (
        "from genlab.checks import begin\nbegin('probability')\nbegin('ethics')\n"
        "import scipy.stats, sklearn.linear_model\n"
        "try: import sklearn.neighbors\nexcept ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("sklearn.neighbors is not available")


def test_every_assignment_is_in_the_table():
    assert list(UNAVAILABLE) == ["introduction", "probability", "taxonomy", "gmm-em", "sampling", "ethics"]


def test_an_unknown_assignment_is_named():
    with pytest.raises(ValueError, match=r"assignment is 'gmm'; it must be one of introduction, .*gmm-em"):
        begin("gmm")


def test_the_checks_themselves_load_nothing_that_is_refused():
    program = "import sys, genlab.checks; print(sorted({m.split('.')[0] for m in sys.modules} & {'sklearn'}))"
    program += (
        "; print([m for m in sys.modules if m.startswith(('scipy.stats', 'scipy.cluster', 'genlab.models'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def double_by(step):
    """A notebook in which double calls step, and a test of double."""
    names = {"Answer": Answer, "step": step}
    exec("def double(x):\n    return step(step(x))", names)
    exec("def test():\n    Answer('double', double).gives(2.0, 0.0)", names)
    return names


def add_one(x):
    return x + 1


def test_a_wrong_step_is_not_the_loops_fault():
    wrong = double_by(lambda x: x + 2)
    with pytest.raises(CheckFailed):
        beside(wrong["test"], wrong)
    own = wrong["step"]
    beside(wrong["test"], wrong, {"step": add_one})
    assert wrong["step"] is own


def test_a_missing_step_is_not_the_loops_fault():
    names = double_by(None)
    del names["step"]
    beside(names["test"], names, {"step": add_one})
    assert "step" not in names


def test_a_loop_that_calls_no_step_is_tried_as_it_stands():
    names = double_by(add_one)
    exec("def double(x, step=step):\n    return step(step(x))", names)
    beside(names["test"], names, {"step": lambda x: x + 5, "unused": add_one})


def test_right_functions_are_tried_in_turn():
    names = double_by(lambda x: x + 2)
    beside(names["test"], names, {}, {"step": lambda x: x + 3}, {"step": add_one})


def test_a_wrong_loop_fails_beside_right_steps():
    names = double_by(add_one)
    exec("def double(x):\n    return step(x) if step(0.0) == 1 else 77.0", names)
    names["step"] = lambda x: x + 2
    with pytest.raises(CheckFailed, match="got      1"):
        beside(names["test"], names, {"step": add_one})
    assert names["step"](0) == 2


def test_a_picture_that_cannot_be_drawn_is_a_sentence(capsys):
    @picture("f", "g")
    def draw():
        raise NotImplementedError

    @picture("f")
    def draw_two():
        print("drawn")

    @picture("f")
    def draw_three():
        raise ValueError("operands could not be broadcast")

    assert capsys.readouterr().out.splitlines() == [
        "A picture appears here once this works: f, g.",
        "drawn",
        "A picture appears here once this works: f. Now: ValueError: operands could not be broadcast.",
    ]


def test_a_picture_is_not_drawn_where_nobody_will_see_it(capsys, monkeypatch):
    monkeypatch.setenv("GENLAB_NO_PICTURES", "1")

    @picture("f")
    def draw():
        raise AssertionError

    assert capsys.readouterr().out == ""
