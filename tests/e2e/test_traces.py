"""A trace in a real browser: spans open beside the waterfall by mouse, keyboard and address, under the real policy."""

import pytest
from playwright.sync_api import Page, expect

from tests.cast import Member
from tests.e2e.conftest import AXE, Visit, overflow
from tests.traces.conftest import LIST, record, span_ids, trace_page

pytestmark = pytest.mark.browser
QUESTION = "What is on page four?"
# What axe finds in the theme around our page is the theme's.
OURS = "article.trace"


def opened(page: Page) -> str | None:
    return page.locator("[data-opened]").get_attribute("data-opened")


def test_a_click_opens_the_span_beside_and_back_returns(visit: Visit, alice: Member) -> None:
    trace_id = record(alice.principal, QUESTION, steps=2)
    ids = span_ids(alice, trace_id)
    page = visit(alice)
    page.goto(trace_page(trace_id))
    assert opened(page) == ids["answer"]
    page.get_by_role("link", name="retrieve").click()
    expect(page.get_by_role("heading", name="Passages")).to_be_visible()
    assert page.url.endswith(f"?span={ids['retrieve']}#span-{ids['retrieve']}")
    page.go_back()
    expect(page.locator(f"[data-opened='{ids['answer']}']")).to_be_visible()


def test_arrow_keys_go_from_span_to_span(visit: Visit, alice: Member) -> None:
    trace_id = record(alice.principal, QUESTION)
    ids = span_ids(alice, trace_id)
    page = visit(alice)
    page.goto(trace_page(trace_id))
    page.locator("a.bar").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"[data-opened='{ids['retrieve']}']")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(page.locator(f"[data-opened='{ids['answer']}']")).to_be_visible()


def test_an_address_with_a_span_leads_to_it(visit: Visit, alice: Member) -> None:
    trace_id = record(alice.principal, QUESTION)
    ids = span_ids(alice, trace_id)
    page = visit(alice)
    page.goto(f"{trace_page(trace_id)}#span-{ids['retrieve']}")
    expect(page.locator(f"[data-opened='{ids['retrieve']}']")).to_be_visible()


def test_without_script_the_links_do_the_same(visit: Visit, alice: Member) -> None:
    trace_id = record(alice.principal, QUESTION)
    ids = span_ids(alice, trace_id)
    page = visit(alice, java_script_enabled=False)
    page.goto(trace_page(trace_id))
    # The theme hides its page until its script runs: the link is followed as a reader's program would.
    href = page.locator(f"a.bar[data-span='{ids['retrieve']}']").get_attribute("href")
    page.goto(f"{trace_page(trace_id)}{href}")
    assert opened(page) == ids["retrieve"]


def test_bars_lie_to_scale_on_the_screen(visit: Visit, alice: Member) -> None:
    page = visit(alice)
    page.goto(trace_page(record(alice.principal, QUESTION)))
    boxes = [bar.bounding_box() for bar in page.locator(".bar-fill").all()]
    widths = [box["width"] for box in boxes if box]
    assert len(widths) == 3
    assert widths[0] == max(widths)
    assert min(widths) > 0


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_access(
    visit: Visit, alice: Member, size: str, scheme: str
) -> None:
    page = visit(alice, size=size, scheme=scheme)
    page.goto(trace_page(record(alice.principal, QUESTION)))
    page.get_by_role("link", name="retrieve").click()
    expect(page.get_by_role("heading", name="Passages")).to_be_visible()
    assert overflow(page) == 0
    page.evaluate(AXE)
    found = page.evaluate(f"axe.run('{OURS}')")["violations"]
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], one["nodes"][0]["html"]) for one in serious] == []


def test_the_list_leads_to_the_trace(visit: Visit, alice: Member) -> None:
    record(alice.principal, QUESTION)
    page = visit(alice)
    page.goto(LIST)
    page.get_by_role("link", name=QUESTION).click()
    expect(page.get_by_role("heading", name="Where the time went")).to_be_visible()
