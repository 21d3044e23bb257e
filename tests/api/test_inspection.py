"""What a document is made of, by API: runs, text, passages, and how far a collection is."""

from typing import Any

import httpx
import pytest

from tenants.models import Tenant
from tests.library import ingest_all

URL = "/api/v1/documents"
TEXT = "# Pumps\n\n" + "\n\n".join(
    f"Pump {n} is serviced every {n} weeks. " * 12 for n in range(40)
)


@pytest.fixture
def document(acme_client: httpx.Client, acme: Tenant) -> str:
    """The address of a Markdown file that is searchable."""
    acme_client.post("/api/v1/collections", json={"slug": "handbook"})
    files = {"file": ("pumps.md", TEXT.encode())}
    answer = acme_client.post(URL, files=files, data={"collection": "handbook"})
    ingest_all(acme)
    return f"{URL}/{answer.json()['ids'][0]}"


def pages(client: httpx.Client, address: str) -> list[dict[str, Any]]:
    """Every result of a list, page by page."""
    found: list[dict[str, Any]] = []
    following: str | None = address
    while following:
        body = client.get(following).json()
        found, following = found + body["results"], body["next"]
    return found


def test_passages_are_the_text_between_their_spans(
    acme_client: httpx.Client, document: str
) -> None:
    chunks = pages(acme_client, f"{document}/chunks?limit=3")
    assert len(chunks) > 6
    assert [one["ordinal"] for one in chunks] == list(range(len(chunks)))
    first = acme_client.get(f"{document}/text").json()
    assert first["pages"] > 1
    texts = [
        acme_client.get(f"{document}/text?page={number}").json()
        for number in range(1, first["pages"] + 1)
    ]
    whole = "".join(one["text"] for one in texts)
    assert all(one["text"] == whole[one["span_start"] : one["span_end"]] for one in chunks)
    assert {number for one in texts for number in one["chunks"]} == {*range(len(chunks))}
    assert acme_client.get(f"{document}/chunks").json()["tokens"] == sum(
        one["tokens"] for one in chunks
    )


def test_runs_say_what_each_stage_took(acme_client: httpx.Client, document: str) -> None:
    (run,) = acme_client.get(f"{document}/runs").json()["results"]
    assert (run["state"], run["version"], run["attempts"]) == ("ready", 1, 1)
    assert list(run["stages"])[-2:] == ["embed", "publish"]
    assert run["finished_at"] > run["started_at"]
    assert acme_client.get(document).json()["citations"] == 0


def test_a_page_that_is_not_there_and_odd_numbers_are_refused(
    acme_client: httpx.Client, document: str
) -> None:
    assert acme_client.get(f"{document}/text?page=999").status_code == 404
    for query in (
        "text?page=0",
        "text?page=x",
        "chunks?after=-2",
        "chunks?limit=501",
        "chunks?a=1",
    ):
        answer = acme_client.get(f"{document}/{query}")
        assert answer.status_code == 400, query
        assert answer.json()["error"]["field"], query


def test_a_document_that_failed_has_runs_and_no_text(
    acme_client: httpx.Client, acme: Tenant
) -> None:
    acme_client.post("/api/v1/collections", json={"slug": "handbook"})
    files = {"file": ("cut.pdf", b"%PDF-1.7 nothing")}
    answer = acme_client.post(URL, files=files, data={"collection": "handbook"})
    ingest_all(acme)
    address = f"{URL}/{answer.json()['ids'][0]}"
    (run,) = acme_client.get(f"{address}/runs").json()["results"]
    assert (run["state"], bool(run["reason"]), bool(run["remedy"])) == ("failed", True, True)
    assert acme_client.get(f"{address}/chunks").json()["results"] == []
    assert acme_client.get(f"{address}/text").status_code == 404


def test_a_collection_says_in_words_how_far_it_is(acme_client: httpx.Client, document: str) -> None:
    files = {"file": ("late.md", b"# Late\n\nIt waits.")}
    acme_client.post(URL, files=files, data={"collection": "handbook"})
    body = acme_client.get("/api/v1/collections/handbook").json()
    assert body["coverage"] == "1 of 2 searchable, 1 waiting"
    assert body["sources"][0]["coverage"] == "1 of 2 searchable, 1 waiting"
    assert body["documents_per_minute"] > 0
    assert body["chunks_per_second"] > 0
    assert body["seconds_left"] > 0


def test_another_tenant_finds_none_of_it(
    acme_client: httpx.Client, globex_client: httpx.Client, document: str
) -> None:
    for part in ("runs", "chunks", "text"):
        assert acme_client.get(f"{document}/{part}").status_code == 200
        assert globex_client.get(f"{document}/{part}").status_code == 404


@pytest.mark.parametrize("field", ["bm25_k1", "bm25_b"])
def test_what_is_no_number_is_refused_by_its_field(acme_client: httpx.Client, field: str) -> None:
    acme_client.post("/api/v1/collections", json={"slug": "handbook"})
    refused = acme_client.patch("/api/v1/collections/handbook", json={field: "nan"})
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == field
    assert "A valid number is required." in refused.json()["error"]["message"]


def test_the_language_of_a_collection_is_chosen_while_it_is_empty(
    acme_client: httpx.Client,
) -> None:
    made = acme_client.post("/api/v1/collections", json={"slug": "greek", "language": "greek"})
    assert made.status_code == 201
    assert acme_client.get("/api/v1/collections/greek").json()["language"] == "greek"
    changed = acme_client.patch("/api/v1/collections/greek", json={"language": "simple"})
    assert changed.json()["language"] == "simple"
    acme_client.post(
        "/api/v1/documents", data={"collection": "greek"}, files={"file": ("a.txt", b"Words.")}
    ).raise_for_status()
    refused = acme_client.patch("/api/v1/collections/greek", json={"language": "greek"})
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == "language"
    assert "indexed as 'simple'" in refused.json()["error"]["message"]
    unknown = acme_client.post("/api/v1/collections", json={"slug": "x", "language": "klingon"})
    assert unknown.status_code == 400
    assert unknown.json()["error"]["field"] == "language"


def test_the_weights_of_titles_and_headings_are_changed_by_api(acme_client: httpx.Client) -> None:
    acme_client.post("/api/v1/collections", json={"slug": "handbook"})
    found = acme_client.patch(
        "/api/v1/collections/handbook", json={"title_weight": 3, "heading_weight": 2}
    ).json()
    assert (found["title_weight"], found["heading_weight"]) == (3, 2)
    assert found["reweighting"] is True
