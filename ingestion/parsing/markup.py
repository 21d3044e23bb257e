"""HTML trees to blocks in reading order: for web pages, e-book chapters and e-mail bodies.

`add_tree()` walks what it is given; choosing the main content of a page is `html.py`'s business.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from lxml import etree
from lxml.etree import _Element as Element

from ingestion.parsing.assembly import Assembly
from ingestion.parsing.tables import markdown_table
from ingestion.parsing.types import BlockKind

# Never content, whatever they hold.
_NEVER = """
    script style noscript template head meta link svg canvas iframe object embed audio video map button
    input select textarea option datalist nav dialog
"""
_WITHIN_LINES = """
    a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark math meter output
    picture progress q ruby rb rt rp s samp small span strike strong sub sup time tt u var wbr br
"""
_SKIPPED, _INLINE = frozenset(_NEVER.split()), frozenset(_WITHIN_LINES.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_NAVIGATION = re.compile(
    r"(?:^|\s)(?:nav|navbar|navbox|navigation|breadcrumbs?|pagination|mw-editsection|mw-jump-link|"
    r"noprint|headerlink|hash-link|sr-only|visually-hidden|skip-link|cookie-\S+)(?:\s|$)"
)
_SPACE = re.compile(r"\s+")
_SCRIPTS = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")


def parse_html(text: str) -> Element | None:
    """A tree from HTML text, without network and without entities of its own."""
    parser = etree.HTMLParser(
        no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)  # lxml refuses text that declares an encoding
    try:
        tree: Element | None = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        # Nested deeper than libxml2 goes: it stops there and drops the rest, so nesting is dropped.
        return parse_html(_without_tags(text))
    return tree


def _without_tags(text: str) -> str:
    text = _SCRIPTS.sub(" ", text)
    paragraphs = (html.escape(html.unescape(part)) for part in _TAG.split(text) if part.strip())
    return "<html><body><p>" + "</p><p>".join(paragraphs) + "</p></body></html>"


def add_tree(assembly: Assembly, root: Element, *, depth: int) -> None:
    """Add everything readable below `root` as blocks; nesting beyond `depth` becomes flat text."""
    _Walk(assembly, depth).children(root, 0)


def is_hidden(element: Element) -> bool:
    """Whether an element is no content: script, navigation, or not shown."""
    tag = element.tag
    if not isinstance(tag, str) or tag in _SKIPPED:
        return True
    if element.get("hidden") is not None or element.get("role") in (
        "navigation",
        "search",
        "banner",
    ):
        return True
    if element.get("aria-hidden") == "true" and tag not in ("body", "main", "article"):
        return True
    style = element.get("style")
    if style and "display:none" in style.replace(" ", "").lower():
        return True
    classes = element.get("class")
    return bool(classes and _NAVIGATION.search(classes))


class _Walk:
    """Gathers loose inline text into paragraphs and hands block elements to their form."""

    def __init__(self, assembly: Assembly, depth: int) -> None:
        self._assembly = assembly
        self._depth = depth
        self._loose: list[str] = []

    def children(self, element: Element, level: int) -> None:
        """All content of an element, in order."""
        self._loose.append(element.text or "")
        for child in element:
            if not is_hidden(child):
                self._child(child, level + 1)
            self._loose.append(child.tail or "")
        if element.tag not in _INLINE:
            self._flush()

    def _child(self, child: Element, level: int) -> None:
        if level > self._depth:
            self._loose.append(" ".join(child.itertext()))
        elif child.tag == "br":
            self._loose.append("\v")
        elif child.tag in _INLINE and not _holds_blocks(child):
            # With the spaces at its ends: they part its words from those beside it.
            self._loose.extend(_inline(child))
        else:
            self._flush()
            self._block(child, level)
            self._flush()

    def _block(self, element: Element, level: int) -> None:
        tag = element.tag
        if tag in _HEADINGS:
            self._add("heading", inline_text(element), _HEADINGS[tag])
        elif tag in ("ul", "ol") and not _holds_structure(element):
            self._add("list", "\n".join(_items(element, 0)))
        elif tag == "dl" and not _holds_structure(element):
            self._add("list", _definitions(element))
        elif tag == "table" and _is_data_table(element):
            self._table(element)
        elif tag == "pre":
            self._assembly.add("code", "".join(element.itertext()))
        elif tag == "blockquote" and not _holds_structure(element):
            self._add("quote", inline_text(element))
        elif tag in ("figcaption", "caption"):
            self._add("caption", inline_text(element))
        else:
            self.children(element, level)

    def _table(self, table: Element) -> None:
        caption = table.find("caption")
        if caption is not None:
            self._add("caption", inline_text(caption))
        self._assembly.add("table", markdown_table(_grid(_rows(table))))

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        self._assembly.add(kind, text, level=level)

    def _flush(self) -> None:
        text, self._loose = _tidy("".join(self._loose)), []
        if text:
            self._add("paragraph", text)


def inline_text(element: Element) -> str:
    """The shown text of an element: white space collapsed, <br> and inner blocks as line breaks."""
    return _tidy("".join(_inline(element)))


def _inline(element: Element) -> Iterator[str]:
    """Depth first without recursion: markup can be nested as deep as it likes."""
    walker = etree.iterwalk(element, events=("start", "end"))
    hidden: Element | None = None
    for event, node in walker:
        if event == "start":
            if hidden is None and node is not element and is_hidden(node):
                hidden = node
                walker.skip_subtree()
            elif hidden is None:
                yield "\v" if _breaks(node) and node is not element else ""
                yield node.text or ""
        else:
            if node is hidden:
                hidden = None
            elif hidden is None and _breaks(node) and node is not element:
                yield "\v"
            if node is not element and hidden is None:
                yield node.tail or ""


def _breaks(node: Element) -> bool:
    return node.tag == "br" or node.tag not in _INLINE


def _tidy(text: str) -> str:
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\v"))
    return "\n".join(line for line in lines if line)


def _holds_blocks(element: Element) -> bool:
    return any(isinstance(node.tag, str) and node.tag not in _INLINE for node in element.iter())


def _holds_structure(element: Element) -> bool:
    """A list or quote that frames a whole layout is walked, not written as one block."""
    return next(element.iter("h1", "h2", "h3", "h4", "h5", "h6", "table", "pre"), None) is not None


def _items(listing: Element, level: int) -> Iterator[str]:
    number = 0
    for item in listing:
        if item.tag in ("ul", "ol") and level < 20:
            yield from _items(item, level + 1)
        elif isinstance(item.tag, str) and not is_hidden(item):
            number += 1
            yield from _item(item, f"{number}." if listing.tag == "ol" else "-", level)


def _item(item: Element, mark: str, level: int) -> Iterator[str]:
    nested = [child for child in item if child.tag in ("ul", "ol")] if level < 20 else []
    whole = inline_text(item)
    if nested:
        own = [item.text or ""]
        for child in item:
            own.append("" if child in nested or is_hidden(child) else inline_text(child))
            own.append(child.tail or "")
        whole = _tidy(" ".join(own))
    if whole:
        yield f"{'  ' * level}{mark} " + whole.replace("\n", " ")
    for child in nested:
        yield from _items(child, level + 1)


def _definitions(listing: Element) -> str:
    lines = []
    for item in listing.iter("dt", "dd"):
        text = inline_text(item).replace("\n", " ")
        lines.append(text if item.tag == "dt" else f"  {text}")
    return "\n".join(line for line in lines if line.strip())


def _is_data_table(table: Element) -> bool:
    """Tables that lay out a page (nested ones, headings inside, one cell) are walked instead."""
    if next(table.iterdescendants("table", "h1", "h2", "h3", "pre"), None) is not None:
        return False
    return table.get("role") != "presentation" and sum(1 for _ in table.iter("td", "th")) > 1


def _rows(table: Element) -> Iterator[Element]:
    for row in table.iter("tr"):
        if not is_hidden(row):
            yield row


def _grid(rows: Iterable[Element]) -> list[list[str]]:
    """The cells where they are seen; one that spans rows is told again in each, since a row may be read alone."""
    grid: list[list[str]] = []
    above: dict[int, tuple[int, str]] = {}  # column -> rows that a cell still covers, its text
    for row in rows:
        cells: list[str] = []
        for cell in row.iterchildren("td", "th"):
            _take_over(cells, above)
            text, rows_on = inline_text(cell).replace("\n", "; "), _spanned(cell, "rowspan") - 1
            for number in range(_spanned(cell, "colspan")):
                if rows_on:
                    above[len(cells)] = rows_on, "" if number else text
                cells.append("" if number else text)
        _take_over(cells, above)
        grid.append(cells)
    return grid


def _take_over(cells: list[str], above: dict[int, tuple[int, str]]) -> None:
    """Fill the next columns that cells of earlier rows reach down into."""
    while len(cells) in above:
        left, text = above.pop(len(cells))
        if left > 1:
            above[len(cells)] = left - 1, text
        cells.append(text)


def _spanned(cell: Element, way: str) -> int:
    span = cell.get(way, "1")
    return min(max(int(span), 1), 50) if span.isdecimal() and len(span) < 6 else 1
