"""``POST /api/v1/search``: the contract's fields, for those who may read, and clear refusals."""

from typing import Any

import httpx
import pytest

from tests.library import Library

FIELDS = {"rank", "score", "external_id", "document_id", "title", "page", "text"}


def test_passages_come_with_the_fields_of_the_contract(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    response = acme_client.post("/api/v1/search", json={"query": "paid leave", "limit": 1})
    assert response.status_code == 200
    (result,) = response.json()["results"]
    assert result.keys() == FIELDS
    assert (result["rank"], result["external_id"], result["title"]) == (1, "leave.md", "Leave")
    assert "25 days" in result["text"]


def test_passages_explain_themselves_when_asked(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    asked = {"query": "paid leave", "explain": True}
    body = acme_client.post("/api/v1/search", json=asked).json()
    why = body["results"][0]["explain"]
    assert why["dense_rank"] == why["lexical_rank"] == 1
    assert why["terms"] == ["leav", "paid"]
    assert body["timings_ms"].keys() == {"embed", "search"}


def test_only_the_named_collections_are_searched(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    acme_library.add("lab", mice=b"# Mice\n\nMice get no paid leave.\n")
    found = acme_client.post("/api/v1/search", json={"query": "leave", "collections": ["lab"]})
    assert [each["title"] for each in found.json()["results"]] == ["Mice"]


def test_another_tenant_finds_nothing(globex_client: httpx.Client, acme_library: Library) -> None:
    response = globex_client.post("/api/v1/search", json={"query": "paid leave"})
    assert response.json() == {"results": [], "degraded": []}


def test_a_foreign_collection_is_answered_like_an_absent_one(
    globex_client: httpx.Client, acme_library: Library
) -> None:
    foreign = globex_client.post("/api/v1/search", json={"query": "x", "collections": ["handbook"]})
    absent = globex_client.post("/api/v1/search", json={"query": "x", "collections": ["nothing"]})
    assert foreign.status_code == 404
    assert foreign.content == absent.content


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": None}, "query"),
        ({"query": "  "}, "query"),
        ({"query": {"a": 1}}, "query"),
        ({"query": "x" * 8001}, "query"),
        ({"query": "a\x00b"}, "query"),
        ({"query": "x", "limit": 0}, "limit"),
        ({"query": "x", "limit": 101}, "limit"),
        ({"query": "x", "limit": "many"}, "limit"),
        ({"query": "x", "limit": 10**400}, "limit"),
        ({"query": "x", "collections": "handbook"}, "collections"),
        ({"query": "x", "collections": [["a"]]}, "collections.0"),
        ({"query": "x", "as_of": "yesterday"}, "as_of"),
        ({"query": "x", "filter": {"year": 2026}}, "filter"),
        ({"query": "x", "explain": "perhaps"}, "explain"),
        ({"query": "x", "colections": ["a"]}, "colections"),
        ([], None),
        ("text", None),
    ],
)
def test_a_bad_request_names_its_field(
    asked: Any, field: str | None, acme_client: httpx.Client
) -> None:
    response = acme_client.post("/api/v1/search", json=asked)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] in {"invalid", "malformed"}
    assert error.get("field") == field
    assert error["message"]
