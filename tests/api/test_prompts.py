"""Prompts over the API: list, add a version, move a label; only for keys of those who administer."""

from collections.abc import Iterator

import httpx
import pytest

from inference.prompts import files
from tenants.models import Tenant
from tests.library import NewKey


@pytest.fixture
def steward(acme: Tenant, new_key: NewKey, site: str) -> Iterator[httpx.Client]:
    headers = new_key(acme, role="admin").headers
    with httpx.Client(base_url=site, headers=headers, timeout=30) as client:
        yield client


def text(words: str) -> str:
    return files.write(files.built_in("answer")).replace("Be brief", f"Be brief and {words}")


def test_a_version_is_added_labelled_and_rolled_back(steward: httpx.Client) -> None:
    added = steward.post("/api/v1/prompts", json={"file": text("kind")})
    assert (added.status_code, added.json()["number"], added.json()["labels"]) == (201, 1, {})
    assert steward.post("/api/v1/prompts", json={"file": text("kind")}).status_code == 200
    labels = "/api/v1/prompts/answer/labels"
    canary = steward.post(labels, json={"label": "canary", "version": 1, "percent": 10})
    assert [one["labels"] for one in canary.json()["results"]] == [
        {"canary": 10},
        {"production": 100},
    ]
    steward.post(labels, json={"label": "production", "version": 1})
    back = steward.post(labels, json={"label": "production", "version": None}).json()["results"]
    assert back[-1]["labels"] == {"production": 100}
    listed = steward.get("/api/v1/prompts").json()["results"]
    assert [one for one in listed if one["prompt"] == "answer"] == back
    assert {one["prompt"] for one in listed} == {"answer", "rewrite", "judge"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/prompts", {"file": "Answer!"}, 400),
        ("/api/v1/prompts/answer/labels", {"label": "beta", "version": 1}, 400),
        ("/api/v1/prompts/answer/labels", {"label": "canary", "version": 7}, 404),
        ("/api/v1/prompts/poem/labels", {"label": "canary", "version": None}, 404),
    ],
)
def test_what_cannot_be_is_refused(
    steward: httpx.Client, path: str, body: dict[str, object], status: int
) -> None:
    answer = steward.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


def test_a_member_s_key_changes_no_prompt(acme_client: httpx.Client) -> None:
    refused = acme_client.post("/api/v1/prompts", json={"file": text("rude")})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_role")
