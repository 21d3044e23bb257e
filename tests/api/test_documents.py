"""Documents by API: upload, follow, list, retry, delete; each file on its own merits."""

import httpx
import pytest
from pytest_django import Settings

from ingestion.models import Document
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.library import Library, ingest_all

PDF = b"%PDF-1.4 broken"
File = tuple[str, tuple[str, bytes]]


def file(name: str, content: bytes) -> File:
    return ("file", (name, content))


def upload(client: httpx.Client, *files: File, **fields: str) -> httpx.Response:
    return client.post(
        "/api/v1/documents", files=list(files), data={"collection": "handbook", **fields}
    )


@pytest.fixture
def handbook(acme_client: httpx.Client) -> None:
    assert acme_client.post("/api/v1/collections", json={"slug": "handbook"}).status_code == 201


@pytest.mark.usefixtures("handbook")
def test_a_document_is_taken_followed_and_found(acme_client: httpx.Client, acme: Tenant) -> None:
    response = upload(
        acme_client, file("leave.md", b"# Leave\n\nLeave is 25 days."), metadata='{"year": 2026}'
    )
    assert response.status_code == 202
    body = response.json()
    (document,) = body["documents"]
    assert body["ids"] == [document["id"]]
    assert (document["state"], document["outcome"], body["refused"]) == ("queued", "created", [])
    ingest_all(acme)
    ready = acme_client.get(f"/api/v1/documents/{document['id']}").json()
    assert (ready["state"], ready["reason"], ready["chunks"]) == ("ready", "", 1)
    assert (ready["external_id"], ready["collection"]) == ("leave.md", "handbook")
    assert ready["metadata"]["year"] == 2026
    found = acme_client.post("/api/v1/search", json={"query": "leave"}).json()["results"]
    assert found[0]["document_id"] == document["id"]


@pytest.mark.usefixtures("handbook")
def test_the_same_bytes_again_change_nothing(acme_client: httpx.Client) -> None:
    first = upload(acme_client, file("a.md", b"# A\n\nText.")).json()["documents"][0]
    second = upload(acme_client, file("a.md", b"# A\n\nText.")).json()["documents"][0]
    third = upload(acme_client, file("a.md", b"# A\n\nOther.")).json()["documents"][0]
    assert [each["outcome"] for each in (first, second, third)] == [
        "created",
        "unchanged",
        "new_version",
    ]
    assert first["id"] == second["id"] == third["id"]


@pytest.mark.usefixtures("handbook")
def test_files_are_taken_and_refused_on_their_own_merits(acme_client: httpx.Client) -> None:
    body = upload(
        acme_client,
        file("a.md", b"# A"),
        file("empty.md", b""),
        file("cat.webp", b"\x89PNG"),
        file("b.md", b"# B"),
    ).json()
    assert [each["external_id"] for each in body["documents"]] == ["a.md", "b.md"]
    assert [(each["filename"], each["code"]) for each in body["refused"]] == [
        ("empty.md", "empty_file"),
        ("cat.webp", "unsupported_type"),
    ]
    assert all(each["message"] and each["remedy"] for each in body["refused"])


@pytest.mark.usefixtures("handbook")
@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("empty.md", b"", 400, "empty_file"),
        ("cat.webp", b"\x89PNG", 415, "unsupported_type"),
        ("big.md", b"x" * (1024 * 1024 + 1), 413, "too_large"),
    ],
)
def test_when_nothing_is_taken_the_answer_is_an_error(
    name: str,
    content: bytes,
    status: int,
    code: str,
    acme_client: httpx.Client,
    settings: Settings,
) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    response = upload(acme_client, file(name, content))
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert name in response.json()["error"]["message"]
    assert acme_client.get("/api/v1/documents").json()["results"] == []


@pytest.mark.usefixtures("handbook")
@pytest.mark.parametrize(
    ("files", "fields", "field"),
    [
        ([("other", ("x", b"x"))], {}, "other"),
        ([("collection", ("x", b"x"))], {}, "collection"),
        ([file("a.md", b"x")], {"metadata": "no json"}, "metadata"),
        ([file("a.md", b"x")], {"metadata": "[1]"}, "metadata"),
        ([file("a.md", b"x")], {"colour": "red"}, "colour"),
        ([file("a.md", b"x"), file("b.md", b"y")], {"title": "Both"}, "title"),
        ([file("a.md", b"x")], {"title": "x" * 501}, "title"),
    ],
)
def test_a_bad_upload_names_its_field(
    files: list[File], fields: dict[str, str], field: str, acme_client: httpx.Client
) -> None:
    response = upload(acme_client, *files, **fields)
    assert response.status_code == 400
    details = [each["field"] for each in response.json()["error"].get("details", [])]
    assert field in [response.json()["error"].get("field"), *details]


def test_a_body_that_is_no_form_is_a_415(acme_client: httpx.Client) -> None:
    response = acme_client.post("/api/v1/documents", json={"collection": "handbook"})
    assert response.status_code == 415
    assert response.json()["error"]["code"] == "unsupported_media_type"


def test_an_absent_collection_is_a_404_that_names_its_field(acme_client: httpx.Client) -> None:
    response = upload(acme_client, file("a.md", b"# A"))
    assert response.status_code == 404
    assert response.json()["error"]["field"] == "collection"


@pytest.mark.usefixtures("handbook")
def test_a_list_goes_on_where_its_page_ended(acme_client: httpx.Client) -> None:
    upload(acme_client, *(file(f"{n}.md", f"# {n}".encode()) for n in range(5)))
    seen: list[str] = []
    address: str | None = "/api/v1/documents?collection=handbook&state=queued&limit=2"
    pages = 0
    while address:
        page = acme_client.get(address).json()
        seen += [each["external_id"] for each in page["results"]]
        address, pages = page["next"], pages + 1
    assert (sorted(seen), pages) == ([f"{n}.md" for n in range(5)], 3)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=lost", "state"),
        ("limit=0", "limit"),
        ("cursor=xyz", "cursor"),
        ("cursor=w6k", "cursor"),
        ("colour=red", "colour"),
    ],
)
def test_a_bad_list_names_its_field(query: str, field: str, acme_client: httpx.Client) -> None:
    response = acme_client.get(f"/api/v1/documents?{query}")
    assert (response.status_code, response.json()["error"]["field"]) == (400, field)


@pytest.mark.usefixtures("handbook")
def test_a_failed_document_says_why_and_can_be_tried_again(
    acme_client: httpx.Client, acme: Tenant
) -> None:
    document = upload(acme_client, file("broken.pdf", PDF)).json()["ids"][0]
    ingest_all(acme)
    failed = acme_client.get(f"/api/v1/documents/{document}").json()
    assert failed["state"] == "failed"
    assert failed["reason"]
    assert failed["reason_code"]
    assert failed["remedy"]
    again = acme_client.post(f"/api/v1/documents/{document}/retry")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    twice = acme_client.post(f"/api/v1/documents/{document}/retry")
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "not_failed")


def test_a_deleted_document_is_gone_from_lists_and_search(
    acme_client: httpx.Client, acme_library: Library, acme: Tenant
) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        leave = Document.objects.get(external_id="leave.md")
    assert acme_client.delete(f"/api/v1/documents/{leave.pk}").status_code == 204
    assert acme_client.get(f"/api/v1/documents/{leave.pk}").status_code == 404
    titles = [each["title"] for each in acme_client.get("/api/v1/documents").json()["results"]]
    assert titles == ["Expenses"]
    found = acme_client.post("/api/v1/search", json={"query": "paid leave"}).json()["results"]
    assert "Leave" not in [each["title"] for each in found]
    assert acme_client.delete(f"/api/v1/documents/{leave.pk}").status_code == 404


def test_foreign_absent_and_malformed_ids_are_answered_alike(
    globex_client: httpx.Client, acme_client: httpx.Client, acme_library: Library
) -> None:
    foreign = acme_client.get("/api/v1/documents").json()["results"][0]["id"]
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/retry")):
        answers = {
            (response.status_code, response.content)
            for each in (foreign, "01890000-0000-7000-8000-000000000000", "no-id", "%00")
            if (response := globex_client.request(method, f"/api/v1/documents/{each}{tail}"))
            and each != "%00"
        }
        assert len(answers) == 1
        assert answers.pop()[0] == 404
    assert acme_client.get(f"/api/v1/documents/{foreign}").status_code == 200


def test_a_taken_slug_is_a_conflict(acme_client: httpx.Client, globex_client: httpx.Client) -> None:
    first = acme_client.post("/api/v1/collections", json={"slug": "lab", "name": "Laboratory"})
    second = acme_client.post("/api/v1/collections", json={"slug": "lab"})
    elsewhere = globex_client.post("/api/v1/collections", json={"slug": "lab"})
    assert (first.status_code, second.status_code, elsewhere.status_code) == (201, 409, 201)
    assert second.json()["error"]["field"] == "slug"
    assert [each["name"] for each in acme_client.get("/api/v1/collections").json()["results"]] == [
        "Laboratory"
    ]
    assert (
        acme_client.post("/api/v1/collections", json={"slug": "No Slug"}).json()["error"]["field"]
        == "slug"
    )
