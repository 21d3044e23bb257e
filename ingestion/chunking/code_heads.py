"""For code that was cut: the lines that say what it is a part of, as the head of a table does for its rows.

In nearly every language what lies within something is indented below it, so that no grammar is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.chunking.units import Unit

_LINE_CHARS = 120


def code_heads(text: str, row: Sequence[Unit]) -> dict[int, str]:
    """For each unit inside cut code: the outermost and the innermost line that it is indented below."""
    heads: dict[int, str] = {}
    block, done = -1, 0
    above: list[tuple[int, str]] = []
    for index, unit in enumerate(row):
        if unit.kind != "code":
            continue
        if unit.block != block:
            block, done, above = unit.block, unit.start, []
            continue
        begin = max(done, text.rfind("\n", 0, unit.start) + 1)  # a unit leaves its indentation out
        _read(text[done:begin], above)
        done = begin
        own = _indent(text[begin : unit.end])
        lines = [line for indent, line in above if indent < own]
        if unit.cut != "word" and lines:
            heads[index] = "\n".join(dict.fromkeys([lines[0], lines[-1]]))
    return heads


def _read(text: str, above: list[tuple[int, str]]) -> None:
    """Go on with the lines that the next one may be indented below."""
    for line in text.splitlines():
        if not line.strip():
            continue
        indent = _indent(line)
        while above and above[-1][0] >= indent:
            above.pop()
        if any(character.isalnum() for character in line):
            above.append((indent, line.strip()[:_LINE_CHARS]))


def _indent(line: str) -> int:
    expanded = line[:200].expandtabs(4)
    return len(expanded) - len(expanded.lstrip())
