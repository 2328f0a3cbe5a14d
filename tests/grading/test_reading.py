"""Whatever students hand in is read, or refused with what to ask of them."""

import json
import os
import random
import socket

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.coursedir import CourseDirectory

from genlab.grading import reading
from genlab.grading.reading import Unreadable, read_folder, read_notebook


def test_files_are_read_by_their_path(tmp_path):
    for name in ("a.ipynb", "data/deep/x.csv", "-rf", "zoë 数.txt", "new\nline", ".hidden", "empty"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    odd = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(odd, "wb") as file:
        file.write(b"odd")
    files, notes = read_folder(tmp_path)
    assert notes == []
    assert files.pop("caf\udce9.txt") == b"odd"
    assert files == {name: name.encode() for name in files}
    assert {"data/deep/x.csv", "-rf", "new\nline", "zoë 数.txt"} < set(files)


def test_no_link_is_followed_and_nothing_but_files_is_opened(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.csv").symlink_to(tmp_path / "secret" / "key")
    (folder / "linked folder").symlink_to(tmp_path / "secret")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)  # a socket's path must be short
        server.bind("socket")
        os.chdir(here)
    (folder / "own.csv").write_text("1")
    files, notes = read_folder(folder)
    assert files == {"own.csv": b"1"}
    assert len(notes) == 5
    assert all(any(repr(name) in note for note in notes) for name in os.listdir(folder) if name != "own.csv")


def test_a_folder_that_is_a_link_or_none_is_unreadable(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")
    for name in ("link", "file", "missing"):
        with pytest.raises(Unreadable, match=name):
            read_folder(tmp_path / name)


def test_what_nbgrader_ignores_is_passed_over(tmp_path):
    for name in (".ipynb_checkpoints/a.ipynb", "feedback/a.html", "__pycache__/a.pyc", "b.pyc", "kept/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert read_folder(tmp_path, CourseDirectory().ignore) == ({"kept/c.py": b""}, [])


def test_a_folder_has_limits_and_a_notebook_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    monkeypatch.setattr(reading, "MAX_ENTRIES", 10)
    monkeypatch.setattr(reading, "MAX_DEPTH", 2)
    (tmp_path / "z.ipynb").write_bytes(b"{}")
    (tmp_path / "large").write_bytes(bytes(99))
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(2**40)
    (tmp_path / "1/2/3/4").mkdir(parents=True)
    (tmp_path / "1/2/in reach").write_bytes(b"")
    (tmp_path / "1/2/3/4/too deep").write_bytes(b"")
    files, notes = read_folder(tmp_path)
    assert list(files) == ["z.ipynb", "1/2/in reach"]
    assert [word in " ".join(notes) for word in ("'large'", "'sparse'", "'1/2/3'")] == [True] * 3
    for n in range(20):
        (tmp_path / f"0{n}").write_bytes(b"")
    files, notes = read_folder(tmp_path)
    assert len(files) == 10
    assert notes == ["Only the first 10 files and folders were read: ask the student for fewer."]


OLD = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"metadata": {}, "cells": []}]}
OLD["worksheets"][0]["cells"] = [
    {"cell_type": "code", "language": "python", "input": ["x = 1"], "outputs": [], "metadata": {}}
]


def with_cells(*cells, **top):
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | top)


@pytest.mark.parametrize(
    ("content", "sources"),
    {
        "honest": (with_cells({"cell_type": "code", "source": "x = 1"}), ["x = 1"]),
        "source as list": (with_cells({"cell_type": "code", "source": ["a\n", "b"]}), ["a\nb"]),
        "source of another type": (with_cells({"cell_type": "code", "source": {"a": [1]}}), [""]),
        "parts of other types": (with_cells({"cell_type": "code", "source": ["a", 1, None]}), ["a"]),
        "no source, no metadata": (with_cells({"cell_type": "markdown"}), [""]),
        "unknown type": (with_cells({"cell_type": "sql", "source": "s"}), ["s"]),
        "type of another type": (with_cells({"cell_type": ["code"], "source": "s"}), ["s"]),
        "no cell at all": (with_cells(), []),
        "cells that are none": (with_cells(1, None, "x", []), []),
        "metadata a list": (with_cells({"cell_type": "code", "metadata": [], "source": "s"}), ["s"]),
        "nbgrader a list": (with_cells({"metadata": {"nbgrader": [1]}, "source": "s"}), ["s"]),
        "grade_id a number": (with_cells({"metadata": {"nbgrader": {"grade_id": 1}}, "source": "s"}), ["s"]),
        "outputs of any shape": (with_cells({"cell_type": "code", "outputs": 7, "source": "s"}), ["s"]),
        "attachments of any shape": (
            with_cells({"cell_type": "markdown", "attachments": {"a": 1, "b": {"c": 2}}, "source": "s"}),
            ["s"],
        ),
        "one id twice": (with_cells(*[{"cell_type": "code", "id": "a", "source": "s"}] * 2), ["s", "s"]),
        "ids that are none": (with_cells({"cell_type": "code", "id": [{}], "source": "s"}), ["s"]),
        "of the future": (with_cells({"cell_type": "code", "source": "s"}, nbformat_minor=99), ["s"]),
        "of a far future": (with_cells({"cell_type": "code", "source": "s"}, nbformat=17), ["s"]),
        "version a string": (with_cells({"cell_type": "code", "source": "s"}, nbformat="4"), ["s"]),
        "metadata missing": (with_cells({"cell_type": "code", "source": "s"}, metadata=None), ["s"]),
        "not a number": (
            with_cells({"source": "s", "metadata": {"nbgrader": {"points": float("nan")}}}),
            ["s"],
        ),
        "lone surrogate": (with_cells({"cell_type": "code", "source": "a\ud800b"}), ["a?b"]),
        "byte order mark": ("\ufeff" + with_cells({"cell_type": "code", "source": "s"}), ["s"]),
        "format 3": (json.dumps(OLD), ["x = 1"]),
    }.values(),
)
def test_what_can_be_repaired_is(content, sources):
    notebook = read_notebook(content.encode())
    nbformat.validate(notebook)
    assert [c.source for c in notebook.cells] == sources
    nbformat.writes(notebook).encode()  # what nbgrader does with it


@pytest.mark.parametrize(
    "content",
    {
        "empty": b"",
        "blank": b" \n",
        "not JSON": b"not a notebook",
        "truncated": with_cells({"cell_type": "code", "source": "x = 1"}).encode()[:60],
        "not UTF-8": b'{"cells": [], "metadata": {"name": "\xe9"}}',
        "binary": bytes(range(256)) * 4,
        "an archive": b"PK\x03\x04" + bytes(100),
        "nested too deeply": b"[" * 100_000 + b"]" * 100_000,
        "nested too deeply in metadata": b'{"cells": [], "metadata": '
        + b'{"a":' * 99_999
        + b"1"
        + b"}" * 100_000,
        "a list": b"[]",
        "a string": b'"notebook"',
        "null": b"null",
        "no cells": b"{}",
        "cells an object": with_cells(cells={"0": {}}).encode(),
        "format 3, malformed": json.dumps(OLD | {"worksheets": [{"cells": 3}]}).encode(),
        "a number of too many digits": b'{"cells": [], "metadata": ' + b"9" * 10_000 + b"}",
        "too large": b" " * (reading.MAX_NOTEBOOK + 1),
        "too many cells": with_cells(*[{}] * (reading.MAX_CELLS + 1)).encode(),
    }.values(),
)
def test_what_cannot_be_read_says_what_to_ask_for(content):
    with pytest.raises(Unreadable, match="ask the student"):
        read_notebook(content)


def test_random_damage_never_does_worse_than_unreadable():
    content = nbformat.writes(new_notebook(cells=[new_code_cell("x = 1\n") for _ in range(9)])).encode()
    rng = random.Random(0)
    read = 0
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            start = rng.randrange(len(damaged))
            damaged[start : start + rng.choice([0, 1, 30])] = bytes(rng.choices(b'{}[],:"0a\xff', k=1))
        try:
            notebook = read_notebook(bytes(damaged))
        except Unreadable:
            continue
        nbformat.validate(notebook)
        read += 1
    assert 30 < read < 300
