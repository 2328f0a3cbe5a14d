"""Keep a formula in the text and the full stop or bracket after it on one line.

A browser may break a line on either side of what MathJax sets, even before a full stop.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

MARKS = re.compile(r"[.,;:?!)\]\u2019\u201d]+")


class Unbroken(SphinxPostTransform):
    """Put a formula and the marks after it into one element, which the style sheet keeps whole."""

    default_priority = 5
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for node in list(self.document.findall(nodes.math)):
            after = node.next_node(descend=False, siblings=True)
            marks = MARKS.match(after) if isinstance(after, nodes.Text) else None
            if marks:
                i = node.parent.index(node)
                whole = nodes.inline("", "", node.deepcopy(), nodes.Text(marks.group()), classes=["unbroken"])
                node.parent[i : i + 2] = [whole, nodes.Text(after[marks.end() :])]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(Unbroken)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
