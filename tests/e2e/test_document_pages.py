"""The steward's pages of documents and webhooks: nothing overflows, nobody is kept out, in light and dark."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from ingestion import documents
from ingestion.models import Document
from ingestion.webhooks import endpoints
from tenants.scope import platform_principal, tenant_scope
from tests.cast import Member
from tests.e2e.conftest import Troubles, Visit, overflow, press_through, serious_violations

SHOTS = Path(__file__).parent / "shots"


def look(page: Page, name: str) -> None:
    assert serious_violations(page) == [], name
    assert overflow(page) <= 0, name
    if os.environ.get("FOOTNOTE_SHOTS"):
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_stewards_pages_fit_and_can_be_reached(
    visit: Visit, alice: Member, reservoir: Document, size: str, scheme: str
) -> None:
    with alice.scope():
        endpoint, _ = endpoints.create(url="https://hooks.example/a-long-path/" + "x" * 80)
        endpoints.test(endpoint)
    page = visit(alice, size=size, scheme=scheme)
    document = f"/admin/ingestion/document/{reservoir.pk}"
    pages = {
        "document": f"{document}/change/?page=2",
        "edit": f"{document}/edit/",
        "erase": f"{document}/erase/",
        "collection": f"/admin/ingestion/collection/{reservoir.collection_id}/documents/",
        "profile": f"/admin/ingestion/collection/{reservoir.collection_id}/change/",
        "deliveries": f"/admin/ingestion/webhookendpoint/{endpoint.pk}/deliveries/",
        "on-its-page": f"/documents/{reservoir.pk}/?start=50&end=90",
    }
    for name, url in pages.items():
        page.goto(url)
        look(page, f"steward-{name}-{size}")


def test_a_lost_connection_says_how_many_files_were_not_sent(
    visit: Visit, alice: Member, reservoir: Document, troubles: Troubles
) -> None:
    troubles.expected.append("ERR_FAILED")
    page = visit(alice)
    page.goto(f"/admin/ingestion/collection/{reservoir.collection_id}/documents/")
    sent: list[str] = []

    def lose_the_second(route: Route) -> None:
        sent.append(route.request.method)
        if sent.count("POST") == 2:
            route.abort()
        else:
            route.continue_()

    page.route("**/documents/", lose_the_second)
    page.set_input_files(
        "#files",
        files=[
            {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": name.encode() * 30}
            for name in ("first", "second", "third")
        ],
    )
    page.click("[data-upload] button[type=submit]")
    expect(page.locator("#sending")).to_contain_text("2 of 3 were not sent, from second.txt on")
    expect(page.locator("#outcomes")).to_contain_text("first.txt is taken")


def test_a_press_that_outlasts_a_look_at_the_documents_is_still_a_click(
    visit: Visit, alice: Member, reservoir: Document
) -> None:
    with tenant_scope(platform_principal(alice.tenant.pk)):
        documents.upload(
            collection=reservoir.collection, filename="next.txt", content=b"Not read yet."
        )
    page = visit(alice)
    listing = f"/admin/ingestion/collection/{reservoir.collection_id}/documents/"
    page.goto(listing)
    press_through(page, page.get_by_role("button", name="Pause"), "/rows/")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    with page.expect_response(lambda answer: "/rows/" in answer.url):
        pass  # what was held back while it was pressed does not stop the looks
    press_through(page, page.locator(f"#title-{reservoir.pk}"), "/rows/")
    expect(page).to_have_url(re.compile(f"/document/{reservoir.pk}/"))
