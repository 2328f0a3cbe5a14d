"""Reads what a student handed in, which may be anything at all."""

import json
import os
import stat
from collections.abc import Callable, Generator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

MiB = 2**20
MAX_BYTES = 64 * MiB  # in a submission's folder
MAX_ENTRIES = 1000  # in it, and in the folders within
MAX_DEPTH = 20  # of these
MAX_NOTEBOOK = 20 * MiB  # bytes; parsed it takes up to 25 times as many
MAX_CELLS = 2000
TIMESTAMP = "timestamp.txt"  # nbgrader's, of when a submission was handed in


class Unreadable(ValueError):
    """A submission that cannot be read; the message says what to ask of the student."""


def read_folder(folder: Path, ignore: Sequence[str] = ()) -> tuple[dict[str, bytes], list[str]]:
    """Read the regular files of a folder, and of those in it; no link is followed, no device opened.

    Args:
        folder: the submission's.
        ignore: patterns of names that are passed over, folders' too.

    Returns:
        the files by their path relative to the folder, and in sentences what was left out.

    Raises:
        Unreadable: it is no folder, or a link, or may not be read.
    """
    files: dict[str, bytes] = {}
    notes: list[str] = []
    left = MAX_BYTES
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise Unreadable(
            f"the folder {folder.name!r} cannot be read ({error.strerror}): ask the student for the files."
        ) from None
    try:
        entries = _walk(top, "", ignore)
        for path, found in islice(entries, MAX_ENTRIES):
            try:
                content = found if isinstance(found, str) else _content(found(), left)
            except OSError as error:
                content = f"it cannot be read ({error.strerror}), ask the student for it again."
            if isinstance(content, bytes):
                files[path] = content
                left -= len(content)
            elif content:
                notes.append(f"{path!r} was left out: {content}")
        if next(entries, None):
            notes.append(
                f"Only the first {MAX_ENTRIES} files and folders were read: ask the student for fewer."
            )
        entries.close()
    finally:
        os.close(top)
    return files, notes


def read_file(name: str | Path, folder: int | None = None) -> int:
    """Open a regular file to read; no link is followed, and no device opened, or waited for.

    Args:
        name: of the file.
        folder: the open folder that it is in.

    Returns:
        its descriptor.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise OSError(0, "it is no file")
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):  # it has changed since
        os.close(file)
        raise OSError(0, "it is no file")
    return file


def read_notebook(content: bytes) -> NotebookNode:
    """Read a notebook, repairing what can be repaired.

    Of its cells the sources, attachments and nbgrader's metadata are kept, and nothing else.

    Args:
        content: of the file.

    Returns:
        a valid notebook of format 4.

    Raises:
        Unreadable: there is no notebook in it.
    """
    if len(content) > MAX_NOTEBOOK:
        raise Unreadable(
            f"the notebook is larger than {MAX_NOTEBOOK // MiB} MB: ask the student to clear its outputs, "
            "save it and hand it in again."
        )
    if not content.strip():
        raise Unreadable("the notebook is an empty file: ask the student to save it and hand it in again.")
    try:
        found = json.loads(content, parse_constant=lambda token: None)
        if isinstance(found, dict) and found.get("nbformat") in (1, 2, 3):
            found = nbformat.convert(nbformat.from_dict(found), 4)
    except Exception:  # too deeply nested, not UTF-8, cut off, or of an old format and malformed
        found = None
    cells = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(cells, list):
        raise Unreadable(
            "this is no notebook, or a part of one: "
            "ask the student to open it in Jupyter, save it and hand it in again."
        )
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"the notebook has more than {MAX_CELLS} cells: ask the student for fewer.")
    read = [_cell(cell) for cell in cells if isinstance(cell, dict)]
    for index, cell in enumerate(read):
        cell["id"] = f"cell-{index}"
    return new_notebook(cells=read)


def writable(value: Any) -> Any:
    """A copy of plain data whose strings a file can hold: without lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return type(value)({writable(name): writable(item) for name, item in value.items()})
    if isinstance(value, list):
        return [writable(item) for item in value]
    return value


def recordable(name: str) -> bool:
    """Whether a gradebook can hold the name of a student's folder."""
    return "\n" not in name and writable(name) == name


def _cell(raw: dict[str, Any]) -> NotebookNode:
    kind = raw.get("cell_type")
    cell = {"cell_type": kind if kind in ("code", "markdown") else "raw", "source": _text(raw.get("source"))}
    metadata = raw.get("metadata")
    tag = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(tag, dict) and isinstance(tag.get("grade_id"), str):
        scalars = {name: value for name, value in tag.items() if isinstance(value, str | int | float)}
        cell["metadata"] = {"nbgrader": writable(scalars)}
    else:
        cell["metadata"] = {}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    if kind == "markdown" and isinstance(raw.get("attachments"), dict):
        cell["attachments"] = {
            _text(name): {_text(form): _text(data) for form, data in bundle.items()}
            for name, bundle in raw["attachments"].items()
            if isinstance(bundle, dict)
        }
    return nbformat.from_dict(cell)


def _text(value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    return writable("".join(part for part in parts if isinstance(part, str)))


def _content(file: int, left: int) -> bytes | str:
    """Read and close an open file, or say why it is left out."""
    with open(file, "rb") as opened:
        content = opened.read(left + 1) if os.fstat(file).st_size <= left else None
    if content is None or len(content) > left:
        return f"all files may have {MAX_BYTES // MiB} MB together."
    return content


def _walk(
    folder: int, prefix: str, ignore: Sequence[str]
) -> Generator[tuple[str, Callable[[], int] | str], None, None]:
    """Yield the path of each entry with what opens it, or why it is left out, or "" for a folder."""
    # Notebooks first, so that no number of other files can hide them.
    for name in sorted(os.listdir(folder), key=lambda name: (not name.endswith(".ipynb"), name)):
        path = prefix + name
        if any(fnmatchcase(name, pattern) for pattern in ignore):
            continue
        deep = prefix.count("/") == MAX_DEPTH
        inner = -1
        try:
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode) and not deep:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            yield path, f"it cannot be read ({error.strerror}), ask the student for it again."
            continue
        if stat.S_ISREG(mode):
            yield path, partial(read_file, name, folder)
        elif not stat.S_ISDIR(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "no file"
            yield path, f"it is {kind}, ask the student for the file itself."
        elif deep:
            yield path, f"folders may be {MAX_DEPTH} deep."
        else:
            try:
                yield path, ""
                yield from _walk(inner, f"{path}/", ignore)
            finally:
                os.close(inner)
