"""Word documents: the body in document order, with headings, lists, tables, notes and equations.

python-docx opens the package and resolves styles; the body is walked as XML, because its own
iteration skips content controls, tracked insertions and text boxes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import docx
from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml
from lxml.etree import _Element as Element

from ingestion.parsing.archives import damaged, open_zip
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.detection import DOCX
from ingestion.parsing.docx_numbering import Numbering
from ingestion.parsing.tables import markdown_table
from ingestion.parsing.types import Parsed, Source

VERSION = f"docx 1, python-docx {version('python-docx')}"

_CONTAINERS = {
    qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:smartTag"), qn("w:customXml"), qn("w:moveTo")
}  # fmt: skip
_GONE = {qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), qn("w:instrText")}
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_CHOICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SIGNS = {f"{_MATH}den": "/", f"{_MATH}sup": "^", f"{_MATH}sub": "_"}  # a fraction's bar, and so on
_BREAKS = {qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:tab"): "\t", qn("w:noBreakHyphen"): "-"}
_NOTES = {qn("w:footnoteReference"): "footnotes", qn("w:endnoteReference"): "endnotes"}
_HEADING_STYLES = ("heading", "title", "überschrift", "titre", "título", "titolo", "kop", "rubrik")


def parse(source: Source) -> Parsed:
    """Headings carry the level of their style or outline; tables are Markdown; notes come last."""
    with open_zip(source):
        pass  # only for its checks: python-docx unpacks everything at once
    try:
        document = docx.Document(str(source.path))
    except (PackageNotFoundError, KeyError, ValueError) as error:
        raise damaged("Word document") from error
    assembly = Assembly(source)
    _Body(document, assembly, source.limits.depth).add()
    properties = document.core_properties
    return assembly.finish(
        title=properties.title or "",
        media_type=DOCX,
        parser=VERSION,
        metadata=_metadata(properties),
    )


def _metadata(properties: Any) -> dict[str, str]:
    fields = {
        "author": properties.author,
        "subject": properties.subject,
        "keywords": properties.keywords,
        "language": properties.language,
        "created": properties.created.date().isoformat() if properties.created else "",
        "modified": properties.modified.date().isoformat() if properties.modified else "",
    }
    return {name: value for name, value in fields.items() if value}


class _Body:
    """One walk over a document's body."""

    def __init__(self, document: Document, assembly: Assembly, depth: int) -> None:
        self._document = document
        self._assembly = assembly
        self._depth = depth
        self._levels = _heading_levels(document)
        self._numbering = Numbering(document)
        self._notes: dict[str, list[str]] = defaultdict(list)
        self._list: list[str] = []

    def add(self) -> None:
        """Everything in order, then the notes that the text refers to."""
        self._children(self._document.element.body, 0)
        self._end_list()
        for kind, wanted in self._notes.items():
            self._add_notes(kind, wanted)

    def _children(self, parent: Element, depth: int) -> None:
        for child in parent:
            if child.tag == qn("w:p"):
                self._paragraph(child)
            elif child.tag == qn("w:tbl"):
                self._end_list()
                self._assembly.add("table", markdown_table(self._rows(child, 0)))
            elif child.tag in _CONTAINERS and depth < self._depth:
                self._children(child, depth + 1)

    def _paragraph(self, paragraph: Element) -> None:
        text = "".join(self._text(paragraph))
        if not text.strip():
            return
        style = _style_of(paragraph)
        level = _outline_level(paragraph) or self._levels.get(style, 0)
        mark = self._numbering.mark(paragraph, style)
        if level:
            self._end_list()
            self._assembly.add("heading", f"{mark} {text}".replace("\n", " ").strip(), level=level)
        elif mark:
            self._list.append(f"{mark} {text.strip()}")
        else:
            self._end_list()
            kind = "caption" if style.lower().startswith("caption") else "paragraph"
            self._assembly.add("caption" if kind == "caption" else "paragraph", text)
        for box in paragraph.iter(qn("w:txbxContent")):
            if not any(parent.tag == _CHOICE for parent in box.iterancestors()):
                self._end_list()
                self._children(box, self._depth)

    def _end_list(self) -> None:
        items, self._list = self._list, []
        self._assembly.add("list", "\n".join(items))

    def _rows(self, table: Element, depth: int) -> list[list[str]]:
        rows = (row for row in table.iter(qn("w:tr")) if _owner(row) is table)
        return [list(self._cells(row, depth)) for row in rows]

    def _cells(self, row: Element, depth: int) -> Iterator[str]:
        for cell in row.iter(qn("w:tc")):
            if next(cell.iterancestors(qn("w:tr"))) is not row:
                continue
            merge = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
            continued = merge is not None and merge.get(qn("w:val")) != "restart"
            yield "" if continued else self._cell(cell)
            span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
            for _ in range(min(int(span.get(qn("w:val"), "1")), 60) - 1 if span is not None else 0):
                yield ""

    def _cell(self, cell: Element) -> str:
        lines = ("".join(self._text(p)).strip() for p in cell.iter(qn("w:p")))
        return "; ".join(line for line in lines if line)

    def _text(self, element: Element) -> Iterator[str]:
        """The shown text below a paragraph; an explicit stack, as runs can nest without end."""
        stack = [iter(element)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
            elif node.tag == qn("w:t") or node.tag == f"{_MATH}t":
                yield node.text or ""
            elif node.tag in _BREAKS:
                yield _BREAKS[node.tag]
            elif node.tag in _NOTES:
                yield self._note(_NOTES[node.tag], node.get(qn("w:id"), ""))
            elif node.tag not in _GONE and node.tag not in (
                qn("w:txbxContent"),
                qn("w:pict"),
                _CHOICE,
            ):
                yield _SIGNS.get(str(node.tag), "")
                stack.append(iter(node))

    def _note(self, kind: str, identifier: str) -> str:
        self._notes[kind].append(identifier)
        return f" [{len(self._notes[kind])}]"

    def _add_notes(self, kind: str, wanted: list[str]) -> None:
        texts = _note_texts(self._document, kind)
        for number, identifier in enumerate(wanted, 1):
            note = texts.get(identifier)
            if note is not None:
                paragraphs = ("".join(self._text(p)).strip() for p in note.iter(qn("w:p")))
                self._assembly.add("note", f"[{number}] {' '.join(paragraphs).strip()}")


def _owner(row: Element) -> Element | None:
    return next(row.iterancestors(qn("w:tbl")), None)


def _note_texts(document: Document, kind: str) -> dict[str, Element]:
    for relation in document.part.rels.values():
        if relation.reltype.endswith(f"/{kind}") and not relation.is_external:
            root = parse_xml(relation.target_part.blob)
            return {note.get(qn("w:id"), ""): note for note in root}
    return {}


def _style_of(paragraph: Element) -> str:
    style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
    return style.get(qn("w:val"), "") if style is not None else ""


def _outline_level(paragraph: Element) -> int:
    level = paragraph.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
    number = level.get(qn("w:val"), "9") if level is not None else "9"
    return int(number) + 1 if number.isdigit() and int(number) < 9 else 0


def _heading_levels(document: Document) -> dict[str, int]:
    """style id -> heading level, through inheritance and in the languages that Word writes."""
    levels: dict[str, int] = {}
    for style in document.styles.element.iter(qn("w:style")):
        identifier = style.get(qn("w:styleId"), "")
        own = _outline_level(style)
        based = style.find(qn("w:basedOn"))
        parent = based.get(qn("w:val"), "") if based is not None else ""
        name = style.find(qn("w:name"))
        found = own or _level_by_name(name.get(qn("w:val"), "") if name is not None else "")
        if found or parent in levels:
            levels[identifier] = found or levels[parent]
    return levels


def _level_by_name(name: str) -> int:
    word, _, number = name.lower().rpartition(" ")
    if number.isdigit() and word in _HEADING_STYLES:
        return max(1, min(int(number), 9))
    return 1 if name.lower() == "title" else 2 if name.lower() == "subtitle" else 0
