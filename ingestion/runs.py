"""Ending runs from outside: ``cancel`` for people, ``end`` for commands that make a run pointless.

A worker that still has such a run notices at its next fence (a change of stage, a second of embedding, a heartbeat) and
publishes nothing of it. All run in the open tenant scope, with the documents locked first.
"""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ingestion.errors import NotCancellable
from ingestion.models import TERMINAL, Document, IngestionRun, State
from ingestion.webhooks.announcing import Event, announce
from tenants import audit, people
from tenants.scope import current_principal, tenant_scope

CANCELLED = "cancelled"


def end(runs: QuerySet[IngestionRun], code: str, reason: str, remedy: str = "") -> int:
    """End those of the runs that are open; how many. Locks them in order of id."""
    open_runs = runs.exclude(state__in=TERMINAL)
    ids = list(open_runs.select_for_update().order_by("id").values_list("id", flat=True))
    return IngestionRun.objects.filter(id__in=ids).update(
        state=State.FAILED,
        reason_code=code,
        reason=reason,
        remedy=remedy,
        lease_token=None,
        lease_until=None,
        finished_at=timezone.now(),
    )


def cancel(*, document: Document) -> None:
    """End the work on a document, queued or under way. Raises NotCancellable when there is none.

    What was searchable before stays so.
    """
    principal = current_principal()
    with tenant_scope(principal.as_steward()):
        row = Document.objects.filter(pk=document.pk, deleted_at=None).select_for_update().first()
        said: dict[str, Any] = {
            "reason": f"Cancelled by {people.name_of(principal)}.",
            "remedy": "Try again to go on with it.",
        }
        runs = IngestionRun.objects.filter(document_id=document.pk)
        if row is None or not end(runs, CANCELLED, **said):
            raise NotCancellable(f"{document.title} is not being worked on; nothing to cancel.")
        Document.objects.filter(pk=row.pk).update(
            state=State.FAILED, reason_code=CANCELLED, updated_at=timezone.now(), **said
        )
        audit.record("document.cancelled", row)
        announce(Event.FAILED, [row.pk])
