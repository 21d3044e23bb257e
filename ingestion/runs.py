"""Ending runs from outside: ``cancel`` and ``cancel_many`` for people, ``end`` for commands that make a run pointless.

A worker that still has such a run notices at its next fence (a change of stage, a second of embedding, a heartbeat) and
publishes nothing of it. All run in the open tenant scope, with the documents locked first.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from ingestion import trail
from ingestion.errors import NotCancellable
from ingestion.models import TERMINAL, Document, IngestionRun, State
from ingestion.webhooks.announcing import Event, announce
from tenants import people
from tenants.scope import current_principal, tenant_scope

CANCELLED = "cancelled"
CANCELLED_AT_ONCE = 500


def end(runs: QuerySet[IngestionRun], code: str, reason: str, remedy: str = "") -> set[UUID]:
    """End those of the runs that are open; of which documents. Locks them in order of id."""
    open_runs = runs.exclude(state__in=TERMINAL).select_for_update().order_by("id")
    found = dict(open_runs.values_list("id", "document_id"))
    IngestionRun.objects.filter(id__in=found).update(
        state=State.FAILED,
        reason_code=code,
        reason=reason,
        remedy=remedy,
        lease_token=None,
        lease_until=None,
        finished_at=timezone.now(),
    )
    return set(found.values())


def cancel(*, document: Document) -> None:
    """End the work on a document, queued or under way. Raises NotCancellable when there is none.

    What was searchable before stays so.
    """
    if not cancel_many(document_ids=[document.pk]):
        raise NotCancellable(f"{document.title} is not being worked on; nothing to cancel.")


def cancel_many(*, document_ids: Iterable[UUID]) -> int:
    """``cancel`` for many; how many of them were worked on. Cost: about seven statements for each 500."""
    principal, ids = current_principal(), sorted(set(document_ids))
    with tenant_scope(principal.as_steward()):
        said = {
            "reason": f"Cancelled by {people.name_of(principal)}.",
            "remedy": "Try again to go on with it.",
        }
        return sum(
            _cancel(ids[start : start + CANCELLED_AT_ONCE], said)
            for start in range(0, len(ids), CANCELLED_AT_ONCE)
        )


def _cancel(ids: list[UUID], said: dict[str, Any]) -> int:
    living = Document.objects.filter(pk__in=ids, deleted_at=None).order_by("id")
    rows = list(living.select_for_update())
    runs = IngestionRun.objects.filter(document_id__in=[row.pk for row in rows])
    ended = end(runs, CANCELLED, **said)
    if not ended:
        return 0
    Document.objects.filter(pk__in=ended).update(
        state=State.FAILED, reason_code=CANCELLED, updated_at=timezone.now(), **said
    )
    trail.record_all("document.cancelled", [row for row in rows if row.pk in ended])
    announce(Event.FAILED, sorted(ended))
    return len(ended)
