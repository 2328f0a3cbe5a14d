"""Small sites, built with the book's own extensions."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

EXTENSIONS = Path(__file__).parents[2] / "book" / "_extensions"
Build = Callable[..., tuple[Path, str]]


@pytest.fixture(scope="session")
def build() -> Build:
    """A function that builds a folder's `source` into its `out`, and gives that and Sphinx's complaints."""

    def build(folder: Path, pages: dict[str, str], builder: str = "html", **settings) -> tuple[Path, str]:
        source = folder / "source"
        source.mkdir(exist_ok=True)
        for name, text in pages.items():
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_text(text, encoding="utf-8")
        config = {
            "extensions": ["myst_parser", "quiz"],
            "myst_enable_extensions": ["colon_fence", "dollarmath", "smartquotes"],
            "html_theme": "basic",
        }
        complaints = folder / "complaints"
        with pytest.MonkeyPatch.context() as patch, complaints.open("w", encoding="utf-8") as stream:
            patch.syspath_prepend(EXTENSIONS)
            with patch_docutils(), docutils_namespace():
                app = Sphinx(
                    source,
                    None,
                    folder / "out",
                    folder / "trees",
                    builder,
                    confoverrides=config | settings,
                    status=None,
                    warning=stream,
                )
                app.build()
        return folder / "out", complaints.read_text(encoding="utf-8")

    return build
