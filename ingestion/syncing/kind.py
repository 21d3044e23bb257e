"""What a kind of source offers, and what passes between it and the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Literal, Protocol
from uuid import UUID

from ingestion.fetching import FetchError

FieldKind = Literal["text", "lines", "number", "flag", "choice", "secret"]


class SyncError(Exception):
    """A source, or one item of it, cannot be read. The sentences are for whoever set it up."""

    retryable = False

    def __init__(
        self, code: str, message: str, remedy: str = "", *, retryable: bool = False
    ) -> None:
        super().__init__(code, message, remedy)
        self.code, self.message, self.remedy = code, message, remedy
        self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class Gone(SyncError):
    """The source itself says that an item is no longer there."""


class LeftOut(SyncError):
    """Items that a listing does not name, on purpose: nothing failed, but somebody may look for them.

    ``count``: how many, where that is known.
    """

    def __init__(self, code: str, message: str, remedy: str = "", *, count: int = 0) -> None:
        super().__init__(code, message, remedy)
        self.count = count


def at_limit(most: int, field: str) -> LeftOut:
    """What a listing says that ends at its limit of pages."""
    return LeftOut(
        "limit",
        f"Only the first {most:,} pages were looked at: that is this source's limit.",
        f"Raise “{field}”, or name fewer pages with patterns. Nothing is deleted until a listing is whole.",
    )


class ConfigError(ValueError):
    """A setting that cannot be right; ``field`` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


@dataclass(frozen=True)
class Field:
    """One setting of a kind: the form, the API and the shell are made of these."""

    name: str
    label: str
    kind: FieldKind = "text"
    default: Any = ""
    help: str = ""
    required: bool = False
    least: int = 0
    most: int = 1_000_000
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Listed:
    """An item as the listing names it. ``key`` is its name for ever, and its document's external id.

    Same ``marker`` as last time: not fetched again; unless it is not ``certain`` and somebody asked to sync now.
    """

    key: str
    marker: str = ""
    title: str = ""
    certain: bool = True


@dataclass(frozen=True)
class Known:
    """What the last look left of an item."""

    id: UUID
    marker: str
    etag: str
    last_modified: str
    sha256: bytes
    memory: dict[str, Any]
    fetched_at: datetime | None
    problem: tuple[str, str, str]
    """Code, reason and remedy; empty strings when it was in order."""
    document_id: UUID | None
    is_out: bool
    """A person deleted or erased its document: it stays out."""


@dataclass
class Content:
    """An item's bytes. The engine closes ``body``."""

    body: BinaryIO
    filename: str
    sha256: bytes
    size: int
    media_type: str | None = None
    title: str = ""
    etag: str = ""
    last_modified: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unchanged:
    """The source said that nothing changed."""


@dataclass(frozen=True)
class Skipped:
    """Left out on purpose, with what to say about it."""

    code: str
    reason: str
    remedy: str = ""


Answer = Content | Unchanged | Skipped


class Opened(Protocol):
    """A source that is being looked at."""

    complete: bool
    """After the listing: was it all of it? Only then are items that it did not name gone."""
    memory: dict[str, Any]
    """After the listing: what the next look is given, when nothing failed."""
    troubles: list[tuple[str, SyncError | FetchError]]
    """Parts of the listing that could not be read, or were left out (``LeftOut``), by name."""

    def listing(self) -> Iterator[Listed]:
        """Every item; the engine fetches one before it asks for the next. Raises SyncError, FetchError."""
        ...

    def fetch(self, listed: Listed, known: Known | None) -> Answer:
        """One item. Raises Gone, SyncError, FetchError."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Setup:
    """What a kind is opened with."""

    name: str
    config: Mapping[str, Any]
    credentials: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Known] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A kind of source: a module in ``kinds`` and a line in its registry."""

    name: str
    label: str
    help: str
    fields: tuple[Field, ...]
    open: Callable[[Setup], Opened]
    check: Callable[[Mapping[str, Any]], None] = lambda config: None
    """What fields alone cannot tell. Raises ConfigError, OutboundRefused."""
    available: Callable[[], bool] = lambda: True
