"""``/api/v1/sources``: places that are looked at again and again, and what their looks brought."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import pages
from api.errors import Absent, Conflict
from api.fields import Strict, collection_of
from api.permissions import require_steward
from api.v1.changes import JSONObject
from api.views import ScopedView, principal_of, uuid_or_absent
from ingestion import source_overview, sources
from ingestion.models import Source, SourceRun
from ingestion.source_overview import SourceRow
from ingestion.syncing import kinds
from ingestion.syncing.findings import COUNTERS

READ, WRITE = "documents:read", "documents:write"


class Options(Strict):
    """What every kind has. ``every_minutes`` null: only when asked."""

    every_minutes = serializers.IntegerField(required=False, allow_null=True)
    fresh_minutes = serializers.IntegerField(required=False)
    missing = serializers.ChoiceField(Source.Missing.choices, required=False)
    most_deleted_percent = serializers.IntegerField(required=False)


class SourceInput(Options):
    """A new source. ``credentials`` go in and never come out."""

    collection = serializers.CharField(max_length=63, help_text="Slug")
    kind = serializers.ChoiceField([(name, name) for name in kinds.NAMES])
    name = serializers.CharField(max_length=200)
    config = JSONObject(help_text="Settings of the kind; see docs/sources.md")
    credentials = JSONObject(required=False, default=dict)
    sync = serializers.BooleanField(required=False, default=True, help_text="Look at it at once")


class SourceChange(Options):
    """Other settings; what is not given stays."""

    name = serializers.CharField(max_length=200, required=False)
    config = JSONObject(required=False)
    credentials = JSONObject(required=False)


class SyncInput(Strict):
    """``confirm_deletions``: delete what the last look held back."""

    confirm_deletions = serializers.BooleanField(required=False, default=False)


class SourceRunOutput(serializers.Serializer[Any]):
    """One look at a source."""

    id = serializers.UUIDField()
    state = serializers.CharField(help_text="waiting, running, done, held, failed or stopped")
    listed = serializers.IntegerField()
    fetched = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    deleted = serializers.IntegerField()
    skipped = serializers.IntegerField()
    failed = serializers.IntegerField()
    problems = serializers.ListField(help_text="key, code, reason and remedy of items; at most 200")
    reason = serializers.CharField()
    reason_code = serializers.CharField()
    remedy = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class SourceDetailOutput(serializers.Serializer[Any]):
    """A source, how it stands, and how much of it can be found."""

    id = serializers.UUIDField()
    collection = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    config = serializers.DictField()
    has_credentials = serializers.BooleanField()
    every_minutes = serializers.IntegerField(allow_null=True)
    fresh_minutes = serializers.IntegerField()
    missing = serializers.CharField()
    most_deleted_percent = serializers.IntegerField()
    state = serializers.CharField()
    reason = serializers.CharField()
    reason_code = serializers.CharField()
    remedy = serializers.CharField()
    held_deletions = serializers.IntegerField()
    documents = serializers.IntegerField()
    searchable = serializers.IntegerField()
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField()
    next_run_at = serializers.DateTimeField(allow_null=True)
    last_run_at = serializers.DateTimeField(allow_null=True)
    last_success_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class SourcesOutput(serializers.Serializer[Any]):
    """A page of sources."""

    results = SourceDetailOutput(many=True)
    next = serializers.CharField(allow_null=True)


class SourceRunsOutput(serializers.Serializer[Any]):
    """The last fifty looks, newest first."""

    results = SourceRunOutput(many=True)


class ListInput(Strict):
    """Which sources to list."""

    collection = serializers.CharField(max_length=63, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)
    cursor = serializers.CharField(max_length=200, default="")


class RemoveInput(Strict):
    """What becomes of the documents."""

    documents = serializers.ChoiceField(["keep", "delete"], default="keep")


class SourcesView(ScopedView):
    """The tenant's sources."""

    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(
        operation_id="sources_list",
        parameters=[
            OpenApiParameter("collection", OpenApiTypes.STR, description="Slug"),
            OpenApiParameter("limit", OpenApiTypes.INT, description="1 to 500; 100 by default"),
            OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next`"),
        ],
        responses=SourcesOutput,
    )
    def get(self, request: Request) -> Response:
        """Newest first; ``next`` is the address of the following page, or null."""
        asked = self.checked(ListInput, request.query_params.dict())
        found = source_overview.syncable()
        if "collection" in asked:
            found = found.filter(collection=collection_of(asked["collection"], field="collection"))
        page, following = pages.page(request, found, cursor=asked["cursor"], limit=asked["limit"])
        shown = [as_json(row) for row in source_overview.rows(page)]
        return Response({"results": shown, "next": following})

    @extend_schema(
        operation_id="sources_add", request=SourceInput, responses={201: SourceDetailOutput}
    )
    def post(self, request: Request) -> Response:
        """Add a source; its first look begins at once unless ``sync`` is false."""
        asked = self.checked(SourceInput)
        _check_place(request, asked["kind"], asked["config"])
        source = sources.add(
            collection=collection_of(asked.pop("collection"), field="collection"),
            secrets=asked.pop("credentials"),
            begin=asked.pop("sync"),
            **asked,
        )
        return Response(_shown(source), status=201)


class SourceView(ScopedView):
    """One source."""

    scopes = {"GET": READ, "PATCH": WRITE, "DELETE": WRITE}

    @extend_schema(operation_id="sources_get", responses=SourceDetailOutput)
    def get(self, request: Request, source_id: str) -> Response:
        """How it stands, and for a failed look the reason and what to do about it."""
        return Response(_shown(_source(source_id)))

    @extend_schema(
        operation_id="sources_change", request=SourceChange, responses=SourceDetailOutput
    )
    def patch(self, request: Request, source_id: str) -> Response:
        """Change settings; they hold from the next look."""
        asked = self.checked(SourceChange)
        secrets = asked.pop("credentials", None)
        return Response(_shown(sources.change(source=_source(source_id), secrets=secrets, **asked)))

    @extend_schema(
        operation_id="sources_remove",
        parameters=[OpenApiParameter("documents", OpenApiTypes.STR, enum=["keep", "delete"])],
        responses={204: None},
    )
    def delete(self, request: Request, source_id: str) -> Response:
        """Look at it no more. Its documents stay, unless ``documents=delete``."""
        asked = self.checked(RemoveInput, request.query_params.dict())
        sources.remove(source=_source(source_id), with_documents=asked["documents"] == "delete")
        return Response(status=204)


class SyncView(ScopedView):
    """A look at a source, now."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="sources_sync", request=SyncInput, responses={202: SourceRunOutput})
    def post(self, request: Request, source_id: str) -> Response:
        """Look at it now; the look that waits or is under way, when there is one. 409 when it is paused."""
        asked = self.checked(SyncInput)
        chosen = sources.confirm_deletions if asked["confirm_deletions"] else sources.sync
        try:
            run = chosen(source=_source(source_id))
        except sources.NotSyncable as error:
            raise Conflict(str(error), code="not_syncable") from error
        return Response(run_as_json(run), status=202)


class SourcePauseView(ScopedView):
    """No looks for a while."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="sources_pause", request=None, responses=SourceDetailOutput)
    def post(self, request: Request, source_id: str) -> Response:
        """Pause it; a look under way is stopped."""
        sources.pause(source=_source(source_id))
        return Response(_shown(_source(source_id)))


class SourceResumeView(ScopedView):
    """Looks again."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="sources_resume", request=None, responses=SourceDetailOutput)
    def post(self, request: Request, source_id: str) -> Response:
        """Go on where it was paused."""
        sources.resume(source=_source(source_id))
        return Response(_shown(_source(source_id)))


class RunsView(ScopedView):
    """The looks at a source."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="sources_runs", responses=SourceRunsOutput)
    def get(self, request: Request, source_id: str) -> Response:
        """The last fifty, newest first, with the items that failed."""
        found = source_overview.runs_of(_source(source_id))
        return Response({"results": [run_as_json(run) for run in found]})


def _check_place(request: Request, kind: str, config: dict[str, Any]) -> None:
    """Files of the machine are for those who administer the tenant. Raises Refused."""
    place = str(config.get("repository", "://"))
    is_here = kind == Source.Kind.FOLDER or (kind == Source.Kind.GIT and "://" not in place)
    if is_here:
        refusal = "Only an owner's or admin's key may read files of this machine."
        require_steward(principal_of(request), refusal)


def _source(source_id: str) -> Source:
    row = source_overview.syncable().filter(pk=uuid_or_absent(source_id, "source")).first()
    if row is None:
        raise Absent("source")
    return row


def _shown(source: Source) -> dict[str, Any]:
    return as_json(source_overview.rows([source])[0])


def as_json(row: SourceRow) -> dict[str, Any]:
    """The public shape of a source."""
    source, covered = row.source, row.coverage
    return {
        "id": str(source.pk),
        "collection": source.collection.slug,
        "kind": source.kind,
        "name": source.name,
        "config": source.config,
        "has_credentials": bool(bytes(source.encrypted_credentials)),
        "every_minutes": source.every_minutes,
        "fresh_minutes": source.fresh_minutes,
        "missing": source.missing,
        "most_deleted_percent": source.most_deleted_percent,
        "state": row.state,
        "reason": source.reason,
        "reason_code": source.reason_code,
        "remedy": source.remedy,
        "held_deletions": source.held_deletions,
        "documents": covered.documents,
        "searchable": covered.searchable,
        "waiting": covered.waiting,
        "failed": covered.failed,
        "next_run_at": source.next_run_at,
        "last_run_at": source.last_run_at,
        "last_success_at": source.last_success_at,
        "created_at": source.created_at,
    }


def run_as_json(run: SourceRun) -> dict[str, Any]:
    """The public shape of a look."""
    return {
        "id": str(run.pk),
        "state": run.state,
        **{name: getattr(run, name) for name in COUNTERS},
        "problems": run.problems,
        "reason": run.reason,
        "reason_code": run.reason_code,
        "remedy": run.remedy,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }
