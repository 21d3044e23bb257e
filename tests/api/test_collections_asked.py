"""Which collections a request names: none at all is refused, an unknown one is named by the route's own parameter."""

from typing import Any

import httpx
import pytest

from ingestion import suggestions
from tenants.models import Tenant
from tests.library import Library


@pytest.mark.parametrize(
    ("path", "asked"), [("search", {"query": "leave"}), ("ask", {"question": "How long is leave?"})]
)
def test_an_empty_list_is_not_every_collection(
    acme_client: httpx.Client, acme_library: Library, path: str, asked: dict[str, Any]
) -> None:
    refused = acme_client.post(f"/api/v1/{path}", json=asked | {"collections": []})
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["field"] == "collections"
    assert "leave this out to search all" in error["message"]
    for absent in ({}, {"collections": None}):
        assert acme_client.post(f"/api/v1/{path}", json=asked | absent).status_code == 200


def test_completions_of_no_collection_are_refused(
    acme_client: httpx.Client, acme_library: Library, acme: Tenant
) -> None:
    suggestions.learn(acme.pk)
    refused = acme_client.get("/api/v1/search/suggest", params={"q": "lea", "collection": ","})
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == "collection"
    for named in ({}, {"collection": "handbook"}, {"collection": "handbook,"}):
        found = acme_client.get("/api/v1/search/suggest", params={"q": "lea", **named})
        assert [each["title"] for each in found.json()["titles"]] == ["Leave"]


def test_an_unknown_collection_is_named_by_the_parameter_of_its_route(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    asked = {"q": "lea", "collection": "handbook,nope"}
    absent = acme_client.get("/api/v1/search/suggest", params=asked)
    assert (absent.status_code, absent.json()["error"]["field"]) == (404, "collection")
    searched = acme_client.post("/api/v1/search", json={"query": "x", "collections": ["nope"]})
    assert (searched.status_code, searched.json()["error"]["field"]) == (404, "collections")
