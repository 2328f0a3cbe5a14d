"""The directive `quiz`: what it makes of a question, and what it says of one that is malformed."""

import re
from html.parser import HTMLParser

import pytest

PAGE = """\
# A page

::::{quiz} What is $\\int p(x)\\,dx$, *always*?
- [ ] The mean.

  That is $\\int x\\,p(x)\\,dx$.
- [x] One.

  Something happens.

  ```python
  1.0
  ```
- [X] `1.0`
  in two lines.

  The same number.
::::

:::{quiz} A second one?
* [ ] No.

  But it is.
* [x] Yes.

  It is.
:::

See [the second](#quiz-2).
"""


class Outline(HTMLParser):
    """The elements of a page that hold text, as nested lists: [tag, attributes, children or text ...]."""

    void = ("meta", "link", "img", "br", "hr", "input")

    def handle_startendtag(self, tag, attributes):
        self.open[-1].append([tag, dict(attributes)])

    def __init__(self, html: str):
        super().__init__()
        self.tree = ["page", {}]
        self.open = [self.tree]
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        element = [tag, dict(attributes)]
        self.open[-1].append(element)
        if tag not in self.void:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.open[-1].append(data)


def find(tree, tag="", kind=""):
    """List the elements below one that have this tag and this class, in order."""
    found = []
    for child in tree[2:]:
        if isinstance(child, list):
            if tag in ("", child[0]) and (not kind or kind in child[1].get("class", "").split()):
                found.append(child)
            found += find(child, tag, kind)
    return found


def text(tree) -> str:
    return "".join(child if isinstance(child, str) else text(child) for child in tree[2:])


@pytest.fixture(scope="module", params=[[], ["tasklist"]], ids=["plain", "with task lists"])
def site(build, request, tmp_path_factory):
    enabled = ["colon_fence", "dollarmath", "smartquotes", *request.param]
    out, complaints = build(
        tmp_path_factory.mktemp("quiz"), {"index.md": PAGE}, myst_enable_extensions=enabled
    )
    assert complaints == ""
    return Outline((out / "index.html").read_text(encoding="utf-8")).tree


def test_a_question_is_a_named_group_that_can_be_linked(site):
    groups = find(site, kind="quiz")
    assert [group[1]["id"] for group in groups] == ["quiz-1", "quiz-2"]
    assert [group[1]["role"] for group in groups] == ["group", "group"]
    for group in groups:
        (label,) = [e for e in find(group) if e[1].get("id") == group[1]["aria-labelledby"]]
        assert text(label).startswith("Question ")
        (link,) = find(group, "a")
        assert link[1]["href"] == "#" + group[1]["id"]
        assert link not in find(label)
    question = find(groups[0], kind="quiz-question")[0]
    assert [text(e) for e in find(question, kind="math")] == ["\\(\\int p(x)\\,dx\\)"]
    assert [text(e) for e in find(question, "em")] == ["always"]


def test_each_answer_unfolds_by_itself_to_a_verdict_and_a_reason(site):
    first = find(site, kind="quiz")[0]
    answers = find(first, "details")
    assert [a[1]["class"] for a in answers] == [
        "quiz-answer quiz-wrong",
        "quiz-answer quiz-right",
        "quiz-answer quiz-right",
    ]
    assert all("open" not in a[1] for a in answers)
    assert [text(find(a, "summary")[0]).split() for a in answers] == [
        ["The", "mean."],
        ["One."],
        ["1.0", "in", "two", "lines."],
    ]
    verdicts = [text(find(a, kind="quiz-verdict")[0]) for a in answers]
    assert verdicts == ["Not so.", "Right.", "Right."]
    assert [text(p) for p in find(find(answers[1], kind="quiz-reason")[0], "p")] == [
        "Right.",
        "Something happens.",
    ]
    assert len(find(answers[1], "pre")) == 1
    assert not find(answers[0], "input") and not find(first, "script")


def test_other_formats_get_the_answers_first_and_the_reasons_after(build, tmp_path):
    out, complaints = build(tmp_path, {"index.md": PAGE}, "text")
    assert complaints == ""
    plain = (out / "index.txt").read_text(encoding="utf-8")
    order = ["Question 1.", "1. The mean.", "2. One.", "in two lines.", "1. **Not so.**", "2. **Right.**"]
    places = [plain.index(part) for part in order]
    assert places == sorted(places)
    assert "[x]" not in plain


def test_latex_gets_them_too(build, tmp_path):
    out, complaints = build(
        tmp_path, {"index.md": PAGE}, "latex", latex_documents=[("index", "a.tex", "A", "B", "manual")]
    )
    assert complaints == ""
    tex = (out / "a.tex").read_text(encoding="utf-8")
    assert r"\sphinxstylestrong{Not so.}" in tex
    label = r"\phantomsection\label{\detokenize{index:quiz-2}}"
    assert tex.index(label) < tex.index("A second one?")


GOOD = "- [x] Yes.\n\n  It is.\n- [ ] No.\n\n  It is not."


@pytest.mark.parametrize(
    "body, remedy",
    [
        ("Is it?", "one list of answers and nothing else"),
        (GOOD + "\n\nAnd more.", "one list of answers and nothing else"),
        ("- [x] Yes.\n\nIt is.\n- [ ] No.\n\nIt is not.", "is a reason not indented?"),
        (GOOD.replace("[x]", "[ ]"), "no answer is right; begin one with [x]"),
        (GOOD.replace("[ ] ", ""), "the answer 'No.' begins with neither [x] nor [ ]"),
        (GOOD.replace("[ ] ", "[y] "), "the answer '[y] No.' begins with neither [x] nor [ ]"),
        (GOOD.replace("\n\n  It is not.", ""), "the answer '[ ] No.' has no reason; write one below it"),
        (GOOD.replace("No.", ""), "an answer is empty; write it after [ ]"),
        ("- [x] Yes.\n\n  It is.", "give at least two"),
        ("", "one list of answers"),
    ],
)
def test_a_malformed_quiz_is_an_error_that_names_place_and_remedy(build, tmp_path, body, remedy):
    page = f"# A page\n\nText.\n\n::::{{quiz}} Is it so?\n{body}\n::::\n"
    _, complaints = build(tmp_path, {"index.md": page})
    assert re.search(r"source/index\.md:5: ERROR: The quiz 'Is it so\?': ", complaints), complaints
    assert remedy in complaints


def test_a_quiz_without_a_question_is_an_error(build, tmp_path):
    page = f"# A page\n\n::::{{quiz}}\n{GOOD}\n::::\n"
    _, complaints = build(tmp_path, {"index.md": page})
    assert re.search(r"source/index\.md:3: (ERROR|WARNING): ", complaints)
    assert "quiz" in complaints
