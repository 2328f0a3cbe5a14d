"""Sanitised HTML, from HTML and Markdown that a student wrote."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bleach.css_sanitizer import CSSSanitizer
from bleach.html5lib_shim import Filter
from bleach.sanitizer import Cleaner
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

MAX_TEXT = 100_000  # characters of a text
MAX_MARKDOWN = 30_000
MAX_MARKUP = 500_000  # characters of HTML
MAX_TAGS = 10_000  # their nesting costs time

TAGS = """a b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img
ins kbd li mark ol p pre s small span strong sub summary sup table tbody td tfoot th thead tr u ul"""
ATTRIBUTES = {"alt", "title", "colspan", "rowspan", "open", "start", "align", "width", "height", "style"}
STYLES = """background-color color font-family font-style font-weight text-align text-decoration
vertical-align white-space"""
HARMLESS = re.compile(r"([^<]|</?(details|summary|br|em|strong|b|i|sub|sup|kbd)>)*")  # no attributes
LINK = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*|attachment:[^&]+")
# By which code is coloured and formulas are set. Of a page's own classes, some move or hide its parts.
CLASSES = re.compile(r"((dataframe|highlight|math-inline|math-block|[a-z][a-z0-9]?)( |$))*")
# What is no text to be read, for looks: what is safe is the cleaner's decision.
UNREAD = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
ATTACHED = re.compile(r'src="attachment:([^"]*)"')
MARKED = re.compile(r"[\n\r$`*_~|!\[\]\\]")  # by Markdown
# Of what a terminal obeys, colours are left; a lone surrogate could not even be written to a file.
CONTROLS = re.compile(
    r"\x1b\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|\x1b\[(?![0-9;]*m)[0-?]*[ -/]*[@-~]?|\x1b(?!\[)"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\ud800-\udfff]",
)


def clean(markup: str) -> str:
    """Sanitise HTML: what is left is text, tables, pictures that it holds itself, and links to http(s)."""
    if len(markup) > MAX_MARKUP or markup.count("<") > MAX_TAGS:
        return f"<p>Not shown: HTML of more than {MAX_MARKUP:,} characters, or {MAX_TAGS:,} tags.</p>"
    cleaner = Cleaner(
        tags=set(TAGS.split()),
        attributes=_allowed,
        protocols={"http", "https", "mailto", "data", "attachment"},
        strip=True,
        filters=[_SafeLinks],
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES.split()),
    )
    try:
        return str(cleaner.clean(UNREAD.sub("", CONTROLS.sub("", markup))))
    except Exception:  # whatever the markup did to the parser
        return html.escape(markup)


class _SafeLinks(Filter):
    """Links tell nobody where the reader came from, and do not reach back."""

    def __iter__(self) -> Iterator[Any]:
        for token in super().__iter__():
            if token["type"] == "StartTag" and token["name"] == "a":
                token["data"][(None, "rel")] = "noopener noreferrer nofollow"
            yield token


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return tag == "a" and LINK.match(value) is not None
    if name == "src":
        return tag == "img" and PICTURE.fullmatch(value) is not None
    return name in ATTRIBUTES or (name == "class" and CLASSES.fullmatch(value) is not None)


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, with formulas in spans; notes if there is more than plain Markdown."""

    plain = True

    def block_html(self, html: str) -> str:
        self.plain &= HARMLESS.fullmatch(html) is not None
        return super().block_html(html)

    def inline_html(self, html: str) -> str:
        self.plain &= HARMLESS.fullmatch(html) is not None
        return super().inline_html(html)

    def block_mermaidjs(self, code: str) -> str:
        self.plain = False
        return f"<pre>{html.escape(code)}</pre>"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        self.plain &= LINK.match(url) is not None
        return super().link(text, url, title)

    def _embed_image_or_attachment(self, src: str) -> str:
        self.plain &= src.removeprefix("attachment:") in self.attachments
        return src

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return f"<h{level}>{text}</h{level}>\n"

    def inline_math(self, body: str) -> str:
        return f'<span class="math-inline">${self.escape_html(body)}$</span>'

    def block_math(self, body: str) -> str:
        return f'<span class="math-block">$${self.escape_html(body)}$$</span>'

    def latex_environment(self, name: str, body: str) -> str:
        return f'<span class="math-block">{super().latex_environment(name, body)}</span>'


def render(source: str, attachments: Mapping[str, dict[str, str]]) -> tuple[str, bool]:
    """Render Markdown as sanitised HTML, with formulas as LaTeX in spans of class math-inline or math-block.

    Args:
        source: the Markdown.
        attachments: the pictures that it may show: base64 by MIME type, by name.

    Returns:
        The HTML, and whether the source is plain: then nbconvert's own rendering is as harmless.
    """
    if len(source) > MAX_MARKDOWN:
        return f"<pre>{html.escape(text(source))}</pre>", False
    renderer = _Renderer(escape=False, attachments=dict(attachments))
    try:
        cleaned = clean(MarkdownWithMath(renderer=renderer).render(source))
    except Exception:  # whatever the source did to the parser
        return f"<pre>{html.escape(source)}</pre>", False

    def picture(match: re.Match[str]) -> str:
        bundle = attachments.get(html.unescape(match[1]), {})
        return "".join(f'src="data:{mime};base64,{data}"' for mime, data in list(bundle.items())[:1])

    return ATTACHED.sub(picture, cleaned), renderer.plain


def frozen(markup: str) -> str:
    """Write HTML so that Markdown takes it as it is: one block, and nothing in it that Markdown reads."""
    return f"<div>{MARKED.sub(lambda match: f'&#{ord(match[0])};', markup)}</div>"


def text(value: Any) -> str:
    """The text without what a terminal obeys, colours excepted, and of limited length."""
    found = CONTROLS.sub("", value if isinstance(value, str) else "")
    return (
        found if len(found) <= MAX_TEXT else f"{found[:MAX_TEXT]}\n[Cut here, of {len(found):,} characters.]"
    )
