"""What a file is, decided by what is in it."""

import gzip
import zipfile
from pathlib import Path

import pytest

from ingestion.parsing import detection
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.types import ParseLimits, Source
from tests.ingestion.papers import PROSE, make_pdf, make_pptx, make_xlsx, make_zip, png, written


def kind(path: Path, media_type: str = "") -> str:
    return detection.media_type(Source(path, path.name, ParseLimits(), media_type))


def refusal(path: Path) -> PermanentParseError:
    with pytest.raises(PermanentParseError) as caught:
        kind(path)
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", PROSE, detection.PLAIN),
        ("noextension", PROSE, detection.PLAIN),
        ("a.md", "# x", detection.MARKDOWN),
        ("README.MD", "# x", detection.MARKDOWN),
        ("a.csv", "a,b\n1,2", detection.CSV),
        ("a.html", "<p>hello", detection.HTML),
        ("page.txt", "<!DOCTYPE html><html><body>x</body></html>", detection.HTML),
        ("page", " <!-- c -->\n<HTML lang=de><p>x", detection.HTML),
        ("readme.md", '<h1 align="center">Logo</h1>\n\nText', detection.MARKDOWN),
        ("a.txt", "Das kostet 5 €".encode("utf-16"), detection.PLAIN),
        ("a.txt", "Das kostet 5".encode("utf-16-le") * 30, detection.PLAIN),
        ("a.txt", "名前,年齢".encode("cp932"), detection.PLAIN),
        ("export.xls", "<html><table><tr><td>1</td></tr></table></html>", detection.HTML),
        ("export.xls", "a\tb\n1\t2\n", detection.CSV),
    ],
)
def test_text_is_told_apart(tmp_path: Path, name: str, content: bytes | str, expected: str) -> None:
    assert kind(written(tmp_path / name, content)) == expected


def test_the_declared_type_decides_only_where_the_name_says_nothing(tmp_path: Path) -> None:
    assert kind(written(tmp_path / "upload", "# x"), "text/markdown") == detection.MARKDOWN
    assert kind(written(tmp_path / "a.md", "# x"), "text/csv") == detection.MARKDOWN


def test_binary_formats_are_known_by_content_whatever_their_name(tmp_path: Path) -> None:
    pdf = make_pdf(tmp_path / "a.pdf", [[("x", 12)]])
    assert kind(pdf.rename(tmp_path / "report.txt")) == detection.PDF
    assert kind(make_pptx(tmp_path / "a.pptx")) == detection.PPTX
    assert kind(make_xlsx(tmp_path / "a.bin", {"s": [[1]]})) == detection.XLSX
    late = written(tmp_path / "late.pdf", b"\0" * 500 + b"%PDF-1.4\n")
    assert kind(late) == detection.PDF


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("scan.pdf", png(), "content_mismatch", "PNG image"),
        ("photo.gif", b"GIF89a" + bytes(range(256)), "unsupported_type", "GIF image"),
        ("notes.pdf", b"only text", "content_mismatch", "plain text"),
        ("notes.docx", b"only text", "content_mismatch", "a Word document"),
        ("run.txt", b"\x7fELF" + bytes(range(256)) * 4, "content_mismatch", "program"),
        ("model.pkl", b"\x80\x04\x95" + bytes(range(256)), "unsupported_type", "pickle"),
        ("x.bin", bytes(range(256)) * 4, "unsupported_type", "binary"),
        ("x.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
         "unsupported_type", "old Word"),
        ("x.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
         "content_mismatch", "old Word"),
        ("rows.csv.gz", gzip.compress(b"a,b"), "unsupported_type", "gzip"),
        ("x.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
         "encrypted", "password"),
        ("x.docx", b"PK\x03\x04 cut off", "corrupt", "damaged"),
        ("letter.rtf", b"{\\rtf1 hello}", "unsupported_type", "RTF"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_what_it_is_and_what_to_do(
    tmp_path: Path, name: str, content: bytes, code: str, said: str
) -> None:
    error = refusal(written(tmp_path / name, content))
    assert error.code == code
    assert said in error.message
    assert error.remedy


def test_one_control_character_makes_no_short_text_binary(tmp_path: Path) -> None:
    assert kind(written(tmp_path / "a.md", b"Some words.\n\n# \x08")) == detection.MARKDOWN
    assert kind(written(tmp_path / "a.txt", b"a NUL \0 here")) == detection.PLAIN


def test_old_office_files_are_told_what_to_save_as(tmp_path: Path) -> None:
    for name, stream, newer in (
        ("a.doc", "WordDocument", ".docx"),
        ("a.docx", "WordDocument", ".docx"),
        ("a.ppt", "PowerPoint Document", ".pptx"),
    ):
        content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + stream.encode("utf-16-le")
        assert f"save it as a {newer}" in refusal(written(tmp_path / name, content)).remedy


def test_a_name_without_an_extension_can_say_that_it_is_code(tmp_path: Path) -> None:
    assert kind(written(tmp_path / "Makefile", b"all:\n\tcc x.c\n")) == detection.CODE


def test_a_zip_of_other_things_is_not_an_office_file(tmp_path: Path) -> None:
    assert kind(make_zip(tmp_path / "things.zip", {"a.txt": b"x"})) == detection.ZIP
    assert "ZIP archive" in refusal(make_zip(tmp_path / "a.docx", {"a.txt": b"x"})).message
    other = {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"}
    assert "another program" in refusal(make_zip(tmp_path / "a.zip", other)).message


def test_a_zip_that_begins_with_a_pdf_is_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "papers.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(
            "first.pdf", make_pdf(tmp_path / "first.pdf", [[("Leave", 12)]]).read_bytes()
        )
    assert kind(path) == detection.ZIP
