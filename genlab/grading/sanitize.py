"""Makes a notebook harmless to look at: nothing that a student put into it runs in the reader's browser."""

import base64
import functools
import html
import re
import time
from collections.abc import Mapping
from typing import Any

import nbformat
from defusedxml import ElementTree
from nbformat import NotebookNode

from genlab.grading.markup import clean, frozen, render, text

MAX_IMAGE = 5_000_000  # bytes
MAX_NOTEBOOK = 20_000_000  # characters of all outputs
MAX_SECONDS = 10  # for parsing markup that was made to take long

MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
ACTIVE = {
    "script",
    "foreignObject",
    "iframe",
    "handler",
    "listener",
    "set",
    "animate",
    "a",
}  # parts of an SVG


TOO_MUCH = {"output_type": "stream", "name": "stdout", "text": "Not shown: the notebook shows too much."}


def harmless(nb: NotebookNode, seconds: float = MAX_SECONDS) -> NotebookNode:
    """Copy a notebook without what could act on its reader: here, in formgrader, in a terminal.

    Code is left as it is, since nothing renders it. Of the cells' metadata only nbgrader's is left: a
    submission's own claim to a verdict goes, so verdicts are written after this.
    """
    left = MAX_NOTEBOOK
    until = time.process_time() + seconds
    cells = []
    for cell in nb.cells:
        made = {key: cell[key] for key in ("id", "cell_type", "execution_count") if key in cell}
        made["metadata"] = {
            key: cell.metadata[key] for key in ("nbgrader", "deletable") if key in cell.metadata
        }
        made["source"] = _encodable(cell.source)
        if cell.cell_type == "code":
            made["outputs"] = []
            for output in filter(None, (_output(output, until) for output in cell.get("outputs", []))):
                left -= len(str(output))
                if left < 0:
                    made["outputs"].append(TOO_MUCH)
                    break
                made["outputs"].append(output)
        elif cell.cell_type == "markdown":
            attachments = pictures(cell)
            rendered, plain = _render(made["source"], attachments, until)
            if plain:
                made["attachments"] = attachments
            else:
                made["source"] = frozen(rendered)
        else:
            in_time = time.process_time() < until
            made["source"] = clean(made["source"]) if in_time else html.escape(text(made["source"]))
        cells.append(made)
    about = {key: nb.metadata[key] for key in ("kernelspec", "language_info") if key in nb.metadata}
    return nbformat.from_dict(
        {"nbformat": nb.nbformat, "nbformat_minor": nb.nbformat_minor, "metadata": about, "cells": cells}
    )


def pictures(cell: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The PNG and JPEG pictures attached to a Markdown cell: base64 by MIME type, by name."""
    found = {}
    attached = cell.get("attachments")
    for name, bundle in attached.items() if isinstance(attached, dict) else ():
        for mime, value in bundle.items() if isinstance(bundle, dict) else ():
            if mime in MAGIC and (data := _picture(mime, value)):
                found[name] = {mime: data}
    return found


def _output(output: Any, until: float) -> dict[str, Any] | None:
    """Rebuild an output from the parts that are known; of an unknown one there are none."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": text(output.get("text"))}
    if kind == "error":
        lines = output.get("traceback")
        trace = text("\n".join(map(str, lines))) if isinstance(lines, list) else ""
        name, value = text(output.get("ename")), text(output.get("evalue"))
        return {"output_type": kind, "ename": name, "evalue": value, "traceback": trace.split("\n")}
    if kind not in ("display_data", "execute_result"):
        return None
    bundle = output.get("data")
    data = (
        {mime: _datum(mime, value, until) for mime, value in bundle.items()}
        if isinstance(bundle, dict)
        else {}
    )
    made = {
        "output_type": kind,
        "metadata": {},
        "data": {mime: value for mime, value in data.items() if value},
    }
    if kind == "execute_result":
        count = output.get("execution_count")
        made["execution_count"] = count if isinstance(count, int) else None
    return made


def _datum(mime: str, value: Any, until: float) -> str:
    """One form of an output, or "" if it is of a kind that is not shown."""
    value = "".join(map(str, value)) if isinstance(value, list) else value
    if mime in ("text/plain", "text/latex"):
        return text(value)
    if not isinstance(value, str):
        return ""
    if mime in MAGIC:
        return _picture(mime, value)
    if mime == "image/svg+xml":
        return _drawing(value)
    if mime == "text/html" and time.process_time() < until:
        cleaned = clean(value)
        return cleaned if "<img" in cleaned or re.sub(r"<[^>]*>", "", cleaned).strip() else ""
    if mime == "text/markdown":
        rendered, plain = _render(_encodable(value), {}, until)
        return _encodable(value) if plain else frozen(rendered)
    return ""


def _render(source: str, attachments: dict[str, dict[str, str]], until: float) -> tuple[str, bool]:
    if time.process_time() < until:
        return render(source, attachments) if attachments else _rendered(source)
    return f"<pre>{html.escape(text(source))}</pre>", False


@functools.lru_cache(200)  # as most of a notebook's texts are the same in all submissions
def _rendered(source: str) -> tuple[str, bool]:
    return render(source, {})


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _picture(mime: str, value: Any) -> str:
    """The picture as base64, or ""."""
    try:
        data = base64.b64decode("".join(value.split()), validate=True)
    except (AttributeError, ValueError):
        return ""
    return base64.b64encode(data).decode() if len(data) <= MAX_IMAGE and data.startswith(MAGIC[mime]) else ""


def _drawing(svg: str) -> str:
    """The SVG, or "" if it is more than a drawing."""
    try:
        elements = list(ElementTree.fromstring(svg).iter()) if len(svg) <= MAX_IMAGE else []
    except Exception:  # not XML, or with entities, which defusedxml refuses
        return ""
    for element in elements:
        names = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        if (
            str(element.tag).rpartition("}")[2] in ACTIVE
            or any(name.lower().startswith("on") for name in names)
            or not re.match(r"#|data:image/(png|jpeg);", names.get("href", "#"))
        ):
            return ""
    return svg if elements else ""
