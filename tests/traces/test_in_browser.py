"""A trace in a real browser: spans open beside the waterfall by mouse, keyboard and address, under the real policy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.cast import Member
from tests.traces.conftest import LIST, Signed, record, span_ids, trace_page

pytestmark = [
    pytest.mark.browser,
    # Static files are synchronous iterators: fine for their size, and in production a proxy's work.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
AXE = Path(__file__).parents[1] / "e2e" / "vendor" / "axe.min.js"
# What axe finds in the theme around our pages is the theme's.
OURS = "article.trace"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django takes for an asynchronous view.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "yes")
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(
    browser: Browser,
    site: str,
    alice: Member,
    signed_in: Signed,
) -> Iterator[Callable[..., Page]]:
    """Opens a page as Alice; any error in its console, also a breach of the policy, fails the test."""
    name = settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": signed_in(alice).cookies[name].value, "url": site}
    wrong: list[str] = []

    def open_page(path: str, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(site + path)
        return page

    yield open_page
    for context in browser.contexts:
        context.close()
    assert wrong == []


def opened(page: Page) -> str | None:
    return page.locator("[data-opened]").get_attribute("data-opened")


def test_a_click_opens_the_span_beside_and_back_returns(
    visit: Callable[..., Page], alice: Member
) -> None:
    trace_id = record(alice.principal, "What is on page four?", steps=2)
    ids = span_ids(alice, trace_id)
    page = visit(trace_page(trace_id))
    assert opened(page) == ids["answer"]
    page.get_by_role("link", name="retrieve").click()
    expect(page.get_by_role("heading", name="Passages")).to_be_visible()
    assert page.url.endswith(f"?span={ids['retrieve']}#span-{ids['retrieve']}")
    page.go_back()
    expect(page.locator(f"[data-opened='{ids['answer']}']")).to_be_visible()


def test_arrow_keys_go_from_span_to_span(visit: Callable[..., Page], alice: Member) -> None:
    trace_id = record(alice.principal, "What is on page four?")
    ids = span_ids(alice, trace_id)
    page = visit(trace_page(trace_id))
    page.locator("a.bar").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"[data-opened='{ids['retrieve']}']")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(page.locator(f"[data-opened='{ids['answer']}']")).to_be_visible()


def test_an_address_with_a_span_leads_to_it(visit: Callable[..., Page], alice: Member) -> None:
    trace_id = record(alice.principal, "What is on page four?")
    ids = span_ids(alice, trace_id)
    page = visit(f"{trace_page(trace_id)}#span-{ids['retrieve']}")
    expect(page.locator(f"[data-opened='{ids['retrieve']}']")).to_be_visible()


def test_without_script_the_links_do_the_same(visit: Callable[..., Page], alice: Member) -> None:
    trace_id = record(alice.principal, "What is on page four?")
    ids = span_ids(alice, trace_id)
    page = visit(trace_page(trace_id), java_script_enabled=False)
    # The theme hides its page until its script runs: the link is followed as a reader's program would.
    href = page.locator(f"a.bar[data-span='{ids['retrieve']}']").get_attribute("href")
    assert href is not None
    page.goto(page.url.split("?")[0] + href)
    assert opened(page) == ids["retrieve"]


def test_bars_lie_to_scale_on_the_screen(visit: Callable[..., Page], alice: Member) -> None:
    trace_id = record(alice.principal, "What is on page four?")
    page = visit(trace_page(trace_id))
    widths = [
        box["width"] for bar in page.locator(".bar-fill").all() if (box := bar.bounding_box())
    ]
    assert widths[0] == max(widths)
    assert all(width > 0 for width in widths)


@pytest.mark.parametrize("size", [(1400, 900), (390, 800)], ids=["desktop", "phone"])
def test_nothing_serious_stands_in_the_way_of_access(
    visit: Callable[..., Page], alice: Member, size: tuple[int, int]
) -> None:
    trace_id = record(alice.principal, "What is on page four?")
    page = visit(trace_page(trace_id), viewport={"width": size[0], "height": size[1]})
    page.get_by_role("link", name="retrieve").click()
    expect(page.get_by_role("heading", name="Passages")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    found = page.evaluate(f"{AXE.read_text(encoding='utf-8')}; axe.run('{OURS}')")
    serious = [one for one in found["violations"] if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], one["nodes"][0]["html"]) for one in serious] == []


def test_the_list_leads_to_the_trace(visit: Callable[..., Page], alice: Member) -> None:
    record(alice.principal, "What is on page four?")
    page = visit(LIST)
    page.get_by_role("link", name="What is on page four?").click()
    expect(page.get_by_role("heading", name="Where the time went")).to_be_visible()
