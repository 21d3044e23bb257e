"""``POST /api/v1/search``: ranked passages."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import LONGEST_QUESTION, Slugs, Strict, collection_ids
from api.views import KeyView, principal_of
from retrieval.passages import Passage, SearchRequest, SearchResult
from retrieval.search import search

MOST_RESULTS = 100


class SearchInput(Strict):
    """What to look for, and where."""

    query = serializers.CharField(max_length=LONGEST_QUESTION)
    collections = Slugs(help_text="Slugs; absent: every collection that the key may read.")
    limit = serializers.IntegerField(min_value=1, max_value=MOST_RESULTS, default=10)
    filter = serializers.DictField(
        required=False, allow_null=True, help_text="Reserved: only an empty filter is accepted."
    )
    as_of = serializers.DateTimeField(
        default=None, allow_null=True, help_text="Search as it was at this time; absent: now."
    )
    explain = serializers.BooleanField(default=False)

    def validate_filter(self, value: dict[str, Any] | None) -> None:
        """A filter that were ignored would return what was to be left out."""
        if value:
            raise serializers.ValidationError("Filters are not supported yet; leave it out.")


class ExplainOutput(serializers.Serializer[Any]):
    """Rank and score on each side (cosine similarity; BM25, and its share of what the question could reach)."""

    dense_rank = serializers.IntegerField(allow_null=True)
    dense_score = serializers.FloatField(allow_null=True)
    lexical_rank = serializers.IntegerField(allow_null=True)
    lexical_score = serializers.FloatField(allow_null=True)
    lexical_share = serializers.FloatField(allow_null=True)
    terms = serializers.ListField(child=serializers.CharField())


class ResultOutput(serializers.Serializer[Any]):
    """One passage."""

    rank = serializers.IntegerField()
    score = serializers.FloatField()
    external_id = serializers.CharField()
    document_id = serializers.UUIDField()
    title = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()
    explain = ExplainOutput(required=False)


class SearchOutput(serializers.Serializer[Any]):
    """Passages, best first; ``degraded`` says what could not be used, and is empty when all was."""

    results = ResultOutput(many=True)
    degraded = serializers.ListField(child=serializers.CharField())
    timings_ms = serializers.DictField(child=serializers.FloatField(), required=False)


class SearchView(KeyView):
    """Find passages."""

    scopes = {"POST": "search"}

    @extend_schema(operation_id="search", request=SearchInput, responses=SearchOutput)
    def post(self, request: Request) -> Response:
        """Ranked passages of the readable documents."""
        asked = self.checked(SearchInput)
        found = search(
            SearchRequest(
                query=asked["query"],
                collection_ids=collection_ids(asked["collections"], principal_of(request)),
                limit=asked["limit"],
                as_of=asked["as_of"],
                explain=asked["explain"],
            ),
            principal=principal_of(request),
        )
        return Response(as_json(found, explain=asked["explain"]))


def as_json(found: SearchResult, *, explain: bool) -> dict[str, Any]:
    """The public shape of a search's result."""
    body: dict[str, Any] = {
        "results": [_passage(passage, explain) for passage in found.passages],
        "degraded": list(found.degraded),
    }
    return body | {"timings_ms": found.timings_ms} if explain else body


def _passage(passage: Passage, explain: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "rank": passage.rank,
        "score": passage.score,
        "external_id": passage.external_id,
        "document_id": str(passage.document_id),
        "title": passage.title,
        "page": passage.page,
        "text": passage.text,
    }
    return row | {"explain": passage.explain.as_json()} if explain else row
