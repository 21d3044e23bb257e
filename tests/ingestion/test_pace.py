"""How fast work goes and how long it takes, told from passages: a book is not one leaflet."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ingestion import collections, pace
from ingestion.models import IngestionRun, State
from ingestion.pace import Pace
from tests.ingestion.workshop import Workshop

TEXT = "The pump must be serviced every six weeks."


def run(
    workshop: Workshop, name: str, *, began: float, ended: float | None, **values: object
) -> None:
    """A document whose run began and ended so many seconds ago."""
    taken = workshop.upload(name, f"{TEXT} {name}")
    assert taken.run is not None
    now = timezone.now()
    state = State.EMBEDDING if ended is None else State.READY
    with workshop.scope():
        IngestionRun.objects.filter(pk=taken.run.pk).update(
            state=state,
            started_at=now - timedelta(seconds=began),
            finished_at=None if ended is None else now - timedelta(seconds=ended),
            lease_until=now + timedelta(seconds=30) if ended is None else None,
            **values,
        )


def of(workshop: Workshop) -> Pace:
    with workshop.scope():
        return pace.of([workshop.collection.pk])


def test_a_long_document_tells_its_rate_and_its_end_before_it_has_ended(workshop: Workshop) -> None:
    run(workshop, "book.txt", began=600, ended=None, chunks=3000, chunks_done=1000)
    found = of(workshop)
    assert found.documents_per_minute == 0
    assert found.chunks_per_second == pytest.approx(1000 / 600, rel=0.05)
    assert found.seconds_left == pytest.approx(1200, rel=0.05)


def test_what_nobody_has_read_yet_counts_as_much_as_the_latest_did(workshop: Workshop) -> None:
    run(workshop, "a.txt", began=60, ended=30, chunks=40, chunks_done=40)
    run(workshop, "b.txt", began=30, ended=0, chunks=20, chunks_done=20)
    workshop.upload("c.txt", TEXT)
    found = of(workshop)
    assert found.documents_per_minute == pytest.approx(2, rel=0.05)
    assert found.chunks_per_second == pytest.approx(1, rel=0.05)
    assert found.seconds_left == pytest.approx(30, rel=0.05)


def test_what_only_waits_has_no_end_that_anybody_could_tell(workshop: Workshop) -> None:
    workshop.upload("a.txt", TEXT)
    assert of(workshop) == Pace()


def test_other_collections_and_older_work_have_no_part_in_it(workshop: Workshop) -> None:
    run(workshop, "old.txt", began=900, ended=600, chunks=40, chunks_done=40)
    run(workshop, "new.txt", began=30, ended=10, chunks=10, chunks_done=10)
    with workshop.scope():
        other = collections.create(slug="other")
        assert pace.of([other.pk]) == Pace()
    found = of(workshop)
    assert found.chunks_per_second == pytest.approx(10 / 30, rel=0.1)
    assert found.seconds_left is None
