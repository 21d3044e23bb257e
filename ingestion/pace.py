"""How fast collections are being worked on, and how long what is open will take: ``of`` is the entry point.

Documents differ in size by a factor of thousands, so the time left is told from passages: those that are known to be
left, and for documents that nobody has read yet as many as the latest ones had.
"""

from collections.abc import Collection as Some
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from ingestion import statements

SQL = statements.load(__file__)
WINDOW = timedelta(minutes=2)


@dataclass(frozen=True)
class Pace:
    """What the last two minutes brought, or the time since work began if that is less."""

    documents_per_minute: float = 0.0
    chunks_per_second: float = 0.0
    under_way: int = 0
    seconds_left: float | None = None
    """None when nothing is open, or nobody can tell yet."""

    @property
    def whole_documents(self) -> int:
        """A minute, for a sentence with a plural."""
        return round(self.documents_per_minute)


def of(collection_ids: Some[UUID]) -> Pace:
    """The pace of these collections together; one query. Uses index: run_open, run_finished."""
    ((finished, under_way, still_open, unmeasured, left, usual, chunks, seconds),) = SQL.fetch(
        "pace", collections=list(collection_ids), window=WINDOW
    )
    seconds = max(1.0, seconds or 0.0)
    documents, passages = finished / seconds, chunks / seconds
    if (unmeasured and usual is None) or not still_open:
        seconds_left = None
    elif passages:
        seconds_left = (left + unmeasured * (usual or 0)) / passages
    else:  # whatever ended had no passages: all failed, for instance
        seconds_left = still_open / documents if documents else None
    return Pace(documents * 60, passages, under_way, seconds_left)
