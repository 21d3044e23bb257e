"""Postings: what makes a search over many chunks an addition of vectors instead of a scan (decision 0016).

``merge_due()`` is the entry point, for the scheduler. Chunks are published without a place in the postings, and are
scanned; once a tenant has ``LEAST`` of those they get slots, and their weights are written term by term, as a window
that is never changed. Windows that are small, or hold much that is gone, are written anew together with what is new, so
that a tenant of a million chunks has some 125 of them. A search sees a window and its slots in one commit, or neither.

Beside writers it never waits: it takes the chunks' rows as they are and gives slots to those that nobody is changing.
Killed at any line, it has done nothing; of two at once in a tenant the second does nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from ingestion import statements
from tenants.identifiers import uuid7
from tenants.scope import platform_principal, tenant_scope

SQL = statements.load(__file__)
# Slots of a window: its scores fit the processor's cache, and half of what a vector may have.
WINDOW = 8_000
# Fewer are scanned as fast.
LEAST = 1_000
# The share of chunks that must still be current; below it a window is written anew.
LIVELY = 0.7


@dataclass(frozen=True)
class Window:
    """A window as it was built, and how many of its chunks are still current."""

    number: int
    first: int
    slots: int
    entries: int
    stale: bool
    current: int

    @property
    def is_due(self) -> bool:
        """Whether it holds what is gone, or weights of another time."""
        return self.stale or self.current < LIVELY * self.entries


@dataclass(frozen=True)
class Entry:
    """A chunk's row in the lexical index."""

    id: UUID
    collection_id: UUID
    weights: str


def merge_due(*, seconds: float = 20.0) -> int:
    """Merge what is due, window by window, until the time is over; how many windows were written.

    Looks across tenants on the operator's connection. Cost: about 1.5 s for a window of 8,000 chunks.
    """
    until, written = monotonic() + seconds, 0
    for tenant_id in _due_tenants():
        while monotonic() < until and merge(tenant_id):
            written += 1
    return written


def merge(tenant_id: UUID) -> bool:
    """Write one window of a tenant, if one is due; whether it did."""
    try:
        with tenant_scope(platform_principal(tenant_id)):
            return bool(SQL.fetch("lock")[0][0]) and _merge()
    except _Changing:
        return False


def outdate(collection_id: UUID) -> None:
    """A collection's windows have weights of another time: they are written anew one after another.

    Candidates come from the old weights until then, which find nearly the same; their scores are the new ones.
    """
    SQL.run("outdate", collection=collection_id)


def key(window: int, dimension: int) -> UUID:
    """A posting's id, by which searches look it up."""
    return UUID(int=window << 96 | dimension << 64)


class _Changing(Exception):
    """Somebody holds a chunk whose window was to be written anew: nothing is done, the next round will."""


def _merge() -> bool:
    ((unmerged,),) = SQL.fetch("unmerged")
    old = to_rewrite([Window(*row) for row in SQL.fetch("windows")], unmerged)
    if not old and unmerged < LEAST:
        return False
    entries = _entries(old)
    ((number, first),) = SQL.fetch("next_place")
    for window in old:
        SQL.run("drop_postings", first=key(window.number, 0), last=key(window.number + 1, 0))
        SQL.run("drop_window", number=window.number)
    if entries:
        _write(number, first, entries)
    for window in old:
        if SQL.fetch("left_behind", first=window.first, end=window.first + window.slots)[0][0]:
            raise _Changing
    return True


def to_rewrite(windows: Sequence[Window], unmerged: int) -> list[Window]:
    """The windows that are to become one together with what is unmerged, or on their own account.

    A window joins when it is due, or not more than twice as large as what there is already: so each chunk is written
    some four times at most on its way into a full window, however small the publications are.
    """
    due = [window for window in windows if window.is_due]
    if not due and unmerged < LEAST:
        return []
    joined, total = due[:1], min(unmerged, WINDOW) if not due else due[0].current
    for window in sorted(windows, key=lambda window: window.current):
        if window not in joined and window.current <= min(2 * total, WINDOW - total):
            joined.append(window)
            total += window.current
    return joined


def _entries(old: Iterable[Window]) -> list[Entry]:
    """What goes into the new window: all that is current in the old ones, and as much new as there is room for."""
    found: list[Entry] = []
    for window in old:
        rows = SQL.fetch("merged_entries", first=window.first, end=window.first + window.slots)
        found += [Entry(*row) for row in rows]
    rows = SQL.fetch("new_entries", most=WINDOW - len(found))
    found += [Entry(*row) for row in rows]
    return sorted(found, key=lambda entry: (entry.collection_id, entry.id))


def _write(number: int, first: int, entries: list[Entry]) -> None:
    postings = inverted([entry.weights for entry in entries])
    dimensions = sorted(postings)
    SQL.run(
        "insert_postings",
        ids=[key(number, dimension) for dimension in dimensions],
        impacts=[f"{{{','.join(postings[d])}}}/{len(entries)}" for d in dimensions],
    )
    placed = SQL.fetch(
        "give_slots",
        ids=[entry.id for entry in entries],
        slots=list(range(first, first + len(entries))),
    )[0][0]
    SQL.run(
        "insert_window",
        id=uuid7(),
        number=number,
        first=first,
        slots=len(entries),
        entries=placed,
        collections=sorted({entry.collection_id for entry in entries}),
        # A chunk that went while its weights were being written has left them behind.
        stale=placed < len(entries),
    )


def inverted(weights: Iterable[str]) -> dict[int, list[str]]:
    """Dimension -> ``slot:weight`` of the chunks that hold it; slots count from one, as in a sparse vector's text.

    As text in and out, because nothing here is computed: 0.3 s for 8,000 chunks.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for slot, text in enumerate(weights, start=1):
        for pair in text[1 : text.rindex("}")].split(","):
            dimension, _, weight = pair.partition(":")
            if dimension:
                found[dimension].append(f"{slot}:{weight}")
    return {int(dimension): places for dimension, places in found.items()}


def _due_tenants() -> list[UUID]:
    return [row[0] for row in SQL.fetch_across("due", least=LEAST, lively=LIVELY)]
