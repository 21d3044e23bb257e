"""Webhooks: written with what they tell, signed, tried again, given up, and kept apart by tenant."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ingestion import documents, work
from ingestion.models import WebhookDelivery, WebhookEndpoint
from ingestion.webhooks import endpoints, sending
from tenants.models import Tenant
from tests.ingestion.workshop import (
    Workshop,
    claimed,
    let_delays_pass,
    let_leases_lapse,
    operator,
    work_off,
)

TEXT = "The pump must be serviced every six weeks."
CLOSE = "UPDATE ingestion_webhookdelivery SET state = 'failed' WHERE state = 'waiting'"


@dataclass
class Receiver:
    """A program that takes webhooks: what it was sent, and what it answers next."""

    url: str = ""
    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(workshop: Workshop, receiver: Receiver) -> Iterator[tuple[WebhookEndpoint, str]]:
    operator(CLOSE)
    with workshop.scope():
        made = endpoints.create(url=receiver.url)
    yield made
    operator(CLOSE)


def deliveries(workshop: Workshop) -> list[WebhookDelivery]:
    with workshop.scope():
        return list(WebhookDelivery.objects.order_by("id"))


def let_pauses_pass() -> None:
    operator("UPDATE ingestion_webhookdelivery SET not_before = now() WHERE not_before > now()")


@pytest.mark.usefixtures("endpoint")
def test_every_end_of_a_document_is_told_once(workshop: Workshop, receiver: Receiver) -> None:
    ready = workshop.ingest("a.md", TEXT)
    workshop.ingest("b.txt", " ")
    with workshop.scope():
        documents.delete(document=ready)
        documents.erase(document=ready)
    sending.send_due()
    told = [(row["type"], row["data"]["external_id"]) for row in receiver.payloads]
    assert sorted(told) == [
        ("document.deleted", "a.md"),
        ("document.erased", "a.md"),
        ("document.failed", "b.txt"),
        ("document.ready", "a.md"),
    ]
    by_type = {row["type"]: row["data"] for row in receiver.payloads}
    assert (by_type["document.ready"]["chunks"], by_type["document.ready"]["version"]) == (1, 1)
    assert by_type["document.failed"]["reason_code"] == "no_text"
    assert by_type["document.failed"]["remedy"]
    assert sending.send_due() == 0


def test_a_message_is_signed_as_the_specification_says(
    workshop: Workshop, receiver: Receiver, endpoint: tuple[WebhookEndpoint, str]
) -> None:
    workshop.ingest("a.md", TEXT)
    sending.send_due()
    ((headers, body),) = receiver.got
    secret = endpoint[1]
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret[6:])
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert secret.encode() not in bytes(endpoint[0].sealed_secret)


@pytest.mark.usefixtures("endpoint")
def test_what_does_not_arrive_is_tried_again_with_the_same_id(
    workshop: Workshop, receiver: Receiver
) -> None:
    receiver.status = 500
    workshop.ingest("a.md", TEXT)
    assert sending.send_due() == 1
    (row,) = deliveries(workshop)
    assert (row.state, row.attempts, row.status) == ("waiting", 1, 500)
    assert "status 500" in row.error
    assert sending.send_due() == 0, "it waits before the next attempt"
    receiver.status = 204
    let_pauses_pass()
    sending.send_due()
    (row,) = deliveries(workshop)
    assert (row.state, row.attempts, row.error) == ("sent", 2, "")
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_it_is_given_up_in_the_end_and_can_be_sent_again(
    workshop: Workshop, receiver: Receiver, endpoint: tuple[WebhookEndpoint, str]
) -> None:
    receiver.status = 500
    with workshop.scope():
        endpoints.test(endpoint[0])
    for _ in range(len(sending.DELAYS) + 1):
        assert sending.send_due() == 1
        let_pauses_pass()
    (row,) = deliveries(workshop)
    assert row.state == "failed"
    receiver.status = 204
    with workshop.scope():
        assert endpoints.send_again(row.pk)
        assert not endpoints.send_again(row.pk), "it waits already"
    sending.send_due()
    assert deliveries(workshop)[0].state == "sent"
    assert receiver.payloads[0]["type"] == "webhook.test"


@pytest.mark.parametrize("status", [410, 503])
def test_an_endpoint_that_is_gone_or_keeps_failing_is_switched_off(
    workshop: Workshop, receiver: Receiver, endpoint: tuple[WebhookEndpoint, str], status: int
) -> None:
    receiver.status = status
    with workshop.scope():
        for _ in range(1 if status == 410 else sending.MOST_FAILURES):
            endpoints.test(endpoint[0])
    sending.send_due()
    row, _ = endpoint
    with workshop.scope():
        row.refresh_from_db()
    assert not row.is_active
    assert row.disabled_reason
    workshop.ingest("a.md", TEXT)
    let_pauses_pass()
    assert sending.send_due() == 0
    receiver.status = 204
    with workshop.scope():
        endpoints.change(row, is_active=True)
        assert (row.failures, row.disabled_reason) == (0, "")
    assert sending.send_due() > 0, "what was written before goes on"


@pytest.mark.usefixtures("endpoint")
def test_a_document_that_kills_its_worker_is_told_as_well(
    workshop: Workshop, receiver: Receiver
) -> None:
    workshop.upload("a.md", TEXT)
    for _ in range(work.MOST_ATTEMPTS):
        let_delays_pass()
        claimed()
        let_leases_lapse()
        work.reconcile()
    sending.send_due()
    assert [row["data"]["reason_code"] for row in receiver.payloads] == ["poison"]


def test_only_the_events_that_were_chosen_are_told(workshop: Workshop, receiver: Receiver) -> None:
    with workshop.scope():
        endpoints.create(url=receiver.url, events=["document.failed"])
    workshop.ingest("a.md", TEXT)
    workshop.ingest("b.txt", " ")
    sending.send_due()
    assert [row["type"] for row in receiver.payloads] == ["document.failed"]


@pytest.mark.usefixtures("endpoint")
def test_another_tenants_documents_are_not_told(
    globex: Tenant, new_workshop: Any, receiver: Receiver
) -> None:
    new_workshop(globex).upload("a.md", TEXT)
    work_off()
    sending.send_due()
    assert receiver.got == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "nonsense"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
        ({"url": "https://example.com/", "events": ["document.read"]}, "events"),
    ],
)
def test_what_cannot_be_right_is_refused_by_field(
    workshop: Workshop, given: dict[str, Any], field: str
) -> None:
    with workshop.scope(), pytest.raises(endpoints.BadEndpoint) as refusal:
        endpoints.create(**given)
    assert refusal.value.field == field
