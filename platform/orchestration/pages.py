"""The page on which a quote stands, when its passage runs over a page break."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from ingestion.models import DocumentVersion
from orchestration.events import Cited
from retrieval.passages import Passage
from tenants.scope import Principal, tenant_scope

Pages = Sequence[Mapping[str, Any]]


def on_their_pages(
    citations: Sequence[Cited], passages: Iterable[Passage], principal: Principal
) -> tuple[Cited, ...]:
    """The citations with the page of the quote itself. One query if any passage runs over pages, else none."""
    spread = {each.chunk_id for each in passages if each.page != each.page_end}
    pages = _pages({each.version_id for each in citations if each.chunk_id in spread}, principal)
    return tuple(
        replace(each, page=page_at(pages[each.version_id], each.span_start))
        if each.chunk_id in spread and pages.get(each.version_id)
        else each
        for each in citations
    )


def _pages(versions: set[UUID], principal: Principal) -> dict[UUID, Pages]:
    if not versions:
        return {}
    with tenant_scope(principal.as_reader()):
        rows = DocumentVersion.objects.filter(pk__in=versions)
        return dict(rows.values_list("pk", "page_spans"))


def page_at(pages: Pages, offset: int) -> int:
    """The number of the page that holds the character at ``offset``; ``pages`` are in order and not empty."""
    begun = [page for page in pages if page["start"] <= offset]
    return int((begun or pages)[-1 if begun else 0]["number"])
