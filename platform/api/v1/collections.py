"""``/api/v1/collections``: list and create."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Conflict
from api.fields import Strict
from api.views import ScopedView
from ingestion import collections
from ingestion.models import Collection
from tenants.models import SLUG


class CollectionInput(Strict):
    """A new collection."""

    slug = serializers.CharField(max_length=63, validators=[SLUG])
    name = serializers.CharField(max_length=200, required=False, default="")
    description = serializers.CharField(
        max_length=10_000, required=False, default="", allow_blank=True
    )


class CollectionOutput(serializers.Serializer[Any]):
    """A collection, and how much of it can be found."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    documents = serializers.IntegerField()
    searchable = serializers.IntegerField()
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class CollectionsOutput(serializers.Serializer[Any]):
    """The readable collections, by name."""

    results = CollectionOutput(many=True)


class CollectionsView(ScopedView):
    """Sets of documents that are searched together."""

    scopes = {"GET": "documents:read", "POST": "documents:write"}

    @extend_schema(operation_id="collections_list", responses=CollectionsOutput)
    def get(self, request: Request) -> Response:
        """Every collection that the key may read, with its coverage."""
        rows = list(Collection.objects.all())
        covered = collections.coverage([row.pk for row in rows])
        return Response({"results": [as_json(row, covered.get(row.pk)) for row in rows]})

    @extend_schema(
        operation_id="collections_create",
        request=CollectionInput,
        responses={201: CollectionOutput},
    )
    def post(self, request: Request) -> Response:
        """Create a collection; 409 when the slug is taken."""
        asked = self.checked(CollectionInput)
        if Collection.objects.filter(slug=asked["slug"]).exists():
            raise Conflict(
                f"There is already a collection {asked['slug']!r}.", code="taken", field="slug"
            )
        return Response(as_json(collections.create(**asked), None), status=201)


def as_json(row: Collection, covered: collections.Coverage | None) -> dict[str, Any]:
    """The public shape of a collection."""
    counts = covered or collections.Coverage()
    return {
        "id": str(row.pk),
        "slug": row.slug,
        "name": row.name,
        "description": row.description,
        "documents": counts.documents,
        "searchable": counts.searchable,
        "waiting": counts.waiting,
        "failed": counts.failed,
        "created_at": row.created_at,
    }
