"""The search page: words, filters between them, facets beside them, and searches kept under a name.

The address holds the whole search: ``q`` (as typed, filters included), ``f`` (each a filter chosen by a click),
``as_of`` (a day), ``rerank`` and ``cursor``. Results open in the source view that citations use.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from chat import search_results
from chat.guards import as_member, asker
from chat.pages import list_context
from inference import gateway
from ingestion.cleaning import clean_line
from ingestion.metadata import LONGEST_AUTHOR
from ingestion.models import Collection
from retrieval import saved_searches, suggesting
from retrieval.errors import CursorRefused, SearchRefused
from retrieval.filters import FilterRefused, ends_in_value, read_asked, read_query
from retrieval.filters.fields import FIELDS
from retrieval.models import SavedSearch
from retrieval.paging import Page, search_page
from retrieval.passages import SearchRequest
from retrieval.questions import MAX_CHARACTERS
from tenants.identifiers import uuid_or_none
from tenants.scope import tenant_scope

PAGE = 10
SUGGESTED = 6
# The longest author, were each character of the name escaped, and the field before it.
LONGEST_TERM = 2 * LONGEST_AUTHOR + 20
# A cursor travels in the address; this much of it is still one.
LONGEST_CURSOR = 4000
# A year before this one is a slip: a browser makes 0026 of a year of which two digits were typed.
EARLIEST = 1900
# So many seconds somebody waits for a reranker's order before the search's own is shown.
PATIENCE = 8.0


@dataclass(frozen=True)
class Asked:
    """A search as its address says it."""

    q: str
    chosen: tuple[str, ...]
    day: str
    cursor: str
    rerank: str = ""

    @classmethod
    def of(cls, given: QueryDict) -> "Asked":
        """What an address or the form to save it asks for; nonsense in it is not there."""
        chosen = dict.fromkeys(clean_line(term, LONGEST_TERM) for term in given.getlist("f")[:50])
        return cls(
            clean_line(given.get("q", ""), MAX_CHARACTERS),
            tuple(filter(None, chosen)),
            given.get("as_of", "")[:10],
            given.get("cursor", "")[:LONGEST_CURSOR],
            "1" if given.get("rerank") else "",
        )

    @classmethod
    def kept(cls, row: SavedSearch) -> "Asked":
        """A saved one, from its first page on."""
        day = row.as_of.isoformat() if row.as_of else ""
        return cls(row.query, tuple(row.terms), day, "", "1" if row.rerank else "")

    @property
    def is_blank(self) -> bool:
        return not self.q and not self.chosen

    def address(self, **changed: Any) -> str:
        """The address of this search, or of one that differs in something; always its first page."""
        values = {
            "q": self.q,
            "f": self.chosen,
            "as_of": self.day,
            "rerank": self.rerank,
        } | changed
        pairs = {name: value for name, value in values.items() if value}
        return f"{reverse('search')}?{urlencode(pairs, doseq=True)}"

    def toggled(self, term: str) -> str:
        """The address with a filter more, or without it."""
        rest = tuple(each for each in self.chosen if each != term)
        return self.address(f=rest if term in self.chosen else (*self.chosen, term))

    def unfiltered(self) -> str:
        """The address of its words alone; what was typed stays as it is when a filter in it is none."""
        try:
            return self.address(q=read_query(self.q).text, f=())
        except FilterRefused:
            return self.address(f=())

    def moment(self) -> datetime | None:
        """The end of the chosen day; None for today and later. Raises ``SearchRefused``."""
        if (day := self.date()) is None:
            return None
        end = datetime.combine(day, time.max, tzinfo=UTC)
        return end if end < timezone.now() else None

    def date(self) -> date | None:
        """The chosen day. Raises ``SearchRefused``."""
        if not self.day:
            return None
        try:
            day = date.fromisoformat(self.day)
        except ValueError:
            raise SearchRefused("as_of", _("“As of” is a day such as 2026-01-31.")) from None
        if day.year < EARLIEST:
            said = _("“As of” is a day from the year %(year)s on, such as 2026-01-31.")
            raise SearchRefused("as_of", said % {"year": EARLIEST})
        return day


@require_GET
@as_member
def search_view(request: HttpRequest) -> HttpResponse:
    """The page, with results when something is asked."""
    asked = Asked.of(request.GET)
    # A search that is refused has its chips, too: the filter that is wrong may be one of them.
    context: dict[str, Any] = {
        "asked": asked,
        "error": None,
        "page": None,
        "chips": [(term, asked.toggled(term)) for term in asked.chosen],
        "unfiltered": asked.unfiltered(),
    }
    try:
        context |= {} if asked.is_blank else _answer(request, asked)
    except SearchRefused as error:
        context["error"] = error
    with tenant_scope(asker(request)):
        if context["page"] is not None and not context["asked"].cursor:
            saved_searches.seen(user=request.user, query=asked.q, terms=asked.chosen)  # type: ignore[arg-type]
        context |= _around(request, asked)
        return render(request, "chat/search.html", context)


def _answer(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """The first page where the cursor is another person's, or none any more. Raises ``SearchRefused``."""
    try:
        return _results(request, asked)
    except CursorRefused:
        first = replace(asked, cursor="")
        return _results(request, first) | {"asked": first, "is_turned_back": True}


def _results(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """Raises ``SearchRefused``."""
    text, wanted = read_asked(asked.q, asked.chosen)
    moment = asked.moment()
    if not text:
        raise SearchRefused("query", _("Add a word to look for to these filters."))
    page = search_page(
        SearchRequest(
            text,
            limit=PAGE,
            filter=wanted,
            as_of=moment,
            highlight=True,
            rerank=bool(asked.rerank) and gateway.can_rerank(asker(request)),
            patience=PATIENCE,
        ),
        principal=asker(request),
        cursor=asked.cursor or None,
        facets=True,
    )
    return {
        "page": page,
        "results": [search_results.shown(each) for each in page.passages],
        "facets": search_results.facets(page, asked.chosen, asked.toggled),
        "moment": moment,
        "current": asked.address(as_of=""),
        "further": _further(asked, page),
        "unranked": [each for each in page.degraded if each.startswith("rerank: ")],
        "by_words": [each for each in page.degraded if not each.startswith("rerank: ")],
        "is_filtered": wanted is not None,
    }


def _further(asked: Asked, page: Page) -> str:
    """The address of the next page; none when the cursor no longer fits into one."""
    if page.next is None or len(page.next) > LONGEST_CURSOR:
        return ""
    return asked.address(cursor=page.next)


def _around(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """What stands around the results, in the open scope."""
    gone = uuid_or_none(request.GET.get("deleted"))
    saved = list(saved_searches.of(request.user))  # type: ignore[arg-type]
    return list_context(request, words="") | {
        "saved": [(each, Asked.kept(each).address()) for each in saved],
        "collections": Collection.objects.exists(),
        "deleted": gone and saved_searches.deleted(gone, user=request.user),  # type: ignore[arg-type]
        "is_search": True,
        "can_rerank": gateway.can_rerank(asker(request)),
        "today": timezone.localdate().isoformat(),
        "yesterday": (timezone.localdate() - timedelta(days=1)).isoformat(),
    }


@require_GET
@as_member
def suggest(request: HttpRequest) -> HttpResponse:
    """Completions of what stands in the box: its saved searches, fields, words and titles of readable documents."""
    typed = clean_line(request.GET.get("q", ""), suggesting.LONGEST)
    # A blank at the end says that the last word is whole.
    typed += " " if typed and request.GET.get("q", "").endswith(" ") else ""
    last = "" if ends_in_value(typed) else typed.rpartition(" ")[2].lower()
    fields = [name for name in (*FIELDS, "tag") if last and name.startswith(last) and name != last]
    found = suggesting.suggest(typed, principal=asker(request), most=SUGGESTED)
    titles = {each.title.casefold(): each.title for each in reversed(found.titles)}
    context = {
        "fields": [f"{typed[: len(typed) - len(last)]}{name}:" for name in fields[:3]],
        "titles": [each for each in reversed(titles.values()) if each != typed],
        "words": found.completions,
        "saved": _saved_like(request, typed) if typed else [],
    }
    return render(request, "chat/_search_suggestions.html", context)


def _saved_like(request: HttpRequest, typed: str) -> list[tuple[str, str]]:
    with tenant_scope(asker(request)):
        rows = saved_searches.of(request.user).filter(name__istartswith=typed.strip())[:3]  # type: ignore[arg-type]
        return [(row.name, Asked.kept(row).address()) for row in rows]
