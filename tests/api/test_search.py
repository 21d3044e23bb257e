"""``POST /api/v1/search``: the contract's fields, for those who may read, and clear refusals."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from inference.models import Model, Provider
from ingestion.models import Chunk, Document, Embedding, LexicalEntry
from tenants.models import ApiKey, Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.api.conftest import client_of
from tests.fakes.model_server import ModelServer
from tests.library import Library, NewKey

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
    assert response.json() == {"results": [], "degraded": [], "next": None}


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
        ({"query": "x", "as_of": "2026-01-31"}, "as_of"),
        ({"query": "x", "as_of": "2026-01-31T12:00:00"}, "as_of"),
        ({"query": "x", "as_of": "0001-01-01T00:00:00+10:00"}, "as_of"),
        ({"query": "x", "filter": {"year": 2026}}, "filter"),
        ({"query": "x", "filter": {"date": {"gte": "soon"}}}, "filter"),
        ({"query": "x", "filter": "leave type:pdf"}, "filter"),
        ({"query": "x", "filter": "tag:" + ",".join("a" * 101)}, "filter"),
        ({"query": "x", "filter": "tag=" + "a," * 100_000 + "a"}, "filter"),
        ({"query": "x", "cursor": "abc"}, "cursor"),
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


def test_a_time_without_its_zone_is_refused_with_an_example(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    asked = {"query": "paid leave", "as_of": "2099-01-31T12:00:00"}
    refused = acme_client.post("/api/v1/search", json=asked)
    assert refused.status_code == 400
    assert "a time zone, as in 2026-01-31T12:00:00Z" in refused.json()["error"]["message"]
    for zone in ("Z", "+02:00"):
        zoned = asked | {"as_of": asked["as_of"] + zone}
        assert acme_client.post("/api/v1/search", json=zoned).json()["results"]


def many(library: Library) -> None:
    files = {f"note{n}": f"# Note {n}\n\nPaid leave, number {n}.\n".encode() for n in range(12)}
    library.add("notes", **files)


def pages(client: httpx.Client, asked: dict[str, Any], most: int = 20) -> list[dict[str, Any]]:
    """Every page, following ``next``."""
    found = [client.post("/api/v1/search", json=asked).json()]
    while found[-1]["next"] and len(found) < most:
        body = asked | {"cursor": found[-1]["next"]}
        found.append(client.post("/api/v1/search", json=body).json())
    return found


def texts_of(page: dict[str, Any]) -> list[str]:
    return [each["text"] for each in page["results"]]


def test_pages_follow_each_other_without_a_gap_or_a_repetition(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    many(acme_library)
    asked = {"query": "paid leave number"}
    whole = pages(acme_client, asked | {"limit": 50})
    assert whole[0]["next"] is None
    told = pages(acme_client, asked | {"limit": 4})
    assert [text for page in told for text in texts_of(page)] == texts_of(whole[0])
    ranks = [each["rank"] for page in told for each in page["results"]]
    assert ranks == list(range(1, len(ranks) + 1))
    assert {page.get("changed", False) for page in told} == {False}


def test_what_is_ingested_between_pages_repeats_nothing(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    many(acme_library)
    asked: dict[str, Any] = {"query": "paid leave number", "limit": 5}
    first = acme_client.post("/api/v1/search", json=asked).json()
    more = {
        f"more{n}": b"# Paid leave number\n\nPaid leave number, paid leave number.\n"
        for n in range(3)
    }
    acme_library.add("more", **more)
    second = acme_client.post("/api/v1/search", json=asked | {"cursor": first["next"]}).json()
    assert len(second["results"]) == 5
    assert not set(texts_of(first)) & set(texts_of(second))
    assert second["changed"] is True


def test_a_cursor_belongs_to_its_question_and_its_key(
    acme_client: httpx.Client, acme_library: Library, acme: Tenant, new_key: NewKey, site: str
) -> None:
    many(acme_library)
    asked: dict[str, Any] = {"query": "paid leave", "limit": 2}
    cursor = acme_client.post("/api/v1/search", json=asked).json()["next"]
    others = [
        asked | {"query": "unpaid leave"},
        asked | {"filter": {"type": "pdf"}},
        asked | {"collections": ["notes"]},
        asked | {"as_of": "2026-01-01T00:00:00Z"},
    ]
    for other in others:
        refused = acme_client.post("/api/v1/search", json=other | {"cursor": cursor})
        assert refused.status_code == 400
        assert refused.json()["error"]["field"] == "cursor"
    with client_of(site, new_key(acme)) as other_key:
        refused = other_key.post("/api/v1/search", json=asked | {"cursor": cursor})
        assert refused.status_code == 400
    altered = asked | {"cursor": cursor[:-2] + "xx"}
    assert acme_client.post("/api/v1/search", json=altered).status_code == 400


@pytest.mark.parametrize(
    "filter_", [{"external_id": {"prefix": "LEA"}}, "id:leave", {"title": "Leave"}], ids=str
)
def test_a_filter_narrows_search_and_answers(
    acme_client: httpx.Client, acme_library: Library, filter_: Any
) -> None:
    asked = {"query": "travel expenses approval", "filter": filter_}
    found = acme_client.post("/api/v1/search", json=asked).json()["results"]
    assert {each["title"] for each in found} == {"Leave"}
    question = {"question": "How many days of paid leave do employees get?"}
    told = acme_client.post("/api/v1/ask", json=question | {"filter": filter_}).json()
    assert {each["title"] for each in told["citations"]} == {"Leave"}
    other = {"not": {"title": "Leave"}}
    assert not acme_client.post("/api/v1/ask", json=question | {"filter": other}).json()["answered"]


def test_highlights_are_spans_of_the_asked_words(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    asked = {"query": "Who gets paid leave?", "highlight": True, "limit": 1}
    (found,) = acme_client.post("/api/v1/search", json=asked).json()["results"]
    marked = [found["text"][start:end] for start, end in found["highlights"]]
    assert {word.lower() for word in marked} == {"get", "paid", "leave"}


def test_facets_count_the_documents_that_were_found(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    acme_library.add("lab", mice=b"# Mice\n\nMice get no paid leave.\n")
    body = acme_client.post("/api/v1/search", json={"query": "leave", "facets": True, "limit": 1})
    facets = body.json()["facets"]
    assert len(body.json()["results"]) == 1
    assert facets["documents"] == 3
    found = {each["value"]: each["count"] for each in facets["counts"]["collection"]}
    assert found == {"handbook": 2, "lab": 1}
    assert facets["counts"]["type"] == [{"value": "markdown", "name": "markdown", "count": 3}]


def test_a_reader_who_is_put_out_of_a_group_sees_nothing_of_it_at_once(
    acme: Tenant, acme_library: Library, new_key: NewKey, site: str
) -> None:
    """On the page after the revocation, with the cursor of the page before, as well as on a first one."""
    group = uuid4()
    with tenant_scope(platform_principal(acme.pk)):
        for table in (Document, Chunk, Embedding, LexicalEntry):
            table.objects.update(reader_groups=[group])
    key = new_key(acme, group_ids=[group])
    asked: dict[str, Any] = {"query": "leave", "limit": 1, "filter": {"type": "markdown"}}
    with client_of(site, key) as client:
        first = client.post("/api/v1/search", json=asked).json()
        assert first["next"]
        with tenant_scope(platform_principal(acme.pk)):
            ApiKey.objects.filter(pk=key.row.pk).update(group_ids=[])
        for again in (asked, asked | {"cursor": first["next"]}):
            assert client.post("/api/v1/search", json=again).json()["results"] == []


def test_a_reranker_is_asked_for_by_the_key(
    acme: Tenant, acme_client: httpx.Client, acme_library: Library, model_server: ModelServer
) -> None:
    asked = {"query": "paid leave", "rerank": True, "explain": True}
    refused = acme_client.post("/api/v1/search", json=asked)
    assert refused.status_code == 400
    assert "There is no reranker" in refused.text
    with tenant_scope(platform_principal(acme.pk)):
        provider = Provider.objects.create(
            name="r", base_url=model_server.base_url, protocol="cohere"
        )
        Model.objects.create(provider=provider, name="ranker", kind=Model.Kind.RERANK)
    body = acme_client.post("/api/v1/search", json=asked).json()
    assert body["degraded"] == []
    assert body["results"][0]["explain"]["rank_before"] >= 1
    assert 0 <= body["results"][0]["explain"]["rerank_score"] <= 1
    assert "rerank" in body["timings_ms"]
