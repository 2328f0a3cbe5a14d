"""The date and the link at the foot of each page, and the index without the library's functions."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

CONFIG = Path(__file__).parents[2] / "_config.yml"
SETTINGS = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["sphinx"]["config"]
DATES = {name: SETTINGS[name] for name in ("html_last_updated_fmt", "suppress_warnings")} | {
    "git_untracked_show_sourcelink": SETTINGS["git_untracked_show_sourcelink"]
}
DATED = DATES | {"extensions": ["myst_parser", "sphinx_last_updated_by_git"]}
PAGES = {"index.md": "# One\n\n```{toctree}\na/two\n```\n", "a/two.md": "# Two\n"}


def git(folder: Path, *arguments: str) -> None:
    settings = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    date = {"GIT_AUTHOR_DATE": "2025-02-03T12:00:00", "GIT_COMMITTER_DATE": "2025-02-03T12:00:00"}
    subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, env=os.environ | date
    )


def page(out: Path, name: str) -> str:
    return (out / name).read_text(encoding="utf-8")


def test_a_page_has_the_date_of_its_last_change(build, tmp_path):
    build(tmp_path, PAGES)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "source/index.md")
    git(tmp_path, "commit", "-qm", "one")
    out, complaints = build(tmp_path, {}, **DATED)
    assert complaints == ""
    assert "3 February 2025" in page(out, "index.html")
    assert "2025" not in page(out, "a/two.html"), "it is not committed"


def test_a_shallow_clone_has_no_dates_and_no_warnings(build, tmp_path):
    first = tmp_path / "first"
    first.mkdir()
    build(first, PAGES)
    git(first, "init", "-q")
    for path in ("source/index.md", "source/a"):
        git(first, "add", path)
        git(first, "commit", "-qm", path)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{first}", "second")
    out, complaints = build(tmp_path / "second", {}, **DATED)
    assert complaints == ""
    assert "2025" not in page(out, "index.html")


def test_without_git_there_are_no_dates_and_no_warnings(build, tmp_path, monkeypatch):
    out, complaints = build(tmp_path, PAGES, **DATED)
    assert complaints == ""
    assert "Last updated" not in page(out, "index.html")
    monkeypatch.setenv("PATH", "")
    assert build(tmp_path, {"index.md": PAGES["index.md"] + "\nMore.\n"}, **DATED)[1] == ""


REPORT = {"report.md": "---\norphan: true\n---\n# Report\n\n```{pages}\n```\n"}


@pytest.mark.parametrize("first", [{}, REPORT])
def test_the_link_leads_to_the_page_for_reports_and_names_the_page(build, tmp_path, first):
    reporting = {"extensions": ["myst_parser", "report"], "html_theme": "sphinx_book_theme"}
    build(tmp_path, {"index.md": "# One\n"} | first, **reporting)
    out, complaints = build(tmp_path, PAGES | REPORT, **reporting)  # a page more
    assert complaints == ""
    assert 'href="../report.html#page-a-two"' in page(out, "a/two.html")
    entries = re.findall(r'<li id="(.*?)">', page(out, "report.html"))
    assert entries == ["page-a-two", "page-index"]
    assert "Report an error" not in page(out, "report.html").partition("</article>")[2]


def test_with_an_address_the_link_leads_there(build, tmp_path):
    address = "https://example.org/new?title={page}&label=error"
    reporting = {"extensions": ["myst_parser", "report"], "html_theme": "sphinx_book_theme"}
    out, complaints = build(tmp_path, PAGES | REPORT, report_address=address, **reporting)
    assert complaints == ""
    assert 'href="https://example.org/new?title=a%2Ftwo&amp;label=error"' in page(out, "a/two.html")


def test_other_formats_have_the_page_for_reports_too(build, tmp_path):
    out, complaints = build(tmp_path, PAGES | REPORT, "text", extensions=["myst_parser", "report"])
    assert complaints == ""
    assert "a/two" in page(out, "report.txt")


def test_the_index_has_concepts_and_no_functions(build, tmp_path):
    roles = "{index}`Bayes' rule` and {index}`it <posterior>`"
    pages = {
        "index.md": f"# One\n\n```{{toctree}}\napi/two\n```\n\n{roles}\n",
        "api/two.md": "# Two\n\n```{py:function} fit(data)\n```\n",
    }
    out, complaints = build(tmp_path, pages, extensions=["myst_parser", "concept_index"])
    assert complaints == ""
    index = page(out, "genindex.html")
    assert "Bayes\u2019 rule" in index and "posterior" in index
    assert "fit()" not in index
    assert 'id="fit"' in page(out, "api/two.html")


def test_a_formula_keeps_the_marks_after_it(build, tmp_path):
    text = "# One\n\nIf $p$, then ($q$). Not $r$\nof $s$ *or* **$t$**. And $u$"
    out, complaints = build(
        tmp_path, {"index.md": text}, extensions=["myst_parser", "sphinx.ext.mathjax", "unbroken"]
    )
    assert complaints == ""
    whole = re.findall(r'<span class="unbroken">(.*?)</span>([^<]*)</span>', page(out, "index.html"))
    assert [marks for _, marks in whole] == [",", ")."]
    plain = re.sub(r"<[^>]+>", "", page(out, "index.html"))
    assert r"If \(p\), then (\(q\)). Not \(r\)" in plain
