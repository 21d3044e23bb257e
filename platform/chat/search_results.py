"""Results of a search as the page shows them: an extract with its marks, where it stands, why it is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retrieval.facets import NAMES
from retrieval.filters import exactly
from retrieval.paging import Page
from retrieval.passages import Passage

# Characters of an extract, and how far before its first mark it begins.
EXTRACT, LEAD = 320, 60
LABELS = {
    "collection": gettext_lazy("Collection"),
    "type": gettext_lazy("Type"),
    "tags": gettext_lazy("Tag"),
    "author": gettext_lazy("Author"),
    "year": gettext_lazy("Year"),
}
SHOWN_AT_FIRST = 6


@dataclass(frozen=True)
class Piece:
    """A stretch of an extract."""

    text: str
    is_marked: bool


@dataclass(frozen=True)
class Shown:
    """One result."""

    passage: Passage
    address: str
    pieces: tuple[Piece, ...]
    why: str


def shown(passage: Passage) -> Shown:
    """A passage with the extract that holds most of its marks."""
    where = {
        "version": passage.version_id,
        "start": passage.span_start,
        "end": passage.span_end,
    }
    address = f"{reverse('document', args=[passage.document_id])}?{urlencode(where)}"
    return Shown(passage, address, extract(passage.text, passage.highlights), _why(passage))


def extract(text: str, marks: Sequence[tuple[int, int]]) -> tuple[Piece, ...]:
    """About ``EXTRACT`` characters where the marks are densest, in pieces; ellipses where it was cut."""
    start = _start(text, marks)
    end = len(text) if len(text) - start <= EXTRACT * 1.2 else _word_end(text, start + EXTRACT)
    pieces, at = [Piece("… ", False)] if start else [], start
    for first, last in marks:
        if at <= first and last <= end:
            pieces += [Piece(text[at:first], False), Piece(text[first:last], True)]
            at = last
    pieces.append(Piece(text[at:end] + (" …" if end < len(text) else ""), False))
    return tuple(piece for piece in pieces if piece.text)


def _start(text: str, marks: Sequence[tuple[int, int]]) -> int:
    if not marks or len(text) <= EXTRACT * 1.2:
        return 0
    best = max(
        marks, key=lambda mark: sum(mark[0] <= one[0] < mark[0] + EXTRACT - LEAD for one in marks)
    )
    if best[0] <= LEAD:
        return 0
    blank = text.find(" ", best[0] - LEAD, best[0])
    return blank + 1 if blank >= 0 else best[0]


def _word_end(text: str, end: int) -> int:
    blank = text.rfind(" ", end - LEAD, end)
    return blank if blank > 0 else end


def _why(passage: Passage) -> str:
    """Which side found it, for whoever wonders."""
    why = passage.explain
    by_meaning = _("by meaning: no. %(rank)s") % {"rank": why.dense_rank} if why.dense_rank else ""
    by_words = _("by words: no. %(rank)s") % {"rank": why.lexical_rank} if why.lexical_rank else ""
    before = _("the page before the best by meaning and words") if why.page_before else ""
    named = _("its title is named") if why.title_named else ""
    return ", ".join(filter(None, [by_meaning, by_words, before, named, _reranked(passage)]))


def _reranked(passage: Passage) -> str:
    """What the reranker changed."""
    before = passage.explain.rank_before
    if before is None or passage.explain.rerank_score is None:
        return ""
    said = {"before": before, "score": f"{100 * passage.explain.rerank_score:.0f}"}
    if before > passage.rank:
        return _("reranker: up from %(before)s (%(score)s %%)") % said
    if before < passage.rank:
        return _("reranker: down from %(before)s (%(score)s %%)") % said
    return _("reranker: same place (%(score)s %%)") % said


def facets(
    page: Page, chosen: Sequence[str], toggled: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Facets with something to choose from; each value with the address that adds or removes it."""
    if page.facets is None:
        return []
    found = []
    for name in NAMES:
        rows = [
            {
                "name": each.name,
                "count": each.count,
                "is_chosen": (term := _term(name, each.value)) in chosen,
                "address": toggled(term),
                "is_further": place >= SHOWN_AT_FIRST,
            }
            for place, each in enumerate(page.facets.counts[name])
        ]
        if len(rows) > 1 or any(row["is_chosen"] for row in rows):
            found.append(
                {"label": LABELS[name], "rows": rows, "has_further": len(rows) > SHOWN_AT_FIRST}
            )
    return found


def _term(name: str, value: str) -> str:
    return f"date:{value}" if name == "year" else exactly({"tags": "tag"}.get(name, name), value)
