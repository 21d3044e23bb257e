"""What becomes of documents by API: changed, deleted, restored, erased, cancelled; alone and many at once."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from ingestion.models import Document
from tenants.models import Group, Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.library import ingest_all

URL = "/api/v1/documents"
OLD, NEW = "# Pumps\n\nOld.", "# Pumps\n\nNew."


@pytest.fixture
def handbook(acme_client: httpx.Client) -> None:
    assert acme_client.post("/api/v1/collections", json={"slug": "handbook"}).status_code == 201


def put(client: httpx.Client, name: str, text: str, **fields: str) -> dict[str, Any]:
    """Upload a text; the document's JSON."""
    files = {"file": (name, text.encode())}
    answer = client.post(URL, files=files, data={"collection": "handbook", **fields})
    assert answer.status_code == 202, answer.text
    return dict(answer.json()["documents"][0])


def found(client: httpx.Client, query: str) -> list[str]:
    """The names of the documents that a search finds."""
    results = client.post("/api/v1/search", json={"query": query}).json()["results"]
    return [row["external_id"] for row in results]


pytestmark = pytest.mark.usefixtures("handbook")


def test_a_deleted_document_is_listed_apart_restored_and_erased(
    acme_client: httpx.Client, acme: Tenant
) -> None:
    url = f"{URL}/{put(acme_client, 'pump.md', 'The pump runs every six weeks.')['id']}"
    ingest_all(acme)
    assert acme_client.delete(url).status_code == 204
    assert acme_client.get(url).status_code == 404
    assert found(acme_client, "pump") == []
    assert len(acme_client.get(f"{URL}?deleted=true").json()["results"]) == 1
    restored = acme_client.post(f"{url}/restore")
    assert (restored.status_code, restored.json()["deleted_at"]) == (202, None)
    again = acme_client.post(f"{url}/restore")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_deleted")
    ingest_all(acme)
    assert found(acme_client, "pump") == ["pump.md"]
    assert acme_client.delete(url).status_code == 204
    assert acme_client.delete(f"{url}?erase=true").status_code == 204
    assert acme_client.delete(f"{url}?erase=true").status_code == 404
    assert acme_client.get(f"{URL}?deleted=true").json()["results"] == []
    assert acme_client.delete(f"{url}?erase=perhaps").status_code == 400


def test_versions_are_listed_and_an_old_one_comes_back(
    acme_client: httpx.Client, acme: Tenant
) -> None:
    put(acme_client, "pump.md", "The pump runs every six weeks.")
    ingest_all(acme)
    url = f"{URL}/{put(acme_client, 'pump.md', 'The pump runs every nine weeks.')['id']}"
    ingest_all(acme)
    assert acme_client.post(f"{url}/versions/1/restore").status_code == 202
    ingest_all(acme)
    rows = acme_client.get(f"{url}/versions").json()["results"]
    assert [(row["number"], row["current"], row["restored_from"]) for row in rows] == [
        (3, True, 1),
        (2, False, None),
        (1, False, None),
    ]
    assert rows[0]["sha256"] == rows[2]["sha256"]
    assert acme_client.post(f"{url}/versions/3/restore").json()["error"]["code"] == "is_current"
    assert acme_client.post(f"{url}/versions/9/restore").status_code == 404


def test_a_queued_document_is_cancelled_and_tried_again(
    acme_client: httpx.Client, acme: Tenant
) -> None:
    url = f"{URL}/{put(acme_client, 'pump.md', 'Text.')['id']}"
    body = acme_client.post(f"{url}/cancel").json()
    assert (body["state"], body["reason_code"]) == ("failed", "cancelled")
    assert body["reason"].startswith("Cancelled by the API key")
    assert acme_client.post(f"{url}/cancel").status_code == 409
    assert acme_client.post("/api/v1/collections/handbook/retry").json() == {"documents": 1}
    ingest_all(acme)
    assert acme_client.get(url).json()["state"] == "ready"


def test_a_paused_collection_says_so_and_goes_on_when_told(
    acme_client: httpx.Client, acme: Tenant
) -> None:
    assert acme_client.post("/api/v1/collections/handbook/pause").json()["paused"] is True
    url = f"{URL}/{put(acme_client, 'pump.md', 'Text.')['id']}"
    ingest_all(acme)
    waiting = acme_client.get(url).json()
    assert (waiting["state"], waiting["reason_code"]) == ("queued", "paused")
    assert "Resume it" in waiting["remedy"]
    whole = acme_client.get("/api/v1/collections/handbook").json()
    assert (whole["waiting"], whole["paused"]) == (1, True)
    assert [(row["kind"], row["waiting"]) for row in whole["sources"]] == [("api", 1)]
    assert acme_client.post("/api/v1/collections/handbook/resume").json()["paused"] is False
    ingest_all(acme)
    assert acme_client.get(url).json()["state"] == "ready"


def test_metadata_is_merged_replaced_and_typed(acme_client: httpx.Client) -> None:
    given = '{"year": 2026, "tags": ["a", "a", "b"], "date": "2024-05"}'
    url = f"{URL}/{put(acme_client, 'a.md', 'Text.', metadata=given)['id']}"
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"metadata": {"year": None, "x": 1}}, {"tags": ["a", "b"], "date": "2024-05", "x": 1}),
        (
            {"add_tags": ["c"], "remove_tags": ["a"]},
            {"tags": ["b", "c"], "date": "2024-05", "x": 1},
        ),
        ({"metadata": {"y": [1]}, "metadata_mode": "replace"}, {"y": [1]}),
        ({"tags": ["z"]}, {"y": [1], "tags": ["z"]}),
        ({"tags": []}, {"y": [1]}),
    ]
    for change, expected in changes:
        answer = acme_client.patch(url, json=change)
        assert (answer.status_code, answer.json()["metadata"]) == (200, expected), change


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"date": "May"}, "date must be a date such as 2024-05-31"),
        ({"date": "2024-13"}, "date must be"),
        ({"author": 7}, "author must be a text"),
        ({"tags": {"a": 1}}, "tags must be a list"),
        ({"language": "the English"}, "language must be a code"),
        ({"": 1}, "A key has 1 to 200 characters"),
    ],
)
def test_metadata_of_the_wrong_type_is_refused_by_name_wherever_it_comes_in(
    acme_client: httpx.Client, metadata: dict[str, Any], said: str
) -> None:
    url = f"{URL}/{put(acme_client, 'a.md', 'Text.')['id']}"
    error = acme_client.patch(url, json={"metadata": metadata}).json()["error"]
    assert (error["code"], error["field"]) == ("bad_metadata", "metadata")
    assert said in error["message"]
    files = {"file": ("b.md", b"Text.")}
    data = {"collection": "handbook", "metadata": httpx.Response(200, json=metadata).text}
    refused = acme_client.post(URL, files=files, data=data)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_metadata")


def test_a_title_that_a_person_gave_outlives_versions(
    acme_client: httpx.Client, acme: Tenant
) -> None:
    url = f"{URL}/{put(acme_client, 'a.md', OLD)['id']}"
    ingest_all(acme)
    assert acme_client.get(url).json()["title"] == "Pumps"
    assert acme_client.patch(url, json={"title": "Mine"}).json()["title"] == "Mine"
    assert acme_client.patch(url, json={"title": ""}).json()["title"] == "Pumps"
    assert acme_client.patch(url, json={"title": "All pumps"}).json()["title"] == "All pumps"
    put(acme_client, "a.md", NEW)
    ingest_all(acme)
    assert acme_client.get(url).json()["title"] == "All pumps"


def test_readers_hold_at_once_and_must_exist(acme_client: httpx.Client, acme: Tenant) -> None:
    url = f"{URL}/{put(acme_client, 'pump.md', 'The pump runs.')['id']}"
    ingest_all(acme)
    assert found(acme_client, "pump") == ["pump.md"]
    with tenant_scope(platform_principal(acme.pk)):
        board = Group.objects.create(name="Board")
    unknown = acme_client.patch(url, json={"reader_groups": [str(uuid4())]}).json()["error"]
    assert (unknown["code"], unknown["field"]) == ("unknown_group", "reader_groups")
    answer = acme_client.patch(url, json={"reader_groups": [str(board.pk)]})
    assert (answer.status_code, answer.json()["reader_groups"]) == (200, [str(board.pk)])
    assert found(acme_client, "pump") == []
    assert acme_client.get(url).status_code == 404


def test_many_are_changed_by_a_filter_and_by_ids(acme_client: httpx.Client, acme: Tenant) -> None:
    ids = [
        put(acme_client, f"{n}.md", f"Text {n}.", metadata=f'{{"n": {n}}}')["id"] for n in range(4)
    ]
    ingest_all(acme)
    wanted = {"collection": "handbook", "filter": {"metadata.n": {"gte": 2}}}
    answer = acme_client.post(f"{URL}/bulk", json=wanted | {"change": {"add_tags": ["late"]}})
    assert answer.json() == {"done": 2, "skipped": 0}
    with tenant_scope(platform_principal(acme.pk)):
        rows = dict(Document.objects.values_list("external_id", "metadata"))
    assert [rows[f"{n}.md"].get("tags") for n in range(4)] == [None, None, ["late"], ["late"]]
    typed = {"collection": "handbook", "filter": "metadata.n<1", "change": {"add_tags": ["early"]}}
    assert acme_client.post(f"{URL}/bulk", json=typed).json() == {"done": 1, "skipped": 0}
    deeds = [("delete", {"done": 2, "skipped": 0}), ("restore", {"done": 2, "skipped": 0}),
             ("cancel", {"done": 2, "skipped": 0}), ("cancel", {"done": 0, "skipped": 2}),
             ("retry", {"done": 2, "skipped": 0}), ("erase", {"done": 2, "skipped": 0})]  # fmt: skip
    for action, expected in deeds:
        answer = acme_client.post(f"{URL}/bulk", json={"ids": ids[:2], "action": action})
        assert answer.json() == expected, action
    assert len(acme_client.get(URL).json()["results"]) == 2


def test_a_filter_reaches_documents_in_every_state(acme_client: httpx.Client, acme: Tenant) -> None:
    for n in range(3):
        put(acme_client, f"{n}.md", f"Text {n}.", metadata=f'{{"n": {n}}}')
    wanted = {"collection": "handbook", "filter": {"metadata.n": {"lt": 2}}}

    def told(action: str) -> tuple[int, int]:
        body = acme_client.post(f"{URL}/bulk", json=wanted | {"action": action}).json()
        return body["done"], body["skipped"]

    # None of them has been searchable yet: they wait, have failed, are deleted.
    assert [told("cancel"), told("retry"), told("delete"), told("restore")] == [(2, 0)] * 4
    ingest_all(acme)
    assert [told("retry"), told("delete"), told("cancel")] == [(0, 2), (2, 0), (0, 0)]
    assert [told("erase"), told("erase")] == [(2, 0), (0, 0)]
    assert [row["external_id"] for row in acme_client.get(URL).json()["results"]] == ["2.md"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"change": {"title": "x"}}, None),
        ({"collection": "handbook", "action": "delete", "change": {"title": "x"}}, "change"),
        ({"collection": "handbook"}, "change"),
        ({"ids": [str(uuid4())], "action": "delete"}, "ids"),
        ({"collection": "handbook", "filter": {"nothing": 1}, "action": "delete"}, "filter"),
        ({"collection": "absent", "action": "delete"}, "collection"),
    ],
)
def test_a_bulk_request_that_is_wrong_names_the_field(
    acme_client: httpx.Client, body: dict[str, Any], field: str | None
) -> None:
    answer = acme_client.post(f"{URL}/bulk", json=body)
    assert answer.status_code in {400, 404}
    assert field is None or field in answer.json()["error"].get("field", ""), answer.text


def test_another_tenants_documents_do_not_exist(
    acme_client: httpx.Client, globex_client: httpx.Client, acme: Tenant
) -> None:
    key = put(acme_client, "a.md", "Text.")["id"]
    ingest_all(acme)
    asked = [
        globex_client.patch(f"{URL}/{key}", json={"title": "x"}),
        globex_client.delete(f"{URL}/{key}?erase=true"),
        globex_client.post(f"{URL}/bulk", json={"ids": [key], "action": "erase"}),
        globex_client.post(f"{URL}/{key}/versions/1/restore"),
    ]
    assert [answer.status_code for answer in asked] == [404] * 4
    assert acme_client.get(f"{URL}/{key}").json()["state"] == "ready"
