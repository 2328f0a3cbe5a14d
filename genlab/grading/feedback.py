"""nbgrader's feedback page, complete in itself: it loads nothing, from nobody."""

import re
from typing import Any

from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

# The template's way to show formulas: a script from somebody else's server.
MATHJAX = re.compile("<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->", re.DOTALL)

# What the template lacks: on a phone only code and formulas scroll sideways; what went wrong stands out.
STYLE = """<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
div.cell, div.input, div.inner_cell, div.output_subarea { min-width: 0; max-width: 100%; }
div.inner_cell, div.output_subarea { flex: 1; overflow-x: auto; }
div.highlight pre, math[display="block"] { overflow-x: auto; }
div.nbgrader_cell .panel-heading { height: auto; overflow: auto; }
img { max-width: 100%; height: auto; }
div.output_error pre { white-space: pre-wrap; word-break: normal; border-left: 4px solid #b02a37; }
</style>
</head>"""


class FeedbackExporter(HTMLExporter):
    """Sets formulas as MathML, which browsers show without a script."""

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render a Markdown cell."""
        renderer = _Renderer(escape=False, attachments=context.get("cell", {}).get("attachments", {}))
        return MarkdownWithMath(renderer=renderer).render(source)

    def from_notebook_node(self, nb: Any, resources: Any = None, **options: Any) -> Any:
        """Render a notebook; returns the page and the resources."""
        page, resources = super().from_notebook_node(nb, resources, **options)
        return MATHJAX.sub("", page).replace("</head>", STYLE, 1), resources


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return _mathml(body, "inline")

    def block_math(self, body: str) -> str:
        return _mathml(body, "block")


def _mathml(latex: str, display: str) -> str:
    try:
        return convert(latex, display=display)
    except Exception:  # a student's formula may be anything
        return f"<code>{latex.translate({60: '&lt;', 38: '&amp;'})}</code>"
