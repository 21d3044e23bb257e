"""A POST with an Idempotency-Key has its effect once, whatever is repeated, and when."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone

from api.models import IdempotentRequest
from ingestion.models import Collection, Document, DocumentVersion
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.api.conftest import client_of
from tests.library import NewKey


def create(client: httpx.Client, key: str, slug: str = "lab") -> httpx.Response:
    return client.post("/api/v1/collections", json={"slug": slug}, headers={"Idempotency-Key": key})


def test_a_repetition_gets_the_first_answer(acme_client: httpx.Client, acme: Tenant) -> None:
    first, second = create(acme_client, "a"), create(acme_client, "a")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    with tenant_scope(platform_principal(acme.pk)):
        assert Collection.objects.count() == 1


def test_other_contents_under_the_same_key_are_refused(acme_client: httpx.Client) -> None:
    create(acme_client, "a")
    response = create(acme_client, "a", slug="other")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "idempotency_mismatch")
    assert [each["slug"] for each in acme_client.get("/api/v1/collections").json()["results"]] == [
        "lab"
    ]


def test_a_key_belongs_to_whoever_uses_it(
    acme_client: httpx.Client, globex_client: httpx.Client, acme: Tenant, site: str, new_key: NewKey
) -> None:
    create(acme_client, "a")
    assert "Idempotent-Replayed" not in create(globex_client, "a").headers
    with client_of(site, new_key(acme)) as colleague:
        assert create(colleague, "a").status_code == 409


def test_a_refusal_is_not_remembered(acme_client: httpx.Client) -> None:
    assert create(acme_client, "a", slug="No Slug").status_code == 400
    assert create(acme_client, "a", slug="lab").status_code == 201


def test_an_upload_is_recognised_by_its_files(acme_client: httpx.Client, acme: Tenant) -> None:
    create(acme_client, "c")

    def upload(content: bytes) -> httpx.Response:
        return acme_client.post(
            "/api/v1/documents",
            files={"file": ("a.md", content)},
            data={"collection": "lab"},
            headers={"Idempotency-Key": "u"},
        )

    first, again, other = upload(b"# A"), upload(b"# A"), upload(b"# B")
    assert first.content == again.content
    assert first.json()["documents"][0]["outcome"] == "created"
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    with tenant_scope(platform_principal(acme.pk)):
        assert (Document.objects.count(), DocumentVersion.objects.count()) == (1, 1)


def test_many_at_once_have_one_effect(acme_client: httpx.Client, acme: Tenant) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: create(acme_client, "same"), range(30)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    created = {answer.content for answer in answers if answer.status_code == 201}
    assert len(created) == 1
    assert all(
        answer.json()["error"]["code"] == "idempotency_in_progress"
        for answer in answers
        if answer.status_code == 409
    )
    with tenant_scope(platform_principal(acme.pk)):
        assert Collection.objects.count() == 1


def test_a_key_is_forgotten_after_a_day(acme_client: httpx.Client, acme: Tenant) -> None:
    create(acme_client, "a")
    with tenant_scope(platform_principal(acme.pk)):
        IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert create(acme_client, "a", slug="other").status_code == 201
    with tenant_scope(platform_principal(acme.pk)):
        assert IdempotentRequest.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
def test_a_key_that_cannot_be_kept_is_refused(key: str, acme_client: httpx.Client) -> None:
    response = acme_client.post(
        "/api/v1/collections",
        json={"slug": f"s{uuid4().hex[:8]}"},
        headers={"Idempotency-Key": key.encode("latin-1")},
    )
    assert (response.status_code, response.json()["error"]["field"]) == (400, "Idempotency-Key")
