"""Jupyter notebooks: prose as Markdown, code as code, text output after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ingestion.parsing.archives import damaged
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import IPYNB
from ingestion.parsing.markdown import add_markdown
from ingestion.parsing.types import Parsed, Source

VERSION = "notebook 1"

_OUTPUT_CHARS = 4000  # of one output: logs of a training run are not knowledge


def parse(source: Source) -> Parsed:
    """Cells in order. Pictures and widgets in outputs are left out."""
    text, _ = decode(source.read_bytes())
    try:
        book = json.loads(text)
        cells = book["cells"] if "cells" in book else book["worksheets"][0]["cells"]
        metadata = book.get("metadata", {})
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise damaged("notebook") from error
    assembly = Assembly(source)
    for cell in cells:
        if isinstance(cell, dict):
            _add_cell(assembly, cell)
    language = metadata.get("kernelspec", {}).get("language", "")
    return assembly.finish(
        title=str(metadata.get("title", "")), media_type=IPYNB, parser=VERSION,
        metadata={"language": language} if language else {},
    )  # fmt: skip


def _add_cell(assembly: Assembly, cell: dict[str, Any]) -> None:
    text = _text(cell.get("source", cell.get("input", "")))
    kind = cell.get("cell_type")
    if kind == "markdown":
        add_markdown(assembly, text)
    elif kind == "heading":
        assembly.add("heading", text, level=int(cell.get("level", 1)))
    else:
        assembly.add("code", text)
        for output in cell.get("outputs", []):
            for said in _said(output):
                assembly.add("code", said[:_OUTPUT_CHARS])


def _said(output: Any) -> Iterator[str]:
    if not isinstance(output, dict):
        return
    if output.get("output_type") == "error":
        yield f"{output.get('ename', '')}: {output.get('evalue', '')}"
    data = output.get("data", {})
    yield _text(output.get("text", data.get("text/plain", "") if isinstance(data, dict) else ""))


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
