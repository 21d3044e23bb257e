"""The handbook that the demo is filled with: its files are those of its sources, and the product reads all of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from ingestion.parsing.sandbox import parse
from ingestion.parsing.types import Parsed, ParseLimits

ROOT = Path(__file__).parents[2]
HANDBOOK = ROOT / "docs" / "handbook"
CHAPTERS = sorted(HANDBOOK.iterdir())


def read(path: Path) -> Parsed:
    return parse(path, filename=path.name, media_type=None, limits=ParseLimits())


@pytest.fixture(scope="module")
def made_anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handbook")
    script = ROOT / "docs" / "handbook-source" / "make.py"
    subprocess.run([sys.executable, script, folder], check=True, capture_output=True)
    return folder


def test_it_shows_every_format_that_newcomers_will_upload() -> None:
    assert {path.suffix for path in CHAPTERS} == {".md", ".html", ".docx", ".pdf"}
    assert 8 <= len(CHAPTERS) <= 12


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_every_chapter_can_be_read_with_its_title_and_headings(path: Path) -> None:
    parsed = read(path)
    assert parsed.title
    assert sum(block.kind == "heading" for block in parsed.blocks) >= 3
    assert not parsed.warnings


@pytest.mark.parametrize("path", [p for p in CHAPTERS if p.suffix == ".pdf"], ids=lambda p: p.name)
def test_pdf_chapters_have_several_pages(path: Path) -> None:
    assert len(read(path).pages) >= 2


@pytest.mark.parametrize("path", [p for p in CHAPTERS if p.suffix != ".md"], ids=lambda p: p.name)
def test_a_chapter_says_what_its_source_says(path: Path, made_anew: Path) -> None:
    assert read(made_anew / path.name).text == read(path).text, "run docs/handbook-source/make.py"
