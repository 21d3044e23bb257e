"""Deliveries as rows of the transaction in which a document changed: told if and only if it happened."""

from collections.abc import Sequence
from uuid import UUID

from ingestion import statements, wake
from ingestion.models import State, WebhookEndpoint

SQL = statements.load(__file__)
Event = WebhookEndpoint.Event


def announce(event: Event, document_ids: Sequence[UUID], *, state: State | None = None) -> int:
    """Tell the tenant's endpoints of documents (only of those in ``state``); how many deliveries. One statement.

    Costs next to nothing where there are no endpoints. Uses index: ingestion_webhookendpoint_pkey
    """
    written = SQL.run(
        "announce",
        event=event.value,
        documents=list(document_ids),
        state=state.value if state else None,
    )
    if written:
        wake.on_commit(wake.WEBHOOK_TASK)
    return written
