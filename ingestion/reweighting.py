"""Another k1, b or weight of titles and headings: a collection's entries are weighed anew, and take over in one commit.

A job makes ``next_weights`` of each entry, some at a time; searches, and documents that are published meanwhile, go on
with the weights before. When all are there one transaction puts them in place: nobody sees a collection that is
weighted in two ways. Publications into it wait for that one (some 10 s for 100,000 passages), and it for them. If the
settings change on the way it starts again; a killed worker's part is kept. Term counts depend on none of them.

Entry points: ``continue_all`` (the job), ``is_due`` and ``progress`` (for people).
"""

import logging
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from ingestion import postings, statements
from ingestion.lexical import dimension
from ingestion.models import Collection
from ingestion.weighing import Emphasis, Norm, weighed_anew
from tenants.scope import platform_principal, tenant_scope

SQL = statements.load(__file__)
log = logging.getLogger(__name__)
BATCH = 1000
_START = UUID(int=0)


class Overtaken(Exception):
    """Another worker has changed the collection over, or begun with other values; or it is gone."""


@dataclass(frozen=True)
class Target:
    """What a collection's entries have, and what they are to have."""

    language: str
    k1: float
    b: float
    title: int
    heading: int
    next_k1: float
    next_b: float
    next_title: int
    next_heading: int

    @property
    def emphasis(self) -> Emphasis:
        """How many times more words of titles and headings are to count."""
        return Emphasis(self.next_title - self.title, self.next_heading - self.heading)

    def anew(self, entry: tuple[Any, ...], above: tuple[str, list[str]]) -> str:
        """The entry's weights as they are to be, with what stands above it; its average length stays."""
        _, text, length, average = entry
        before, now = Norm(self.k1, self.b, average), Norm(self.next_k1, self.next_b, average)
        more: Counter[int] = Counter()
        for term, times in self.emphasis.of(*above, self.language).items():
            more[dimension(term)] += times
        return weighed_anew(text, length, before, now, more)


def is_due(collection: Collection) -> bool:
    """Whether searches still use other values than the collection says."""
    names = ("bm25_k1", "bm25_b", "title_weight", "heading_weight")
    used = ("weighed_k1", "weighed_b", "weighed_title", "weighed_heading")
    return any(
        getattr(collection, a) != getattr(collection, b) for a, b in zip(names, used, strict=True)
    )


def progress(collection: Collection) -> tuple[int, int]:
    """How many entries are ready, and of how many. Counts the collection's entries: 1 ms for some 5,000."""
    ((done, of),) = SQL.fetch("progress", tenant=collection.tenant_id, collection=collection.pk)
    return done, of


def continue_all() -> int:
    """Weigh what is due, across tenants; how many collections have changed over. What fails is due again next time."""
    due = SQL.fetch_across("due")
    return sum(_attempt(tenant_id, collection_id) for tenant_id, collection_id in due)


def _attempt(tenant_id: UUID, collection_id: UUID) -> bool:
    try:
        return reweigh(tenant_id, collection_id)
    except Exception:  # whatever is wrong with one collection must not keep the others waiting
        log.exception("Collection %s could not be weighted anew", collection_id)
        return False


def reweigh(tenant_id: UUID, collection_id: UUID) -> bool:
    """Prepare all entries in short transactions, then switch in one; whether this worker has switched."""
    try:
        return _reweigh({"tenant": tenant_id, "collection": collection_id})
    except Overtaken:
        return False


def _reweigh(about: dict[str, Any]) -> bool:
    tenant_id = about["tenant"]
    with tenant_scope(platform_principal(tenant_id)):
        target = _begun(about)
    after: UUID | None = _START
    while after is not None:
        with tenant_scope(platform_principal(tenant_id)):
            after = _prepare(about, target, after)
    with tenant_scope(platform_principal(tenant_id)):
        return _switch(about, target)


def _begun(about: dict[str, Any]) -> Target:
    """Note what is being made; what was made for something else goes."""
    found = SQL.fetch("is_new", **about)
    if not found:
        raise Overtaken
    if found[0][0]:
        SQL.run("forget", **about)
    return Target(*SQL.fetch("begin", **about)[0])


def _prepare(about: dict[str, Any], target: Target, after: UUID) -> UUID | None:
    """Some more entries; where to go on, or None. Raises Overtaken when others are wanted by now."""
    if not SQL.fetch("hold", **asdict(target), **about):
        raise Overtaken
    entries = SQL.fetch("entries", after=after, most=BATCH, **about)
    ids = [entry[0] for entry in entries]
    above = _above(about, target, ids)
    weights = [target.anew(entry, above.get(entry[0], ("", []))) for entry in entries]
    SQL.run("prepare", ids=ids, weights=weights, tenant=about["tenant"])
    return entries[-1][0] if len(entries) == BATCH else None


def _above(
    about: dict[str, Any], target: Target, ids: list[UUID]
) -> dict[UUID, tuple[str, list[str]]]:
    """Titles and headings, where their weight changes."""
    if target.emphasis == Emphasis():
        return {}
    rows = SQL.fetch("titles", ids=ids, tenant=about["tenant"])
    return {chunk: (title, headings) for chunk, title, headings in rows}


def _switch(about: dict[str, Any], target: Target) -> bool:
    """With publications kept out: the rest, then all at once. Settings that changed meanwhile are for the next time."""
    SQL.run("lock", **about)
    if not SQL.fetch("still_wanted", **asdict(target), **about):
        return False
    # A batch is short, too, when some of it has just been removed: so it is asked again.
    while SQL.fetch("unprepared", **about):
        after: UUID | None = _START
        while after is not None:
            after = _prepare(about, target, after)
    SQL.run("switch_entries", **about)
    SQL.run("switch_collection", **about)
    postings.outdate(about["collection"])
    return True
