"""Every page in every state, on a phone and on a desk, light and dark: nothing sticks out, axe finds nothing serious.

With FOOTNOTE_SHOTS=yes the pictures are left in ``tests/e2e/shots`` to be looked at.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from inference.models import Budget, Model, Provider, RateLimit, Route
from ingestion.models import Document
from retrieval.models import SlowQuery
from tests.cast import Member
from tests.e2e.conftest import Troubles, Visit, overflow, serious_violations
from tests.e2e.gallery import Gallery
from tests.inference.test_budget_warnings import spend
from tests.library import Library

pytestmark = pytest.mark.browser
SHOTS = Path(__file__).parent / "shots"
LOOKS = [(size, scheme) for size in ("desktop", "phone") for scheme in ("light", "dark")]


@pytest.fixture
def gallery(alice: Member, acme_library: Library) -> Gallery:
    return Gallery(alice).build()


def states(page: Page, gallery: Gallery) -> Iterator[str]:
    """Brings the page into one state after the other and names it."""
    page.goto("/")
    yield "home"
    for name in ("rich", "rtl", "long", "states"):
        page.goto(f"/c/{gallery.made[name]}/")
        yield f"{name}-end"
        page.evaluate("document.getElementById('scroll').scrollTop = 0")
        yield name
    page.goto(f"/c/{gallery.made['rich']}/")
    page.locator(".text a.cite").first.click()
    page.locator("#pane mark").first.wait_for()
    yield "source"
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("leave")
    page.locator("[role=option][aria-selected=true]").wait_for()
    yield "palette"
    page.keyboard.press("Escape")
    if page.locator("[data-opens=side]").is_visible():
        page.locator("[data-opens=side]").click()
    page.locator("summary.account").click()
    yield "menu"
    page.goto("/search/")
    yield "search-start"
    page.goto("/search/?q=leave and expenses&f=type=markdown")
    page.locator("[data-result]").first.wait_for()
    yield "search"
    page.locator("[data-result]").first.click()
    page.locator("#pane mark").first.wait_for()
    yield "search-source"
    page.goto("/search/?q=nothing&f=type=pdf&f=author=" + "Donaudampfschifffahrt" * 9)
    yield "search-nothing"
    page.goto("/search/?q=leave date>=soon")
    yield "search-error"
    page.goto("/search/?q=leave&f=date:2024-13&f=type=markdown&as_of=0001-01-01")
    yield "search-error-filters"
    page.goto("/search/?q=leave&cursor=zzz")
    yield "search-turned-back"
    page.goto(f"/search/?q=leave&f=type=markdown&rerank=1&as_of={timezone.localdate()}")
    page.get_by_text("Save", exact=True).first.click()
    yield "search-save"
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/search/")
    yield "search-saved"
    page.goto("/password/")
    yield "password"
    page.goto("/nothing-here/")
    yield "404"


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_members_pages(
    visit: Visit, alice: Member, gallery: Gallery, troubles: Troubles, size: str, scheme: str
) -> None:
    troubles.expected = ["404 (Not Found)"]
    page = visit(alice, size=size, scheme=scheme)
    problems = []
    for name in states(page, gallery):
        problems += look(page, f"{name}-{size}-{scheme}")
    assert problems == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_pages_of_those_who_have_nothing_yet(
    visit: Visit, alice: Member, bob: Member, size: str, scheme: str
) -> None:
    problems = []
    for member, name in ((None, "sign-in"), (alice, "empty-owner"), (bob, "empty-member")):
        page = visit(member, size=size, scheme=scheme)
        page.goto("/")
        problems += look(page, f"{name}-{size}-{scheme}")
    assert problems == []


ADMINISTRATION = """ingestion/source ingestion/source/new/crawl ingestion/source/new/s3 ingestion/embeddingspace
    ingestion/webhookendpoint ingestion/webhookendpoint/add ingestion/retention retrieval/recallaudit
    inference/modelcall/totals inference/budget inference/budget/add inference/route/add inference/provider/add
    inference/prompt inference/prompt/answer inference/guardpolicy inference/guardfinding inference/cachepolicy"""


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_the_administrations_pages(
    visit: Visit, alice: Member, acme_library: Library, size: str, scheme: str
) -> None:
    with alice.scope():
        document = Document.objects.order_by("id")[0].pk
        route = Route.objects.create(feature="chat").pk
        Budget.objects.create(name="Each person", limit_usd=1, scope="user", period="day")
        RateLimit.objects.create(name="At once", measure="concurrent", amount=8)
        provider = Provider.objects.create(name="hosted", base_url="https://models.example/v1")
        Model.objects.create(provider=provider, name="a-model-without-a-price", is_default=True)
        slow = SlowQuery.objects.create(query="leave", duration_ms=1, plan="Sort  (cost=0.4) " * 20)
    spend(alice, "0.60")
    own = [
        "inference/model",
        "inference/ratelimit",
        f"inference/route/{route}/check",
        f"inference/route/{route}/compare",
        f"retrieval/slowquery/{slow.pk}/change",
        f"ingestion/document/{document}/change",
        f"ingestion/document/{document}/edit",
    ]
    page = visit(alice, size=size, scheme=scheme)
    problems = []
    for path in [*ADMINISTRATION.split(), *own]:
        page.goto(f"/admin/{path}/")
        problems += look(page, f"admin-{path.replace('/', '-')}-{size}-{scheme}")
    assert problems == []


def look(page: Page, name: str) -> list[str]:
    """What is wrong with the page as it is now."""
    if os.environ.get("FOOTNOTE_SHOTS"):
        page.wait_for_timeout(250)
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}.png")
    too_wide = [f"{overflow(page)} pixels too wide"] if overflow(page) > 0 else []
    return [f"{name}: {problem}" for problem in [*too_wide, *serious_violations(page)]]


def test_the_page_works_at_twice_the_size(visit: Visit, alice: Member, gallery: Gallery) -> None:
    """WCAG 1.4.4: 200 % zoom on a desk is half the window with every pixel doubled."""
    page = visit(alice, size="desktop", device_scale_factor=2)
    page.set_viewport_size({"width": 640, "height": 400})
    page.goto(f"/c/{gallery.made['rich']}/")
    assert overflow(page) == 0
    assert page.get_by_label("Your question").is_visible()
