"""The numbers and bullets that Word shows before paragraphs and does not store in their text."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from docx.document import Document
from docx.oxml.ns import qn
from lxml.etree import _Element as Element

_PLACE = re.compile(r"%(\d)")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


@dataclass(frozen=True, slots=True)
class _Level:
    form: str
    text: str
    start: int


class Numbering:
    """Counts through a document; ask `mark()` once for each paragraph, in order."""

    def __init__(self, document: Document) -> None:
        self._abstract: dict[str, dict[int, _Level]] = {}
        self._of_number: dict[str, str] = {}
        self._of_style = _style_numbers(document)
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        root = _numbering_root(document)
        if root is not None:
            self._read(root)

    def mark(self, paragraph: Element, style: str) -> str:
        """ "2.1.", "a)", "-" with indentation, or "" when the paragraph is not in a list."""
        number, level = _place(paragraph) or self._of_style.get(style, ("", 0))
        shape = self._abstract.get(self._of_number.get(number, ""), {}).get(level)
        if shape is None:
            return "-" if style.lower().startswith("listbullet") else ""
        if shape.form == "none":
            return ""
        indent = "  " * min(level, 8)
        if shape.form == "bullet":
            return f"{indent}-"
        return indent + self._count(self._of_number[number], level, shape)

    def _count(self, abstract: str, level: int, shape: _Level) -> str:
        counts, levels = self._counts[abstract], self._abstract[abstract]
        counts[level] = counts.get(level, shape.start - 1) + 1
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]

        def numeral(found: re.Match[str]) -> str:
            place = int(found.group(1)) - 1
            form = levels.get(place, shape)
            return _numeral(counts.get(place, form.start), form.form)

        return _PLACE.sub(numeral, shape.text) or f"{counts[level]}."

    def _read(self, root: Element) -> None:
        for abstract in root.iter(qn("w:abstractNum")):
            identifier = abstract.get(qn("w:abstractNumId"), "")
            self._abstract[identifier] = dict(_levels(abstract))
        for number in root.iter(qn("w:num")):
            link = number.find(qn("w:abstractNumId"))
            if link is not None:
                self._of_number[number.get(qn("w:numId"), "")] = link.get(qn("w:val"), "")


def _levels(abstract: Element) -> list[tuple[int, _Level]]:
    levels = []
    for level in abstract.iter(qn("w:lvl")):
        place, start = level.get(qn("w:ilvl"), "0"), _value(level, "w:start", "1")
        if place.isdigit():
            shape = _Level(
                form=_value(level, "w:numFmt", "decimal"),
                text=_value(level, "w:lvlText", ""),
                start=int(start) if start.isdigit() else 1,
            )
            levels.append((int(place), shape))
    return levels


def _value(element: Element, name: str, default: str) -> str:
    child = element.find(qn(name))
    return default if child is None else child.get(qn("w:val"), default)


def _place(properties_owner: Element) -> tuple[str, int] | None:
    numbers = properties_owner.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
    if numbers is None:
        return None
    level = _value(numbers, "w:ilvl", "0")
    return _value(numbers, "w:numId", "0"), int(level) if level.isdigit() else 0


def _style_numbers(document: Document) -> dict[str, tuple[str, int]]:
    found = {}
    for style in document.styles.element.iter(qn("w:style")):
        place = _place(style)
        if place is not None:
            found[style.get(qn("w:styleId"), "")] = place
    return found


def _numbering_root(document: Document) -> Element | None:
    for relation in document.part.rels.values():
        if relation.reltype.endswith("/numbering") and not relation.is_external:
            root: Element = relation.target_part.element
            return root
    return None


def _numeral(number: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter"):
        letters = _LETTERS[(number - 1) % 26] * ((number - 1) // 26 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and 0 < number < 40:
        roman, left = "", number
        for value, sign in _ROMAN:
            roman, left = roman + sign * (left // value), left % value
        return roman.upper() if form == "upperRoman" else roman
    return str(number)
