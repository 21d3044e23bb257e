"""What holds on to passages above this package: whoever keeps citations registers a ``Keeper`` when it starts.

Imports point downwards, so ingestion cannot ask the chat which passages its answers cite; the chat tells it how to ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from tenants.scope import Principal


@dataclass(frozen=True)
class Erased:
    """What is about to be erased, while its rows are still there."""

    document_ids: Sequence[UUID]
    chunk_ids: Sequence[UUID]
    version_ids: Sequence[UUID]


@dataclass(frozen=True)
class Place:
    """An answer that cites a document, for somebody who may see it."""

    title: str
    url: str


@dataclass
class Places:
    """Where a document is cited: how often in all, and the answers that the asker may open."""

    citations: int = 0
    shown: list[Place] = field(default_factory=list)


class Keeper(Protocol):
    """Somebody who keeps citations. All run in the open tenant scope."""

    def cited_versions(self, version_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the versions that a living answer cites."""

    def forget(self, erased: Erased) -> None:
        """Wipe every quote of it and let go of its passages; part of the erasing transaction."""

    def places(self, document_id: UUID, viewer: Principal) -> Places:
        """Where the document is cited."""


_keepers: list[Keeper] = []


def register(keeper: Keeper) -> None:
    """Once, when the application starts."""
    _keepers.append(keeper)


def cited_versions(version_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the versions that a living answer cites; a query per keeper."""
    return {one for keeper in _keepers for one in keeper.cited_versions(version_ids)}


def forget(erased: Erased) -> None:
    """Have everybody let go."""
    for keeper in _keepers:
        keeper.forget(erased)


def places(document_id: UUID, viewer: Principal) -> Places:
    """Where a document is cited, by all keepers."""
    found = [keeper.places(document_id, viewer) for keeper in _keepers]
    return Places(
        sum(one.citations for one in found), [place for one in found for place in one.shown]
    )
