"""What stewards see of sources: how they stand, how much of each is found, what their looks brought. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from ingestion import collections
from ingestion.collections import Coverage
from ingestion.models import Source, SourceRun
from ingestion.syncing import kinds

MOST_RUNS = 50
# What people are shown of a look's counters.
COUNTERS = ("listed", "new", "changed", "unchanged", "deleted", "skipped", "failed")


@dataclass(frozen=True)
class SourceRow:
    """A source with its newest look and the coverage of its documents."""

    source: Source
    run: SourceRun | None
    coverage: Coverage

    @property
    def is_open(self) -> bool:
        """Is a look waiting or under way?"""
        return self.run is not None and self.run.finished_at is None

    @property
    def state(self) -> str:
        """paused, waiting, running, held, failed, done, stopped or new."""
        if self.source.paused_at:
            return "paused"
        return self.run.state if self.run else "new"


def syncable() -> QuerySet[Source]:
    """The tenant's sources that are looked at, removed ones aside."""
    return Source.objects.filter(kind__in=kinds.NAMES, removed_at=None).select_related("collection")


def rows(sources: Sequence[Source]) -> list[SourceRow]:
    """The sources as they stand; two queries. Uses index: source_run_newest."""
    ids = [source.pk for source in sources]
    newest = (
        SourceRun.objects.filter(source_id__in=ids)
        .order_by("source_id", "-created_at")
        .distinct("source_id")
    )
    runs = {run.source_id: run for run in newest}
    covered = collections.coverage_of_sources(ids)
    return [
        SourceRow(source, runs.get(source.pk), covered.get(source.pk, Coverage()))
        for source in sources
    ]


def runs_of(source: Source) -> list[SourceRun]:
    """The last looks, newest first; older ones are not kept."""
    return list(SourceRun.objects.filter(source=source).order_by("-created_at")[:MOST_RUNS])
