"""The story of a member, in a real browser: sign in, ask, watch, check the source; and what may go wrong on the way."""

import re

import pytest
from playwright.sync_api import Page, expect

from ingestion.models import Document
from tests.cast import PASSWORD, Member
from tests.chat.test_rendering import HOSTILE
from tests.chat.test_sources import FACT
from tests.config.homes import wait_until
from tests.e2e.conftest import Troubles, Visit
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer

pytestmark = pytest.mark.browser
ASKED = "How much water does the reservoir hold?"
TOLD = "The reservoir holds 4,711 cubic metres of water [1].\n\n- It is **deep**\n\nThat is all."


@pytest.fixture
def water(scripted: ModelServer, reservoir: Document) -> ModelServer:
    """A scripted model, and a PDF about water."""
    scripted.default = behaviours.slow_drip(TOLD, delay=0.05)
    return scripted


def ask(page: Page, text: str = ASKED) -> None:
    page.get_by_label("Your question").fill(text)
    # The page's script is what makes Enter send.
    page.wait_for_load_state()
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/**")


def wait_for_answer(page: Page) -> None:
    expect(page.get_by_role("button", name="Copy the answer with its sources").last).to_be_visible()
    expect(page.locator(".answer[data-stream]")).to_have_count(0)


def test_from_signing_in_to_the_marked_page(
    visit: Visit, alice: Member, water: ModelServer
) -> None:
    page = visit()
    page.goto("/")
    page.get_by_label("E-mail address").fill(alice.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    ask(page)
    expect(page.locator("[data-activity]")).to_contain_text("passages from")
    expect(page.locator(".answer .text")).to_contain_text("reservoir holds")
    expect(page.locator(".answer[data-stream]"), "it is still being written").to_have_count(1)
    wait_for_answer(page)
    expect(
        page.get_by_role("status").filter(has_text="Answer complete. Sources: 1.")
    ).to_have_count(1)

    chip = page.locator(".text a.cite").first
    chip.hover()
    expect(page.get_by_role("tooltip")).to_contain_text(FACT)
    expect(page.get_by_role("tooltip")).to_contain_text("page 2")

    chip.click()
    source = page.get_by_label("Source", exact=True)
    expect(source.get_by_role("heading", level=2)).to_be_focused()
    picture = source.get_by_role("img", name=re.compile("Page 2 of"))
    expect(picture).to_be_visible()
    # Asked again and again from here: a function that polls inside the page is what its policy forbids.
    wait_until(lambda: page.evaluate("document.querySelector('#pane img').naturalWidth") > 1000, 30)
    mark = source.locator("svg[data-marks] rect")
    expect(mark).to_have_count(1)
    shown, drawn = mark.bounding_box(), picture.bounding_box()
    assert shown
    assert drawn
    # The paragraph stands 640 of 842 points up.
    assert (shown["y"] + shown["height"] / 2 - drawn["y"]) / drawn["height"] == pytest.approx(
        (842 - 644) / 842, abs=0.01
    )
    page.keyboard.press("Escape")
    expect(source).to_be_hidden()
    expect(chip).to_be_focused()


def test_another_tenant_s_member_asking_the_same_sees_nothing_of_it(
    visit: Visit, alice: Member, charlie: Member, water: ModelServer
) -> None:
    page = visit(charlie)
    page.goto("/")
    ask(page)
    wait_for_answer(page)
    assert "4,711" not in page.content()
    assert "reservoir.pdf" not in page.content()


def test_a_reload_in_mid_answer_goes_on(visit: Visit, alice: Member, water: ModelServer) -> None:
    water.default = behaviours.slow_drip(TOLD, delay=0.25)
    page = visit(alice)
    page.goto("/")
    ask(page)
    expect(page.locator(".answer .text")).to_contain_text("reservoir")
    page.reload()
    expect(page.locator(".answer[data-stream] .text")).to_contain_text("reservoir")
    wait_for_answer(page)
    expect(page.locator(".answer .text")).to_contain_text("That is all.")
    expect(page.locator(".answer")).to_have_count(1)


def test_a_lost_connection_is_taken_up_again(
    visit: Visit, alice: Member, water: ModelServer, troubles: Troubles
) -> None:
    troubles.expected = ["ERR_INTERNET_DISCONNECTED", "ERR_NETWORK"]
    water.default = behaviours.slow_drip(TOLD, delay=0.25)
    page = visit(alice)
    page.goto("/")
    ask(page)
    expect(page.locator(".answer .text")).to_contain_text("reservoir")
    page.context.set_offline(True)
    page.wait_for_timeout(500)
    page.context.set_offline(False)
    wait_for_answer(page)
    expect(page.locator(".answer .text p").first).to_have_text(
        "The reservoir holds 4,711 cubic metres of water1."
    )


def test_escape_stops_and_what_was_written_stays(
    visit: Visit, alice: Member, water: ModelServer
) -> None:
    water.default = behaviours.slow_drip(TOLD + " and so on" * 300, delay=0.1)
    page = visit(alice)
    page.goto("/")
    ask(page)
    expect(page.locator(".answer .text")).to_contain_text("reservoir")
    page.keyboard.press("Escape")
    expect(page.locator(".answer .state")).to_have_text("You stopped this answer.")
    expect(page.locator(".answer .text")).to_contain_text("reservoir")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_a_follow_up_stays_on_the_page_and_errors_stand_at_the_field(
    visit: Visit, alice: Member, water: ModelServer, troubles: Troubles
) -> None:
    troubles.expected = ["ERR_INTERNET_DISCONNECTED"]
    page = visit(alice)
    page.goto("/")
    ask(page)
    wait_for_answer(page)
    address = page.url
    page.get_by_label("Your question").fill("And then?")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_label("Your question")).to_have_value("And then?\n")
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_have_count(2)
    wait_for_answer(page)
    assert page.url == address
    page.context.set_offline(True)
    page.get_by_label("Your question").fill("Still there?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(page.get_by_label("Your question")).to_have_value("Still there?")


def test_a_draft_survives_a_reload(visit: Visit, alice: Member, water: ModelServer) -> None:
    page = visit(alice)
    page.goto("/")
    page.get_by_label("Your question").fill("Half a thou")
    page.reload()
    expect(page.get_by_label("Your question")).to_have_value("Half a thou")


def test_asking_again_and_editing_keep_the_old_versions(
    visit: Visit, alice: Member, water: ModelServer
) -> None:
    water.default = behaviours.answer(TOLD)
    page = visit(alice)
    page.goto("/")
    ask(page)
    wait_for_answer(page)
    page.get_by_label("Answer again with another model").click()
    page.get_by_role("button", name="footnote/extractive").click()
    expect(page.locator(".answer .branch")).to_contain_text("2/2")
    wait_for_answer(page)
    expect(page.locator(".answer .fact")).to_contain_text("footnote/extractive")
    page.get_by_role("link", name="Version before this").click()
    expect(page.locator(".answer .fact")).to_contain_text("fake-model")
    page.locator(".question").hover()
    page.get_by_role("button", name="Edit the question").click()
    page.get_by_label("The question", exact=True).fill("What is large?")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".question .branch")).to_contain_text("2/2")
    expect(page.locator(".question .said")).to_have_text("What is large?")
    wait_for_answer(page)


def test_a_thumb_asks_why_and_thanks(visit: Visit, alice: Member, water: ModelServer) -> None:
    water.default = behaviours.answer(TOLD)
    page = visit(alice)
    page.goto("/")
    ask(page)
    wait_for_answer(page)
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_label("Why? (optional)")).to_be_focused()
    page.keyboard.type("Too short")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Thank you.")).to_be_visible()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")


def test_conversations_are_renamed_deleted_and_brought_back(
    visit: Visit, alice: Member, water: ModelServer
) -> None:
    water.default = behaviours.answer(TOLD)
    page = visit(alice)
    page.goto("/")
    ask(page)
    wait_for_answer(page)
    talk = page.locator(".talk")
    talk.hover()
    talk.get_by_role("button", name="Rename").click()
    page.keyboard.type("Water")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Water")
    page.get_by_label("Search conversations").fill("nothing like it")
    expect(page.locator("#side-list")).to_contain_text("No conversation holds")
    page.get_by_label("Search conversations").fill("4,711")
    expect(talk).to_contain_text("Water")
    talk.hover()
    talk.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Your conversations will be listed here.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Water")


def test_the_palette_goes_to_a_document_without_a_mouse(
    visit: Visit, alice: Member, water: ModelServer
) -> None:
    page = visit(alice)
    page.goto("/")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Go to anything")).to_be_focused()
    page.keyboard.type("expenses")
    expect(page.get_by_role("option", name=re.compile("Expenses"))).to_have_attribute(
        "aria-selected", "true"
    )
    page.keyboard.press("Enter")
    page.wait_for_url("**/documents/**")
    expect(page.get_by_text("Dana Keller")).to_be_visible()


def test_the_theme_follows_the_system_until_it_is_chosen(
    visit: Visit, alice: Member, water: ModelServer
) -> None:
    page = visit(alice, scheme="dark")
    page.goto("/")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(background) == "rgb(23, 23, 22)"
    page.locator("summary.account").click()
    page.get_by_text("Light", exact=True).click()
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.reload()
    assert page.evaluate(background) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("part", range(2))
def test_an_answer_that_obeys_an_attacker_does_nothing(
    visit: Visit, alice: Member, water: ModelServer, part: int
) -> None:
    """The malicious-model corpus in a real browser: no dialog, no script, no request to anywhere else."""
    water.default = behaviours.answer("\n\n".join(HOSTILE[part::2]) + f"\n\n{TOLD}")
    page = visit(alice)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto("/")
    ask(page)
    expect(page.locator(".answer[data-stream]")).to_have_count(0)
    page.reload()
    page.wait_for_timeout(300)
    assert dialogs == []
    assert (
        page.locator(".answer :is(img, iframe, script, svg:not(.icon), form:not([action]))").count()
        == 0
    )
