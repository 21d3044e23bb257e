"""Word, presentations, spreadsheets and CSV."""

import datetime as dt
from pathlib import Path

import openpyxl
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx import Presentation
from pptx.util import Inches

from ingestion.parsing.child import read
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.types import ParseLimits, Source
from tests.ingestion.papers import (
    make_docx,
    make_pptx,
    make_xlsx,
    page_text,
    parsed,
    text_of,
    texts,
    written,
)
from tests.ingestion.test_chunking import COUNTER


def test_word_headings_lists_and_tables_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    document = make_docx(path)
    document.add_heading("Safety", 1)
    document.add_paragraph("Read this first.")
    for item in ("Gloves", "Goggles"):
        document.add_paragraph(item, style="List Bullet")
    for item in ("Stop", "Drain"):
        document.add_paragraph(item, style="List Number")
    table = document.add_table(2, 2)
    for index, text in enumerate(("Part", "Torque", "Bolt", "9 Nm")):
        table.cell(index // 2, index % 2).text = text
    document.add_heading("Details", 2)
    document.save(str(path))
    found = parsed(path)
    assert [(b.kind, b.level) for b in found.blocks] == [
        ("heading", 1), ("paragraph", 0), ("list", 0), ("table", 0), ("heading", 2)
    ]  # fmt: skip
    assert texts(found, "list") == ["- Gloves\n- Goggles\n1. Stop\n2. Drain"]
    assert texts(found, "table") == ["| Part | Torque |\n| --- | --- |\n| Bolt | 9 Nm |"]
    assert found.title == "Safety"


def test_word_text_in_content_controls_insertions_and_boxes_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    document = make_docx(path)
    word = nsdecls("w")
    body = document.element.body
    for xml in (
        f"<w:sdt {word}><w:sdtContent><w:p><w:r><w:t>in a control</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        f"<w:p {word}><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins><w:del><w:r><w:delText>gone</w:delText>"
        "</w:r></w:del></w:p>",
        f"<w:p {word}><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p>"
        "</w:txbxContent></w:pict></w:r><w:r><w:t>beside it</w:t></w:r></w:p>",
    ):
        body.insert(len(body) - 1, parse_xml(xml))
    document.save(str(path))
    assert texts(parsed(path)) == ["in a control", "inserted", "beside it", "in a box"]


def test_slides_are_pages_with_title_points_table_and_notes(tmp_path: Path) -> None:
    document = parsed(make_pptx(tmp_path / "a.pptx"))
    assert page_text(document, 1) == (
        "Quarter in brief\n\n- Revenue grew by 12 %\n- Two new sites\n\nMention the site in Porto."
    )
    assert page_text(document, 2) == "Figures\n\n| Site | Staff |\n| --- | --- |\n| Porto | 41 |"
    assert [b.kind for b in document.blocks if b.page == 1] == ["heading", "list", "note"]
    assert document.title == "Quarter in brief"


def test_a_stored_file_has_no_extension_of_its_own(tmp_path: Path) -> None:
    stored = make_xlsx(tmp_path / "a.xlsx", {"Main": [["Part"], ["Bolt"]]}).rename(
        tmp_path / "0001"
    )
    assert "Bolt" in read(Source(stored, "stock.xlsx", ParseLimits())).text


def test_sheets_are_pages_and_values_read_as_people_write_them(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Part", "Since", "Share", "Stock"],
        ["Bolt", dt.datetime(2024, 3, 1), 0.1 + 0.2, True],
        [None, None, None, None],
        ["Other", "table"],
        ["a|b", 7],
    ]
    document = parsed(make_xlsx(tmp_path / "stock.xlsx", {"Main": rows, "Empty": []}))
    assert [page.label for page in document.pages] == ["Main", "Empty"]
    assert texts(document) == [
        "Main",
        "| Part | Since | Share | Stock |\n| --- | --- | --- | --- |\n| Bolt | 2024-03-01 | 0.3 | TRUE |",
        "| Other | table |\n| --- | --- |\n| a\\|b | 7 |",
    ]
    assert document.title == "stock"


def test_a_long_sheet_repeats_its_head_and_says_which_rows(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Order", "Customer"],
        *([n, f"Customer {n}"] for n in range(2, 102)),
    ]
    document = parsed(make_xlsx(tmp_path / "a.xlsx", {"Orders": rows}))
    tables = texts(document, "table")
    assert len(tables) > 2
    assert all(table.startswith("| Order | Customer |\n") for table in tables)
    ranges = [text_of(document, b) for b in document.blocks if b.kind == "heading" and b.level == 2]
    assert ranges[0].startswith("Rows 2 to ")
    assert all(COUNTER.count(table) < 170 for table in tables)
    assert ranges[-1].endswith("101")
    assert all(f"| {n} | Customer {n} |" in document.text for n in range(2, 102))


def test_a_very_wide_sheet_is_written_as_records(tmp_path: Path) -> None:
    head: list[object] = [f"Column {n}" for n in range(30)]
    document = parsed(make_xlsx(tmp_path / "a.xlsx", {"Wide": [head, list(range(30))]}))
    assert "Column 29: 29" in document.text
    assert "Row 2" in texts(document, "heading")


def test_a_cell_in_the_last_column_costs_nothing(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["XFD1048576"] = "far away"  # type: ignore[index]
    book.active["A1"] = "near"  # type: ignore[index]
    book.save(tmp_path / "a.xlsx")
    assert "far away" in parsed(tmp_path / "a.xlsx").text


@pytest.mark.parametrize(
    ("content", "first"),
    [
        ("a,b\n1,2\n", "| a | b |"),
        ("a;b\n1,5;2\n", "| a | b |"),
        ("a\tb\n1\t2\n", "| a | b |"),
        ("sep=|\na|b\n1|2\n", "| a | b |"),
        ('a,"b, with comma"\n1,2\n', "| a | b, with comma |"),
        ("名前,年齢\n佐藤,30\n".encode("cp932"), "| 名前 | 年齢 |"),
        ("\ufeffa,b\r\n1,2\r\n", "| a | b |"),
        ("a^b\n1,5^2\n", "| a | b |"),
    ],
)
def test_csv_of_any_dialect(tmp_path: Path, content: bytes | str, first: str) -> None:
    document = parsed(written(tmp_path / "a.csv", content))
    assert document.text.splitlines()[0] == first


def test_a_quote_that_never_closes_loses_no_row(tmp_path: Path) -> None:
    rows = "".join(f'{n},"value {n}\n' for n in range(100_000))
    document = parsed(written(tmp_path / "a.csv", "n,v\n" + rows))
    assert "value 99999" in document.text


def test_rows_after_a_quote_that_never_closes_stay_rows(tmp_path: Path) -> None:
    document = parsed(written(tmp_path / "a.csv", 'n,v\n1,"never closed\n2,next\n'))
    assert "| 2 | next |" in document.text
    assert "quotation marks" in document.warnings[0]


def test_a_long_csv_is_called_as_its_file_and_not_as_its_first_rows(tmp_path: Path) -> None:
    document = parsed(written(tmp_path / "orders.csv", "n,v\n" + "1,some words\n" * 200))
    assert texts(document, "heading")[0].startswith("Rows 2 to ")
    assert document.title == "orders"


def test_a_whole_percentage_is_one(tmp_path: Path) -> None:
    rows: list[list[object]] = [["part", "share"], ["a", 1], ["b", 0.25]]
    path = make_xlsx(tmp_path / "a.xlsx", {"s": rows})
    book = openpyxl.load_workbook(path)
    for cell in book["s"]["B"][1:]:
        cell.number_format = "0%"
    book.save(path)
    assert "| a | 100% |\n| b | 25% |" in parsed(path).text


def test_formulas_without_a_stored_value_are_named(tmp_path: Path) -> None:
    computed = make_xlsx(tmp_path / "b.xlsx", {"s": [["a", "b"], [1, 2]]})
    assert not parsed(computed).warnings
    document = parsed(make_xlsx(tmp_path / "a.xlsx", {"s": [["a", "b"], [1, "=A2*2"]]}))
    assert "never computed" in document.warnings[0]


def test_boxes_side_by_side_are_read_from_the_left_however_they_were_dragged(
    tmp_path: Path,
) -> None:
    path = make_pptx(tmp_path / "a.pptx")
    show = Presentation(str(path))
    slide = show.slides.add_slide(show.slide_layouts[6])
    for left, top, text in ((5, 1.0, "right"), (1, 1.05, "left"), (1, 3, "below")):
        box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(3), Inches(1))
        box.text_frame.text = text
    show.save(str(path))
    assert texts(parsed(path))[-3:] == ["left", "right", "below"]


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx"])
def test_office_files_with_broken_insides_are_called_damaged(tmp_path: Path, name: str) -> None:
    makers = {
        "a.docx": make_docx,
        "a.pptx": make_pptx,
        "a.xlsx": lambda p: make_xlsx(p, {"s": [[1]]}),
    }
    path = tmp_path / name
    makers[name](path)
    data = bytearray(path.read_bytes())
    data[200:-400] = bytes(len(data) - 600)
    with pytest.raises(PermanentParseError, match="damaged"):
        parsed(written(path, bytes(data)))


def test_formulas_keep_their_fractions_and_powers(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    document = make_docx(path)
    word, math = (
        nsdecls("w"),
        'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"',
    )
    document.element.body.insert(
        0,
        parse_xml(
            f"<w:p {word} {math}><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t>"
            "</m:r></m:den></m:f><m:r><m:t>+</m:t></m:r><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup>"
            "<m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>"
        ),
    )
    document.save(str(path))
    assert parsed(path).text == "a/b+x^2"
