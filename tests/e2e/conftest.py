"""A real Chromium on the live site, which reports whatever goes wrong in it.

``visit(alice, size="phone", scheme="dark")`` opens a signed-in page. A script's error, a broken policy, an answer of
500 or a request to another origin fails the test that caused it.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.cast import PASSWORD, Member
from tests.chat.conftest import browser, scripted
from tests.chat.test_sources import reservoir

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"desktop": (1280, 800), "phone": (360, 740)}
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()

# Fixtures of the chat's tests that stories start from.
__all__ = ["browser", "reservoir", "scripted"]

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def engine(chromium: str) -> Iterator[Browser]:
    """The browser of the session. Playwright's loop runs in this thread, where tests also use the database."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Troubles:
    """What a page should not do."""

    site: str
    found: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._say(message.type, message.text))
        page.on("pageerror", lambda error: self._say("error", f"script: {error}"))
        page.on("request", self._look_at)
        page.on("response", self._answered)

    def _say(self, kind: str, text: str) -> None:
        if text.startswith("htmx:sendAbort"):
            # The page was left while something was on its way; htmx has just called that a failed request.
            if self.found[-1:] == [text.replace("sendAbort", "afterRequest")]:
                self.found.pop()
            return
        is_expected = any(words in text for words in self.expected)
        if kind in {"error", "warning"} and not is_expected:
            self.found.append(text)

    def _look_at(self, request: Request) -> None:
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.found.append(f"a request to another origin: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self._say("error", f"{response.status} {urlsplit(response.url).path}")


@pytest.fixture
def troubles(site: str) -> Iterator[Troubles]:
    """Fails the test if a page got into trouble."""
    seen = Troubles(site)
    yield seen
    assert seen.found == []


@pytest.fixture
def visit(engine: Browser, site: str, troubles: Troubles) -> Iterator[Visit]:
    """Opens pages; signed in when a member is given."""
    contexts: list[BrowserContext] = []

    def open_page(
        member: Member | None = None,
        *,
        size: str = "desktop",
        scheme: str = "light",
        **options: Any,
    ) -> Page:
        width, height = SIZES[size]
        context = engine.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            base_url=site,
            **options,
        )
        contexts.append(context)
        if member is not None:
            context.add_cookies([session_cookie(member, site)])  # type: ignore[list-item]
        page = context.new_page()
        page.set_default_timeout(15_000)
        troubles.watch(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


def session_cookie(member: Member, site: str) -> dict[str, str]:
    """A session as signing in makes it."""
    client = Client()
    assert client.login(username=member.email, password=PASSWORD)
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": site}


def serious_violations(page: Page) -> list[str]:
    """What axe finds that would keep somebody out."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def press_through(page: Page, button: Locator, asked: str) -> None:
    """Press a button, let go after an answer whose address contains ``asked`` has come and could be drawn."""
    button.hover()
    with page.expect_response(
        lambda answer: asked in answer.url and answer.request.method == "GET"
    ):
        page.mouse.down()
    page.wait_for_timeout(300)
    page.mouse.up()


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )
