"""Every route turns strangers away, and answers another tenant's id byte for byte like one that does not exist."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from chat.models import Citation, Conversation, Message, MessageEvent
from inference import encryption
from inference.models import (
    CachePolicy,
    Candidate,
    GuardFinding,
    Model,
    ModelCall,
    OpenCircuit,
    Provider,
)
from inference.models import Route as ModelRoute
from inference.prompts import files, versions
from ingestion.models import (
    Chunk,
    Collection,
    Document,
    DocumentVersion,
    FileBlock,
    IngestionRun,
    Retention,
    Source,
    SourceRun,
    StoredFile,
    WebhookDelivery,
    WebhookEndpoint,
)
from retrieval.models import RecallAudit, SampledSearch, SavedSearch, SlowQuery
from tenants import people
from tenants.models import Group, Tenant
from tenants.tables import TenantTable
from tests.cast import PASSWORD, Member
from tests.security.crowd import settle
from tests.security.routes import OPEN, Route, routes
from traces.models import Feedback, Span, Trace

METHODS = ("get", "post", "put", "patch", "delete")
# What a page says differently on every request, whoever asks.
NOISE = re.compile(
    rb'name="csrfmiddlewaretoken" value="[^"]*"|data-csrf="[^"]*"|"?csrf-?token"?[^>]*content="[^"]*"'
    rb"|\b[0-9a-f]{32}\b"
)


@pytest.fixture
def sentinel(acme: Tenant) -> str:
    """What stands in all of Acme's rows and must reach nobody else."""
    return acme.slug


@pytest.fixture
def belongings(acme: Tenant, alice: Member, sentinel: str) -> dict[str, str]:
    """One of everything that Acme can have; by the name of the URL parameter that points at it."""
    inhabitant = settle(acme, chunks=3)
    with alice.scope():
        version = DocumentVersion.objects.get()
        version.text, version.page_spans = (
            f"{sentinel} page",
            [{"number": 1, "start": 0, "end": 5, "label": "1"}],
        )
        version.save()
        file = StoredFile.objects.get()
        FileBlock.objects.create(file=file, ordinal=0, data=sentinel.encode())
        document = Document.objects.get()
        document.current_version_id = version.pk
        document.save()
        run = IngestionRun.objects.create(document=document, version=version)
        conversation = Conversation.objects.create(
            user=alice.user, title=sentinel, collection_ids=[inhabitant.collection_id]
        )
        question = Message.objects.create(conversation=conversation, author="user", text=sentinel)
        answer = Message.objects.create(
            conversation=conversation,
            author="assistant",
            parent=question,
            text=sentinel,
            trace_id="a" * 32,
        )
        MessageEvent.objects.create(
            message=answer, number=1, kind="text", payload={"text": sentinel}
        )
        Citation.objects.create(
            message=answer,
            chunk=Chunk.objects.first(),
            number=1,
            title=sentinel,
            quote=sentinel,
            span_start=0,
            span_end=5,
        )
        now = timezone.now()
        trace = Trace.objects.create(
            trace_id=uuid4().hex,
            name=sentinel,
            feature="chat",
            outcome="ok",
            question=sentinel,
            started_at=now,
            duration_ms=1,
        )
        Span.objects.create(
            trace_id=trace.trace_id,
            span_id="b" * 16,
            name=sentinel,
            kind="root",
            started_at=now,
            duration_ms=1,
        )
        Feedback.objects.create(
            trace_id=trace.trace_id, message_id=answer.pk, user=alice.user, score=1
        )
        provider = Provider.objects.create(name=sentinel, base_url="https://models.example")
        model = Model.objects.create(provider=provider, name=sentinel)
        circuit = OpenCircuit.objects.create(
            provider=provider.name,
            model=sentinel,
            endpoint="f" * 32,
            trip=uuid4(),
            opened_at=now,
            open_until=now,
            open_for=1.0,
            error_code=sentinel[:40],
        )
        route = ModelRoute.objects.create(feature="chat")
        Candidate.objects.create(route=route, model=sentinel)
        ModelCall.objects.create(
            created_at=now, operation="chat", feature="chat", provider=sentinel, model=sentinel
        )
        versions.add(files.built_in("answer"))
        GuardFinding.objects.create(guard="links", kind="link", where="answer", excerpt=sentinel)
        CachePolicy.objects.create(feature="chat")
        RecallAudit.objects.create(
            side=sentinel[:10], queries=1, recall=1, worst=1, ms=1, exact_ms=1
        )
        SampledSearch.objects.create(query=sentinel)
        SlowQuery.objects.create(query=sentinel, duration_ms=1, plan=sentinel)
        saved = SavedSearch.objects.create(user=alice.user, name=sentinel, query=sentinel)
        webhook = WebhookEndpoint.objects.create(
            url=f"https://{sentinel}.example/", sealed_secret=encryption.encrypt("whsec_AAAA")
        )
        delivery = WebhookDelivery.objects.create(
            endpoint=webhook, event="document.ready", payload={"data": {"title": sentinel}}
        )
        Retention.objects.create(deleted_days=7)
        source = Source.objects.create(
            collection_id=inhabitant.collection_id,
            kind="url",
            name=sentinel,
            config={"urls": [f"https://{sentinel}.example/"]},
        )
        SourceRun.objects.create(source=source, state="done", reason=sentinel, finished_at=now)
        attached = Collection.objects.create(
            slug="attached", name=sentinel, private_to=alice.user.pk
        )
        group = Group.objects.create(name=sentinel)
        people.add_to_group(membership=alice.membership, group=group)
        people.create_key(name=sentinel)
    return {
        "attachments_id": str(attached.pk),
        "conversation_id": str(conversation.pk),
        "message_id": str(answer.pk),
        "document_id": str(document.pk),
        "version_id": str(version.pk),
        "collection_id": str(inhabitant.collection_id),
        "source_id": str(source.pk),
        "kind": "url",
        "run_id": str(run.pk),
        "saved_id": str(saved.pk),
        "webhook_id": str(webhook.pk),
        "delivery_id": str(delivery.pk),
        "model_id": str(model.pk),
        "circuit_id": str(circuit.pk),
        "route_id": str(route.pk),
        "prompt_name": "answer",
        "feature": "chat",
        "trace_id": trace.trace_id,
        "span_id": "b" * 16,
        "tenant_id": str(acme.pk),
        "slug": "all",
        "app_label": "ingestion",
        "url": "nothing",
        "number": "1",
        "page": "1",
    }


def signed_in(member: Member) -> Client:
    """A browser in which the member is signed in; errors come as pages, as they would to a person."""
    browser = Client(raise_request_exception=False)
    assert browser.login(username=member.email, password=PASSWORD)
    return browser


def machine(member: Member) -> Client:
    """A client with an API key that may do everything."""
    with member.scope():
        secret = people.create_key(name="robot", role="admin").secret
    return Client(raise_request_exception=False, headers={"authorization": f"Bearer {secret}"})


def fresh(client: Client, method: str, url: str) -> Any:
    """An answer without what earlier ones have left to be said."""
    client.cookies.pop("messages", None)
    return getattr(client, method)(url)


def is_for_machines(route: Route) -> bool:
    return route.path.startswith(("api/", "v1/", "mcp"))


def is_open(route: Route) -> bool:
    return (
        (route.pattern.name or "") in OPEN or route.path in OPEN or route.path.startswith("static/")
    )


def admin_object(route: Route, member: Member) -> str:
    """The member's own object that an admin route is about."""
    label, model = route.path.split("/")[1:3]
    found = apps.get_model(label, model)
    assert issubclass(found, TenantTable)
    with member.scope():
        return str(found._default_manager.values_list("pk", flat=True).first())


def absent_like(value: str) -> str:
    """An id of the same shape that nothing has."""
    try:
        UUID(value)
    except ValueError:
        return (
            value
            if not re.fullmatch(r"[ab]+|[0-9a-f]{16,32}", value)
            else uuid4().hex[: len(value)]
        )
    return uuid4().hex if "-" not in value else str(uuid4())


def essence(response: HttpResponse, url: str) -> tuple[int, bytes, str]:
    """Status, body and target without what names the request itself."""
    body = response.content if not response.streaming else b"".join(response.streaming_content)
    for part in sorted(filter(None, re.split(r"[/?]", url)), key=len, reverse=True):
        if len(part) >= 16:
            body = body.replace(part.encode(), b"<id>")
    target = re.sub(r"[0-9a-f-]{16,36}", "<id>", response.headers.get("Location", ""))
    return response.status_code, NOISE.sub(b"", body), target


ALL = routes()
WITH_IDS = [route for route in ALL if route.parameters and not is_open(route)]


def test_the_map_is_walked(database: None) -> None:
    assert len(ALL) > 40
    assert any(route.path.startswith("admin/") for route in ALL)
    assert any(is_for_machines(route) for route in WITH_IDS)


def test_strangers_are_turned_away_from_every_route(database: None) -> None:
    stranger, let_in = Client(raise_request_exception=False), []
    for route in ALL:
        if is_open(route):
            continue
        url = route.filled(dict.fromkeys(route.parameters, "1") | FILLERS)
        for method in METHODS:
            response = getattr(stranger, method)(url)
            sent_away = response.status_code in {301, 302} and any(
                page in response.headers["Location"] for page in ("/sign-in/", "/admin/login/")
            )
            if not sent_away and response.status_code not in {401, 403, 405}:
                let_in.append((method, url, response.status_code))
    assert let_in == [], "\n".join(map(str, let_in))


FILLERS = {
    name: str(UUID(int=7 << 64))
    for name in (
        "attachments_id",
        "conversation_id",
        "message_id",
        "document_id",
        "version_id",
        "collection_id",
        "saved_id",
        "tenant_id",
        "run_id",
        "webhook_id",
        "delivery_id",
    )
}


def test_open_routes_still_exist(database: None) -> None:
    known = {route.path for route in ALL} | {route.pattern.name for route in ALL}
    assert [name for name in OPEN if name not in known and "jsi18n" not in name] == []


def test_a_foreign_id_is_answered_like_an_absent_one(
    alice: Member, charlie: Member, belongings: dict[str, str], sentinel: str
) -> None:
    browser, robot, differing = signed_in(charlie), machine(charlie), []
    for route in WITH_IDS:
        client = robot if is_for_machines(route) else browser
        foreign: dict[str, str] = dict(belongings)
        if "object_id" in route.parameters:
            foreign["object_id"] = admin_object(route, alice)
        absent = {name: absent_like(value) for name, value in foreign.items()}
        for method in METHODS:
            theirs, nothing = route.filled(foreign), route.filled(absent)
            seen = essence(fresh(client, method, theirs), theirs)
            empty = essence(fresh(client, method, nothing), nothing)
            if seen != empty or sentinel.encode() in seen[1] or seen[0] >= 500:
                differing.append((method, route.path, seen[0], empty[0]))
    assert differing == [], "\n".join(map(str, differing))


def test_the_owner_is_shown_what_the_foreigner_is_not(
    alice: Member, belongings: dict[str, str]
) -> None:
    """The test above has something to hide: to Alice the same URLs answer."""
    browser, robot = signed_in(alice), machine(alice)
    missing = []
    for route in WITH_IDS:
        values = dict(belongings)
        if "object_id" in route.parameters:
            values["object_id"] = admin_object(route, alice)
        client = robot if is_for_machines(route) else browser
        if client.get(route.filled(values)).status_code == 404:
            missing.append(route.path)
    assert set(missing) <= EXPECTED_MISSING, missing


# What does not exist for Alice either.
EXPECTED_MISSING = {
    "documents/<document_id>/<version_id>/pages/<page>.png",  # her document is no PDF
    "admin/<app_label>/",  # until the app has a page in the admin
    "v1/models/<model_id>",  # names of models, not ids: see tests/api
    "admin/<url>",  # the admin's page for unknown addresses
}


def test_no_page_shows_another_tenant(
    charlie: Member, belongings: dict[str, str], sentinel: str, acme: Tenant
) -> None:
    browser, robot, leaks = signed_in(charlie), machine(charlie), []
    for route in ALL:
        if route.parameters or is_open(route):
            continue
        client = robot if is_for_machines(route) else browser
        for query in ("", f"?q={sentinel[:4]}"):
            response = client.get(f"/{route.path}{query}")
            body = essence(response, "")[1]
            if sentinel.encode() in body or response.status_code >= 500:
                leaks.append((route.path, response.status_code))
    assert leaks == [], "\n".join(map(str, leaks))


def test_only_stewards_enter_the_admin(
    bob: Member, alice: Member, new_member: Callable[..., Member]
) -> None:
    assert signed_in(alice).get("/admin/").status_code == 200
    assert (
        signed_in(bob).get("/admin/").status_code == 302
        or signed_in(bob).get("/admin/").status_code == 403
    )
