"""Each page's footer: a link to report an error on that page.

While the course has no public address, the link leads to the page `report`, which says how to report an
error. The directive `pages` there makes an entry for each page of the book, and the link targets the entry of
the page it was on; the style sheet shows no other. So the page's name arrives without a script.

With `report_address` in _config.yml the link leads there: `{page}` in it becomes the page's name, as in
"https://example.org/issues/new?title={page}" or "mailto:someone@example.org?subject={page}".
"""

from html import escape
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

REPORT = "report"


def entry(page: str) -> str:
    """Name the entry of a page."""
    return "page-" + page.replace("/", "-").replace("_", "-").lower()


class pages(nodes.General, nodes.Element):
    """Where the entries will stand."""


class PagesDirective(SphinxDirective):
    """An entry for each page of the book."""

    def run(self) -> list[nodes.Node]:
        return [pages()]


def fill(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Put an entry for each page in place of the directive."""
    for node in list(doctree.findall(pages)):
        entries = nodes.bullet_list(classes=["report-pages"])
        for page in sorted(app.env.found_docs - {REPORT}):
            title = app.env.titles[page].astext()
            if app.builder.format == "html":
                link = nodes.reference("", title, refuri=app.builder.get_relative_uri(name, page))
            else:
                link = nodes.Text(title)
            text = nodes.paragraph(
                "", "", nodes.Text("The page “"), link, nodes.Text("”: please give its name, ")
            )
            text += [nodes.literal("", page), nodes.Text(".")]
            entries += nodes.list_item("", text, ids=[entry(page)])
        node.replace_self(entries)


def add_link(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Add the link to what the theme prints at the foot of a page."""
    if app.config.report_address:
        address = app.config.report_address.replace("{page}", quote(name, safe=""))
    elif REPORT in app.env.found_docs and name != REPORT:
        known = name in app.env.found_docs
        address = context["pathto"](REPORT) + (f"#{entry(name)}" if known else "")
    else:
        return
    link = f'<a class="report-link" href="{escape(address)}">Report an error on this page</a>'
    rest = context.get("theme_extra_footer", "")
    context["theme_extra_footer"] = f"<p>{link}</p>\n{rest}"


def always(app: Sphinx, env: BuildEnvironment, *changes: set[str]) -> list[str]:
    """Make the page with the entries again in each build: another page may have come or gone."""
    return [REPORT] if REPORT in env.found_docs else []


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("report_address", "", "html", str)
    app.add_node(pages)
    app.add_directive("pages", PagesDirective)
    app.connect("env-get-outdated", always)
    app.connect("doctree-resolved", fill)
    app.connect("html-page-context", add_link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
