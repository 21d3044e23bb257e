"""The search page in a real browser: keyboard, suggestions, chips, the source beside the results."""

import pytest

from ingestion import suggestions
from tests.cast import Member
from tests.e2e.conftest import Visit
from tests.library import Library

pytestmark = pytest.mark.browser


def test_somebody_searches_without_a_mouse(
    visit: Visit, bob: Member, acme_library: Library
) -> None:
    acme_library.add("lab", mice=b"# Mice\n\nMice get no paid leave.\n")
    suggestions.learn(bob.tenant.pk)
    page = visit(bob)
    page.goto("/search/")
    assert page.evaluate("document.activeElement.id") == "search-box"
    page.keyboard.type("lea")
    page.locator("#suggestions [role=option]").first.wait_for()
    page.keyboard.press("ArrowUp")
    assert page.locator("[aria-selected=true]").inner_text().split() == ["Leave", "title"]
    chosen = page.locator("[aria-selected=true]").get_attribute("id")
    assert page.locator("#search-box").get_attribute("aria-activedescendant") == chosen
    page.keyboard.press("Enter")
    page.locator("[data-result]").first.wait_for()
    assert page.url.endswith("/search/?q=Leave")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.matches('[data-result]')")
    page.keyboard.press("o")
    page.locator("#pane mark").first.wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    page.locator("body").click(position={"x": 700, "y": 780})
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search-box"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#pane mark").first.wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#pane").is_hidden()
    page.locator(".facets a", has_text="lab").click()
    page.locator(".chip").wait_for()
    assert page.locator("[data-result]").all_inner_texts() == ["Mice"]
    page.locator(".chip").click()
    page.locator("[data-result]").nth(1).wait_for()
    assert page.locator(".chip").count() == 0


def test_a_search_is_saved_and_run_again(visit: Visit, bob: Member, acme_library: Library) -> None:
    page = visit(bob)
    page.goto("/search/?q=paid leave")
    page.get_by_text("Save", exact=True).first.click()
    page.get_by_label("Name of the saved search").fill("Holidays")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved as “Holidays”.").wait_for()
    page.goto("/search/")
    page.get_by_role("link", name="Holidays").click()
    page.locator("[data-result]").first.wait_for()


def test_on_a_phone_what_stands_above_the_results_keeps_to_one_line(
    visit: Visit, bob: Member, acme_library: Library
) -> None:
    acme_library.add("lab", mice=b"# Mice\n\nMice get no paid leave.\n")
    page = visit(bob)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/search/?q=paid leave")
    link = page.locator(".to-facets")
    link.wait_for()
    box = link.bounding_box()
    assert box is not None
    assert box["height"] <= 44
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_filter_that_is_none_is_taken_off_by_its_chip(
    visit: Visit, bob: Member, acme_library: Library
) -> None:
    page = visit(bob)
    page.goto("/search/?q=paid leave&f=date:2024-13")
    page.get_by_role("alert").wait_for()
    page.locator(".chip").click()
    page.locator("[data-result]").first.wait_for()


def test_as_much_as_the_box_takes_is_searched_for(
    visit: Visit, bob: Member, acme_library: Library
) -> None:
    page = visit(bob)
    page.goto("/search/")
    page.locator("#search-box").fill("paid leave ".ljust(8000, "休"))
    page.keyboard.press("Enter")
    page.locator("[data-result]").first.wait_for()
    assert len(page.locator("#search-box").input_value()) == 8000
