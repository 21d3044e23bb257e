"""E-books: the chapters in the order of the spine, each a page."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote
from zipfile import ZipFile

from lxml import etree
from lxml.etree import _Element as Element

from ingestion.parsing.archives import damaged, open_zip, read_member
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import EPUB
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.markup import add_tree, parse_html
from ingestion.parsing.types import Parsed, Source

VERSION = "epub 2"

_CONTAINER = "META-INF/container.xml"
_FIELDS = ("creator", "language", "date", "publisher", "subject", "description", "identifier")
_PAGES = ("application/xhtml+xml", "text/html", "application/xml")


def parse(source: Source) -> Parsed:
    """Headings come from the chapters' own markup; title and author from the package."""
    with open_zip(source) as archive:
        folder, package = _package(archive, source)
        assembly = Assembly(source)
        for name in _spine(package, folder):
            assembly.page()
            _add_chapter(assembly, archive, name, source)
        _check_rights(archive, assembly)
    fields = {name: _dc(package, name) for name in _FIELDS}
    return assembly.finish(
        title=_dc(package, "title"),
        media_type=EPUB,
        parser=VERSION,
        metadata={("author" if k == "creator" else k): v for k, v in fields.items() if v},
    )


def _package(archive: ZipFile, source: Source) -> tuple[str, Element]:
    container = _xml(read_member(archive, _CONTAINER, source.limits))
    path = next((str(p) for p in _attributes(container, "rootfile", "full-path")), "")
    return posixpath.dirname(path), _xml(read_member(archive, path, source.limits))


def _xml(data: bytes) -> Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    root: Element | None = etree.fromstring(data, parser) if data.strip() else None
    if root is None:
        raise damaged("e-book")
    return root


def _attributes(root: Element, tag: str, name: str) -> list[str]:
    return [e.get(name, "") for e in root.iter(f"{{*}}{tag}") if e.get(name)]


def _spine(package: Element, folder: str) -> list[str]:
    """Member names of the chapters, in reading order."""
    items = {
        item.get("id"): posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in package.iter("{*}item")
        if item.get("media-type") in _PAGES
    }
    return [items[ref] for ref in _attributes(package, "itemref", "idref") if ref in items]


def _add_chapter(assembly: Assembly, archive: ZipFile, name: str, source: Source) -> None:
    if name not in archive.NameToInfo:
        assembly.warn(f"The chapter {name} is missing in the e-book.")
        return
    text, _ = decode(read_member(archive, name, source.limits))
    tree = parse_html(text)
    if tree is not None:
        body = tree.find("body")
        add_tree(assembly, tree if body is None else body, depth=source.limits.depth)


def _check_rights(archive: ZipFile, assembly: Assembly) -> None:
    """Encrypted fonts are common and harmless; without any text the chapters are encrypted, too."""
    if not assembly.has_text() and "META-INF/encryption.xml" in archive.NameToInfo:
        raise PermanentParseError(
            "encrypted", "The e-book is copy-protected.", "Upload a copy without protection."
        )


def _dc(package: Element, name: str) -> str:
    found = package.find(f".//{{http://purl.org/dc/elements/1.1/}}{name}")
    return "".join(str(part) for part in found.itertext()).strip() if found is not None else ""
