"""Open runs of a tenant as a table that stays true: for ``bin/manage ingest --watch``."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingestion import collections, pace
from ingestion.collections import Coverage
from ingestion.models import TERMINAL, Collection, Document, IngestionRun
from ingestion.pace import Pace
from tenants.scope import Principal, tenant_scope

POLL_SECONDS = 1.0
SHOWN = 15


@dataclass(frozen=True)
class Sight:
    """What is being worked on at one moment; ``runs`` are those under way, and then those that wait longest."""

    open: int
    coverage: list[tuple[Collection, Coverage]]
    pace: Pace
    runs: list[IngestionRun] = field(default_factory=list)


def watch(principal: Principal, collection: Collection | None = None) -> Iterator[Sight]:
    """A look about once a second, until nothing is open."""
    while True:
        sight = look(principal, collection)
        yield sight
        if not sight.open:
            return
        time.sleep(POLL_SECONDS)


def look(principal: Principal, collection: Collection | None) -> Sight:
    """One look; six queries. Uses index: run_open, run_finished, document_newest."""
    with tenant_scope(principal):
        places = [collection] if collection else list(Collection.objects.all())
        keys = [place.pk for place in places]
        covered = collections.coverage(keys)
        runs = IngestionRun.objects.filter(
            document__collection_id__in=keys, document__deleted_at=None
        ).exclude(state__in=TERMINAL)
        first = runs.select_related("document").order_by("lease_until", "not_before", "id")[:SHOWN]
        return Sight(
            open=runs.count(),
            coverage=[(place, covered.get(place.pk, Coverage())) for place in places],
            pace=pace.of(keys),
            runs=list(first),
        )


def lines(sight: Sight, width: int = 100) -> list[str]:
    """The table in plain text."""
    left = sight.pace.seconds_left
    said = [f"{place.slug}: {found}" for place, found in sight.coverage if found.documents]
    said.append(
        f"{sight.open:,} open, {sight.pace.documents_per_minute:,.0f} documents a minute,"
        f" {sight.pace.chunks_per_second:,.1f} chunks/s{f', about {left:,.0f} s left' if left else ''}"
    )
    if sight.runs:
        said.append(f"{'state':<10} {'pages':>6} {'chunks':>12} {'tries':>5}  document")
    said += [_line(run, run.document) for run in sight.runs]
    if sight.open > len(sight.runs):
        said.append(f"... and {sight.open - len(sight.runs):,} more")
    return [line[:width] for line in said]


def _line(run: IngestionRun, document: Document) -> str:
    pages = f"{run.pages:,}" if run.pages else "-"
    chunks = f"{run.chunks_done:,}/{run.chunks:,}" if run.chunks else "-"
    return f"{run.state:<10} {pages:>6} {chunks:>12} {run.attempts:>5}  {document.external_id}"
