"""A chapter as PDF: headings with an outline, page numbers, tables that break over pages. The same bytes every time."""

from pathlib import Path
from xml.sax.saxutils import escape

from blocks import Block, Code, Heading, Listing, Paragraph, Table, Text, plain
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    PageTemplate,
    Preformatted,
    Spacer,
)
from reportlab.platypus import Paragraph as Printed
from reportlab.platypus import Table as Grid

INK, QUIET, LINE, SOFT = (HexColor(c) for c in ("#1f2933", "#616e7c", "#cbd2d9", "#f5f7fa"))
WIDTH = A4[0] - 50 * mm
BODY = ParagraphStyle(
    "body", fontName="Helvetica", fontSize=10.5, leading=15, textColor=INK, spaceAfter=7
)
CELL = ParagraphStyle("cell", BODY, fontSize=9.5, leading=12.5, spaceAfter=0)
CODE = ParagraphStyle(
    "code",
    BODY,
    fontName="Courier",
    fontSize=9,
    leading=12,
    backColor=SOFT,
    borderPadding=6,
    spaceBefore=6,
    spaceAfter=14,
)
HEADINGS = {
    1: ParagraphStyle(
        "h1", BODY, fontName="Helvetica-Bold", fontSize=22, leading=27, spaceAfter=14
    ),
    2: ParagraphStyle(
        "h2",
        BODY,
        fontName="Helvetica-Bold",
        fontSize=14.5,
        leading=19,
        spaceBefore=12,
        spaceAfter=6,
    ),
    3: ParagraphStyle(
        "h3",
        BODY,
        fontName="Helvetica-Bold",
        fontSize=11.5,
        leading=15,
        spaceBefore=8,
        spaceAfter=4,
    ),
}


class Chapter(BaseDocTemplate):
    """A document whose headings become its outline as they are printed."""

    def __init__(self, path: Path, title: str) -> None:
        super().__init__(
            str(path),
            pagesize=A4,
            title=title,
            author="Footnote",
            subject="The Footnote handbook",
            invariant=1,
        )
        frame = Frame(25 * mm, 24 * mm, WIDTH, A4[1] - 50 * mm, 0, 0, 0, 0)
        self.addPageTemplates(PageTemplate("page", [frame], onPageEnd=self._margins))

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 - reportlab's name
        """Enter a printed heading into the outline."""
        level = getattr(flowable, "heading_level", 0)
        if level:
            key = f"heading-{self.seq.nextf('heading')}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.getPlainText(), key, level - 1, closed=level > 1)

    def _margins(self, canvas: Canvas, _document: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 8.5)
        canvas.setFillColor(QUIET)
        canvas.drawRightString(A4[0] - 25 * mm, 14 * mm, f"Page {canvas.getPageNumber()}")


def write(found: list[Block], path: Path) -> None:
    """Write the chapter."""
    story = [flowable for block in found for flowable in _flowables(block)]
    Chapter(path, plain(found[0].text)).build(story)  # type: ignore[union-attr]


def _flowables(block: Block) -> list[Flowable]:
    match block:
        case Heading():
            return _heading(block)
        case Paragraph():
            return [Printed(_markup(block.text), BODY)]
        case Listing():
            return [_listing(block)]
        case Table():
            return [_grid(block), Spacer(1, 10)]
        case Code():
            return [Preformatted(block.text, CODE, maxLineLength=88, newLineChars="")]


def _heading(block: Heading) -> list[Flowable]:
    printed = Printed(_markup(block.text), HEADINGS[block.level])
    printed.heading_level = block.level
    # A heading at the foot of a page, its text on the next one, helps nobody.
    return [CondPageBreak(32 * mm), printed]


def _listing(block: Listing) -> ListFlowable:
    items = [ListItem(Printed(_markup(item), BODY), leftIndent=16) for item in block.items]
    kind = (
        {"bulletType": "1", "bulletFormat": "%s."}
        if block.ordered
        else {"bulletType": "bullet", "start": "•"}
    )
    return ListFlowable(items, leftIndent=16, bulletFontSize=10.5, spaceAfter=8, **kind)


def _grid(block: Table) -> Grid:
    rows = [
        [Printed(f"<b>{_markup(cell)}</b>" if row == 0 else _markup(cell), CELL) for cell in cells]
        for row, cells in enumerate(block.rows)
    ]
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("BACKGROUND", (0, 0), (-1, 0), SOFT),
        ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]
    return Grid(rows, colWidths=_widths(block), style=style, repeatRows=1)


def _widths(block: Table) -> list[float]:
    """By the longest text of each column, none below a fifth of an even share."""
    longest = [max(len(plain(cell)) for cell in column) for column in zip(*block.rows, strict=True)]
    weights = [min(max(length, 14), 60) for length in longest]
    return [WIDTH * weight / sum(weights) for weight in weights]


def _markup(text: Text) -> str:
    forms = {"": "{}", "bold": "<b>{}</b>", "code": '<font name="Courier" size="9.5">{}</font>'}
    return "".join(forms[run.style].format(escape(run.text)) for run in text)
