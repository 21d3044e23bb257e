"""``GET /v1/models``: what may be asked, in the form of models.

``footnote`` answers from every collection that the key may read, ``footnote:<slug>`` from one, and
``footnote/extractive`` by quotation alone; configured models and routes are passed through.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Absent
from api.views import ScopedView
from inference import catalogue, embeddings
from inference.passthrough import relay
from inference.types import EXTRACTIVE_MODEL
from ingestion.models import Collection
from tenants.scope import current_principal

EVERYTHING = "footnote"
PREFIX = "footnote:"


@dataclass(frozen=True)
class Target:
    """What a model's name means: where to look, and who writes (None: the tenant's default)."""

    collection_ids: tuple[UUID, ...] | None
    writer: str | None


class ModelOutput(serializers.Serializer[Any]):
    """A model in OpenAI's shape."""

    id = serializers.CharField()
    object = serializers.CharField()
    created = serializers.IntegerField()
    owned_by = serializers.CharField()


class ModelsOutput(serializers.Serializer[Any]):
    """A list in OpenAI's shape."""

    object = serializers.CharField()
    data = ModelOutput(many=True)  # type: ignore[assignment]  # OpenAI's name for it


class ModelsView(ScopedView):
    """What may be asked."""

    scopes = {"GET": "models"}

    @extend_schema(operation_id="openai_models_list", responses=ModelsOutput)
    def get(self, request: Request) -> Response:
        """All names that ``model`` may take."""
        collections = Collection.objects.order_by("slug")
        named = [_row(name) for name in _configured()]
        rows = [_row(EVERYTHING), _row(EXTRACTIVE_MODEL), *map(_of_collection, collections), *named]
        return Response({"object": "list", "data": rows})


class ModelView(ScopedView):
    """One of them."""

    scopes = {"GET": "models"}

    @extend_schema(operation_id="openai_models_get", responses=ModelOutput)
    def get(self, request: Request, model_id: str) -> Response:
        """404 for a name that ``model`` may not take."""
        if model_id not in _configured():
            target(model_id)
        if model_id.startswith(PREFIX):
            return Response(_of_collection(Collection.objects.get(slug=model_id[len(PREFIX) :])))
        return Response(_row(model_id))


def target(name: str) -> Target:
    """What the name means, in an open scope. Raises Absent. At most one query."""
    if name == EVERYTHING:
        return Target(None, None)
    if name == EXTRACTIVE_MODEL:
        return Target(None, EXTRACTIVE_MODEL)
    if name.startswith(PREFIX):
        found = Collection.objects.filter(slug=name[len(PREFIX) :]).values_list("id", flat=True)
        if ids := tuple(found):
            return Target(ids, None)
    raise Absent("model", field="model", code="model_not_found")


def _configured() -> list[str]:
    """The models that are passed through, by their own names, the routes, by theirs, and what embeds."""
    principal = current_principal()
    found = [one.id for one in catalogue.list_models(principal) if one.id != EXTRACTIVE_MODEL]
    others = [*relay.routes_by_name(principal), *embeddings.names(principal)]
    return list(dict.fromkeys([*found, *others]))


def _of_collection(row: Collection) -> dict[str, Any]:
    return _row(f"{PREFIX}{row.slug}", created=int(row.created_at.timestamp()))


def _row(name: str, *, created: int = 0) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "footnote"}
