"""Attaching files in a real browser: dropped or chosen, watched until they are ready, asked about, cited."""

import os

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tenants.models import Tenant
from tests.cast import Member
from tests.chat.test_attachments import ASKED, SECRET
from tests.e2e.conftest import Visit, overflow, press_through, serious_violations
from tests.e2e.test_chat_story import ask, wait_for_answer
from tests.e2e.test_pages_in_every_state import SHOTS
from tests.library import ingest_all

pytestmark = pytest.mark.browser
DROP = """([name, text]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], name, { type: "text/plain" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}"""


def drop(page: Page, name: str, text: str) -> None:
    page.evaluate(DROP, [name, text])


def test_a_dropped_file_is_read_asked_about_and_cited(
    visit: Visit, alice: Member, bob: Member, acme: Tenant
) -> None:
    page = visit(alice)
    page.goto("/")
    drop(page, "quokka.txt", SECRET)
    files = page.get_by_role("list", name="Attached files, readable by you alone")
    expect(files.get_by_text("quokka")).to_be_visible()
    ingest_all(acme)
    expect(files.get_by_text("ready")).to_be_visible()
    expect(page.locator("#announce")).to_contain_text("quokka can be asked about now.")
    ask(page, ASKED)
    wait_for_answer(page)
    expect(page.locator(".answer .text")).to_contain_text("5,519")
    expect(page.locator(".text a.cite").first).to_be_visible()
    expect(files.get_by_text("quokka")).to_be_visible()

    other = visit(bob)
    other.goto("/")
    ask(other, ASKED)
    wait_for_answer(other)
    assert "5,519" not in other.content()


def test_the_paper_clip_works_by_keyboard_and_a_file_can_be_removed(
    visit: Visit, alice: Member, acme: Tenant
) -> None:
    page = visit(alice)
    page.goto("/")
    clip = page.get_by_role("button", name="Attach files, for this conversation only")
    page.evaluate(
        """document.getElementById('attach-files').addEventListener('click', (event) => {
          window.asked = true;
          event.preventDefault();
        })"""
    )
    clip.press("Enter")
    assert page.evaluate("window.asked"), "the system's dialog was asked for"
    page.locator("#attach-files").set_input_files(
        [
            {"name": "a.txt", "mimeType": "text/plain", "buffer": SECRET.encode()},
            {"name": "movie.mp4", "mimeType": "video/mp4", "buffer": b"x"},
        ]
    )
    files = page.get_by_role("list", name="Attached files, readable by you alone")
    expect(files.get_by_text("cannot be read as a document")).to_be_visible()
    page.get_by_role("button", name="Remove a").click()
    # What was refused stays until somebody has read it.
    expect(files.get_by_text("cannot be read as a document")).to_be_visible()
    page.get_by_role("button", name="Dismiss movie.mp4").click()
    expect(files).to_be_hidden()
    expect(clip).to_be_focused()


def test_a_press_that_outlasts_a_look_at_the_list_is_still_a_click(
    visit: Visit, alice: Member, acme: Tenant
) -> None:
    page = visit(alice)
    page.goto("/")
    drop(page, "quokka.txt", SECRET)
    files = page.get_by_role("list", name="Attached files, readable by you alone")
    press_through(page, page.get_by_role("button", name="Remove quokka"), "/attachments/")
    expect(files).to_be_hidden()


def test_a_list_from_before_a_file_was_removed_is_not_shown(
    visit: Visit, alice: Member, acme: Tenant
) -> None:
    page = visit(alice)
    held: list[Route] = []
    page.route(lambda url: "/attachments/" in url, lambda route: hold_looks(route, held))
    page.goto("/")
    drop(page, "quokka.txt", SECRET)
    with page.expect_request(is_look):
        expect(page.get_by_role("button", name="Remove quokka")).to_be_visible()
    page.wait_for_timeout(100)
    before = held[0].fetch()
    page.get_by_role("button", name="Remove quokka").click()
    files = page.get_by_role("list", name="Attached files, readable by you alone")
    expect(files).to_be_hidden()
    held[0].fulfill(response=before)
    page.wait_for_timeout(300)
    expect(files).to_be_hidden()


def is_look(request: Request) -> bool:
    """Whether the page asks how far its files are."""
    return request.method == "GET" and "/attachments/" in request.url


def hold_looks(route: Route, held: list[Route]) -> None:
    """Let everything pass but the looks at the list."""
    if is_look(route.request):
        held.append(route)
    else:
        route.continue_()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_attached_files_look_right_and_can_be_used_by_all(
    size: str, scheme: str, visit: Visit, alice: Member, acme: Tenant
) -> None:
    page = visit(alice, size=size, scheme=scheme)
    page.goto("/")
    drop(page, "quokka budget.txt", SECRET)
    drop(page, "a-very-long-name-" + "of-a-report" * 12 + ".txt", "Long.")
    drop(page, "broken.pdf", "%PDF-1.7\n")
    files = page.get_by_role("list", name="Attached files, readable by you alone")
    expect(files.get_by_role("listitem")).to_have_count(3)
    ingest_all(acme)
    expect(files.get_by_text("ready")).to_have_count(2)
    if os.environ.get("FOOTNOTE_SHOTS"):
        page.screenshot(path=SHOTS / f"attachments-{size}-{scheme}.png")
    assert overflow(page) == 0
    assert serious_violations(page) == []
