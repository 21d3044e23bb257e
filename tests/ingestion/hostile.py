"""Files that were made to hurt: bombs, loops, lies about sizes, nesting without end. All built here."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable

XML = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha">' +
    b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(8)) + b"]>"
)  # fmt: skip


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def word(body: bytes, prolog: bytes = b"", **others: bytes) -> bytes:
    """A Word document with this body."""
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return packed(
        {
            "[Content_Types].xml": _types("/word/document.xml", main),
            "_rels/.rels": _relations("officeDocument", "word/document.xml"),
            "word/document.xml": XML + prolog + b'<w:document xmlns:w="%s"><w:body>' % WORD.encode()
            + body + b"</w:body></w:document>",
            **others,
        }
    )  # fmt: skip


def sheet(rows: bytes, strings: bytes = b"") -> bytes:
    """A spreadsheet with these rows."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml."
    types = _types("/xl/workbook.xml", kind + "sheet.main+xml").replace(
        b"</Types>",
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}worksheet+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}sharedStrings+xml"/></Types>'.encode(),
    )
    return packed(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": _relations("officeDocument", "xl/workbook.xml"),
            "xl/workbook.xml": XML + f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="r0"/></sheets></workbook>'.encode(),
            "xl/_rels/workbook.xml.rels": _relations("worksheet", "worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": XML + f'<worksheet xmlns="{SHEET}"><sheetData>'.encode()
            + rows + b"</sheetData></worksheet>",
            "xl/sharedStrings.xml": strings or XML + f'<sst xmlns="{SHEET}"/>'.encode(),
        }
    )  # fmt: skip


def _types(part: str, kind: str) -> bytes:
    return (
        XML
        + (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/><Override PartName="{part}" '
            f'ContentType="{kind}"/></Types>'
        ).encode()
    )


def _relations(kind: str, target: str) -> bytes:
    return (
        XML
        + (
            f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r0" Type="{OFFICE}/{kind}" '
            f'Target="{target}"/></Relationships>'
        ).encode()
    )


def pdf(objects: dict[int, bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, with a right cross-reference table."""
    out, offsets = bytearray(b"%PDF-1.7\n"), {}
    for number, content in objects.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start = len(out)
    last = max(objects)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (last + 1)
    for number in range(1, last + 1):
        out += b"%010d 00000 n \n" % offsets.get(number, 0)
    out += b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (last + 1, trailer, start)
    return bytes(out)


def page(
    content: bytes, *, packed_content: bytes = b"", extra: bytes = b"", **more: bytes
) -> bytes:
    """A one-page PDF with this content stream."""
    body = packed_content or content
    flate = b"/Filter/FlateDecode" if packed_content else b""
    font = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    return pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R" + more.get("catalog", b"") + b">>",
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<<%s%s>>>>"
            % (font, extra),
            4: b"<</Length %d%s>>stream\n%s\nendstream" % (len(body), flate, body),
            5: more.get("five", b"null"),
            6: more.get("six", b"null"),
        }
    )


def deflated_zeros(megabytes: int) -> bytes:
    """Blanks that unpack to this size, packed about 1,000 to 1."""
    press = zlib.compressobj(9)
    block = b" " * 2**20
    return b"".join(press.compress(block) for _ in range(megabytes)) + press.flush()


def lying_zip() -> bytes:
    """A zip whose directory declares 2 GB for a member of a few bytes."""
    data = bytearray(word(b"<w:p/>"))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 2**31 - 1)
    return bytes(data)


def nested(opening: bytes, inner: bytes, closing: bytes, times: int) -> bytes:
    """Something inside itself."""
    return opening * times + inner + closing * times


TEXT = b"BT /F1 12 Tf 50 700 Td (some words to read) Tj ET"
FILES: dict[str, Callable[[], bytes]] = {
    "truncated.pdf": lambda: page(TEXT)[:300],
    "header-only.pdf": lambda: b"%PDF-1.7\n",
    "garbage.pdf": lambda: b"%PDF-1.7\n" + bytes(range(256)) * 400,
    "kids-loop.pdf": lambda: pdf(
        {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"}
    ),
    "count-lie.pdf": lambda: page(TEXT).replace(b"/Count 1", b"/Count 2147483647"),
    "count-negative.pdf": lambda: page(TEXT).replace(b"/Count 1", b"/Count -5"),
    "previous-loop.pdf": lambda: page(TEXT).replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev 9"),
    "stream-bomb.pdf": lambda: page(b"", packed_content=deflated_zeros(700)),
    "own-form.pdf": lambda: page(
        b"/X Do " + TEXT, extra=b"/XObject<</X 5 0 R>>",
        five=b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>"
        b"/Length 5>>stream\n/X Do\nendstream",
    ),
    "outline-loop.pdf": lambda: page(
        TEXT, catalog=b"/Outlines 5 0 R", five=b"<</First 6 0 R/Last 6 0 R/Count 9>>",
        six=b"<</Title(a)/Parent 5 0 R/Next 6 0 R/First 6 0 R/Dest[3 0 R/Fit]>>",
    ),
    "labels-loop.pdf": lambda: page(
        TEXT, catalog=b"/PageLabels 5 0 R", five=b"<</Kids[5 0 R 5 0 R]>>"
    ),
    "nested-arrays.pdf": lambda: page(nested(b"[", b"1", b"]", 200_000) + b" TJ " + TEXT),
    "nested-text.pdf": lambda: page(b"q " * 500_000 + TEXT),
    "giant-page.pdf": lambda: page(TEXT).replace(b"612 792", b"99999999999 99999999999"),
    "length-lie.pdf": lambda: page(TEXT).replace(b"/Length ", b"/Length 999999"),
    "odd-filter.pdf": lambda: page(TEXT).replace(b"/Length", b"/Filter[/A85/LZW/Crypt/JBIG2Decode]/Length"),
    "odd-encryption.pdf": lambda: page(TEXT).replace(
        b"/Root", b"/Encrypt<</Filter/Nonsense/V 99/R 99/O()/U()/P 0>>/Root"
    ),
    "many-words.pdf": lambda: page(b"BT /F1 1 Tf " + b"1 0 Td (word) Tj " * 40_000 + b"ET"),
    "bomb.docx": lambda: word(b"<w:p><w:r><w:t>" + b"a" * 200_000_000 + b"</w:t></w:r></w:p>"),
    "members.docx": lambda: word(b"<w:p/>", **{f"m{n}": b"" for n in range(25_000)}),
    "laughs.docx": lambda: word(b"<w:p><w:r><w:t>&i;</w:t></w:r></w:p>", LAUGHS),
    "entity.docx": lambda: word(
        b"<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    ),
    "tables.docx": lambda: word(
        nested(b"<w:tbl><w:tr><w:tc>", b"<w:p/>", b"</w:tc></w:tr></w:tbl>", 20_000)
    ),
    "controls.docx": lambda: word(
        nested(b"<w:sdt><w:sdtContent>", b"<w:p><w:r><w:t>x</w:t></w:r></w:p>",
               b"</w:sdtContent></w:sdt>", 20_000)
    ),
    "boxes.docx": lambda: word(
        nested(b"<w:p><w:r><w:pict><w:txbxContent>", b"<w:p><w:r><w:t>x</w:t></w:r></w:p>",
               b"</w:txbxContent></w:pict></w:r></w:p>", 60)
    ),
    "no-body.docx": lambda: packed({"[Content_Types].xml": b"wordprocessingml.document.main+xml"}),
    "lies.docx": lying_zip,
    "traversal.docx": lambda: word(b"<w:p/>", **{"../../../../etc/evil": b"x", "/abs": b"y"}),
    "twice.docx": lambda: word(b"<w:p/>") + word(b"<w:p/>"),
    "cut.docx": lambda: word(b"<w:p/>")[:-100],
    "far.xlsx": lambda: sheet(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
    "huge-row-number.xlsx": lambda: sheet(b'<row r="99999999"><c r="A99999999"><v>1</v></c></row>'),
    "strings.xlsx": lambda: sheet(
        b'<row r="1"><c r="A1" t="s"><v>999999999</v></c></row>', XML + LAUGHS + b"<sst>&i;</sst>"
    ),
    "cells.xlsx": lambda: sheet(b"<row>" + b"<c><v>1</v></c>" * 1_500_000 + b"</row>"),
    "nested.zip": lambda: packed({"a.zip": packed({"b.zip": packed({"c": b"x" * 10**7})})}),
    "deep.html": lambda: b"<html><body>" + b"<div>" * 500_000 + b"deep",
    "tables.html": lambda: b"<html><body>" + b"<table><tr><td>" * 20_000 + b"x",
    "lists.html": lambda: b"<html><body>" + b"<ul><li>" * 20_000 + b"x",
    "spans.html": lambda: b"<html><table>" + b"<tr><td colspan=1000000000>x<td>y" * 5_000,
    "attribute.html": lambda: b"<html><body><p class='" + b"a" * 9_000_000 + b"'>x",
    "laughs.html": lambda: LAUGHS + b"<html><body>&i;&i;&i;",
    "unclosed.html": lambda: b"<html><script>" + b"<!--" * 1_000_000,
    "links.html": lambda: b"<html><body>" + b"<a href=x>y</a>" * 50_000,
    "token.txt": lambda: b"x" * 5_000_000,
    "zeros.txt": lambda: bytes(1_000_000),
    "surrogates.txt": lambda: b"\xed\xa0\x80\xed\xb0\x80 word " * 1_000,
    "tower.txt": lambda: ("a" + "\u0316\u0301" * 2_000_000).encode(),
    "lines.txt": lambda: b"\n" * 20_000_000,
    "odd.txt": lambda: b"\xff\xfea\x00b",
    "brackets.md": lambda: b"[" * 100_000 + b"](" * 100_000,
    "quotes.md": lambda: b">" * 100_000 + b"x",
    "lists.md": lambda: b"\n".join(b" " * n + b"- a" for n in range(1_500)),
    "columns.csv": lambda: b"," * 2_000_000,
    "quote.csv": lambda: b'a,"' + b"b,\n" * 300_000,
    "deep.json": lambda: nested(b"[", b"1", b"]", 500_000),
    "deep-objects.json": lambda: nested(b'{"a":', b"1", b"}", 900),
    "integer.json": lambda: b"[" + b"9" * 2_000_000 + b"]",
    "broken.jsonl": lambda: b'{"a": 1}\n{"b": \n' * 10_000,
    "list.ipynb": lambda: b"[1, 2, 3]",
    "cells.ipynb": lambda: json.dumps({"cells": [1, None, {"cell_type": []}], "metadata": []}).encode(),
    "parts.eml": lambda: b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2_000)
    ),
    "headers.eml": lambda: b"From: =?x?q?" + b"\xff" * 1_000 + b"?=\nDate: yesterday\nTo: " + b"<" * 50_000 + b"\n\nhi",
    "no-container.epub": lambda: packed({"mimetype": b"application/epub+zip"}, zipfile.ZIP_STORED),
    "spine.epub": lambda: packed(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": b"<c><rootfile full-path='../../x.opf'/></c>",
        },
        zipfile.ZIP_STORED,
    ),
    "cut.xls": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "Workbook".encode("utf-16-le"),
    "model.pkl": lambda: b"\x80\x04\x95" + bytes(200) + b"cos\nsystem\n(S'true'\ntR.",
    "old-pickle.txt": lambda: b"cos\nsystem\n(S'true'\ntR.",
}  # fmt: skip
