"""The feedback page: marks and reasons, then the notebook, with nothing of the tests that is not public."""

import html
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from jinja2 import Environment, PackageLoader
from latex2mathml.converter import convert_to_element
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbconvert.filters.ansi import strip_ansi
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme
from nbgrader.utils import is_grade, is_locked, is_solution, is_task
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from traitlets import default

from genlab.checks.catalogue import visible
from genlab.grading.markup import MAX_TEXT, render
from genlab.grading.sanitize import harmless, pictures

DEFINED = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE)
FORMULA = re.compile(r'<span class="math-(inline|block)">([^<]*)</span>')
HEADING = re.compile(r"<(/?)h([1-6])\b")
MAX_FORMULA = 5_000  # characters
MATHML = """accent accentunder columnalign columnlines columnspacing depth display displaystyle fence form
height linethickness lspace mathcolor mathsize mathvariant maxsize minsize notation rowlines rowspacing rspace
scriptlevel separator stretchy voffset width xmlns"""


@dataclass
class Part:
    """A row of the table of marks: an answer, with all its tests.

    Attributes:
        name: of the function, or of the cell.
        anchor: the cell to look at.
        score: the points earned.
        points: the points that there are.
        says: why points are missing.
        comments: the graders', as HTML.
        waiting: a person has still to mark it.
    """

    name: str
    anchor: str
    score: float = 0.0
    points: float = 0.0
    says: list[str] = field(default_factory=list)
    comments: list[Markup] = field(default_factory=list)
    waiting: bool = False


class FeedbackExporter(Exporter):
    """Writes an autograded notebook as a page that is complete in itself, and runs no script.

    Of a test it shows what was released and what the examiner says; its outputs, the evidence, never.
    """

    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(self, nb: Any, resources: Any = None, **options: Any) -> Any:
        """Render a notebook that GetGrades has filled in; returns the page and the resources."""
        nb, resources = super().from_notebook_node(nb, resources, **options)
        tests, scheme = ClearHiddenTests(config=self.config), ClearMarkScheme(config=self.config)
        self._marks = [
            (tests.begin_test_delimeter, tests.end_test_delimeter),
            (scheme.begin_mark_scheme_delimeter, scheme.end_mark_scheme_delimeter),
        ]
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as book:
            submission = book.find_submission_notebook(
                about["notebook"], about["assignment"], about["student"]
            )
            waiting = {grade.name for grade in submission.grades if grade.needs_manual_grade}
        # The verdicts' sentences, before harmless() takes all that is not nbgrader's.
        said = [_said(cell, "says") for cell in nb.cells]
        problem = _said(nb, "problem")
        cells = [self._cell(cell, says) for cell, says in zip(harmless(nb).cells, said, strict=True)]
        page = TEMPLATE.render(about=about, problem=problem, parts=parts(cells, waiting), cells=cells)
        return page, resources

    def _cell(self, cell: NotebookNode, says: str) -> dict[str, Any]:
        """What the page shows of a cell."""
        ours = cell.metadata.get("nbgrader", {})
        shown = {"type": cell.cell_type, "anchor": ours.get("grade_id", ""), "comment": "", "outputs": []}
        shown |= {"test": False, "answer": is_solution(cell), "marked": is_grade(cell) or is_task(cell)}
        shown |= {"score": ours.get("score") or 0.0, "points": ours.get("points") or 0.0, "says": ""}
        source = cell.source
        if not is_solution(cell) and (is_grade(cell) or is_locked(cell) or is_task(cell)):
            for begin, end in self._marks:
                source = visible(source, begin, end)
        if is_grade(cell) and not is_solution(cell):
            failed = shown["score"] < shown["points"]
            shown |= {"test": True, "says": (says or "This test failed.") if failed else ""}
        elif cell.cell_type == "code" and source == cell.source:
            shown["outputs"] = [part for output in cell.outputs if (part := _output(output))]
        if ours.get("comment"):
            shown["comment"] = _page(ours["comment"], {})
        shown["source"] = source
        shown["html"] = _page(source, pictures(cell)) if cell.cell_type == "markdown" else _code(source)
        return shown


def parts(cells: list[dict[str, Any]], waiting: set[str]) -> list[Part]:
    """Gather the marks: a test belongs to the answer before it; what is marked by hand, to itself."""
    found: dict[str, Part] = {}
    answer = None
    for cell in cells:
        answer = cell if cell["answer"] else answer
        if not cell["marked"] and not cell["comment"]:
            continue
        of = answer if cell["test"] and answer else cell
        part = found.setdefault(of["anchor"], Part(of["anchor"], of["anchor"]))
        if cell["test"] and answer:
            part.name = _name(answer, cell["source"])
        part.score += cell["score"]
        part.points += cell["points"]
        part.waiting |= cell["anchor"] in waiting
        if cell["says"] and cell["says"] not in part.says:
            part.says.append(cell["says"])
        if cell["comment"]:
            part.comments.append(cell["comment"])
    return list(found.values())


def _said(of: NotebookNode, what: str) -> str:
    ours = of.metadata.get("genlab")
    return str(ours.get(what, "")) if isinstance(ours, dict) else ""


def _name(answer: dict[str, Any], test: str) -> str:
    """The function that an answer defines and the test names; else the answer's own name."""
    defined = [name for name in DEFINED.findall(answer["source"]) if re.search(rf"\b{name}\b", test)]
    return answer["anchor"] if answer["anchor"] in defined or not defined else defined[-1]


def _output(output: NotebookNode) -> dict[str, Any]:
    """How an output is shown: as text, as HTML or as a picture."""
    if output.output_type == "stream":
        return {"text": strip_ansi(output.text), "kind": output.name}
    if output.output_type == "error":
        trace = "" if output.ename == "Stopped" else "\n".join(output.traceback)
        return {"text": strip_ansi(trace) or f"{output.ename}: {output.evalue}", "kind": "error"}
    data = output.data
    if "text/html" in data:
        return {"html": Markup(data["text/html"])}
    if "text/markdown" in data:
        return {"html": _page(data["text/markdown"], {})}
    for mime in ("image/png", "image/jpeg"):
        if mime in data:
            return {"image": f"data:{mime};base64,{data[mime]}"}
    if "image/svg+xml" in data:
        return {"image": "data:image/svg+xml," + quote(data["image/svg+xml"])}
    if "text/latex" in data:
        return {"html": Markup(_mathml(data["text/latex"], "block"))}
    return {"text": strip_ansi(data.get("text/plain", "")), "kind": "result"}


def _page(source: str, attachments: dict[str, dict[str, str]]) -> Markup:
    """Markdown as HTML, with formulas as MathML, and its headings below the page's own."""
    markup = HEADING.sub(
        lambda match: f"<{match[1]}h{min(int(match[2]) + 2, 6)}", render(source, attachments)[0]
    )
    return Markup(FORMULA.sub(lambda match: _mathml(html.unescape(match[2]), match[1]), markup))


def _mathml(latex: str, display: str) -> str:
    latex = latex.strip().removeprefix("$$").removesuffix("$$").strip("$")
    try:
        if len(latex) > MAX_FORMULA:
            raise ValueError("too long")
        math = convert_to_element(latex, display=display)
        for element in math.iter():
            if not re.fullmatch("m[a-z]+", element.tag):
                raise ValueError(element.tag)
            element.text = html.unescape(element.text or "")
            for name in set(element.attrib) - set(MATHML.split()):
                del element.attrib[name]
        return ElementTree.tostring(math, encoding="unicode")
    except Exception:  # a student's formula may be anything
        return f"<code>{html.escape(latex)}</code>"


def _code(source: str) -> Markup:
    if len(source) > MAX_TEXT:
        return Markup(html.escape(source[:MAX_TEXT] + "\n[Cut here.]"))
    return Markup(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


_environment = Environment(loader=PackageLoader("genlab.grading", "."), autoescape=True, trim_blocks=True)
_environment.filters["number"] = _number
TEMPLATE = _environment.get_template("feedback.html.j2")
