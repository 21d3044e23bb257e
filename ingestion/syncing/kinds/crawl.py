"""A web site, from its first page along its links, within limits and by its robots.txt.

A page's links are remembered with it, so that an unchanged page (304, no body) still leads on. A page that leads to
another address, or names another one as its canonical, is left to that one; so are pages with the bytes of another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic, sleep
from typing import Any

from ingestion.fetching import Fetched, FetchError
from ingestion.models import Source
from ingestion.syncing import globs
from ingestion.syncing.kind import (
    Answer,
    Content,
    Field,
    Kind,
    Known,
    LeftOut,
    Listed,
    Setup,
    Skipped,
    SyncError,
    at_limit,
)
from ingestion.syncing.kinds import links, web
from ingestion.syncing.kinds.robots import Robots

_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class Crawl:
    """The pages that can be reached from the first ones."""

    def __init__(self, setup: Setup) -> None:
        self._config, self._known = setup.config, setup.known
        self._starts = [web.plain(url) for url in setup.config["start"]]
        self._scopes = [_scope(url, self._config["within"]) for url in self._starts]
        self._web = web.Web(setup, self._starts)
        self._robots = Robots(self._web)
        self._led_to: dict[str, list[str]] = {}
        self._hashes: dict[bytes, str] = {}
        self._asked_at = 0.0
        self._closed: list[str] = []
        self.complete = True
        self.memory: dict[str, Any] = {}
        self.troubles: list[tuple[str, SyncError | FetchError]] = []

    def listing(self) -> Iterator[Listed]:
        """Breadth first, so that a limit keeps what is nearest to the first page."""
        queue = deque((url, 0) for url in self._starts)
        found = set(self._starts)
        named = 0
        while queue:
            url, depth = queue.popleft()
            if not self._robots.allows(url):
                self._closed.append(url)
                continue
            if named >= self._config["most_pages"]:
                self.complete = False
                limit = at_limit(self._config["most_pages"], "Most pages")
                self.troubles.append((self._starts[0], limit))
                break
            named += 1
            yield Listed(url)
            for link in self._links_of(url) if depth < self._config["depth"] else []:
                if link not in found and self._is_wanted(link):
                    found.add(link)
                    queue.append((link, depth + 1))
        if self._closed:
            self.troubles.append((self._closed[0], closed(self._closed)))

    def fetch(self, listed: Listed, known: Known | None) -> Answer:
        self._wait(listed.key)
        try:
            found = self._web.get(listed.key, known)
        except FetchError:
            # What it led to cannot be told from what is gone.
            self.complete = False
            raise
        if found.is_unchanged and known is not None:
            self._hashes.setdefault(known.sha256, listed.key)
            return web.answer(found)
        if found.url != listed.key:
            found.close()
            self._led_to[listed.key] = [found.url]
            return Skipped("moved", f"It leads to {found.url}, which is taken instead.")
        return self._page(listed, found)

    def close(self) -> None:
        self._web.close()

    def _page(self, listed: Listed, found: Fetched) -> Answer:
        url = listed.key
        is_page = found.media_type in _PAGES
        read = (
            links.read(found.content(), url, found.charset, found.headers.get("x-robots-tag", ""))
            if is_page
            else links.PageLinks([])
        )
        self._led_to[url] = read.links
        if read.canonical and read.canonical != url and self._is_wanted(read.canonical):
            found.close()
            self._led_to[url] = [read.canonical, *read.links]
            return Skipped("not_canonical", f"The page names {read.canonical} as its own address.")
        if (twin := self._hashes.setdefault(found.sha256, url)) != url:
            found.close()
            return Skipped("duplicate", f"It has the same content as {twin}.")
        found.body.seek(0)
        answer = web.answer(found)
        if isinstance(answer, Content):
            answer.memory = {"links": read.links}
        return answer

    def _links_of(self, url: str) -> list[str]:
        """As just read, or as remembered where the page was not read this time."""
        if (fresh := self._led_to.pop(url, None)) is not None:
            return fresh
        known = self._known.get(url)
        return list(known.memory.get("links", [])) if known else []

    def _is_wanted(self, url: str) -> bool:
        if not any(url.startswith(scope) for scope in self._scopes):
            return False
        return globs.wanted(web.path_of(url), self._config["include"], self._config["exclude"])

    def _wait(self, url: str) -> None:
        """A pause between two requests: the site's own wish, or the source's."""
        pause = max(self._robots.delay(url), self._config["pause"] / 1000)
        if (left := self._asked_at + pause - monotonic()) > 0:
            sleep(left)
        self._asked_at = monotonic()


def closed(pages: Sequence[str]) -> LeftOut:
    """What is said of pages that the site's robots.txt closes, once for all of them."""
    more = len(pages) - 1
    others = f" and {more:,} more {'page' if more == 1 else 'pages'}" if more else ""
    return LeftOut(
        "robots",
        f"The site's robots.txt asks programs not to read this page{others}.",
        "Ask whoever runs the site to allow Footnote there, or upload the pages.",
        count=len(pages),
    )


def _scope(url: str, within: str) -> str:
    server = web.origin(url)
    if within == "host":
        return f"{server}/"
    path = url[len(server) :].partition("?")[0]
    return server + path[: path.rindex("/") + 1]


def _check(config: Mapping[str, Any]) -> None:
    for url in config["start"]:
        web.plain(url)


KIND = Kind(
    name=Source.Kind.CRAWL,
    label="Web site",
    help="A site from its first page along its links; robots.txt is obeyed.",
    fields=(
        Field(
            "start",
            "First pages",
            "lines",
            [],
            "One a line, such as https://example.com/docs/.",
            required=True,
        ),
        Field(
            "within",
            "Stay within",
            "choice",
            "prefix",
            choices=(("prefix", "the folder of the first page"), ("host", "its whole host")),
        ),
        Field("most_pages", "Most pages", "number", 500, least=1, most=20_000),
        Field(
            "depth", "Deepest", "number", 5, "Links to follow from a first page.", least=0, most=50
        ),
        web.INCLUDE,
        web.EXCLUDE,
        Field(
            "pause",
            "Pause, milliseconds",
            "number",
            200,
            "Between two requests; a longer Crawl-delay of the site's robots.txt counts.",
            least=0,
            most=60_000,
        ),
        *web.CREDENTIALS,
    ),
    open=Crawl,
    check=_check,
)
