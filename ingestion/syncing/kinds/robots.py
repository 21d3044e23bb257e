"""robots.txt, as RFC 9309 has it: none there means everything is allowed; a server in trouble means nothing is."""

from dataclasses import dataclass, field
from functools import partial

from protego import Protego

from ingestion.fetching import BadStatus, FetchError, Limits
from ingestion.syncing.kind import Gone, SyncError
from ingestion.syncing.kinds.web import Web, origin

AGENT = "Footnote"
LIMITS = partial(Limits, most_bytes=512 * 1024, seconds=20)
LONGEST_DELAY = 60.0


@dataclass
class Robots:
    """The rules of each server that a look meets, read once."""

    web: Web
    _rules: dict[str, Protego] = field(default_factory=dict)

    def allows(self, url: str) -> bool:
        """May the page be fetched? Raises SyncError when the server cannot say."""
        return bool(self._of(url).can_fetch(url, AGENT))

    def delay(self, url: str) -> float:
        """Seconds between two requests that the server asks for; 0 when it does not."""
        return min(LONGEST_DELAY, float(self._of(url).crawl_delay(AGENT) or 0))

    def sitemaps(self, url: str) -> list[str]:
        """Sitemaps that the server names."""
        return list(self._of(url).sitemaps)

    def _of(self, url: str) -> Protego:
        server = origin(url)
        if server not in self._rules:
            self._rules[server] = Protego.parse(self._text(server))
        return self._rules[server]

    def _text(self, server: str) -> str:
        try:
            with self.web.get(f"{server}/robots.txt", limits=LIMITS()) as found:
                return found.content().decode("utf-8", "replace")
        except Gone:
            return ""
        except FetchError as error:
            if isinstance(error, BadStatus) and error.status < 500 and error.status != 429:
                return ""
            raise SyncError(
                "no_robots",
                f"The site's robots.txt cannot be read: {error.message}",
                "It is tried again later; without it no page may be fetched.",
                retryable=True,
            ) from error
