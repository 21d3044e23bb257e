"""A document opened at a place: which part of its text to show, and where the marks stand in it.

``open_citation`` and ``open_document`` run in the open tenant scope, as the reader: what the policies hide is
``Missing``, like what does not exist. PDF pages are shown as pictures (``page_images``), everything else as clean text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chat.conversations import Missing
from chat.models import Citation, Message
from chat.readable import ShownBlock, Span, shown
from ingestion.models import Document, DocumentVersion

PDF, MARKDOWN = "application/pdf", "text/markdown"
# A text without pages is shown whole up to this many characters, else this much around the passage.
WHOLE_TEXT, WINDOW = 60_000, 12_000


@dataclass(frozen=True)
class OpenDocument:
    """A version of a document, opened at a page or a passage."""

    document: Document
    version: DocumentVersion
    page: int | None
    span: Span | None
    blocks: tuple[ShownBlock, ...]
    cut_before: bool = False
    cut_after: bool = False

    @property
    def is_pdf(self) -> bool:
        """Shown as pictures of its pages."""
        return self.version.media_type == PDF and bool(self.version.page_spans)

    @property
    def pages(self) -> int:
        """How many pages (slides, sheets) there are; 0 for a document without."""
        return len(self.version.page_spans)

    @property
    def page_label(self) -> str:
        """What is printed on the page, when that is another number than its place."""
        label = next((p["label"] for p in self.version.page_spans if p["number"] == self.page), "")
        return label if label and label != str(self.page) else ""

    @property
    def is_superseded(self) -> bool:
        """There is a newer version than this."""
        return self.document.current_version_id != self.version.pk


@dataclass(frozen=True)
class OpenCitation:
    """A citation of an answer with the document behind it; ``opened`` is None when that was erased."""

    citation: Citation
    numbers: tuple[int, ...]
    opened: OpenDocument | None

    @property
    def previous(self) -> int | None:
        """The number of the citation before this one."""
        return max((n for n in self.numbers if n < self.citation.number), default=None)

    @property
    def following(self) -> int | None:
        """The number of the citation after this one."""
        return min((n for n in self.numbers if n > self.citation.number), default=None)


def open_citation(message: Message, number: int) -> OpenCitation:
    """Citation ``number`` of an answer. Raises Missing. Four queries."""
    citations = {each.number: each for each in Citation.objects.filter(message_id=message.pk)}
    citation = citations.get(number)
    if citation is None:
        raise Missing(f"citation {number}")
    try:
        opened = _behind(citation)
    except Missing:
        opened = None
    return OpenCitation(citation, tuple(sorted(citations)), opened)


def _behind(citation: Citation) -> OpenDocument:
    if citation.chunk_id is None:
        raise Missing("chunk")
    version = DocumentVersion.objects.filter(chunks=citation.chunk_id).first()
    if version is None:
        raise Missing("version")
    span = (citation.span_start, citation.span_end)
    return open_document(version.document_id, version_id=version.pk, span=span, page=citation.page)


def open_document(
    document_id: UUID,
    *,
    version_id: UUID | None = None,
    span: Span | None = None,
    page: int | None = None,
) -> OpenDocument:
    """A document at a passage, a page, or its beginning; ``version_id`` None: the current one. Raises Missing."""
    document = Document.objects.filter(pk=document_id, deleted_at=None).first()
    if document is None:
        raise Missing(f"document {document_id}")
    wanted = version_id or document.current_version_id
    versions = document.versions.select_related("file")
    version = versions.filter(pk=wanted).first() if wanted else None
    if version is None:
        raise Missing(f"version {wanted}")
    span = _within(span, len(version.text))
    page = _page_of(version, page, span)
    start, end = _window(version, page, span)
    return OpenDocument(
        document=document,
        version=version,
        page=page,
        span=span,
        blocks=tuple(_blocks(version, start, end, span)),
        cut_before=page is None and start > 0,
        cut_after=page is None and end < len(version.text),
    )


def quote_on_page(opened: OpenDocument) -> str:
    """The part of the marked passage that stands on the shown page; empty for none."""
    if opened.span is None or opened.page is None:
        return ""
    start, end = _page_span(opened.version, opened.page)
    return opened.version.text[max(start, opened.span[0]) : min(end, opened.span[1])]


def _within(span: Span | None, length: int) -> Span | None:
    """A span that fits the text; None for one that does not (it may come from an address)."""
    if span is None or not 0 <= span[0] < span[1] <= length:
        return None
    return span


def _page_of(version: DocumentVersion, page: int | None, span: Span | None) -> int | None:
    """Where the span begins; else the page asked for, if there is one of that number; else the first."""
    pages: list[dict[str, Any]] = version.page_spans
    if not pages:
        return None
    if span is not None:
        return page_at(pages, span[0])
    is_there = page is not None and any(each["number"] == page for each in pages)
    return page if is_there else int(pages[0]["number"])


def page_at(pages: Sequence[dict[str, Any]], offset: int) -> int:
    """The number of the page that holds the character at ``offset``; ``pages`` are in order and not empty."""
    begun = [each for each in pages if each["start"] <= offset]
    return int((begun or pages)[-1 if begun else 0]["number"])


def _page_span(version: DocumentVersion, page: int) -> Span:
    return next((p["start"], p["end"]) for p in version.page_spans if p["number"] == page)


def _window(version: DocumentVersion, page: int | None, span: Span | None) -> Span:
    if page is not None:
        return _page_span(version, page)
    length = len(version.text)
    if length <= WHOLE_TEXT:
        return 0, length
    start, end = span or (0, 0)
    return max(0, start - WINDOW // 2), min(length, end + WINDOW // 2)


def _blocks(version: DocumentVersion, start: int, end: int, span: Span | None) -> list[ShownBlock]:
    inside = [each for each in version.blocks if each["start"] < end and each["end"] > start]
    whole = {"kind": "paragraph", "start": start, "end": end}
    markdown = version.media_type == MARKDOWN
    return [_block(version.text, each, (start, end), span, markdown) for each in inside or [whole]]


def _block(
    text: str, block: dict[str, Any], window: Span, span: Span | None, markdown: bool
) -> ShownBlock:
    start, end = max(window[0], block["start"]), min(window[1], block["end"])
    marked = None
    if span is not None and span[0] < end and span[1] > start:
        marked = (max(span[0], start) - start, min(span[1], end) - start)
    return shown(str(block["kind"]), text[start:end], marked, markdown=markdown)
