"""No word is misspelt in one of the ways that codespell knows. Its settings are in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = [*ROOT.glob("*.md"), *(ROOT / name for name in ("book", "genlab", "solutions", "exercises", "tests"))]


def misspelt(*paths: Path) -> str:
    run = [sys.executable, "-m", "codespell_lib", *paths]
    return subprocess.run(run, cwd=ROOT, capture_output=True, text=True).stdout


def test_no_word_is_misspelt():
    assert misspelt(*TEXTS) == ""


@pytest.mark.parametrize("name", ["page.md", "page.ipynb", "code.py"])
def test_a_misspelt_word_is_found(tmp_path, name):
    wrong = "wi" + "ht"
    (tmp_path / name).write_text(f'"a colour {wrong} a centre"\n')
    assert f"{wrong} ==> with" in misspelt(tmp_path)
