"""A key is checked on every request: what it is, whether it still holds, and what it may do."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from tenants import people
from tenants.models import Membership, Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.api.conftest import client_of
from tests.cast import Member
from tests.library import Key, NewKey

# Every operation of the API: method, path, and the scope that it needs.
OPERATIONS = [
    ("POST", "/api/v1/search", "search"),
    ("GET", "/api/v1/search/suggest", "search"),
    ("POST", "/api/v1/ask", "ask"),
    ("POST", "/api/v1/feedback", "ask"),
    ("GET", "/api/v1/documents", "documents:read"),
    ("POST", "/api/v1/documents", "documents:write"),
    ("GET", "/api/v1/documents/x", "documents:read"),
    ("DELETE", "/api/v1/documents/x", "documents:write"),
    ("PATCH", "/api/v1/documents/x", "documents:write"),
    ("POST", "/api/v1/documents/bulk", "documents:write"),
    ("POST", "/api/v1/documents/x/retry", "documents:write"),
    ("POST", "/api/v1/documents/x/cancel", "documents:write"),
    ("POST", "/api/v1/documents/x/restore", "documents:write"),
    ("GET", "/api/v1/documents/x/runs", "documents:read"),
    ("GET", "/api/v1/documents/x/chunks", "documents:read"),
    ("GET", "/api/v1/documents/x/text", "documents:read"),
    ("GET", "/api/v1/documents/x/versions", "documents:read"),
    ("POST", "/api/v1/documents/x/versions/x/restore", "documents:write"),
    ("GET", "/api/v1/collections", "documents:read"),
    ("POST", "/api/v1/collections", "documents:write"),
    ("GET", "/api/v1/collections/x", "documents:read"),
    ("PATCH", "/api/v1/collections/x", "documents:write"),
    ("GET", "/api/v1/webhooks", "documents:read"),
    ("POST", "/api/v1/webhooks", "documents:write"),
    ("GET", "/api/v1/webhooks/x", "documents:read"),
    ("PATCH", "/api/v1/webhooks/x", "documents:write"),
    ("DELETE", "/api/v1/webhooks/x", "documents:write"),
    ("POST", "/api/v1/webhooks/x/test", "documents:write"),
    ("GET", "/api/v1/webhooks/x/deliveries", "documents:read"),
    ("POST", "/api/v1/webhooks/x/deliveries/x/again", "documents:write"),
    ("POST", "/api/v1/collections/x/pause", "documents:write"),
    ("POST", "/api/v1/collections/x/resume", "documents:write"),
    ("POST", "/api/v1/collections/x/retry", "documents:write"),
    ("POST", "/api/v1/collections/x/rechunk", "documents:write"),
    ("GET", "/api/v1/sources", "documents:read"),
    ("POST", "/api/v1/sources", "documents:write"),
    ("GET", "/api/v1/sources/x", "documents:read"),
    ("PATCH", "/api/v1/sources/x", "documents:write"),
    ("DELETE", "/api/v1/sources/x", "documents:write"),
    ("POST", "/api/v1/sources/x/sync", "documents:write"),
    ("POST", "/api/v1/sources/x/pause", "documents:write"),
    ("POST", "/api/v1/sources/x/resume", "documents:write"),
    ("GET", "/api/v1/sources/x/runs", "documents:read"),
    ("GET", "/api/v1/prompts", "prompts"),
    ("POST", "/api/v1/prompts", "prompts"),
    ("POST", "/api/v1/prompts/x/labels", "prompts"),
    ("POST", "/v1/embeddings", "ask"),
    ("GET", "/api/v1/costs", "models"),
    ("GET", "/api/v1/routes", "models"),
    ("GET", "/api/v1/routes/x/comparison", "models"),
    ("GET", "/v1/models", "models"),
    ("GET", "/v1/models/footnote", "models"),
    ("POST", "/v1/chat/completions", "ask"),
]


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS)
def test_strangers_get_a_401_that_says_how(
    method: str, path: str, scope: str, stranger: httpx.Client
) -> None:
    response = stranger.request(method, path, json={})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in response.json()["error"]["message"]


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS)
def test_a_key_does_what_its_scope_says_and_nothing_else(
    method: str, path: str, scope: str, site: str, acme: Tenant, new_key: NewKey
) -> None:
    others = [name for name in people.SCOPES if name != scope]
    with client_of(site, new_key(acme, scopes=others)) as client:
        refused = client.request(method, path, json={})
    # Some operations are for admins besides; what their role forbids has tests of its own.
    with client_of(site, new_key(acme, scopes=[scope], role="admin")) as client:
        passed = client.request(method, path, json={})
    assert refused.status_code == 403
    assert scope in refused.json()["error"]["message"]
    assert passed.status_code not in {401, 403, 500}


def test_a_viewer_s_key_writes_nothing(site: str, acme: Tenant, new_key: NewKey) -> None:
    with client_of(site, new_key(acme, role="viewer")) as client:
        refused = client.post("/api/v1/collections", json={"slug": "mine"})
        listed = client.get("/api/v1/collections")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "insufficient_role"
    assert listed.json() == {"results": []}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer fn_wrong",
        "Basic Zm46eA==",
        "Bearer sk-1",
        "Bearer fn_" + "x" * 5000,
        "fn_wrong",
        "Bearer fn_\xff",
    ],
)
def test_whatever_is_no_key_gets_the_same_answer(header: str, stranger: httpx.Client) -> None:
    expected = stranger.get("/api/v1/documents")
    response = stranger.get(
        "/api/v1/documents", headers={"Authorization": header.encode("latin-1")}
    )
    assert (response.status_code, response.content) == (401, expected.content)


def test_a_revoked_key_is_out_at_once(
    acme: Tenant, acme_key: Key, acme_client: httpx.Client
) -> None:
    assert acme_client.get("/api/v1/documents").status_code == 200
    with tenant_scope(platform_principal(acme.pk)):
        people.revoke_key(key=acme_key.row)
    assert acme_client.get("/api/v1/documents").status_code == 401


def test_an_expired_key_is_out(site: str, acme: Tenant, new_key: NewKey) -> None:
    expired = new_key(acme, expires_at=timezone.now() - timedelta(seconds=1))
    with client_of(site, expired) as client:
        assert client.get("/api/v1/documents").status_code == 401


def test_a_key_goes_with_the_membership_of_its_maker(
    site: str, bob: Member, new_member: Callable[..., Member]
) -> None:
    with bob.scope():
        secret = people.create_key(name="bob's").secret
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{site}/api/v1/documents", headers=headers).status_code == 200
    with tenant_scope(platform_principal(bob.tenant.pk)):
        Membership.objects.filter(pk=bob.membership.pk).update(is_active=False)
    assert httpx.get(f"{site}/api/v1/documents", headers=headers).status_code == 401


def test_too_many_calls_are_told_when_to_come_back(
    acme_client: httpx.Client, globex_client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.throttles.KeyThrottle.rate", "2/minute", raising=False)
    answers = [acme_client.get("/v1/models") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 61
    assert answers[2].json()["error"]["type"] == "rate_limit_error"
    assert [one.headers["x-ratelimit-remaining-requests"] for one in answers] == ["1", "0", "0"]
    rest = acme_client.get("/api/v1/collections")
    assert (rest.status_code, rest.headers["x-ratelimit-limit-requests"]) == (429, "2")
    assert rest.headers["ratelimit-policy"] == '"requests";q=2;w=60'
    assert globex_client.get("/v1/models").status_code == 200
