"""``GET /api/v1/search/suggest``: completions for a search box."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import NO_SLUGS, Strict, collection_ids
from api.views import KeyView, principal_of
from retrieval import suggesting

MOST_SLUGS = 100


class SuggestInput(Strict):
    """What was typed so far, and how much is wanted."""

    q = serializers.CharField(
        max_length=suggesting.LONGEST, trim_whitespace=False, help_text="What was typed so far."
    )
    collection = serializers.CharField(
        required=False,
        default="",
        max_length=64 * MOST_SLUGS,
        help_text="Slugs, with commas between them; absent: every collection that the key may read.",
    )
    limit = serializers.IntegerField(min_value=1, max_value=suggesting.MOST, default=8)

    def validate_collection(self, given: str) -> list[str] | None:
        """The slugs; None when it is absent."""
        slugs = [slug for slug in given.split(",") if slug]
        if given and not slugs:
            raise serializers.ValidationError(NO_SLUGS)
        return slugs or None


class TitleOutput(serializers.Serializer[Any]):
    """A document whose title fits."""

    document_id = serializers.UUIDField()
    external_id = serializers.CharField()
    title = serializers.CharField()


class SuggestOutput(serializers.Serializer[Any]):
    """``completions``: what was typed with its last word completed, likeliest first; and documents by their titles."""

    completions = serializers.ListField(child=serializers.CharField())
    titles = TitleOutput(many=True)


class SuggestView(KeyView):
    """Complete what somebody types."""

    scopes = {"GET": "search"}

    @extend_schema(
        operation_id="search_suggest", parameters=[SuggestInput], responses=SuggestOutput
    )
    def get(self, request: Request) -> Response:
        """Words and titles of the readable documents that begin with what was typed."""
        asked = self.checked(SuggestInput, request.query_params.dict())
        principal = principal_of(request)
        found = suggesting.suggest(
            asked["q"],
            principal=principal,
            collection_ids=collection_ids(asked["collection"], principal, field="collection"),
            most=asked["limit"],
        )
        return Response(SuggestOutput(found).data)
