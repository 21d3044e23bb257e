"""Web pages: the main content, not the navigation.

trafilatura says which text is the content; our own walk of the smallest element that holds nearly
all of it keeps what trafilatura drops (cells of tables, nested lists, code). When it finds next to
nothing, the whole body is taken: better some noise than a lost document.
"""

from __future__ import annotations

import re
from collections import Counter
from importlib.metadata import version

import trafilatura
from lxml.etree import _Element as Element

from ingestion.parsing.archives import damaged
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import HTML
from ingestion.parsing.markup import add_tree, inline_text, is_hidden, parse_html
from ingestion.parsing.types import Parsed, Source

VERSION = f"html 2, trafilatura {version('trafilatura')}"

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_\-]+)", re.IGNORECASE)
_MOST = 0.9  # of the content's pieces must lie in the element that is taken
_THIN = 0.3  # of the body's words: below this the content is not believed
_META = {
    "author": ("author", "article:author", "dc.creator"),
    "date": ("article:published_time", "date", "dc.date", "datepublished"),
    "description": ("description", "og:description"),
    "site": ("og:site_name",),
}
_PIECE = 60  # characters by which a piece of content is recognised again


def parse(source: Source) -> Parsed:
    """Blocks of the main content, with title, author, date and language where the page says them."""
    data = source.read_bytes()
    declared = _CHARSET.search(data[:4096])
    text, _ = decode(data, declared.group(1).decode() if declared else "")
    tree = parse_html(text)
    if tree is None:
        raise damaged("web page")
    assembly = Assembly(source)
    add_tree(assembly, main_content(tree, text), depth=source.limits.depth)
    if not assembly.has_text():
        add_tree(assembly, tree, depth=source.limits.depth)
    return assembly.finish(
        title=_title(tree), media_type=HTML, parser=VERSION, metadata=_metadata(tree)
    )


def main_content(tree: Element, text: str) -> Element:
    """The element that holds the content: nearly all of what trafilatura found, or the body."""
    body = tree.find("body")
    body = tree if body is None else body
    pieces = _pieces(text)
    if not pieces:
        return body
    held = _held(body, pieces)
    best = _smallest(body, held)
    enough = len(_words(best)) >= _THIN * len(_words(body))
    return best if enough else body


def _pieces(text: str) -> set[str]:
    """How the paragraphs begin that trafilatura takes for content."""
    document = trafilatura.bare_extraction(
        text, include_comments=False, include_tables=True, with_metadata=False, favor_recall=True
    )
    if document is None or isinstance(document, dict):
        return set()
    return {_key(" ".join(node.itertext())) for node in document.body.iter("p", "item", "head")} - {
        ""
    }


def _held(body: Element, pieces: set[str]) -> Counter[Element]:
    """How many pieces each element holds, itself or below."""
    held: Counter[Element] = Counter()
    for node in body.iter("p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "div", "section"):
        if len(node) < 40 and _key(" ".join(node.itertext())) in pieces:
            held[node] += 1
            held.update(node.iterancestors())
    return held


def _smallest(body: Element, held: Counter[Element]) -> Element:
    best, floor = body, held[body] * _MOST
    while floor:
        inner = next((child for child in best if held[child] >= floor), None)
        if inner is None:
            break
        best = inner
    return best


def _key(text: str) -> str:
    return re.sub(r"\W+", "", text)[:_PIECE].lower()


def _words(element: Element) -> list[str]:
    return [] if is_hidden(element) else inline_text(element).split()


def _title(tree: Element) -> str:
    shared = tree.xpath("string(//meta[@property='og:title']/@content)")
    titled = tree.findtext(".//title")
    first = tree.find(".//h1")
    return str(shared or titled or (inline_text(first) if first is not None else ""))


def _metadata(tree: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = (meta.get("name") or meta.get("property") or meta.get("itemprop") or "").lower()
        for field, names in _META.items():
            if name in names and meta.get("content"):
                found.setdefault(field, meta.get("content", ""))
    language = tree.get("lang")
    return {**found, "language": language} if language else found
