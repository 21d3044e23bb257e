"""Presentations: one page for each slide, its title as heading, notes at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PackageNotFoundError

from ingestion.parsing.archives import damaged, open_zip
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.detection import PPTX
from ingestion.parsing.rows import cell_text
from ingestion.parsing.tables import markdown_table
from ingestion.parsing.types import Parsed, Source

VERSION = f"pptx 2, python-pptx {version('python-pptx')}"

_TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE}
_FURNITURE = {PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER}


def parse(source: Source) -> Parsed:
    """Text boxes from top to bottom, tables, charts as tables, picture descriptions, notes."""
    with open_zip(source):
        pass  # only for its checks: python-pptx unpacks everything at once
    try:
        show = Presentation(str(source.path))
    except (PackageNotFoundError, KeyError, ValueError) as error:
        raise damaged("presentation") from error
    assembly = Assembly(source)
    for slide in show.slides:
        assembly.page()
        _add_slide(assembly, slide, source.limits.depth)
    properties = show.core_properties
    fields = {
        "author": properties.author,
        "subject": properties.subject,
        "keywords": properties.keywords,
        "created": properties.created.date().isoformat() if properties.created else "",
        "modified": properties.modified.date().isoformat() if properties.modified else "",
    }
    return assembly.finish(
        title=properties.title or "",
        media_type=PPTX,
        parser=VERSION,
        metadata={name: value for name, value in fields.items() if value},
    )


def _add_slide(assembly: Assembly, slide: Any, depth: int) -> None:
    shapes = list(_flat(slide.shapes, depth))
    titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
    for shape in titles:
        assembly.add(
            "heading", shape.text_frame.text.replace("\v", " ").replace("\n", " "), level=1
        )
    others = [s for s in shapes if _placeholder(s) not in _TITLES | _FURNITURE]
    for shape in _in_order(others):
        _add_shape(assembly, shape)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        assembly.add("note", slide.notes_slide.notes_text_frame.text.replace("\v", "\n"))


def _in_order(shapes: list[Any]) -> list[Any]:
    """From top to bottom, and from the left where shapes stand side by side: hands place them a little askew."""
    rows: list[list[Any]] = []
    for shape in sorted(shapes, key=lambda shape: shape.top or 0):
        first = rows[-1][0] if rows else None
        if first is not None and (shape.top or 0) < (first.top or 0) + (first.height or 0) / 4:
            rows[-1].append(shape)
        else:
            rows.append([shape])
    return [shape for row in rows for shape in sorted(row, key=lambda shape: shape.left or 0)]


def _flat(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    """Shapes with those inside groups in the groups' place."""
    for shape in shapes:
        if hasattr(shape, "shapes") and depth > 0:
            yield from _flat(shape.shapes, depth - 1)
        else:
            yield shape


def _placeholder(shape: Any) -> Any:
    return shape.placeholder_format.type if shape.is_placeholder else None


def _add_shape(assembly: Assembly, shape: Any) -> None:
    if getattr(shape, "has_table", False):
        rows = [[cell.text.replace("\v", " ") for cell in row.cells] for row in shape.table.rows]
        assembly.add("table", markdown_table(rows))
    elif getattr(shape, "has_chart", False):
        _add_chart(assembly, shape.chart)
    elif shape.has_text_frame:
        _add_text(assembly, shape.text_frame)
    else:
        assembly.add("caption", _description(shape))


def _add_text(assembly: Assembly, frame: Any) -> None:
    lines = [(p.level, p.text.replace("\v", " ").strip()) for p in frame.paragraphs]
    lines = [(level, text) for level, text in lines if text]
    if len(lines) == 1:
        assembly.add("paragraph", lines[0][1])
    else:
        assembly.add("list", "\n".join(f"{'  ' * level}- {text}" for level, text in lines))


def _add_chart(assembly: Assembly, chart: Any) -> None:
    """A chart is the table it draws: a row for each category, a column for each series."""
    if chart.has_title and chart.chart_title.has_text_frame:
        assembly.add("caption", chart.chart_title.text_frame.text)
    for plot in chart.plots:
        series = list(plot.series)
        columns = [[cell_text(value) for value in one.values] for one in series]
        rows = [["", *(one.name or "" for one in series)]]
        for index, category in enumerate(plot.categories):
            rows.append([str(category), *(c[index] if index < len(c) else "" for c in columns)])
        assembly.add("table", markdown_table(rows))


def _description(shape: Any) -> str:
    """What a picture is said to show; programs fill in file names, which say nothing."""
    found = shape._element.xpath(".//p:cNvPr/@descr")
    text = str(found[0]).strip() if found else ""
    return "" if text.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".emf")) else text
