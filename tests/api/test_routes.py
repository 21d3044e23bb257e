"""`/api/v1/routes`: who answers, and how they have done, for stewards' keys alone."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from django.utils import timezone

from inference.models import Candidate, ModelCall, Route
from tenants import people
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.api.conftest import client_of


@pytest.fixture
def steward(site: str, acme: Tenant) -> Iterator[httpx.Client]:
    with keyed(site, acme, "admin") as client:
        yield client


def keyed(site: str, tenant: Tenant, role: str) -> httpx.Client:
    with tenant_scope(platform_principal(tenant.pk)):
        secret = people.create_key(name=role, role=role).secret
    client = client_of(site, None)
    client.headers["Authorization"] = f"Bearer {secret}"
    return client


@pytest.fixture
def route(acme: Tenant) -> Route:
    with tenant_scope(platform_principal(acme.pk)):
        made = Route.objects.create(feature="chat", strategy="weighted")
        Candidate.objects.create(route=made, model="last", is_fallback=True)
        Candidate.objects.create(route=made, model="first", weight=3)
        for _ in range(3):
            ModelCall.objects.create(
                created_at=timezone.now(),
                operation="chat",
                feature="chat",
                provider="p",
                model="first",
                route="chat",
                outcome="ok",
                latency_ms=100,
            )
        return made


def test_routes_are_listed_and_compared(steward: httpx.Client, route: Route) -> None:
    (found,) = steward.get("/api/v1/routes").json()["results"]
    assert (found["feature"], found["tier"]) == ("chat", "any")
    assert [one["model"] for one in found["candidates"]] == ["first", "last"]
    told = steward.get("/api/v1/routes/chat/comparison", params={"days": 7}).json()
    (row,) = told["results"]
    assert (told["days"], row["model"], row["answered"]) == (7, "first", 3)
    assert row["latency"] == {"value": 100.0, "low": 100.0, "high": 100.0, "n": 3}
    assert (row["failures"]["value"], row["thumbs_up"]) == (0.0, None)


def test_bad_days_and_unknown_routes_are_clear(steward: httpx.Client, route: Route) -> None:
    assert steward.get("/api/v1/routes/nothing/comparison").status_code == 404
    answer = steward.get("/api/v1/routes/chat/comparison", params={"days": "many"})
    assert answer.status_code == 400
    assert "days" in answer.text


def test_a_members_key_sees_no_figures(site: str, acme: Tenant, route: Route) -> None:
    with keyed(site, acme, "member") as member:
        for path in ("/api/v1/routes", "/api/v1/routes/chat/comparison"):
            assert member.get(path).status_code == 403
