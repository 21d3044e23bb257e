"""A steward adds an embedding space in the admin, sees how full it is, and lets it serve; a worker does the rest."""

import pytest
from django.test import Client

from ingestion import collections, documents, filling, spaces
from ingestion.models import EmbeddingSpace
from tenants.scope import platform_principal, tenant_scope
from tests.cast import PASSWORD, Member
from tests.ingestion.workshop import work_off

PAGE = "/admin/ingestion/embeddingspace/"


@pytest.fixture
def admin(alice: Member) -> Client:
    client = Client()
    assert client.login(username=alice.email, password=PASSWORD)
    with alice.scope():
        collection = collections.create(slug="handbook", name="Handbook")
        documents.upload(collection=collection, filename="a.md", content=b"The pump leaks.")
    work_off()
    return client


def act(client: Client, action: str, space: EmbeddingSpace) -> str:
    answer = client.post(PAGE, {"action": action, "_selected_action": [str(space.pk)]}, follow=True)
    return str(answer.content.decode())


def added(client: Client, alice: Member) -> EmbeddingSpace:
    answer = client.post(f"{PAGE}add/", {"model_name": "minilm", "shortened_to": "256"})
    assert answer.status_code == 302
    with alice.scope():
        return EmbeddingSpace.objects.get(dimensions=256)


def test_a_space_is_added_let_serve_and_the_former_one_dropped(
    admin: Client, alice: Member
) -> None:
    space = added(admin, alice)
    assert "0 of 1 (0 %)" in admin.get(PAGE).content.decode()
    assert "as soon as nothing is missing" in act(admin, "let_serve", space)
    tenant = space.tenant_id
    assert any(filling.fill(tenant, space.pk, 1) for _ in range(9))
    assert spaces.carry_out() >= 1
    assert "1 of 1 (100 %)" in admin.get(PAGE).content.decode()
    with tenant_scope(platform_principal(tenant)):
        former = EmbeddingSpace.objects.exclude(pk=space.pk).get()
    assert "serves searches" in act(admin, "drop", space)
    assert "being dropped" in act(admin, "drop", former)
    spaces.carry_out()
    with alice.scope():
        assert [row.dimensions for row in EmbeddingSpace.objects.all()] == [256]


def test_a_space_is_paused_and_resumed(admin: Client, alice: Member) -> None:
    space = added(admin, alice)
    assert "paused" in act(admin, "pause", space)
    assert "paused" not in act(admin, "resume", space)


def test_what_cannot_be_added_says_why(admin: Client) -> None:
    answer = admin.post(f"{PAGE}add/", {"model_name": "minilm", "shortened_to": ""})
    assert "There is a space of" in answer.content.decode()
    answer = admin.post(f"{PAGE}add/", {"model_name": "minilm", "shortened_to": "999"})
    assert "cannot be cut to 999" in answer.content.decode()
    answer = admin.post(f"{PAGE}add/", {"model_name": "/etc", "shortened_to": ""})
    assert "not one of the available choices" in answer.content.decode()
