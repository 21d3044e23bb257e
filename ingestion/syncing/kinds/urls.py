"""Web pages and files by their addresses."""

from collections.abc import Iterator, Mapping
from typing import Any

from ingestion.fetching import FetchError
from ingestion.models import Source
from ingestion.syncing.kind import Answer, Field, Kind, Known, Listed, Setup, SyncError
from ingestion.syncing.kinds import web


class Pages:
    """The pages of a list of addresses."""

    def __init__(self, setup: Setup) -> None:
        self._urls = [web.plain(url) for url in setup.config["urls"]]
        self._web = web.Web(setup, self._urls)
        self.complete = True
        self.memory: dict[str, Any] = {}
        self.troubles: list[tuple[str, SyncError | FetchError]] = []

    def listing(self) -> Iterator[Listed]:
        for url in self._urls:
            yield Listed(url)

    def fetch(self, listed: Listed, known: Known | None) -> Answer:
        return self._web.page(listed, known)

    def close(self) -> None:
        self._web.close()


def _check(config: Mapping[str, Any]) -> None:
    for url in config["urls"]:
        web.plain(url)


KIND = Kind(
    name=Source.Kind.URL,
    label="Web pages",
    help="One or several pages or files, each by its address.",
    fields=(
        Field(
            "urls",
            "Addresses",
            "lines",
            [],
            "One a line, such as https://example.com/prices.",
            required=True,
        ),
        *web.CREDENTIALS,
    ),
    open=Pages,
    check=_check,
)
