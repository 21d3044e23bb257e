"""Every file of the shared data ends in the right state, and its words are found."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.parsing import sandbox
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.sandbox import Ocr
from ingestion.parsing.types import Parsed, ParseLimits
from tests.ingestion.papers import shared
from tests.ingestion.test_ocr import installed

REFUSED = {
    "libreoffice-writer-password.pdf": "encrypted",
    "cmyk-image.pdf": "needs_ocr",
    "grayscale-image.pdf": "needs_ocr",
    "imagemagick-ASCII85Decode.pdf": "needs_ocr",
    "imagemagick-CCITTFaxDecode.pdf": "needs_ocr",
    "imagemagick-lzw.pdf": "needs_ocr",
    "MEDRPT-2024-PAT-3847_medical_report_scan.pdf": "needs_ocr",
    "random.bin": "unsupported_type",
}


@pytest.fixture(scope="module", autouse=True)
def _own_processes() -> Iterator[None]:
    yield
    sandbox.close_all()


def outcome(path: Path, password: str | None = None, ocr: Ocr | None = None) -> Parsed | str:
    try:
        return sandbox.parse(
            path,
            filename=path.name,
            media_type=None,
            limits=ParseLimits(),
            password=password,
            ocr=ocr,
        )
    except PermanentParseError as error:
        return error.code


@pytest.mark.parametrize("folder", ["pdf", "office"])
def test_every_file_is_read_or_refused_for_the_right_reason(folder: str) -> None:
    files = sorted(
        p for p in shared(folder).iterdir() if p.is_file() and p.suffix and p.name != "files.json"
    )
    found = {path.name: outcome(path) for path in files}
    refused = {name: code for name, code in found.items() if isinstance(code, str)}
    assert refused == {name: code for name, code in REFUSED.items() if name in found}
    for name, document in found.items():
        if isinstance(document, Parsed):
            assert document.text.strip() or document.enclosed, name
            assert document.title, name


@installed
def test_with_tesseract_scans_are_read_and_pictures_without_text_say_so() -> None:
    scans = [name for name, code in REFUSED.items() if code == "needs_ocr"]
    paths = [path for path in shared().rglob("*.pdf") if path.name in scans]
    found = {path.name: outcome(path, ocr=Ocr()) for path in paths}
    report = found.pop("MEDRPT-2024-PAT-3847_medical_report_scan.pdf")
    assert isinstance(report, Parsed)
    assert "Hypertension" in report.text
    assert set(found.values()) == {"no_text"}


def test_pages_are_counted_as_the_list_says() -> None:
    rows = json.loads(shared("pdf", "files.json").read_text())["data"]
    pages = {Path(row["path"]).name: row["pages"] for row in rows}
    for path in sorted(shared("pdf").glob("*.pdf")):
        document = outcome(path)
        if isinstance(document, Parsed) and path.name in pages:
            assert len(document.pages) == pages[path.name], path.name


def test_a_locked_file_opens_with_the_password_that_is_known() -> None:
    document = outcome(shared("pdf", "libreoffice-writer-password.pdf"), "openpassword")
    assert isinstance(document, Parsed)


def test_the_words_of_the_expected_texts_are_found() -> None:
    for expected in sorted(shared("office", "expected").glob("*.md")):
        wanted = _words(expected.read_text())
        document = outcome(shared("office", f"{expected.stem}.pdf"))
        if wanted and isinstance(document, Parsed):
            have = _words(document.text)
            assert len(wanted & have) >= 0.95 * len(wanted), (
                expected.name,
                sorted(wanted - have)[:20],
            )


def _words(text: str) -> set[str]:
    # The expected texts keep words broken at line ends.
    text = re.sub(r"(?<=\w)-\s+(?=[a-z])", "", text)
    return {word.lower() for word in re.findall(r"[^\W_]{2,}", text)}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("test.docx", "49e168b7-d2ae-407f-a055-2167576f39a1"),
        ("test.pptx", "1b92870d-e3b5-4e65-8153-919f4ff45592"),
        ("test.xlsx", "affc7dad-52dc-4b98-9b5d-51e65d8a8ad0"),
        ("test.xls", "affc7dad-52dc-4b98-9b5d-51e65d8a8ad0"),
        ("test_mskanji.csv", "髙橋淳"),
        ("test_blog.html", "Experiment Setup"),
        ("test_wikipedia.html", "Microsoft entered the operating system (OS) business in 1980"),
        ("test.epub", "This is a blockquote for testing."),
        ("test_notebook.ipynb", 'print("markitdown")'),
    ],
)
def test_known_passages_of_office_files_are_found(name: str, sentence: str) -> None:
    document = outcome(shared("office", name))
    assert isinstance(document, Parsed)
    assert sentence in document.text
