"""Feedback and formgrader: what a student reads, and that nothing of theirs runs in a reader's browser."""

import base64
import codecs
import html
import urllib.parse
from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.formgrader import handlers
from playwright.sync_api import sync_playwright
from traitlets.config import Config

from genlab.checks.catalogue import visible
from genlab.grading.feedback import FeedbackExporter
from genlab.grading.markup import MAX_TEXT
from genlab.grading.sanitize import harmless

# nbgrader's use of its database library, which changes nothing.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

SECRET = "s3cr3t_v4lue_8142"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TEST = f"""assert mean([1, 2]) == 1.5
### BEGIN HIDDEN TESTS
assert mean([{SECRET!r}]) == 0
### END HIDDEN TESTS
assert callable(mean)"""


def cell(source, name="", kind="code", points=None, answer=False, says=None, comment="", **fields):
    made = new_code_cell(source) if kind == "code" else new_markdown_cell(source)
    if name:
        made.metadata["nbgrader"] = {"grade_id": name, "grade": points is not None, "solution": answer}
        made.metadata["nbgrader"] |= {"locked": not answer, "task": False, "schema_version": 3}
        if points is not None:
            made.metadata["nbgrader"]["points"] = points
    if says is not None:
        made.metadata["genlab"] = {"says": says}
        made.outputs = [new_output("error", ename="Failed", evalue=says, traceback=[f"expected {SECRET}"])]
    made.update(fields)
    return made


def shown(source="<b>x</b>", mime="text/html"):
    return cell("show()", outputs=[new_output("display_data", {mime: source, "text/plain": "an object"})])


class Course:
    """A course of one assignment and one student, whose notebook has been graded."""

    def __init__(self, root):
        self.root = root

    def page(self, *cells, scores=(), comments=(), problem="", **files):
        """Record the cells in the gradebook, write the autograded folder, and generate feedback."""
        scores, comments = dict(scores), dict(comments)
        with Gradebook(f"sqlite:///{self.root}/gradebook.db") as book:
            book.add_assignment("means")
            book.add_notebook("means", "means")
            for made in cells:
                ours = made.metadata.get("nbgrader", {})
                about = {"notebook": "means", "assignment": "means"}
                if ours.get("grade"):
                    of = {"max_score": ours["points"], "cell_type": made.cell_type}
                    book.add_grade_cell(ours["grade_id"], **about, **of)
                if ours.get("solution"):
                    book.add_solution_cell(ours["grade_id"], **about)
            book.add_student("ada")
            book.add_submission("means", "ada")
            for name, score in scores.items():
                grade = book.find_grade(name, "means", "means", "ada")
                grade.auto_score, grade.needs_manual_grade = score, score is None
            for name, comment in comments.items():
                book.find_comment(name, "means", "means", "ada").manual_comment = comment
            book.db.commit()
        notebook = new_notebook(cells=list(cells), metadata={"genlab": {"problem": problem}})
        folder = self.root / "autograded" / "ada" / "means"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "means.ipynb")
        config = Config()
        config.CourseDirectory.root = str(self.root)
        config.CourseDirectory.assignment_id = "means"
        config.GenerateFeedback.exporter_class = FeedbackExporter
        GenerateFeedback(coursedir=CourseDirectory(config=config), config=config).start()
        return (self.root / "feedback" / "ada" / "means" / "means.html").read_text(encoding="utf-8")


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


class Page(HTMLParser):
    """A page's elements, and its text by the innermost elements that hold it."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.words = [], []
        self.feed(source)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)


def forms(secret):
    """What a secret could look like."""
    raw = secret.encode()
    yield from (secret, secret[::-1], raw.hex(), codecs.encode(secret, "rot13"))
    yield from (base64.b64encode(b" " * shift + raw).decode()[4:-4] for shift in range(3))
    yield from (base64.b32encode(raw).decode().rstrip("="), "".join(f"%{byte:02x}" for byte in raw))


def test_marks_are_told_by_function_with_reasons(course):
    page = course.page(
        cell("def helper():\n    pass\ndef mean(x):\n    return 0", "cell-7f3a", answer=True),
        cell(TEST, "test_mean", points=2, says="mean: it divides by one less than there are."),
        cell(TEST, "test_mean_far", points=3),
        cell("My words", "essay", kind="markdown", points=5, answer=True),
        scores={"test_mean": 0, "test_mean_far": 3, "essay": None},
        comments={"cell-7f3a": "Nearly **there**: $a<b$"},
        problem="Cell 'setup' was missing, and was put back.",
    )
    text = Page(page).text
    assert "mean 3 of 5 mean: it divides by one less than there are. Nearly there" in text
    assert "essay 0 of 5 Waits to be marked by hand." in text
    assert "Together 3 of 10" in text
    assert "Cell 'setup' was missing" in text
    assert "Test test_mean_far: 3 of 3 points" in text
    assert "Nearly there :" in text and "<mo>&lt;</mo>" in page


def test_of_a_test_the_page_has_what_was_released_and_nothing_else(course):
    hidden = cell(TEST, "test_mean", points=2, says="mean: wrong values.")
    hidden.outputs += [
        new_output("stream", text=SECRET),
        new_output("display_data", {"text/html": f"<!-- {SECRET} --><b>{SECRET}</b>"}),
    ]
    hidden.metadata["note"] = SECRET
    locked = cell(TEST, "given")
    locked.outputs = [new_output("error", ename="E", evalue="", traceback=[SECRET])]
    unclosed = cell(f"1\n### BEGIN HIDDEN TESTS\n{SECRET}", "test_unclosed", points=1, says="no")
    unopened = cell(f"{SECRET}\n### END HIDDEN TESTS\n2", "test_unopened", points=1, says="no")
    page = course.page(
        cell("def mean(x): ...", "mean", answer=True),
        hidden,
        locked,
        unclosed,
        unopened,
        scores={"test_mean": 0},
    )
    unescaped = html.unescape(urllib.parse.unquote(page))
    assert "callable" in page
    for form in forms(SECRET):
        assert form.lower() not in page.lower()
        assert form.lower() not in unescaped.lower()
    assert [path.name for path in (course.root / "feedback").rglob("*") if path.is_file()] == ["means.html"]


def test_a_failed_test_that_nobody_spoke_of_is_still_told(course):
    stock = cell(TEST, "test_mean", points=2)
    stock.outputs = [new_output("error", ename="AssertionError", evalue=SECRET, traceback=[SECRET])]
    page = course.page(stock, scores={"test_mean": 0})
    assert "This test failed." in page
    assert SECRET not in page


def test_the_students_own_code_and_outputs_are_shown_whatever_they_say(course):
    mark = "### BEGIN HIDDEN TESTS"
    own = cell(
        f"print('{mark}')", outputs=[new_output("stream", text=f"{mark} \x1b[31mred\x1b[0m \x1b]0;t\x07")]
    )
    stopped = new_output("error", ename="Stopped", evalue="It took longer than 30 s.", traceback=["x"])
    picture = shown(PIXEL, "image/png")
    page = Page(course.page(own, cell("while True: pass", outputs=[stopped]), picture))
    assert page.text.count(mark) == 2
    assert f"{mark} red" in page.text and "Stopped: It took longer" in page.text
    assert ("img", f"data:image/png;base64,{PIXEL}") in [(tag, a.get("src")) for tag, a in page.elements]


def test_a_submission_cannot_speak_for_the_examiner(course):
    own = cell("1", "answer", answer=True)
    own.metadata["genlab"] = "full marks"
    claim = cell("2", outputs=[])
    claim.metadata["genlab"] = {"says": "full marks"}
    assert "full marks" not in course.page(own, claim)


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("a\nBEGIN\nb\nEND\nc", "a\nc"),
        ("BEGIN\nBEGIN\nb\nEND\nc", "c"),
        ("a\nBEGIN\nb", "a"),
        ("b\nEND\nc", ""),
    ],
)
def test_hidden_lines_are_cut_even_where_a_mark_is_missing(source, left):
    assert visible(source, "BEGIN", "END") == left


RUN = "document.title='RUN'"
HOSTILE_HTML = [
    f"<script>{RUN}</script>",
    f"<SCRIPT/x>{RUN}</SCRIPT >",
    f'<img src=x onerror="{RUN}">',
    f"<img/src=x/onerror={RUN}>",
    f'<svg onload="{RUN}"><script>{RUN}</script></svg>',
    f'<svg><foreignObject><iframe srcdoc="<script>parent.{RUN}</script>"></iframe></foreignObject></svg>',
    f'<a id=go href="javascript:{RUN}">go</a>',
    f'<a id=go href="java&#10;script&colon;{RUN}">go</a>',
    f'<a id=go href=" &#1; javascript:{RUN}">go</a>',
    f'<a id=go href="data:text/html,<script>opener.{RUN}</script>" target=_blank>go</a>',
    f'<iframe src="javascript:parent.{RUN}"></iframe>',
    f'<object data="javascript:{RUN}"></object><embed src="javascript:{RUN}">',
    '<meta http-equiv="refresh" content="0;url=https://example.org"><base href="https://example.org/">',
    '<link rel=stylesheet href="https://example.org/x.css"><style>@import url(https://example.org);</style>',
    '<p style="background:url(https://example.org/x);position:fixed;top:0;behavior:url(x)">x</p>',
    '<img src="https://example.org/x.png"><img src="//example.org/x.png" srcset="https://example.org 2x">',
    f'<form action="javascript:{RUN}"><button id=go formaction="javascript:{RUN}">go</button></form>',
    f'<noscript><p title="</noscript><img src=x onerror={RUN}>">',
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={RUN}&gt;">',
    f'<svg></p><style><a id="</style><img src=1 onerror={RUN}>">',
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f'<math href="javascript:{RUN}">CLICK</math><details open ontoggle="{RUN}">x</details>',
    f"<textarea><!--</textarea><img src=x onerror={RUN}>-->",
    f"<xmp><p title='</xmp><img src=x onerror={RUN}>'>",
    f"<template><script>{RUN}</script></template><video><source onerror={RUN}></video>",
    f'<div class="full-credit navbar-fixed-top" id="score" data-x="{RUN}">x</div>',
    f"<a href='https://example.org/\" onmouseover=\"{RUN}'>x</a>",
]
HOSTILE_MARKDOWN = [
    f"[go](javascript:{RUN})",
    f"[go](JaVaScRiPt&#58;{RUN})",
    f"<javascript:{RUN}>",
    f"[go]\n\n[go]: javascript:{RUN}",
    f'[x](https://example.org/"onmouseover="{RUN})',
    f'[x](https://example.org "a" onmouseover="{RUN}")',
    f'![x"onerror="{RUN}](https://example.org/x.png)',
    "![](http://example.org/pixel.png)",
    "![a](attachment:missing.png)",
    f"```mermaid\n<img src=x onerror={RUN}>\n```",
    f'```x"><img/src=x/onerror={RUN}>\n1\n```',
    f"$\\href{{javascript:{RUN}}}{{x}}$ and $\\text{{<img src=x onerror={RUN}>}}$",
    f"$$\\begin{{matrix}}<img src=x onerror={RUN}>\\end{{matrix}}$$",
    f"# <img src=x onerror={RUN}>",
    f"<div>\n\n`</div><script>{RUN}</script>`\n\n[x](javascript:{RUN})\n\n</div>",
    f"<b>$a</b><img src=x onerror={RUN}>$",
]
EVIL = f"<img src=x onerror={RUN}>"


def hostile():
    """A notebook of all of them, in every place that a student can write to."""
    cells = [shown(source) for source in HOSTILE_HTML]
    cells += [shown(source, "text/markdown") for source in HOSTILE_MARKDOWN]
    cells += [cell(source, kind="markdown") for source in HOSTILE_HTML + HOSTILE_MARKDOWN]
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg"><script>{RUN}</script></svg>'
    for source, mime in [
        (RUN, "application/javascript"),
        (EVIL, "application/vnd.jupyter.widget-view+json"),
        (EVIL, "application/vnd.bokehjs_exec.v0+json"),
        (EVIL, "text/vnd.mermaid"),
        (f"$\\href{{javascript:{RUN}}}{{x}}{EVIL}$", "text/latex"),
        (drawing, "image/svg+xml"),
        (f'{PIXEL}"><script>{RUN}</script>', "image/png"),
        (EVIL, "text/plain"),
    ]:
        cells.append(shown(source, mime))
    isolated = shown(f"<script>parent.{RUN}</script>")
    isolated.outputs[0].metadata = {"text/html": {"isolated": True}, "filenames": {"image/png": f'"{EVIL}'}}
    error = new_output(
        "error", ename=EVIL, evalue=EVIL, traceback=[f"\x1b[31m{EVIL}\x1b[0m", f"\x1b[{EVIL}m"]
    )
    cells += [isolated, cell("boom()", outputs=[error, new_output("stream", text=EVIL)]), cell(EVIL)]
    svg = base64.b64encode(drawing.encode()).decode()
    attached = {"a.svg": {"image/svg+xml": svg}, f'b"{EVIL}.png': {"image/png": f'"{EVIL}'}}
    cells.append(cell("![](attachment:a.svg)", kind="markdown", attachments=attached))
    tagged = cell("x")
    tagged.metadata |= {"tags": [f'"{EVIL}'], "transient": {"remove_source": True}, "name": EVIL}
    widgets = {"application/vnd.jupyter.widget-state+json": {"x": f"</script>{EVIL}"}}
    return new_notebook(cells=[*cells, tagged], metadata={"widgets": widgets, "title": EVIL})


def formgrader_page(nb):
    """The body of formgrader's page, as its handler makes it; the head is nbgrader's own scripts."""
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {"notebook_id": "means", "submission_id": "1", "index": 0, "total": 1, "base_url": ""}
    page, _ = HTMLExporter(config=config).from_notebook_node(nb, resources)
    return page[page.index('<div class="border-box-sizing" id="notebook">') :]


def feedback_page(nb, tmp_path):
    return Course(tmp_path).page(*nb.cells)


@pytest.mark.parametrize("show", ["formgrader", "feedback"])
def test_nothing_of_a_submission_can_run_or_ask_elsewhere(show, tmp_path):
    if show == "formgrader":
        page = Page(formgrader_page(harmless(hostile())))
    else:
        page = Page(feedback_page(hostile(), tmp_path))
        assert ("meta", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
                "form-action 'none'") in [(tag, a.get("content")) for tag, a in page.elements]  # fmt: skip
    assert len(page.elements) > 200
    for tag, attributes in page.elements:
        assert tag not in {
            "script",
            "iframe",
            "object",
            "embed",
            "base",
            "link",
            "form",
            "button",
            "template",
        }
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert not {"srcset", "srcdoc", "formaction", "background", "poster"} & set(attributes)
        href = attributes.get("href", "#")
        assert href.startswith(("#", "https://", "mailto:"))
        assert "url" not in attributes.get("style", "") and "position" not in attributes.get("style", "")
        assert not {"full-credit", "navbar-fixed-top"} & set((attributes.get("class") or "").split())
        if show == "feedback" and not href.startswith("#"):
            assert attributes["rel"] == "noopener noreferrer nofollow"


def test_formulas_tables_and_pictures_survive(tmp_path):
    sources = [
        "If $a<b$ and $x_1 * y_1 * z$, then $$\\sum_i a_i & b$$",
        "|a|b|\n|-|-|\n|1|2|",
        "`x < y` <details>\n",
    ]
    sources += [
        "<details><summary>more</summary>\n\n$c<d$\n\n</details>",
        '<p align="center">$e < f$</p>\n\n`a_b_c`',
    ]
    frame = '<style scoped>td {color: red}</style><table class="dataframe"><tr><td>0.5</td></tr></table>'
    attached = cell(
        "![dot](attachment:dot.png)", kind="markdown", attachments={"dot.png": {"image/png": PIXEL}}
    )
    nb = new_notebook(cells=[*(cell(source, kind="markdown") for source in sources), attached, shown(frame)])
    made = harmless(nb)
    nbformat.validate(made)
    assert [c.source for c in made.cells[:4]] == sources[:4]  # plain: left as the student wrote it
    shows = formgrader_page(made)
    for part in (
        "$a&lt;b$",
        "$x_1 * y_1 * z$",
        "$c&lt;d$",
        "$e &lt; f$",
        "a_b_c",
        "<td>1</td>",
        "<td>0.5</td>",
    ):
        assert part in shows
    page = Page(feedback_page(nb, tmp_path))
    assert [tag for tag, _ in page.elements].count("math") == 4
    assert [tag for tag, _ in page.elements].count("table") == 3
    assert [a.get("src") for tag, a in page.elements if tag == "img"] == [f"data:image/png;base64,{PIXEL}"]
    assert "color: red" not in page.text


def test_too_much_is_cut_and_said():
    words = "x" * (2 * MAX_TEXT)
    deep = "<div>" * 200_000
    nb = new_notebook(cells=[cell("", outputs=[new_output("stream", text=words)]), shown(deep)])
    nb.cells.append(cell("", outputs=[new_output("stream", text="y" * MAX_TEXT)] * 300))
    cut, refused, last = harmless(nb).cells
    assert cut.outputs[0].text.endswith("[Cut here, of 200,000 characters.]")
    assert "Not shown" in refused.outputs[0].data["text/html"]
    assert "too much" in last.outputs[-1].text and len(last.outputs) < 250


def test_malformed_outputs_do_no_harm():
    nb = new_notebook(cells=[cell("x")])
    nb.cells[0]["outputs"] = [
        {"output_type": "stream", "name": ["x"], "text": 5},
        {"output_type": "display_data", "data": {"text/plain": {"a": 1}, "text/html": 7, "image/png": None}},
        {"output_type": "execute_result", "data": [], "execution_count": "x"},
        {"output_type": "error", "ename": 3, "evalue": None, "traceback": "none"},
        {"output_type": "own", "text": "x"},
        {
            "output_type": "stream",
            "name": "stdout",
            "text": "lone \ud800, \x00 and \x1b[2J\x1b]8;;http://x\x07 gone",
        },
    ]
    made = harmless(nb)
    nbformat.validate(made)
    assert nbformat.writes(made).encode()
    assert made.cells[0].outputs[-1].text == "lone ,  and  gone"


@pytest.mark.slow
@pytest.mark.parametrize("show", ["formgrader", "feedback"])
def test_a_browser_runs_nothing(show, tmp_path):
    made = harmless(hostile())
    page = formgrader_page(made) if show == "formgrader" else feedback_page(hostile(), tmp_path)
    asked = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 375, "height": 800})
        tab.on("request", lambda request: asked.append(request.url))
        tab.set_content(page, wait_until="networkidle")
        for link in tab.locator("#notebook a, main a").all():
            if not (link.get_attribute("href") or "#").startswith(("http", "mailto")):
                link.dispatch_event("click")
        tab.wait_for_timeout(500)
        assert tab.title() != "RUN"
        assert [url for url in asked if not url.startswith(("data:", "about:"))] == []
        if show == "feedback":
            assert tab.evaluate("document.documentElement.scrollWidth") <= 375
        browser.close()
