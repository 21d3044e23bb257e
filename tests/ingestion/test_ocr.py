"""Scans and images are read by Tesseract where it is installed, and fail with what to do where it is not."""

import io
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from pytest_django import Settings
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingestion.parsing import sandbox
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.sandbox import Ocr
from ingestion.parsing.types import Parsed, ParseLimits
from tests.ingestion.papers import page_text, shared, written
from tests.ingestion.workshop import Workshop

installed = pytest.mark.skipif(
    not shutil.which("tesseract"),
    reason="Tesseract is not installed here: apt-get install tesseract-ocr",
)
ABSENT = Ocr(command="no-such-tesseract")


def picture(*lines: str) -> Image.Image:
    """White paper with these lines on it."""
    paper = Image.new("L", (1400, 1866), 255)
    drawn, font = ImageDraw.Draw(paper), ImageFont.load_default(size=44)
    for number, line in enumerate(lines):
        drawn.text((90, 100 + 90 * number), line, font=font, fill=0)
    return paper


def image(kind: str, *pages: Image.Image) -> bytes:
    out = io.BytesIO()
    more = {"save_all": True, "append_images": list(pages[1:])} if len(pages) > 1 else {}
    pages[0].save(out, kind, **more)
    return out.getvalue()


def scanned_pdf(*pages: str | Image.Image) -> bytes:
    """A page of text for each text, a picture filling the page for each picture."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(600, 800))
    for page in pages:
        if isinstance(page, str):
            canvas.drawString(60, 700, page)
        else:
            canvas.drawImage(ImageReader(page), 0, 0, 600, 800)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def read(path: Path, ocr: Ocr | None, **limits: float) -> Parsed:
    asked = replace(ParseLimits(), **limits)  # type: ignore[arg-type]
    return sandbox.parse(path, filename=path.name, media_type=None, limits=asked, ocr=ocr)


def refused(path: Path, ocr: Ocr | None, **limits: float) -> PermanentParseError:
    with pytest.raises(PermanentParseError) as caught:
        read(path, ocr, **limits)
    return caught.value


def program(folder: Path, script: str) -> Ocr:
    """Something else in Tesseract's place."""
    path = written(folder / "tesseract-stand-in", f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Ocr(command=str(path))


# --- where it is not installed --------------------------------------------------------------------


@pytest.mark.parametrize("ocr", [None, ABSENT])
@pytest.mark.parametrize("name", ["scan.pdf", "photo.png", "photo.jpg", "fax.tiff"])
def test_without_tesseract_a_scan_fails_and_says_how_to_get_it(
    name: str, ocr: Ocr | None, tmp_path: Path
) -> None:
    paper = picture("Invoice 4711")
    kind = {"png": "PNG", "jpg": "JPEG", "tiff": "TIFF"}.get(name.rpartition(".")[2])
    path = written(tmp_path / name, image(kind, paper) if kind else scanned_pdf(paper))
    error = refused(path, ocr)
    assert error.code == "needs_ocr"
    assert "apt-get install tesseract-ocr" in error.remedy


def test_a_document_says_so_when_its_operator_has_no_tesseract(
    workshop: Workshop, settings: Settings
) -> None:
    settings.OCR_COMMAND = "no"
    document = workshop.ingest("photo.png", image("PNG", picture("Invoice")))
    assert (document.state, document.reason_code) == ("failed", "needs_ocr")
    assert "Tesseract" in document.remedy


def test_without_tesseract_the_pages_with_text_are_read_and_the_others_named(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "a.pdf", scanned_pdf("The first page.", picture("The second")))
    document = read(path, ABSENT)
    assert "The first page." in document.text
    assert "No text on page 2" in document.warnings[0]


# --- its limits -----------------------------------------------------------------------------------


def test_a_page_that_takes_too_long_ends_the_file_and_the_program(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.pdf", scanned_pdf(picture("x")))
    stuck = program(tmp_path, f'echo $$ > "{tmp_path}/pid"; exec sleep 60')
    started = time.monotonic()
    assert refused(path, stuck, ocr_page_seconds=0.5).code == "limit_time"
    assert time.monotonic() - started < 20
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists() or "sleep" not in Path(f"/proc/{pid}/comm").read_text()
    assert read(written(tmp_path / "a.txt", "Still alive."), None).text == "Still alive."


def test_the_time_that_ocr_takes_is_not_the_parsers_but_has_an_end(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.pdf", scanned_pdf(*[picture("x")] * 4))
    slow = program(tmp_path, 'sleep 0.8; printf "level\\n" > "$2.tsv"')
    assert refused(path, slow, wall_seconds=2.5, ocr_seconds=30.0).code == "no_text"
    assert refused(path, slow, wall_seconds=1.0, ocr_seconds=0.1).code == "limit_time"


def test_a_file_of_too_many_scans_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.pdf", scanned_pdf(*[picture("x")] * 3))
    quick = program(tmp_path, 'printf "level\\n" > "$2.tsv"')
    error = refused(path, quick, ocr_pages=2)
    assert (error.code, "More than 2 pages" in error.message) == ("limit_time", True)


def test_tesseract_has_a_limit_on_memory_and_no_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    sandbox.close_all()
    path = written(tmp_path / "scan.pdf", scanned_pdf(picture("x")))
    asking = program(
        tmp_path, f'{{ ulimit -v; env; }} > "{tmp_path}/told"; printf "level\\n" > "$2.tsv"'
    )
    refused(path, asking, ocr_memory_bytes=512 * 2**20)
    told = (tmp_path / "told").read_text()
    assert told.splitlines()[0] == str(512 * 1024)
    assert "sk-secret" not in told


# --- where it is ----------------------------------------------------------------------------------


@installed
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_an_image_is_a_document(kind: str, workshop: Workshop) -> None:
    content = image(kind, picture("Invoice 4711", "Payable within thirty days"))
    document = workshop.ingest(f"invoice.{kind.lower()}", content)
    assert (document.state, document.pages) == ("ready", 1)
    assert "Payable within thirty days" in "\n".join(workshop.current_texts(document))


@installed
def test_a_tiff_has_a_page_for_each_picture(tmp_path: Path) -> None:
    fax = image("TIFF", picture("The first sheet"), picture("The second sheet"))
    document = read(written(tmp_path / "fax.tiff", fax), Ocr())
    assert [page_text(document, n).strip() for n in (1, 2)] == [
        "The first sheet",
        "The second sheet",
    ]


@installed
def test_only_the_scanned_pages_of_a_pdf_are_read_by_ocr(tmp_path: Path) -> None:
    typed = "Typed words stay as they are: rnm lI1 O0."
    path = written(tmp_path / "a.pdf", scanned_pdf(typed, picture("A scanned page"), typed))
    document = read(path, Ocr())
    assert page_text(document, 1).strip() == page_text(document, 3).strip() == typed
    assert page_text(document, 2).strip() == "A scanned page"
    assert not document.warnings


@installed
def test_a_language_that_is_not_installed_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", image("PNG", picture("x")))
    error = refused(path, Ocr(languages="xyz"))
    assert error.code == "needs_ocr"
    assert "'xyz'" in error.message
    assert "/usr" not in error.message


@installed
def test_the_scan_of_a_report_is_read_with_its_tables() -> None:
    path = shared("office", "MEDRPT-2024-PAT-3847_medical_report_scan.pdf")
    document = read(path, Ocr())
    assert len(document.pages) == 3
    assert "| Heart Rate | 78 bpm | 60-100 bpm | NORMAL |" in document.text
