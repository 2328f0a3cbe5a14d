"""book/coverage.yml is true: each concept is on its page, under its heading, in the index, and proved so."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
import yaml
from sphinx.util.nodes import process_index_entry

from genlab import notebooks

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
ROWS = yaml.safe_load((BOOK / "coverage.yml").read_text(encoding="utf-8"))
FIELDS = ["concept", "page", "heading", "index", "test"]


def files(contents: object) -> Iterator[str]:
    """List the pages that a table of contents names, at any depth."""
    if isinstance(contents, dict):
        yield from (contents[key] for key in ("root", "file") if key in contents)
    if isinstance(contents, dict | list):
        for part in contents.values() if isinstance(contents, dict) else contents:
            yield from files(part)


PAGES = set(files(yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))))


@cache
def cells(page: str) -> list[tuple[str, str, str]]:
    """The cells of a page: kind, id and source. The kind is `checked` where printed numbers are compared."""
    notebook, plain = BOOK / f"{page}.ipynb", BOOK / f"{page}.md"
    if plain.is_file():
        return [("markdown", "", plain.read_text(encoding="utf-8"))]
    found = nbformat.read(notebook, as_version=4).cells
    checked = [cell.id for cell in found if notebooks.is_checked(cell) and cell.get("outputs")]
    return [("checked" if c.id in checked else c.cell_type, c.id, c.source) for c in found]


@cache
def prose(page: str) -> str:
    """The text of a page, without what is fenced as code."""
    text = "\n\n".join(source for kind, _, source in cells(page) if kind == "markdown")
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(page: str) -> list[str]:
    return re.findall(r"^#{1,6} +(.*?) *$", prose(page), re.MULTILINE)


def roles(page: str) -> Iterator[list[str]]:
    """What each role `index` of a page puts into the index: as Sphinx has it, a comma parts two entries."""
    for role in re.findall(r"\{index\}`([^`]+)`", prose(page)):
        text = " ".join(role.split())
        target = re.fullmatch(r".*<(.*)>", text)
        yield [entry[1] for entry in process_index_entry(target[1], "")] if target else [text]


def entries(page: str) -> set[str]:
    """The entries that a page makes in the index."""
    return {entry for some in roles(page) for entry in some}


def citations(page: str) -> set[str]:
    keys = re.findall(r"\{cite(?::[a-z]+)?\}`([^`]+)`", prose(page))
    return {key.strip() for some in keys for key in some.split(",")}


@cache
def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def unproved(page: str, test: str) -> str:
    """Say what is wrong with a row's test; nothing, if nothing is."""
    kind, _, name = test.partition(" ")
    if kind == "cell":
        return "" if ("checked", name) in [cell[:2] for cell in cells(page)] else f"no checked cell {name!r}"
    if kind == "source":
        known = re.findall(r"^@\w+\{(.*),$", (BOOK / "references.bib").read_text(encoding="utf-8"), re.M)
        return (
            "" if name in citations(page) and name in known else f"{name!r} is not cited, or not in the list"
        )
    path, _, function = test.partition("::")
    if not re.fullmatch(r"tests/[\w/-]+\.py", path) or not (ROOT / path).is_file():
        return f"no file {path!r} of tests"
    known = functions(ROOT / path) if function.startswith("test_") else set()
    return "" if function in known else f"no test {function!r} in {path}"


def fault(chapter: str, row: dict[str, str]) -> str:
    """Say what is wrong with a row; nothing, if nothing is."""
    if list(row) != FIELDS or not all(isinstance(value, str) and value for value in row.values()):
        return f"a row has the fields {', '.join(FIELDS)}, in this order, each a text"
    page = row["page"]
    if page not in PAGES:
        return f"no page {page!r} in _toc.yml"
    if not re.match(rf"\d-{chapter}/", page):
        return f"{page} is not a page of the chapter {chapter!r}"
    if row["heading"] not in headings(page):
        return f"no heading {row['heading']!r} on {page}"
    if row["index"] not in entries(page):
        return f"{page} makes no entry {row['index']!r} in the index"
    return unproved(page, row["test"])


@pytest.mark.parametrize("chapter", ROWS)
def test_every_row_is_true(chapter):
    faults = [f"{row.get('concept')}: {fault(chapter, row)}" for row in ROWS[chapter] if fault(chapter, row)]
    assert not faults, "\n".join(faults)


def test_no_concept_is_listed_twice_in_a_chapter():
    for rows in ROWS.values():
        concepts = [row["concept"] for row in rows]
        assert sorted(set(concepts)) == sorted(concepts)


def test_every_page_of_the_chapters_is_needed():
    numbered = {page for page in PAGES if re.match(r"\d-", page) and not page.endswith("/index")}
    assert numbered == {row["page"] for rows in ROWS.values() for row in rows}


GOOD = {
    "concept": "the density of a mixture",
    "page": "4-mixtures/mixture",
    "heading": "What the weights are",
    "index": "weight of a component",
    "test": "cell moments",
}


@pytest.mark.parametrize("test", ["cell moments", "source pearson1894", "tests/test_cli.py::"])
def test_a_good_row_is_good(test):
    name = sorted(n for n in functions(ROOT / "tests" / "test_cli.py") if n.startswith("test_"))[0]
    assert fault("mixtures", GOOD | {"test": test + name if test.endswith("::") else test}) == ""


@pytest.mark.parametrize(
    "wrong, complaint",
    [
        ({"page": "4-mixtures/nowhere"}, "no page"),
        ({"page": "students"}, "not a page of the chapter"),
        ({"heading": "What the weights"}, "no heading"),
        ({"heading": "what the weights are"}, "no heading"),
        ({"index": "weight"}, "makes no entry"),
        ({"index": "Mahalanobis distance"}, "makes no entry"),
        ({"index": ""}, "a row has the fields"),
        ({"more": "of it"}, "a row has the fields"),
        ({"test": "cell nowhere"}, "no checked cell"),
        ({"test": "cell three-views"}, "no checked cell"),
        ({"test": "cell by-hand"}, "no checked cell"),
        ({"test": "source nobody1900"}, "is not cited"),
        ({"test": "source wu1983"}, "is not cited"),
        ({"test": "tests/nowhere.py::test_it"}, "no file"),
        ({"test": "genlab/notebooks.py::run"}, "no file"),
        ({"test": "tests/models/test_mixture.py::test_nothing"}, "no test"),
        ({"test": "tests/models/test_mixture.py"}, "no test"),
        ({"test": "I looked at it"}, "no file"),
    ],
)
def test_a_false_row_is_found(wrong, complaint):
    assert complaint in fault("mixtures", GOOD | wrong)


def test_an_entry_is_what_the_index_will_say(monkeypatch):
    text = "{index}`a` {index}`shown\ntext <b c>` ({index}`d`) {index}`e <f, g>` {index}`H <single: H, I>`"
    monkeypatch.setattr(f"{__name__}.prose", lambda page: text)
    assert entries("any") == {"a", "b c", "d", "f", "g", "H, I"}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_no_entry_is_torn_in_two_by_its_comma(page):
    assert [some for some in roles(page) if len(some) != 1] == []
