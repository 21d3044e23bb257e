"""Commands on a tenant's webhooks, in the open scope: ``create``, ``change``, ``remove``, ``test``, ``send_again``."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone

from inference import encryption
from ingestion import wake
from ingestion.models import WebhookDelivery, WebhookEndpoint
from ingestion.webhooks import signing
from tenants import audit, outbound
from tenants.scope import current_tenant_id

Event = WebhookEndpoint.Event
TEST = "webhook.test"
MOST = 20


class BadEndpoint(ValueError):
    """What was given of an endpoint cannot be right; ``field`` says which part."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def create(
    *, url: str, events: Sequence[str] = (), description: str = ""
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which can be shown only now. Raises BadEndpoint."""
    if WebhookEndpoint.objects.count() >= MOST:
        raise BadEndpoint("url", f"A tenant has at most {MOST} webhooks. Remove one first.")
    secret = signing.new_secret()
    row = WebhookEndpoint(
        tenant_id=current_tenant_id(),
        url=checked_url(url),
        events=checked_events(events),
        description=description[:200],
        sealed_secret=encryption.encrypt(secret),
    )
    row.save(force_insert=True)
    audit.record("webhook.created", row, name=row.url)
    return row, secret


def change(row: WebhookEndpoint, **fields: Any) -> WebhookEndpoint:
    """Set url, events, description or is_active; switching it on again forgets its failures. Raises BadEndpoint."""
    if "url" in fields:
        fields["url"] = checked_url(fields["url"])
    if "events" in fields:
        fields["events"] = checked_events(fields["events"])
    if fields.get("is_active"):
        fields |= {"failures": 0, "disabled_reason": ""}
    WebhookEndpoint.objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()
    audit.record("webhook.changed", row, name=row.url, fields=sorted(fields))
    if row.is_active:
        wake.on_commit(wake.WEBHOOK_TASK)
    return row


def remove(row: WebhookEndpoint) -> None:
    """Remove an endpoint with its deliveries."""
    WebhookDelivery.objects.filter(endpoint=row).delete()
    WebhookEndpoint.objects.filter(pk=row.pk).delete()
    audit.record("webhook.removed", row, name=row.url)


def test(row: WebhookEndpoint) -> WebhookDelivery:
    """Send it a message that says it is a test."""
    at = timezone.now().isoformat()
    payload = {"type": TEST, "timestamp": at, "data": {"message": "A test from Footnote."}}
    delivery = WebhookDelivery.objects.create(
        tenant_id=row.tenant_id, endpoint=row, event=TEST, payload=payload
    )
    wake.on_commit(wake.WEBHOOK_TASK)
    return delivery


def send_again(delivery_id: UUID) -> bool:
    """Queue a delivery that has ended, with its id, so that the receiver can tell; False when it still waits."""
    rows = WebhookDelivery.objects.filter(pk=delivery_id).exclude(state="waiting")
    queued = rows.update(state="waiting", attempts=0, not_before=Now(), lease_until=None, error="")
    if queued:
        wake.on_commit(wake.WEBHOOK_TASK)
    return bool(queued)


def checked_url(url: str) -> str:
    """The address, if it may be sent to as far as its form tells. Raises BadEndpoint."""
    try:
        outbound.parse(url.strip(), outbound.configured())
    except outbound.OutboundRefused as refusal:
        raise BadEndpoint("url", str(refusal)) from refusal
    if len(url) > 2000:
        raise BadEndpoint("url", "An address has at most 2,000 characters.")
    return url.strip()


def checked_events(events: Sequence[str]) -> list[str]:
    """The events, each once. Raises BadEndpoint."""
    unknown = [event for event in events if event not in Event.values]
    if unknown:
        known = ", ".join(Event.values)
        raise BadEndpoint("events", f"There is no event {unknown[0]!r}; known: {known}.")
    return sorted(set(events))
