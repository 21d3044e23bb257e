"""Plain text, Markdown, HTML, JSON, notebooks, e-books, e-mails and source code."""

import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from ingestion.parsing.decoding import decode
from ingestion.parsing.errors import PermanentParseError
from tests.ingestion.papers import (
    PROSE,
    json_lines,
    make_zip,
    page_text,
    parsed,
    text_of,
    texts,
    written,
)

GERMAN = "Die Verträge müssen bis März geprüft und für gültig erklärt werden, sagt das Büro."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "utf-32-le"),
        (GERMAN, "cp1252"),
        ("naïve café – “quoted” résumé costs 5 €", "cp1252"),
        ("Привет, как дела? Сегодня хорошая погода.", "cp1251"),
        ("Привет, как дела? Сегодня хорошая погода.", "koi8_r"),
        ("Η άμυνα των Καρολίνα παρέδωσε μόνο 308 πόντους", "iso8859_7"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy", "cp1250"),
        ("東京都の天気は晴れです。明日は雨が降るでしょう。", "cp932"),
        ("東京都の天気は晴れです。", "euc_jp"),
        ("今天天气很好，我们去公园散步吧。", "gb18030"),
        ("今天天氣很好，我們去公園散步吧。", "big5"),
        ("오늘 날씨가 좋습니다. 공원에 갑시다.", "euc_kr"),
        ("すべての人間は、生まれながらにして自由である。", "iso2022_jp"),
        (
            "Les élèves français étaient déjà là, près de la forêt où coulait un ruisseau.",
            "latin_1",
        ),
        ("Les élèves français étaient déjà là, près de la forêt où coulait un ruisseau.", "cp850"),
        ("El niño pequeño comió una manzana, ¿qué pasó mañana?", "cp1252"),
        ("Perché la città è così? È più bella.", "cp1252"),
        ("Rødgrød med fløde på en ø, æble.", "cp1252"),
        ("Bütün insanlar özgür, onur ve haklar bakımından eşit doğarlar.", "cp1254"),
        ("Minden emberi lény szabadon születik, egyenlő méltósága és ősi, hű joga van.", "cp1250"),
        ("Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis.", "cp1257"),
        ("Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια.", "cp1253"),
        ("כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.", "cp1255"),
        ("يولد جميع الناس أحراراً ومتساوين في الكرامة والحقوق.", "cp1256"),
    ],
)
def test_any_encoding_is_read(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding))[0] == text


def test_a_declared_encoding_is_believed_where_utf8_fails() -> None:
    assert decode("größer".encode("cp1252"), "iso-8859-1")[0] == "größer"
    assert decode("größer".encode(), "iso-8859-1")[0] == "größer"


def test_utf8_with_a_few_damaged_bytes_stays_utf8() -> None:
    data = bytearray(GERMAN.encode() * 5)
    data[40] = 0xFF
    text, encoding = decode(bytes(data))
    assert encoding == "utf-8"
    assert text.count("\ufffd") == 1
    assert "müssen bis März geprüft" in text


def test_a_character_cut_off_at_the_end_is_not_a_reason_to_guess() -> None:
    assert decode("für für für ü".encode()[:-1]) == ("für für für ", "utf-8")


def test_plain_text_has_paragraphs_and_lists(tmp_path: Path) -> None:
    document = parsed(written(tmp_path / "a.txt", f"{PROSE}\n\n- one\n- two\n\n\n\nEnd."))
    assert [b.kind for b in document.blocks] == ["paragraph", "list", "paragraph"]
    assert document.title == "a"


def test_form_feeds_are_pages(tmp_path: Path) -> None:
    document = parsed(written(tmp_path / "a.txt", "one\fthree words here\f"))
    assert page_text(document, 2) == "three words here"


def test_nul_and_other_dirt_is_cleaned_out(tmp_path: Path) -> None:
    document = parsed(written(tmp_path / "a.txt", "a\0b\x07c \u202eevil\n" + PROSE))
    assert document.text.startswith("abc evil")


def test_markdown_keeps_structure_and_front_matter(tmp_path: Path) -> None:
    source = (
        "---\ntitle: Guide\ntags: [a, b]\nauthors:\n  - Ann\n---\n# The **Guide**\n\nSee [here](x.md) and "
        "[web](https://example.org).\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "```python\nx = 1\n\n\ny = 2\n```\n\n> quoted\n\nSub\n---\n\n<div>html *text*</div>\n"
    )
    document = parsed(written(tmp_path / "a.md", source))
    assert document.title == "Guide"
    assert document.metadata["tags"] == ["a", "b"]
    assert document.metadata["authors"] == ["Ann"]
    assert [b.kind for b in document.blocks] == [
        "heading", "paragraph", "list", "table", "code", "quote", "heading", "paragraph"
    ]  # fmt: skip
    assert texts(document)[:2] == ["The Guide", "See here and [web](https://example.org)."]
    assert [b.level for b in document.blocks if b.kind == "heading"] == [1, 2]


def test_a_web_page_gives_its_content_and_not_its_navigation(tmp_path: Path) -> None:
    page = f"""<!doctype html><html lang=en><head><title>Pumps | Acme</title>
    <meta name=author content=Ann><script>var x = "tracking";</script></head><body>
    <nav><a href=/>Home</a> <a href=/shop>Shop</a></nav>
    <main><h1>Pumps</h1><p>{PROSE}</p><h2>Prices</h2><p>{PROSE}</p>
    <table><tr><th>Part</th><th>Price</th></tr><tr><td>Bolt<br>M8</td><td>2</td></tr></table>
    <ul><li>one<ul><li>nested</li></ul></li><li>two</li></ul><pre>x  =  1</pre></main>
    <footer><nav>Imprint</nav></footer></body></html>"""
    document = parsed(written(tmp_path / "a.html", page))
    assert document.title == "Pumps | Acme"
    assert document.metadata == {"author": "Ann", "language": "en"}
    assert [(text_of(document, b), b.level) for b in document.blocks if b.kind == "heading"] == [
        ("Pumps", 1),
        ("Prices", 2),
    ]
    assert texts(document, "list") == ["- one\n  - nested\n- two"]
    assert texts(document, "table") == ["| Part | Price |\n| --- | --- |\n| Bolt; M8 | 2 |"]
    assert texts(document, "code") == ["x  =  1"]
    for noise in ("tracking", "Shop", "Imprint"):
        assert noise not in document.text


def test_a_line_break_and_the_spaces_at_the_ends_of_markup_part_words(tmp_path: Path) -> None:
    page = f"""<html><body><main><p>Mill Lane 5<br>12345 Town<br/><b>Open</b><i> daily</i> from 9</p>
    <p>{PROSE}</p></main></body></html>"""
    document = parsed(written(tmp_path / "a.html", page))
    assert texts(document)[0] == "Mill Lane 5\n12345 Town\nOpen daily from 9"


def test_a_cell_that_spans_rows_stands_in_each_of_them(tmp_path: Path) -> None:
    page = f"""<html><body><main><p>{PROSE}</p><table>
    <tr><th>Part</th><th colspan=2>Interval</th></tr>
    <tr><td rowspan=2>Filter</td><td>1 year</td><td>damp</td></tr>
    <tr><td>2 years</td><td>dry</td></tr>
    <tr><td rowspan={"9" * 5000}>Oil</td><td colspan="²">6 weeks</td><td></td></tr>
    </table></main></body></html>"""
    assert texts(parsed(written(tmp_path / "a.html", page)), "table") == [
        "| Part | Interval |  |\n| --- | --- | --- |\n| Filter | 1 year | damp |\n"
        "| Filter | 2 years | dry |\n| Oil | 6 weeks |  |"
    ]


def test_a_page_that_looks_like_nothing_but_navigation_is_kept_whole(tmp_path: Path) -> None:
    page = (
        "<html><body><div>"
        + "".join(f"<span>Cell {n}</span> " for n in range(30))
        + "</div></body></html>"
    )
    assert "Cell 29" in parsed(written(tmp_path / "a.html", page)).text


def test_a_page_in_an_old_encoding_is_read_by_its_own_declaration(tmp_path: Path) -> None:
    page = f"<html><head><meta charset=iso-8859-1></head><body><p>{GERMAN}</p></body></html>"
    assert GERMAN in parsed(written(tmp_path / "a.html", page.encode("iso-8859-1"))).text


def test_entities_of_a_page_are_not_fetched_or_expanded(tmp_path: Path) -> None:
    page = (
        '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body><p>a &x; b '
        + PROSE
        + "</p></body></html>"
    )
    assert "root:" not in parsed(written(tmp_path / "a.html", page)).text


def test_deep_nesting_ends_in_text(tmp_path: Path) -> None:
    page = "<html><body>" + "<div>" * 5000 + "<b>" * 5000 + "deep text"
    assert "deep text" in parsed(written(tmp_path / "a.html", page)).text


def test_json_records_are_headed_by_their_names(tmp_path: Path) -> None:
    rows = [{"id": "a1", "price": 2.5, "tags": ["x", "y"], "body": PROSE * 2}, {"n": 10**30}]
    document = parsed(written(tmp_path / "parts.json", json.dumps(rows)))
    assert texts(document, "heading") == ["a1", "Record 2"]
    assert "price: 2.5\ntags.1: x\ntags.2: y" in document.text
    assert PROSE in document.text
    assert f"n: {10**30}" in document.text
    assert document.title == "parts"


def test_json_objects_are_divided_by_their_members(tmp_path: Path) -> None:
    document = parsed(
        written(tmp_path / "a.json", '{"version": 2, "servers": [{"name": "one", "port": 1}]}')
    )
    assert texts(document) == ["version: 2", "servers", "one", "name: one\nport: 1"]


def test_json_that_is_none_says_where(tmp_path: Path) -> None:
    with pytest.raises(PermanentParseError, match="line 1 column 7"):
        parsed(written(tmp_path / "a.json", '{"a": }'))


def test_a_broken_line_of_jsonl_is_kept_as_text(tmp_path: Path) -> None:
    document = parsed(written(tmp_path / "a.jsonl", json_lines({"title": "T"}) + '{"broken"\n'))
    assert '{"broken"' in document.text
    assert any("Line 2" in warning for warning in document.warnings)


def test_a_notebook_shows_prose_code_and_output(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Study\n", "Some prose."]},
        {"cell_type": "code", "source": "x = 1", "outputs": [
            {"output_type": "stream", "text": ["done\n"]},
            {"output_type": "display_data", "data": {"text/plain": "<Figure>", "image/png": "AAAA"}},
            {"output_type": "error", "ename": "ValueError", "evalue": "bad"},
        ]},
    ]  # fmt: skip
    document = parsed(written(tmp_path / "a.ipynb", json.dumps({"cells": cells, "metadata": {}})))
    assert texts(document) == [
        "Study",
        "Some prose.",
        "x = 1",
        "done",
        "<Figure>",
        "ValueError: bad",
    ]
    assert document.title == "Study"


def test_an_ebook_has_its_chapters_in_the_order_of_the_spine(tmp_path: Path) -> None:
    opf = (
        '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Book</dc:title>'
        "<dc:creator>Ann</dc:creator></metadata><manifest>"
        '<item id="a" href="text/a%20b.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="b" href="text/b.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="b"/><itemref idref="a"/><itemref idref="none"/></spine></package>'
    )
    chapter = '<?xml version="1.0" encoding="utf-8"?><html><body><h1>{0}</h1><p>Text of {0}.</p></body></html>'
    path = make_zip(
        tmp_path / "a.epub",
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": b'<container><rootfile full-path="OPS/book.opf"/></container>',
            "OPS/book.opf": opf.encode(),
            "OPS/text/a b.xhtml": chapter.format("Last").encode(),
            "OPS/text/b.xhtml": chapter.format("First").encode(),
        },
    )
    document = parsed(path)
    assert texts(document) == ["First", "Text of First.", "Last", "Text of Last."]
    assert len(document.pages) == 2
    assert (document.title, document.metadata) == ("Book", {"author": "Ann"})


def test_an_email_tells_who_when_what_and_names_its_attachments(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"] = "Änn <ann@example.org>"
    message["To"] = "bob@example.org"
    message["Subject"] = "Pump geprüft"
    message["Date"] = "Fri, 20 Nov 2026 10:00:00 +0100"
    message.set_content(PROSE)
    message.add_alternative("<p>other form</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="offer.pdf")
    document = parsed(written(tmp_path / "a.eml", bytes(message)))
    assert document.title == "Pump geprüft"
    assert document.text.startswith("From: Änn <ann@example.org>\nTo: bob@example.org")
    assert PROSE in document.text.replace("\n", " ")
    assert "other form" not in document.text
    assert document.metadata["attachments"] == ["offer.pdf"]
    assert document.metadata["date"] == "2026-11-20T10:00:00+01:00"


def test_source_code_is_divided_at_its_definitions(tmp_path: Path) -> None:
    source = "import os\n\n\ndef one():\n    x = 1\n\n    return x\n\n\ndef two():\n    return 2\n"
    document = parsed(written(tmp_path / "m.py", source))
    assert texts(document, "code") == [
        "import os",
        "def one():\n    x = 1\n\n    return x",
        "def two():\n    return 2",
    ]
    assert document.title == "m.py"
