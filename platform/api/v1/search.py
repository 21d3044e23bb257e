"""``POST /api/v1/search``: ranked passages."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import (
    LONGEST_QUESTION,
    ExpandField,
    FilterField,
    MomentField,
    Slugs,
    Strict,
    collection_ids,
)
from api.views import KeyView, principal_of
from retrieval.paging import Page, search_page
from retrieval.passages import Passage, SearchRequest

MOST_RESULTS = 100


class SearchInput(Strict):
    """What to look for, and where."""

    query = serializers.CharField(max_length=LONGEST_QUESTION)
    collections = Slugs(
        help_text="Slugs, one at least; absent: every collection that the key may read."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MOST_RESULTS, default=10)
    filter = FilterField(
        default=None,
        allow_null=True,
        help_text="Which documents are searched: an object, or a text as people type it.",
    )
    as_of = MomentField(
        default=None,
        allow_null=True,
        help_text="Search as it was at this time, which has a zone; absent: now.",
    )
    rerank = serializers.BooleanField(
        default=False, help_text="Have the tenant's reranker order the best 30 anew."
    )
    expand = ExpandField()
    explain = serializers.BooleanField(default=False)
    facets = serializers.BooleanField(default=False)
    highlight = serializers.BooleanField(default=False)
    cursor = serializers.CharField(
        max_length=20_000,
        default=None,
        allow_null=True,
        help_text="`next` of the page before, with the same query.",
    )


class FoundByOutput(serializers.Serializer[Any]):
    """One of the queries of an expanded search, and the passage's rank for it."""

    query = serializers.CharField()
    rank = serializers.IntegerField()


class ExplainOutput(serializers.Serializer[Any]):
    """Rank and score on each side (cosine similarity; BM25, and its share of what the question could reach);

    with a reranker, its score and the rank before; whether the best passage follows on from it, on the page before;
    whether the question names its document.
    """

    dense_rank = serializers.IntegerField(allow_null=True)
    dense_score = serializers.FloatField(allow_null=True)
    lexical_rank = serializers.IntegerField(allow_null=True)
    lexical_score = serializers.FloatField(allow_null=True)
    lexical_share = serializers.FloatField(allow_null=True)
    terms = serializers.ListField(child=serializers.CharField())
    phrases = serializers.ListField(child=serializers.CharField())
    rank_before = serializers.IntegerField(allow_null=True)
    rerank_score = serializers.FloatField(allow_null=True)
    found_by = FoundByOutput(many=True)
    page_before = serializers.BooleanField()
    title_named = serializers.BooleanField()


class ResultOutput(serializers.Serializer[Any]):
    """One passage."""

    rank = serializers.IntegerField()
    score = serializers.FloatField()
    external_id = serializers.CharField()
    document_id = serializers.UUIDField()
    title = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()
    highlights = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), required=False
    )
    explain = ExplainOutput(required=False)


class FacetOutput(serializers.Serializer[Any]):
    """A value, and how many of the counted documents have it."""

    value = serializers.CharField()
    name = serializers.CharField()
    count = serializers.IntegerField()


class FacetsOutput(serializers.Serializer[Any]):
    """Counts over the documents of the best passages: ``documents`` of them, in ``passages``."""

    passages = serializers.IntegerField()
    documents = serializers.IntegerField()
    counts = serializers.DictField(child=FacetOutput(many=True))


class SearchOutput(serializers.Serializer[Any]):
    """Passages, best first; ``degraded`` says what could not be used, and is empty when all was.

    ``queries`` are those that an expanded search asked. ``next`` is the cursor of the following page, or null;
    ``changed`` says that documents came or went since the first.
    """

    results = ResultOutput(many=True)
    degraded = serializers.ListField(child=serializers.CharField())
    next = serializers.CharField(allow_null=True)
    changed = serializers.BooleanField(required=False)
    queries = serializers.ListField(child=serializers.CharField(), required=False)
    facets = FacetsOutput(required=False)
    timings_ms = serializers.DictField(child=serializers.FloatField(), required=False)


class SearchView(KeyView):
    """Find passages."""

    scopes = {"POST": "search"}

    @extend_schema(operation_id="search", request=SearchInput, responses=SearchOutput)
    def post(self, request: Request) -> Response:
        """Ranked passages of the readable documents."""
        asked, principal = self.checked(SearchInput), principal_of(request)
        wanted = SearchRequest(
            query=asked["query"],
            collection_ids=collection_ids(asked["collections"], principal),
            limit=asked["limit"],
            as_of=asked["as_of"],
            explain=asked["explain"],
            filter=asked["filter"],
            highlight=asked["highlight"],
            rerank=asked["rerank"],
            expand=asked["expand"],
        )
        page = search_page(
            wanted, principal=principal, cursor=asked["cursor"], facets=asked["facets"]
        )
        return Response(as_json(page, wanted, is_first=asked["cursor"] is None))


def as_json(page: Page, asked: SearchRequest, *, is_first: bool) -> dict[str, Any]:
    """The public shape of a page of results."""
    body: dict[str, Any] = {
        "results": [_passage(passage, asked) for passage in page.passages],
        "degraded": list(page.degraded),
        "next": page.next,
    }
    if not is_first:
        body["changed"] = page.changed
    if asked.expand is not None:
        body["queries"] = list(page.queries)
    if page.facets is not None:
        body["facets"] = page.facets.as_json()
    return body | {"timings_ms": page.timings_ms} if asked.explain else body


def _passage(passage: Passage, asked: SearchRequest) -> dict[str, Any]:
    row: dict[str, Any] = {
        "rank": passage.rank,
        "score": passage.score,
        "external_id": passage.external_id,
        "document_id": str(passage.document_id),
        "title": passage.title,
        "page": passage.page,
        "text": passage.text,
    }
    if asked.highlight:
        row["highlights"] = [list(span) for span in passage.highlights]
    return row | {"explain": passage.explain.as_json()} if asked.explain else row
