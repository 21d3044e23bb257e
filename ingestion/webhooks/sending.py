"""Sending deliveries: claimed by rows and the database's clock like runs, posted through the safe fetcher.

``send_due`` is what the task calls. A delivery that does not arrive is tried again after ``DELAYS``; an endpoint that
fails ``MOST_FAILURES`` times in a row, or says 410, is switched off with a reason, and its deliveries wait.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import F
from django.db.models.functions import Now

from inference import encryption
from inference.errors import EncryptionError
from ingestion import fetching, statements
from ingestion.models import WebhookDelivery, WebhookEndpoint
from ingestion.webhooks import signing
from tenants.scope import platform_principal, tenant_scope

SQL = statements.load(__file__)
# What is waited after the first, second, ... attempt, in seconds; after the last one it is given up.
DELAYS = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
MOST_FAILURES = 20
GONE = 410
LEASE = timedelta(seconds=60)
AT_ONCE = 8
PER_ENDPOINT = 2
KEPT = timedelta(days=30)
LIMITS = fetching.Limits(
    most_bytes=64 * 1024, seconds=15, connect_seconds=5, silent_seconds=10, redirects=0
)


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended; ``error`` is empty when it arrived."""

    status: int | None = None
    error: str = ""


def send_due() -> int:
    """Send everything that is due now; how many attempts were made. A slow endpoint holds up only its own."""
    made = 0
    while claimed := _claim():
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="webhook") as threads:
            list(threads.map(lambda row: _send(*row), claimed))
        made += len(claimed)
    return made


def forget_old() -> int:
    """Remove deliveries that ended some time ago; how many. Operator work."""
    return SQL.run_across("forget", kept=KEPT)


def is_any_due() -> bool:
    """Does a delivery wait for a sender? Uses index: delivery_waiting."""
    return bool(SQL.fetch_across("is_any_due")[0][0])


def _claim() -> list[tuple[UUID, UUID]]:
    """Tenant and id of deliveries that nobody else sends now, a few of each endpoint."""
    return SQL.fetch_across("claim", lease=LEASE, most=AT_ONCE, each=PER_ENDPOINT)


def _send(tenant_id: UUID, delivery_id: UUID) -> None:
    principal = platform_principal(tenant_id)
    try:
        with tenant_scope(principal):
            rows = WebhookDelivery.objects.select_related("endpoint")
            delivery = rows.filter(pk=delivery_id).first()
        if delivery is None:
            return
        outcome = post(delivery)
        with tenant_scope(principal):
            _record(delivery, outcome)
    finally:
        connections.close_all()


def post(delivery: WebhookDelivery) -> Outcome:
    """One attempt, with no transaction open."""
    try:
        secret = encryption.decrypt(delivery.endpoint.sealed_secret)
        body = json.dumps(delivery.payload, separators=(",", ":"), ensure_ascii=False).encode()
        signed = signing.headers(
            secret,
            message_id=f"msg_{delivery.pk.hex}",
            timestamp=int(time.time()),
            body=body,
        )
        headers = {"content-type": "application/json", **signed}
        with fetching.fetch(
            delivery.endpoint.url, method="POST", content=body, headers=headers, limits=LIMITS
        ) as answer:
            return _judged(answer.status)
    except fetching.FetchError as error:
        return Outcome(error=str(error))
    except (EncryptionError, ValueError) as error:
        return Outcome(error=f"The message could not be signed: {error}")


def _judged(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome(status)
    return Outcome(status, f"The endpoint answered with status {status}; 2xx was expected.")


def _record(delivery: WebhookDelivery, outcome: Outcome) -> None:
    rows = WebhookDelivery.objects.filter(pk=delivery.pk)
    endpoint = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    ended: dict[str, Any] = {"lease_until": None, "status": outcome.status, "error": outcome.error}
    if not outcome.error:
        rows.update(state="sent", sent_at=Now(), **ended)
        endpoint.update(failures=0)
    elif delivery.attempts > len(DELAYS):
        rows.update(state="failed", **ended)
    else:
        pause = timedelta(seconds=DELAYS[delivery.attempts - 1])
        rows.update(state="waiting", not_before=Now() + pause, **ended)
    if outcome.error:
        endpoint.update(failures=F("failures") + 1)
        _switch_off(endpoint.filter(is_active=True), outcome)


def _switch_off(endpoint: Any, outcome: Outcome) -> None:
    if outcome.status == GONE:
        endpoint.update(is_active=False, disabled_reason="It answered 410: it is gone for good.")
        return
    endpoint.filter(failures__gte=MOST_FAILURES).update(
        is_active=False,
        disabled_reason=f"{MOST_FAILURES} attempts in a row failed. The last: {outcome.error}",
    )
