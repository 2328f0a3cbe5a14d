"""Keep the index to concepts: what the pages mark, and the glossary's words.

The pages of the library would add hundreds of functions and methods, which have pages of their own and are
found by search. Entries get the glossary's typographic apostrophes, so that none is listed twice.
"""

from typing import Any

from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class ConceptIndex(SphinxTransform):
    """Runs before Sphinx collects the entries of a page, which it does at priority 850."""

    default_priority = 840

    def apply(self, **kwargs: Any) -> None:
        for node in list(self.document.findall(addnodes.index)):
            if self.env.docname.startswith("api/"):
                node.parent.remove(node)
            else:
                node["entries"] = [
                    (kind, text.replace("'", "\u2019"), *rest) for kind, text, *rest in node["entries"]
                ]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(ConceptIndex)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
