"""``/api/v1/collections``: list, create, look at, pause, go on, try again what failed."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Conflict, Refused
from api.fields import Strict, collection_of
from api.views import ScopedView
from ingestion import collections, documents, pace, pausing, reweighting, versions
from ingestion.chunking.profiles import NAMED
from ingestion.lexical import LANGUAGES
from ingestion.models import Collection
from tenants.models import SLUG


class CollectionInput(Strict):
    """A new collection."""

    slug = serializers.CharField(max_length=63, validators=[SLUG])
    name = serializers.CharField(max_length=200, required=False, default="")
    description = serializers.CharField(
        max_length=10_000, required=False, default="", allow_blank=True
    )
    language = serializers.ChoiceField(
        LANGUAGES,
        default="english",
        help_text="How words are stemmed for the keyword search; `simple`: not at all.",
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
    paused = serializers.BooleanField()
    coverage = serializers.CharField(
        help_text="In words: 423 of 501 searchable, 71 waiting, 7 failed"
    )
    created_at = serializers.DateTimeField()


class SourceOutput(serializers.Serializer[Any]):
    """A source of a collection, and how much of it can be found."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    name = serializers.CharField()
    documents = serializers.IntegerField()
    searchable = serializers.IntegerField()
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField()
    paused = serializers.BooleanField()
    coverage = serializers.CharField(
        help_text="In words: 423 of 501 searchable, 71 waiting, 7 failed"
    )


class WholeCollectionOutput(CollectionOutput):
    """A collection with its sources, how its documents are divided, and how its words are weighed.

    ``reweighting``: other weights are being made ready; searches use the ones before until then.
    """

    chunk_profile = serializers.CharField()
    chunk_tokens = serializers.IntegerField(allow_null=True)
    chunk_overlap = serializers.IntegerField(allow_null=True)
    split_tables = serializers.BooleanField()
    split_code = serializers.BooleanField()
    language = serializers.CharField()
    bm25_k1 = serializers.FloatField()
    bm25_b = serializers.FloatField()
    title_weight = serializers.IntegerField()
    heading_weight = serializers.IntegerField()
    reweighting = serializers.BooleanField()
    sources = SourceOutput(many=True)
    documents_per_minute = serializers.FloatField(help_text="Of the last two minutes")
    chunks_per_second = serializers.FloatField(help_text="Of the last two minutes")
    seconds_left = serializers.FloatField(
        allow_null=True,
        help_text="At that rate of chunks; null when nothing waits or nobody can tell yet",
    )


class CountOutput(serializers.Serializer[Any]):
    """How many documents are worked on now."""

    documents = serializers.IntegerField()


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


class CollectionChange(Strict):
    """What to change of a collection; what is absent stays."""

    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    chunk_profile = serializers.ChoiceField(sorted(NAMED), required=False)
    chunk_tokens = serializers.IntegerField(
        min_value=32, max_value=2000, required=False, allow_null=True
    )
    chunk_overlap = serializers.IntegerField(
        min_value=0, max_value=1000, required=False, allow_null=True
    )
    split_tables = serializers.BooleanField(required=False)
    split_code = serializers.BooleanField(required=False)
    bm25_k1 = serializers.FloatField(min_value=0.1, max_value=10, required=False)
    bm25_b = serializers.FloatField(min_value=0, max_value=1, required=False)
    title_weight = serializers.IntegerField(min_value=1, max_value=10, required=False)
    heading_weight = serializers.IntegerField(min_value=1, max_value=10, required=False)
    language = serializers.ChoiceField(
        LANGUAGES, required=False, help_text="Only while the collection has no documents."
    )


class CollectionView(ScopedView):
    """One collection."""

    scopes = {"GET": "documents:read", "PATCH": "documents:write"}

    @extend_schema(operation_id="collections_get", responses=WholeCollectionOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Its coverage, in all and by source, and how its documents are divided."""
        return Response(_whole(collection_of(slug)))

    @extend_schema(
        operation_id="collections_change",
        request=CollectionChange,
        responses=WholeCollectionOutput,
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change name, description, weights or the size of passages; ``rechunk`` then divides what is there anew."""
        asked = self.checked(CollectionChange)
        try:
            return Response(_whole(collections.change(collection_of(slug), **asked)))
        except ValidationError as problem:
            field, said = next(iter(problem.message_dict.items()))
            raise Refused(" ".join(said), field=field) from problem


class PauseView(ScopedView):
    """No work on a collection for a while."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="collections_pause", request=None, responses=CollectionOutput)
    def post(self, request: Request, slug: str) -> Response:
        """Begin nothing more of it; uploads are taken and wait. Pausing twice changes nothing."""
        pausing.pause(collection_of(slug))
        return _shown(slug)


class ResumeView(ScopedView):
    """A paused collection goes on."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="collections_resume", request=None, responses=CollectionOutput)
    def post(self, request: Request, slug: str) -> Response:
        """Work off what waits."""
        pausing.resume(collection_of(slug))
        return _shown(slug)


class RetryFailedView(ScopedView):
    """Another attempt at all that failed."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="collections_retry", request=None, responses={202: CountOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Queue every failed document of the collection again."""
        count = documents.retry_failed(collection=collection_of(slug))
        return Response({"documents": count}, status=202)


class DivideView(ScopedView):
    """Passages by the present chunk profile."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="collections_rechunk", request=None, responses={202: CountOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Divide all documents anew; each changes over when its turn comes, and is found all the while."""
        count = versions.divide_again(collection=collection_of(slug))
        return Response({"documents": count}, status=202)


def _whole(row: Collection) -> dict[str, Any]:
    covered = collections.coverage([row.pk]).get(row.pk)
    profile = {name: getattr(row, name) for name in collections.PROFILE}
    words = {
        "language": row.language,
        "bm25_k1": row.bm25_k1,
        "bm25_b": row.bm25_b,
        "title_weight": row.title_weight,
        "heading_weight": row.heading_weight,
        "reweighting": reweighting.is_due(row),
    }
    whole = as_json(row, covered) | profile | words | {"sources": _sources(row)}
    return whole | _pace(row)


def _pace(row: Collection) -> dict[str, Any]:
    found = pace.of([row.pk])
    left = found.seconds_left
    return {
        "documents_per_minute": round(found.documents_per_minute, 1),
        "chunks_per_second": round(found.chunks_per_second, 1),
        "seconds_left": None if left is None else round(left, 1),
    }


def _shown(slug: str) -> Response:
    row = collection_of(slug)
    return Response(as_json(row, collections.coverage([row.pk]).get(row.pk)))


def _sources(collection: Collection) -> list[dict[str, Any]]:
    return [
        {"id": str(row.pk), "kind": row.kind, "name": row.name} | _counts(found)
        for row, found in collections.sources_of(collection)
    ]


def _counts(found: collections.Coverage) -> dict[str, Any]:
    return {
        "documents": found.documents,
        "searchable": found.searchable,
        "waiting": found.waiting,
        "failed": found.failed,
        "paused": found.paused,
        "coverage": str(found),
    }


def as_json(row: Collection, covered: collections.Coverage | None) -> dict[str, Any]:
    """The public shape of a collection."""
    return {
        "id": str(row.pk),
        "slug": row.slug,
        "name": row.name,
        "description": row.description,
        **_counts(covered or collections.Coverage()),
        "created_at": row.created_at,
    }
