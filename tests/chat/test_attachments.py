"""Files attached to a conversation: asked about by the member who attached them, and found by nobody else."""

import re
from collections.abc import Callable

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chat import attachments
from chat.models import Conversation, Message
from ingestion import collections, documents
from ingestion.models import Collection, Document, WebhookDelivery
from ingestion.webhooks import endpoints
from retrieval.search import SearchRequest, search
from tenants import people
from tenants.models import AuditEvent, Group, Tenant
from tenants.scope import tenant_scope
from tests.cast import Member
from tests.chat.conftest import Browser, ended
from tests.library import ingest_all

SECRET = "The quokka budget for Lisbon is 5,519 euros and was approved by Marguerite."
ASKED = "What is the quokka budget for Lisbon?"


def attach(
    client: object, name: str = "quokka.txt", content: str = SECRET, into: str = ""
) -> tuple[str, str]:
    """(id of the private collection, the answer's HTML)."""
    sent = {"files": [SimpleUploadedFile(name, content.encode())], "attachments": into}
    answer = client.post("/attachments/", sent)  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.content
    html = answer.content.decode()
    found = re.search(r'data-attachments="([0-9a-f-]+)"', html)
    assert found
    return found[1], html


@pytest.fixture
def attached(browser: Browser, alice: Member, acme: Tenant) -> str:
    """A private collection of Alice's with one file that is ready."""
    found, _ = attach(browser(alice))
    ingest_all(acme)
    return found


def document_of(member: Member, collection_id: str) -> Document:
    with tenant_scope(member.principal.as_steward()):
        return Document.objects.get(collection_id=collection_id)


def asked(client: object, member: Member, collection_id: str) -> Message:
    """The answer to a first question about the attached files."""
    client.post("/ask/", {"text": ASKED, "attachments": collection_id})  # type: ignore[attr-defined]
    with member.scope():
        answer = Message.objects.filter(author="assistant").latest("created_at")
    return ended(answer, member)


def test_an_attached_file_is_searched_by_its_conversation(
    browser: Browser, alice: Member, attached: str
) -> None:
    client = browser(alice)
    answer = asked(client, alice, attached)
    assert answer.answered
    assert "5,519" in answer.text
    page = client.get(f"/c/{answer.conversation_id}/").content.decode()
    assert "quokka" in page
    assert f'data-attachments="{attached}"' in page, "the file is shown with its conversation"


def test_another_conversation_of_the_same_member_does_not_search_it(
    browser: Browser, alice: Member, attached: str
) -> None:
    answer = asked(browser(alice), alice, "")
    assert "5,519" not in answer.text


def test_states_and_refusals_are_shown(browser: Browser, alice: Member, acme: Tenant) -> None:
    client = browser(alice)
    first, html = attach(client)
    assert "waiting" in html
    assert "data-reading" in html
    second, html = attach(client, "movie.mp4", "x", into=first)
    assert second == first
    assert "cannot be read as a document" in html
    attach(client, "broken.pdf", "%PDF-1.7\n", into=first)
    ingest_all(acme)
    html = client.get(f"/attachments/{first}/").content.decode()
    assert "data-reading" not in html
    assert 'data-state="ready"' in html
    assert 'data-state="failed"' in html
    assert "is damaged" in html


def test_a_file_can_be_taken_away_again(browser: Browser, alice: Member, attached: str) -> None:
    client, document = browser(alice), document_of(alice, attached)
    answer = client.post(f"/attachments/{attached}/{document.pk}/remove/")
    assert "quokka" not in answer.content.decode()
    assert "5,519" not in asked(client, alice, attached).text


def test_a_form_without_files_or_with_too_many_says_so(
    browser: Browser, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(alice)
    assert client.post("/attachments/").json()["errors"]["files"] == ["Choose at least one file."]
    monkeypatch.setattr(attachments, "MOST", 1)
    found, _ = attach(client)
    more = {"files": [SimpleUploadedFile("b.txt", b"b")], "attachments": found}
    assert "At most 1" in str(client.post("/attachments/", more).json())


# --- nobody else ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["member", "owner"])
def test_no_other_member_finds_it_whatever_they_may_administer(
    role: str,
    browser: Browser,
    alice: Member,
    acme: Tenant,
    attached: str,
    new_member: Callable[[Tenant, str, str], Member],
) -> None:
    dora = new_member(acme, "dora", role)
    document = document_of(alice, attached)
    found = search(SearchRequest(query=ASKED), principal=dora.principal)
    assert found.passages == ()
    with dora.scope():
        assert not Document.objects.exists()
        assert not Collection.every.exists()
    client = browser(dora)
    for path in (
        f"/attachments/{attached}/",
        f"/documents/{document.pk}/",
        f"/documents/{document.pk}/{document.current_version_id}/original/",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post(f"/attachments/{attached}/{document.pk}/remove/").status_code == 404
    assert client.post("/attachments/", {"attachments": attached}).status_code in {404, 422}
    assert client.post("/ask/", {"text": ASKED, "attachments": attached}).status_code == 404
    shown = client.get("/").content + client.get("/palette/?q=quo").content
    assert b"quokka" not in shown
    if role == "owner":
        for path in (
            "/admin/ingestion/document/",
            f"/admin/ingestion/document/{document.pk}/change/",
            "/admin/ingestion/collection/",
            f"/admin/ingestion/collection/{attached}/documents/",
            f"/admin/ingestion/collection/{attached}/change/",
            "/admin/tenants/group/",
            "/admin/tenants/auditevent/",
        ):
            page = client.get(path, follow=True).content.decode()
            assert "quokka" not in page, path
            assert "Attached files" not in page or "audit" in path, path
            assert "personal " not in page, path


def test_no_key_finds_it(alice: Member, attached: str, site: str) -> None:
    document = document_of(alice, attached)
    with alice.scope():
        key = people.create_key(name="robot", role="owner").secret
    with httpx.Client(base_url=site, headers={"Authorization": f"Bearer {key}"}) as robot:
        assert robot.get("/api/v1/documents").json()["results"] == []
        assert robot.get(f"/api/v1/documents/{document.pk}").status_code == 404
        assert robot.get("/api/v1/collections").json()["results"] == []
        answer = robot.post("/api/v1/search", json={"query": ASKED})
        assert answer.json()["results"] == []


def test_the_audit_trail_keeps_no_name_of_it(alice: Member, attached: str) -> None:
    with alice.scope():
        events = AuditEvent.objects.filter(action="document.uploaded")
        assert [event.object_name for event in events] == [""]


def test_the_audit_trail_keeps_no_name_of_what_went_and_came_back(
    browser: Browser, alice: Member, acme: Tenant, attached: str
) -> None:
    client = browser(alice)
    attach(client, "numbat.txt", "Numbats eat termites.", into=attached)
    ingest_all(acme)
    conversation_id = asked(client, alice, attached).conversation_id
    client.post(f"/c/{conversation_id}/delete/")
    client.post(f"/c/{conversation_id}/restore/")
    with alice.scope():
        events = AuditEvent.objects.filter(action__startswith="documents.").order_by("id")
        told = [(event.action, event.object_name) for event in events]
        assert told == [("documents.deleted", ""), ("documents.restored", "")]
        assert "quokka" not in str(list(AuditEvent.objects.values_list("object_name", "details")))


def test_no_webhook_tells_of_it(browser: Browser, alice: Member, acme: Tenant) -> None:
    with alice.scope():
        endpoints.create(url="https://hooks.example.com/all", events=[])
        documents.upload(
            collection=collections.ensure("shared"), filename="shared.txt", content=b"For all."
        )
    attach(browser(alice))
    ingest_all(acme)
    with alice.scope():
        told = WebhookDelivery.objects.values_list("payload__data__external_id", flat=True)
        assert set(told) == {"shared.txt"}


def test_a_personal_group_is_in_no_list(alice: Member, attached: str) -> None:
    with alice.scope():
        assert not Group.objects.exists()
        assert Group.every.get().personal_to == alice.user.pk


# --- with its conversation ------------------------------------------------------------------------


def test_files_go_and_come_back_with_their_conversation(
    browser: Browser, alice: Member, acme: Tenant, attached: str
) -> None:
    client = browser(alice)
    conversation_id = asked(client, alice, attached).conversation_id
    client.post(f"/c/{conversation_id}/delete/")
    assert document_of(alice, attached).deleted_at is not None
    assert search(SearchRequest(query=ASKED), principal=alice.principal).passages == ()
    client.post(f"/c/{conversation_id}/restore/")
    ingest_all(acme)
    assert document_of(alice, attached).state == "ready"
    with alice.scope():
        assert Conversation.objects.get(pk=conversation_id).deleted_at is None
