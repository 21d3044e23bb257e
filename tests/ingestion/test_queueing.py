"""A queued document says why it waits."""

from ingestion import pausing, work
from ingestion.models import Document, IngestionRun
from ingestion.queueing import why_queued
from tests.ingestion.workshop import Workshop, claimed, operator, work_off


def told(workshop: Workshop, document: Document) -> tuple[str, str] | None:
    with workshop.scope():
        row = Document.objects.select_related("collection", "source").get(pk=document.pk)
        found = why_queued(row)
        return (found.code, found.reason) if found else None


def test_a_document_knows_its_place_in_the_queue(workshop: Workshop) -> None:
    first, second = (
        workshop.upload(f"{n}.md", f"# Page {n}\n\nOf the handbook.").document for n in range(2)
    )
    assert told(workshop, first) == ("in_turn", "It is next.")
    assert told(workshop, second) == ("in_turn", "1 document is before it.")
    work_off()
    assert told(workshop, first) is None


def test_a_paused_collection_or_source_is_named(workshop: Workshop) -> None:
    document = workshop.upload("a.md", "Some text.").document
    with workshop.scope():
        pausing.pause(workshop.collection)
    assert told(workshop, document) == (
        "paused",
        f"{workshop.collection.name} is paused: its documents wait.",
    )


def test_that_no_worker_takes_it_is_said_after_a_minute(workshop: Workshop) -> None:
    document = workshop.upload("a.md", "Some text.").document
    operator("UPDATE ingestion_ingestionrun SET not_before = now() - interval '200 seconds'")
    assert told(workshop, document) == ("no_worker", "No worker has taken it for 3 minutes.")


def test_while_others_are_worked_on_it_is_only_not_its_turn(workshop: Workshop) -> None:
    workshop.upload("a.md", "# One\n\nIs being worked on.")
    held = claimed()
    document = workshop.upload("b.md", "# Two\n\nWaits.").document
    operator("UPDATE ingestion_ingestionrun SET not_before = now() - interval '200 seconds'")
    assert told(workshop, document) == ("in_turn", "It is next.")
    with workshop.scope():
        assert IngestionRun.objects.filter(lease_token=held.token).count() == 1
    assert work.is_any_under_way()
