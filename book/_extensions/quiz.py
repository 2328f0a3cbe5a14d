"""The directive `quiz`: a question, and answers that unfold to say whether they are right, and why.

    ::::{quiz} Which of these is a probability?
    - [ ] The height of a density.

      It may exceed 1.
    - [x] The area under it between two points.

      Areas under a density are what probabilities are.
    ::::

The title is the question. The body is a list: each answer begins with `[x]` (right) or `[ ]` (wrong), and the
rest of its item is the reason. On the site an answer is a `<details>` element, so it needs neither script nor
server, and works by keyboard and by screen reader. All other formats get the question, its answers, and then
which are right and why.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

MARK = re.compile(r"\[([ xX])\]\s*")
VERDICTS = {True: "Right.", False: "Not so."}


class quiz(nodes.General, nodes.Element):
    """A quiz_question, then quiz_answers; `number` on its page, and the `id` that is also among `ids`."""


class quiz_question(nodes.TextElement):
    """The question."""


class quiz_answer(nodes.Element):
    """A quiz_choice, then the reason in blocks; `right` or not."""


class quiz_choice(nodes.TextElement):
    """What one may answer."""


class QuizDirective(SphinxDirective):
    """Parse a quiz, or name what is wrong with it."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        for i, line in enumerate(self.content):  # a list of tasks to MyST, unless its brackets are escaped
            self.content[i] = re.sub(r"^([-*+] +)\[([ xX])\]", r"\1\\[\2\\]", line)
        body = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, body)

        if len(body) != 1 or not isinstance(body[0], nodes.bullet_list):
            raise self.fault("its body is one list of answers and nothing else; is a reason not indented?")
        answers = [self.answer(item) for item in body[0].children if isinstance(item, nodes.list_item)]
        if len(answers) < 2:
            raise self.fault("it has one answer only; give at least two")
        if not any(answer["right"] for answer in answers):
            raise self.fault("no answer is right; begin one with [x]")

        number = self.env.new_serialno("quiz") + 1
        name = f"quiz-{number}"
        text, messages = self.state.inline_text(self.arguments[0], self.lineno)
        node = quiz("", quiz_question("", "", *text), *answers, names=[name], id=name, number=number)
        self.set_source_info(node)
        self.state.document.note_explicit_target(node)
        return [node, *messages]

    def answer(self, item: nodes.list_item) -> quiz_answer:
        """Turn a list's item into an answer."""
        first = item[0] if len(item) else nodes.paragraph()
        text = first[0] if isinstance(first, nodes.paragraph) and len(first) else nodes.Text("")
        mark = MARK.match(text) if isinstance(text, nodes.Text) else None
        said = first.astext()
        if mark is None:
            raise self.fault(f"the answer '{said}' begins with neither [x] nor [ ]; say whether it is right")
        if said == mark.group().strip() or said == mark.group():
            raise self.fault(f"an answer is empty; write it after {mark.group().strip()}, on the same line")
        if len(item) < 2:
            raise self.fault(
                f"the answer '{said}' has no reason; write one below it, after an empty line, indented"
            )
        choice = quiz_choice("", "", nodes.Text(text[mark.end() :]), *first.children[1:])
        return quiz_answer("", choice, *item.children[1:], right=mark.group(1) != " ")

    def fault(self, what: str) -> Exception:
        return self.error(f"The quiz '{self.arguments[0]}': {what}.")


class PlainQuiz(SphinxPostTransform):
    """Where nothing unfolds: the question, its numbered answers, and which are right and why."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        if self.app.builder.format == "html":
            return
        for node in list(self.document.findall(quiz)):
            question, *answers = node.children
            choices, reasons = (nodes.enumerated_list(enumtype="arabic", suffix=".") for _ in range(2))
            for answer in answers:
                choice, *reason = answer.children
                choices += nodes.list_item("", nodes.paragraph("", "", *choice.children))
                verdict = nodes.paragraph("", "", nodes.strong("", VERDICTS[answer["right"]]))
                reasons += nodes.list_item("", verdict, *reason)
            bold = nodes.strong("", f"Question {node['number']}.")
            asked = nodes.paragraph("", "", bold, nodes.Text(" "), *question.children)
            node.replace_self([nodes.target(ids=node["ids"]), asked, choices, reasons])


def visit_quiz(self: HTML5Translator, node: quiz) -> None:
    label = f"{node['id']}-question"
    self.body.append(self.starttag(node, "div", CLASS="quiz", role="group", **{"aria-labelledby": label}))


def depart_quiz(self: HTML5Translator, node: quiz) -> None:
    self.body.append("</div>\n")


def visit_question(self: HTML5Translator, node: quiz_question) -> None:
    name, number = node.parent["id"], node.parent["number"]
    self.body.append(f'<p class="quiz-question"><span id="{name}-question">')
    self.body.append(f'<span class="quiz-number">Question {number}.</span> ')


def depart_question(self: HTML5Translator, node: quiz_question) -> None:
    name, number = node.parent["id"], node.parent["number"]
    link = f'<a class="headerlink" href="#{name}" aria-label="Link to question {number}">#</a>'
    self.body.append(f"</span>{link}</p>\n")


def visit_answer(self: HTML5Translator, node: quiz_answer) -> None:
    kind = "right" if node["right"] else "wrong"
    self.body.append(f'<details class="quiz-answer quiz-{kind}">\n')


def depart_answer(self: HTML5Translator, node: quiz_answer) -> None:
    self.body.append("</div></details>\n")


def visit_choice(self: HTML5Translator, node: quiz_choice) -> None:
    self.body.append("<summary>")


def depart_choice(self: HTML5Translator, node: quiz_choice) -> None:
    verdict = VERDICTS[node.parent["right"]]
    self.body.append(f'</summary>\n<div class="quiz-reason"><p class="quiz-verdict">{verdict}</p>\n')


def unreached(self: nodes.NodeVisitor, node: nodes.Node) -> None:
    """For builders that are not HTML: there PlainQuiz leaves none of these nodes."""


def setup(app: Sphinx) -> dict[str, Any]:
    html = {
        quiz: (visit_quiz, depart_quiz),
        quiz_question: (visit_question, depart_question),
        quiz_answer: (visit_answer, depart_answer),
        quiz_choice: (visit_choice, depart_choice),
    }
    others = ("latex", "text", "man", "texinfo")
    for node, functions in html.items():
        app.add_node(node, html=functions, **{name: (unreached, unreached) for name in others})
    app.add_directive("quiz", QuizDirective)
    app.add_post_transform(PlainQuiz)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
