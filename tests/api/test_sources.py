"""Sources by API: add, look, follow, change, pause, remove; and what goes in but never comes out."""

import httpx
import pytest

from ingestion.syncing import shifts
from tenants.models import Tenant
from tests.fakes.web_site import Page, WebSite
from tests.library import ingest_all

pytestmark = pytest.mark.usefixtures("quiet_sources")


def add(client: httpx.Client, site: WebSite, **fields: object) -> httpx.Response:
    body = {
        "collection": "handbook",
        "kind": "url",
        "name": "Leave",
        "config": {"urls": [f"{site.address}/leave"]},
        **fields,
    }
    return client.post("/api/v1/sources", json=body)


@pytest.fixture
def handbook(acme_client: httpx.Client, web_site: WebSite) -> None:
    web_site.pages["/leave"] = Page(b"<h1>Leave</h1><p>Leave is twenty-five days.</p>")
    assert acme_client.post("/api/v1/collections", json={"slug": "handbook"}).status_code == 201


@pytest.mark.usefixtures("handbook")
def test_a_source_is_added_looked_at_and_its_page_is_found(
    acme_client: httpx.Client, acme: Tenant, web_site: WebSite
) -> None:
    response = add(acme_client, web_site, credentials={"token": "canary-4711"})
    assert response.status_code == 201, response.text
    source = response.json()
    assert (source["state"], source["has_credentials"]) == ("waiting", True)
    assert "canary" not in response.text
    shifts.work_off()
    ingest_all(acme)
    seen = acme_client.get(f"/api/v1/sources/{source['id']}").json()
    assert (seen["state"], seen["documents"], seen["searchable"]) == ("done", 1, 1)
    found = acme_client.post("/api/v1/search", json={"query": "leave"}).json()["results"]
    assert found[0]["external_id"] == f"{web_site.address}/leave"
    (run,) = acme_client.get(f"/api/v1/sources/{source['id']}/runs").json()["results"]
    assert (run["state"], run["new"], run["problems"]) == ("done", 1, [])


@pytest.mark.usefixtures("handbook")
def test_a_failure_is_told_with_its_item_and_a_remedy(
    acme_client: httpx.Client, web_site: WebSite
) -> None:
    urls = [f"{web_site.address}/{name}" for name in ("leave", "locked")]
    web_site.pages["/locked"] = Page(b"", status=403)
    source = add(acme_client, web_site, config={"urls": urls}).json()
    shifts.work_off()
    (run,) = acme_client.get(f"/api/v1/sources/{source['id']}/runs").json()["results"]
    assert (run["new"], run["failed"]) == (1, 1)
    assert run["problems"][0]["key"] == urls[1]
    assert run["problems"][0]["remedy"]


@pytest.mark.usefixtures("handbook")
def test_a_source_is_changed_paused_resumed_and_removed(
    acme_client: httpx.Client, web_site: WebSite
) -> None:
    source = add(acme_client, web_site, sync=False).json()
    address = f"/api/v1/sources/{source['id']}"
    assert source["state"] == "new"
    changed = acme_client.patch(address, json={"every_minutes": 60, "name": "Holidays"}).json()
    assert (changed["name"], changed["every_minutes"]) == ("Holidays", 60)
    assert changed["next_run_at"]
    assert acme_client.post(f"{address}/pause").json()["state"] == "paused"
    refused = acme_client.post(f"{address}/sync", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_syncable")
    assert acme_client.post(f"{address}/resume").json()["state"] == "new"
    assert acme_client.post(f"{address}/sync", json={}).status_code == 202
    assert len(acme_client.get("/api/v1/sources?collection=handbook").json()["results"]) == 1
    assert acme_client.delete(f"{address}?documents=delete").status_code == 204
    assert acme_client.get(address).status_code == 404
    assert acme_client.get("/api/v1/sources").json()["results"] == []


@pytest.mark.usefixtures("handbook")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"config": {"urls": ["http://169.254.169.254/"]}}, "urls"),
        ({"config": {}}, "urls"),
        ({"config": {"urls": ["https://example.com/"], "speed": 1}}, "speed"),
        ({"kind": "ftp"}, "kind"),
        ({"every_minutes": 1}, "every_minutes"),
        ({"credentials": {"cookie": "x"}}, "cookie"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_right_is_named(
    fields: dict[str, object], field: str, acme_client: httpx.Client, web_site: WebSite
) -> None:
    response = add(acme_client, web_site, **fields)
    assert response.status_code == 400
    assert response.json()["error"]["field"] == field


@pytest.mark.usefixtures("handbook")
def test_a_name_is_given_once(acme_client: httpx.Client, web_site: WebSite) -> None:
    assert add(acme_client, web_site, sync=False).status_code == 201
    assert add(acme_client, web_site, sync=False).json()["error"]["field"] == "name"


@pytest.mark.usefixtures("handbook")
def test_files_of_the_machine_are_for_owners_and_admins(
    acme_client: httpx.Client, web_site: WebSite
) -> None:
    for kind, config in (("folder", {"path": "/srv"}), ("git", {"repository": "/srv/x.git"})):
        response = add(acme_client, web_site, kind=kind, config=config)
        assert (response.status_code, response.json()["error"]["code"]) == (
            403,
            "insufficient_role",
        )
