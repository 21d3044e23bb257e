"""Sources in tests: added to a collection, looked at in the test's own process, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from ingestion import sources
from ingestion.models import Document, Source, SourceItem, SourceRun
from ingestion.syncing import shifts
from tests.ingestion.workshop import Workshop, operator, work_off

CLOSE_RUNS = (
    "UPDATE ingestion_sourcerun SET state = 'stopped', lease_token = NULL, lease_until = NULL, finished_at = now()"
    " WHERE finished_at IS NULL"
)


@dataclass
class Watch:
    """One source of a workshop's collection."""

    workshop: Workshop
    source: Source

    def sync(self, **options: object) -> SourceRun:
        """Ask for a look and do the worker's part of it."""
        with self.workshop.scope():
            run = sources.sync(source=self.source, **options)  # type: ignore[arg-type]
        shifts.work_off()
        return self.reloaded(run)

    def reloaded(self, run: SourceRun) -> SourceRun:
        with self.workshop.scope():
            self.source = Source.objects.get(pk=self.source.pk)
            return SourceRun.objects.get(pk=run.pk)

    def ingest(self) -> dict[str, str]:
        """Do the ingestion's part too; states by external id."""
        work_off()
        return self.states()

    def states(self) -> dict[str, str]:
        """Living documents of the source."""
        with self.workshop.scope():
            rows = Document.objects.filter(source=self.source, deleted_at=None)
            return dict(rows.values_list("external_id", "state"))

    def document(self, external_id: str) -> Document:
        with self.workshop.scope():
            return Document.objects.get(
                collection=self.workshop.collection, external_id=external_id
            )

    def keys(self) -> set[str]:
        """What the source remembers."""
        with self.workshop.scope():
            return set(SourceItem.objects.filter(source=self.source).values_list("key", flat=True))


def counts(run: SourceRun) -> dict[str, int]:
    """The counters that are not zero."""
    names = ["listed", "fetched", "unchanged", "new", "changed", "deleted", "skipped", "failed"]
    return {name: getattr(run, name) for name in names if getattr(run, name)}


@pytest.fixture
def quiet_sources(database: None) -> Iterator[None]:
    """No look of another test is open: claiming looks across all tenants."""
    operator(CLOSE_RUNS)
    operator("UPDATE ingestion_source SET next_run_at = NULL WHERE next_run_at IS NOT NULL")
    yield
    operator(CLOSE_RUNS)


@pytest.fixture
def add_source(workshop: Workshop, quiet_sources: None) -> Callable[..., Watch]:
    """Makes a source: ``add_source("url", urls=[...])``; options beside its settings as ``options={...}``."""

    def make(kind: str, *, options: dict[str, object] | None = None, **config: object) -> Watch:
        chosen = {"name": "handbook", "secrets": {}, **(options or {})}
        with workshop.scope():
            source = sources.add(
                collection=workshop.collection,
                kind=kind,
                config=config,
                begin=False,
                **chosen,  # type: ignore[arg-type]
            )
        return Watch(workshop, source)

    return make
