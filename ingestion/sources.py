"""Commands on sources that are looked at again and again.

``add``, ``change``, ``sync``, ``pause``, ``resume``, ``stop``, ``confirm_deletions``, ``keep_missing``, ``remove``, and
``preview``, which writes nothing.

Each runs in the open tenant scope, is atomic and leaves an audit event; those that begin a look wake a worker with the
commit. Whether the principal may write is for the edge to check.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from ingestion import documents, pausing, wake
from ingestion.fetching import FetchError
from ingestion.models import Collection, Document, Source, SourceItem, SourceRun
from ingestion.syncing import credentials, kinds, settings
from ingestion.syncing.kind import Content, Kind, Listed, Opened, Setup, Skipped, SyncError
from tenants import audit
from tenants.scope import current_principal, current_tenant_id, tenant_scope

PREVIEWED = 10
# More often would be rude to servers, and a look that takes longer is not begun twice anyway.
LEAST_MINUTES = 5
MOST_MINUTES = 366 * 24 * 60
STOPPED = ("stopped", "Somebody stopped it.", "Sync it again when you like.")
OPTIONS = ("every_minutes", "fresh_minutes", "missing", "most_deleted_percent")


class NotSyncable(ValueError):
    """The source cannot be looked at: it is paused, removed, or one for uploads."""


@dataclass(frozen=True)
class Preview:
    """The first items that a source lists. ``error`` is empty when it can be read."""

    items: list[Listed]
    more: bool = False
    error: str = ""
    remedy: str = ""


@transaction.atomic
def add(
    *,
    collection: Collection,
    kind: str,
    name: str,
    config: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    begin: bool = True,
    **options: Any,
) -> Source:
    """A new source, and its first look unless ``begin`` is false. Raises ValidationError by field.

    ``options``: every_minutes (None: only when asked), fresh_minutes, missing, most_deleted_percent.
    """
    chosen = _kind(kind)
    row = Source(
        tenant_id=current_tenant_id(),
        collection=collection,
        kind=kind,
        name=_name(name),
        config=settings.cleaned(chosen, config),
        encrypted_credentials=credentials.seal(settings.cleaned_secrets(chosen, secrets or {})),
        created_by_id=current_principal().user_id,
        **_options(options),
    )
    row.next_run_at = _next(row)
    _save_new(row)
    audit.record("source.added", row, kind=kind, collection=collection.slug)
    if begin:
        sync(source=row)
    return row


@transaction.atomic
def change(
    *,
    source: Source,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    **options: Any,
) -> Source:
    """Other settings; what is not given stays. ``secrets`` replaces all of them, an empty one removes them.

    Raises ValidationError by field.
    """
    row = Source.objects.select_for_update().get(pk=source.pk)
    chosen = _kind(row.kind)
    if name is not None:
        row.name = _name(name)
    if config is not None:
        row.config = settings.cleaned(chosen, {**row.config, **config})
        row.memory = {}
    if secrets is not None:
        row.encrypted_credentials = credentials.seal(settings.cleaned_secrets(chosen, secrets))
    for field, value in _options(options).items():
        setattr(row, field, value)
    if "every_minutes" in options:
        row.next_run_at = _next(row)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise _taken(row) from error
    audit.record("source.changed", row)
    return row


def preview(
    *, kind: str, name: str, config: Mapping[str, Any], secrets: Mapping[str, str]
) -> Preview:
    """What a source with these settings would list first; stores nothing. Raises ValidationError by field.

    Takes as long as the source's server takes: not for inside a transaction that others wait for.
    """
    chosen = _kind(kind)
    setup = Setup(name, settings.cleaned(chosen, config), settings.cleaned_secrets(chosen, secrets))
    try:
        with closing(chosen.open(setup)) as opened:
            found = list(_tried(opened))
            if not found and opened.troubles:
                # Nothing is listed, and the source knows why: robots.txt, for instance.
                raise opened.troubles[0][1]
    except (SyncError, FetchError) as error:
        return Preview([], error=error.message, remedy=error.remedy)
    return Preview(found[:PREVIEWED], more=len(found) > PREVIEWED)


def _tried(opened: Opened) -> Iterator[Listed]:
    """The first items, of which the first is fetched as well: a list of addresses alone proves nothing."""
    for number, listed in enumerate(islice(opened.listing(), PREVIEWED + 1)):
        if number == 0:
            answer = opened.fetch(listed, None)
            if isinstance(answer, Content):
                answer.body.close()
            elif isinstance(answer, Skipped) and answer.code == "no_document":
                raise SyncError(answer.code, answer.reason)
        yield listed


@transaction.atomic
def sync(*, source: Source, may_delete_all: bool = False) -> SourceRun:
    """Look at it now; when a look is under way or waits, that one. Raises NotSyncable."""
    row = Source.objects.select_for_update().get(pk=source.pk)
    if row.removed_at or row.kind not in kinds.NAMES:
        raise NotSyncable("This source has nothing to look at.")
    if row.paused_at:
        raise NotSyncable("The source is paused: resume it first.")
    run = SourceRun.objects.filter(source=row, finished_at=None).first()
    if run is None:
        run = SourceRun.objects.create(source=row, asked_for=True, may_delete_all=may_delete_all)
    else:
        SourceRun.objects.filter(pk=run.pk, lease_token=None).update(
            not_before=timezone.now(), asked_for=True, may_delete_all=may_delete_all
        )
    audit.record("source.sync_asked", row)
    wake.on_commit(wake.SYNC_TASK)
    return run


@transaction.atomic
def confirm_deletions(*, source: Source) -> SourceRun:
    """Delete what the last look held back: one more look deletes what is still missing. Raises NotSyncable."""
    audit.record("source.deletions_confirmed", source, documents=source.held_deletions)
    return sync(source=source, may_delete_all=True)


@transaction.atomic
def keep_missing(*, source: Source) -> None:
    """Never delete what this source has no more."""
    Source.objects.filter(pk=source.pk).update(
        missing=Source.Missing.KEEP, held_deletions=0, reason_code="", reason="", remedy=""
    )
    audit.record("source.changed", source, missing=Source.Missing.KEEP)


@transaction.atomic
def stop(*, source: Source) -> bool:
    """End the look that waits or is under way; what it has brought stays. False when there was none."""
    code, reason, remedy = STOPPED
    found = SourceRun.objects.filter(source=source, finished_at=None)
    stopped = found.update(
        state=SourceRun.RunState.STOPPED,
        lease_token=None,
        lease_until=None,
        finished_at=timezone.now(),
        reason_code=code,
        reason=reason,
        remedy=remedy,
    )
    if stopped:
        audit.record("source.stopped", source)
    return bool(stopped)


@transaction.atomic
def pause(*, source: Source) -> None:
    """No looks, and nothing of it is ingested, until it is resumed; a look under way is stopped."""
    pausing.pause(source)
    stop(source=source)


@transaction.atomic
def resume(*, source: Source) -> None:
    """Go on; the next look is at its time, or now when that has passed."""
    pausing.resume(source)
    wake.on_commit(wake.SYNC_TASK)


@transaction.atomic
def remove(*, source: Source, with_documents: bool) -> int:
    """Look no more. Its documents stay in search, or go with it; how many went.

    The row stays, since documents came from it; its credentials do not.
    """
    stop(source=source)
    Source.objects.filter(pk=source.pk).update(
        removed_at=timezone.now(), next_run_at=None, paused_at=None, encrypted_credentials=b""
    )
    SourceItem.objects.filter(source=source).delete()
    audit.record("source.removed", source, with_documents=with_documents)
    return _delete_documents(source) if with_documents else 0


def _delete_documents(source: Source) -> int:
    with tenant_scope(current_principal().as_steward()):
        found = Document.objects.filter(source=source, deleted_at=None)
        return documents.delete_many(document_ids=list(found.values_list("id", flat=True)))


def _kind(name: str) -> Kind:
    if name not in kinds.NAMES:
        raise ValidationError({"kind": [f"Expected one of {', '.join(kinds.NAMES)}."]})
    return kinds.kind_of(name)


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > 200 or "\0" in name:
        raise ValidationError({"name": ["Give a name of at most 200 characters."]})
    return name


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ValidationError for values that make no sense, TypeError for unknown names."""
    if unknown := set(given) - set(OPTIONS):
        raise TypeError(f"unknown options: {unknown}")
    every = given.get("every_minutes")
    if every is not None and not LEAST_MINUTES <= every <= MOST_MINUTES:
        raise ValidationError(
            {
                "every_minutes": [
                    f"Expected {LEAST_MINUTES} to {MOST_MINUTES:,} minutes, or nothing."
                ]
            }
        )
    if not 0 <= given.get("fresh_minutes", 0) <= MOST_MINUTES:
        raise ValidationError({"fresh_minutes": [f"Expected 0 to {MOST_MINUTES:,} minutes."]})
    if not 0 <= given.get("most_deleted_percent", 0) <= 100:
        raise ValidationError({"most_deleted_percent": ["Expected 0 to 100."]})
    if given.get("missing", Source.Missing.DELETE) not in Source.Missing.values:
        raise ValidationError({"missing": ["Expected delete or keep."]})
    return dict(given)


def _next(row: Source) -> Any:
    return timezone.now() + timedelta(minutes=row.every_minutes) if row.every_minutes else None


def _save_new(row: Source) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise _taken(row) from error


def _taken(row: Source) -> ValidationError:
    return ValidationError({"name": [f"This collection has a source called {row.name!r} already."]})
