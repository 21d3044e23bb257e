"""The whole story on real documents: an admin uploads six PDFs in the browser, a real worker reads them, and the page
that holds the answer is found, cited and opened; another tenant's member sees nothing of it.
"""

import json
import time
from collections.abc import Iterator
from statistics import mean
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ingestion import collections
from ingestion.models import Collection, Document, State
from retrieval.passages import SearchRequest
from retrieval.search import search
from tests.cast import Member
from tests.e2e.conftest import Visit
from tests.ingestion.papers import shared
from tests.ingestion.test_pipeline_kills import kill, start_worker

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE_SECONDS = 120
# A question whose answer stands on a page of its own.
ASKED = "What is balance billing and how does the Northwind Standard plan protect against it?"


@pytest.fixture
def worker(database: None, quiet_queue: None) -> Iterator[None]:
    process = start_worker()
    yield
    kill(process)


@pytest.fixture
def contoso(alice: Member) -> Collection:
    with alice.scope():
        return collections.create(slug="contoso", name="Contoso")


def upload(page: Page, collection: Collection) -> float:
    """Upload the six PDFs and wait until all are searchable; the seconds that it took."""
    page.goto(f"/admin/ingestion/collection/{collection.pk}/documents/")
    page.set_input_files("#files", sorted(shared("contoso", "pdf").glob("*.pdf")))
    started = time.monotonic()
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".outcomes .taken")).to_have_count(6, timeout=30_000)
    expect(page.get_by_role("heading", name="6 of 6 searchable")).to_be_visible(
        timeout=PATIENCE_SECONDS * 1000
    )
    return time.monotonic() - started


def share_found(member: Member, collection: Collection, first: int) -> float:
    """Of the answerable questions, the share with the right page among the first distinct pages."""
    lines = shared("contoso", "questions.jsonl").read_text().splitlines()
    questions = [one for one in map(json.loads, lines) if one["answerable"]]
    assert len(questions) == 201
    return mean([float(is_found(member, collection, one, first)) for one in questions])


def is_found(member: Member, collection: Collection, question: dict[str, Any], first: int) -> bool:
    request = SearchRequest(question["text"], (collection.pk,), limit=40)
    passages = search(request, principal=member.principal).passages
    pages = list(dict.fromkeys((passage.external_id, passage.page) for passage in passages))
    return any((cited["pdf"], cited["page"]) in pages[:first] for cited in question["citations"])


def ask(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Your question").fill(ASKED)
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/**")
    expect(page.locator(".answer[data-stream]")).to_have_count(0, timeout=30_000)


def test_six_pdfs_from_the_upload_to_the_page_that_proves_the_answer(
    visit: Visit, worker: None, contoso: Collection, alice: Member, charlie: Member
) -> None:
    page = visit(alice)
    assert upload(page, contoso) < PATIENCE_SECONDS
    with alice.scope():
        assert set(Document.objects.values_list("state", flat=True)) == {State.READY}
    found = share_found(alice, contoso, 5)
    assert found >= 0.85, found

    ask(page)
    chip = page.locator(".text a.cite").first
    expect(chip).to_be_visible()
    chip.click()
    expect(page.get_by_label("Source", exact=True).get_by_role("img").first).to_be_visible()
    expect(page.locator("svg[data-marks] rect").first).to_be_visible()

    stranger = visit(charlie)
    ask(stranger)
    assert "Northwind_" not in stranger.content()
    assert stranger.locator(".text a.cite").count() == 0
