"""Deleting, restoring and erasing documents; bringing versions back; cancelling; pausing."""

from uuid import UUID

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from chat.models import Citation, Conversation, Message, MessageEvent
from ingestion import documents, pausing, pipeline, removal, versions, work
from ingestion.errors import NotCancellable, NotRestorable
from ingestion.models import Chunk, Document, DocumentVersion, FileBlock, State, StoredFile
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.cast import Member
from tests.ingestion.invariants import check
from tests.ingestion.mails import zipped
from tests.ingestion.workshop import Workshop, claimed, work_off

OLD = "The pump must be serviced every six weeks."
NEW = "The pump must be serviced every nine weeks."


def embedded(workshop: Workshop, document: Document) -> dict[str, int]:
    stages = workshop.run_of(document).stages
    return {name: stages["embed"][name] for name in ("embedded", "copied")} | {
        "parsed": int("parse" in stages and "load" in stages)
    }


def cite(member: Member, chunk: Chunk, document: Document) -> Citation:
    """An answer of the member that cites the chunk, with its events."""
    with member.scope():
        conversation = Conversation.objects.create(user=member.user, title="Pumps")
        question = Message.objects.create(conversation=conversation, author="user", text="When?")
        nearest = [{"document_id": str(document.pk), "quote": chunk.text, "title": "a"}]
        answer = Message.objects.create(
            conversation=conversation,
            parent=question,
            author="assistant",
            text="In time.",
            details={"nearest": nearest},
        )
        for number, payload in enumerate(({"nearest": nearest}, {"citations": nearest}), start=1):
            kind = "found" if number == 1 else "completed"
            MessageEvent.objects.create(
                message=answer, number=number, kind=kind, payload=payload | {"answer": "In time."}
            )
        return Citation.objects.create(
            message=answer,
            chunk=chunk,
            number=1,
            title=document.title,
            quote=chunk.text,
            span_start=0,
            span_end=len(chunk.text),
        )


def first_chunk(workshop: Workshop, document: Document) -> Chunk:
    with workshop.scope():
        return Chunk.objects.filter(document=document).order_by("-valid_from")[0]


def rows_of(document_id: UUID) -> dict[str, int]:
    """How many rows of each table name the document, its versions or its chunks; as the operator sees them."""
    named = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    found = {}
    with connections["operator"].cursor() as cursor:
        cursor.execute(named + " AND column_name = 'document_id'")
        for table, column in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", [document_id])
            if count := cursor.fetchone()[0]:
                found[table] = count
    return found


def test_a_deleted_document_is_restored_without_reading_or_embedding_it_again(
    workshop: Workshop,
) -> None:
    document = workshop.ingest("a.md", OLD)
    with workshop.scope():
        documents.delete(document=document)
    assert workshop.current_texts(document) == []
    with workshop.scope():
        documents.restore(document=document)
    work_off()
    found = workshop.document(document.pk)
    assert (found.state, found.deleted_at) == ("ready", None)
    assert workshop.current_texts(document) == [OLD]
    assert embedded(workshop, document) == {"embedded": 0, "copied": 1, "parsed": 0}
    check(workshop.tenant)


def test_what_was_waiting_when_it_was_deleted_goes_on_once_it_is_restored(
    workshop: Workshop,
) -> None:
    document = workshop.ingest("a.md", OLD)
    workshop.upload("a.md", NEW)
    with workshop.scope():
        documents.delete(document=document)
        documents.restore(document=document)
    work_off()
    assert workshop.current_texts(document) == [NEW]
    check(workshop.tenant)


def test_many_are_deleted_with_as_many_statements_as_few(workshop: Workshop) -> None:
    few = [workshop.ingest(f"{n}.md", f"{OLD} {n}").pk for n in range(2)]
    many = [workshop.ingest(f"more-{n}.md", f"{OLD} more {n}").pk for n in range(8)]
    waiting = workshop.upload("waits.md", NEW).document
    with workshop.scope(), CaptureQueriesContext(connection) as for_few:
        assert documents.delete_many(document_ids=few) == 2
    with workshop.scope(), CaptureQueriesContext(connection) as for_many:
        assert documents.delete_many(document_ids=[*many, *few]) == 8
    assert len(for_many) == len(for_few), "nothing for each document"
    with workshop.scope():
        assert documents.delete_many(document_ids=[*many, waiting.pk]) == 1
        assert not Document.objects.filter(deleted_at=None).exists()
        assert not Chunk.objects.filter(valid_to=None).exists()
    assert work.claim() is None, "what was waiting waits no more"


def test_many_that_failed_are_tried_again_at_once_and_the_others_are_left(
    workshop: Workshop,
) -> None:
    well = workshop.ingest("well.md", OLD)
    failed = [workshop.ingest(f"{n}.pdf", b"%PDF-1.7 nothing").pk for n in range(3)]
    with workshop.scope():
        assert documents.retry_many(document_ids=[well.pk, *failed]) == 3
    assert workshop.document(failed[0]).state == State.QUEUED
    assert workshop.document(well.pk).state == State.READY


def test_many_are_cancelled_restored_and_erased_with_as_many_statements_as_few(
    workshop: Workshop,
) -> None:
    few = [workshop.ingest(f"{n}.md", f"{OLD} {n}").pk for n in range(2)]
    many = [workshop.ingest(f"more-{n}.md", f"{OLD} more {n}").pk for n in range(8)]
    ways = documents.delete_many, documents.restore_many, documents.cancel_many
    for way in (*ways, documents.erase_many):
        with workshop.scope(), CaptureQueriesContext(connection) as for_few:
            assert way(document_ids=few) == 2
        with workshop.scope(), CaptureQueriesContext(connection) as for_many:
            assert way(document_ids=[*many, *few]) == 8, "the others are done already"
        assert len(for_many) == len(for_few), f"{way.__name__} does nothing for each document"
        check(workshop.tenant)
    assert all(rows_of(key) == {} for key in (*few, *many))
    with workshop.scope():
        events = AuditEvent.objects.filter(action="document.erased")
        assert {event.object_id for event in events} == {str(key) for key in (*few, *many)}
        assert {event.object_name for event in events} == {""}


def test_many_are_restored_each_to_what_it_was(workshop: Workshop) -> None:
    shown, failed = workshop.ingest("shown.md", OLD), workshop.ingest("failed.txt", "  ")
    replaced = workshop.ingest("replaced.md", OLD)
    workshop.upload("replaced.md", NEW)
    ids = [shown.pk, failed.pk, replaced.pk]
    with workshop.scope():
        assert documents.delete_many(document_ids=ids) == 3
        assert documents.restore_many(document_ids=ids) == 3
        assert documents.restore_many(document_ids=ids) == 0
    work_off()
    assert workshop.current_texts(shown) == [OLD]
    assert workshop.document(failed.pk).reason_code == "no_text"
    assert workshop.current_texts(replaced) == [NEW]
    check(workshop.tenant)


def test_a_document_and_what_was_found_in_it_are_erased_at_once(workshop: Workshop) -> None:
    workshop.ingest("a.zip", zipped({"one.md": OLD.encode(), "two.md": NEW.encode()}))
    other = workshop.ingest("other.md", OLD)
    with workshop.scope():
        ids = list(Document.objects.exclude(pk=other.pk).values_list("pk", flat=True))
        assert documents.erase_many(document_ids=ids) == 3
        assert list(Document.objects.values_list("pk", flat=True)) == [other.pk]
        assert AuditEvent.objects.filter(action="document.erased").count() == 3
    check(workshop.tenant)


def test_only_what_is_deleted_can_be_restored(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", OLD)
    with workshop.scope(), pytest.raises(NotRestorable, match="is not deleted"):
        documents.restore(document=document)


def test_an_old_version_comes_back_as_the_newest_one(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", OLD)
    workshop.ingest("a.md", NEW)
    with workshop.scope():
        first = DocumentVersion.objects.get(document=document, number=1)
        versions.restore(version=first)
    assert workshop.current_texts(document) == [NEW], "until the worker has published it"
    work_off()
    assert workshop.current_texts(document) == [OLD]
    assert embedded(workshop, document) == {"embedded": 0, "copied": 1, "parsed": 0}
    with workshop.scope():
        newest = DocumentVersion.objects.filter(document=document).latest("number")
        assert (newest.number, newest.restored_from, newest.file_id) == (3, 1, first.file_id)
        assert workshop.upload("a.md", OLD).outcome == "unchanged"
        with pytest.raises(NotRestorable, match="Version 3 is the current one"):
            versions.restore(version=newest)
    check(workshop.tenant)


def test_an_old_version_that_had_failed_is_read_from_its_bytes(workshop: Workshop) -> None:
    document = workshop.ingest("a.txt", "  ")
    assert document.state == "failed"
    workshop.ingest("a.txt", OLD)
    with workshop.scope():
        versions.restore(version=DocumentVersion.objects.get(document=document, number=1))
    work_off()
    row = workshop.document(document.pk)
    assert row.state == "failed"
    assert row.reason_code == "no_text"
    assert workshop.current_texts(document) == [OLD], "what was there is found still"


def test_an_erased_document_leaves_nothing_but_an_audit_event(
    workshop: Workshop, alice: Member
) -> None:
    document = workshop.ingest("secret.md", OLD)
    workshop.ingest("secret.md", NEW)
    neighbour = workshop.ingest("other.md", OLD)
    citation = cite(alice, first_chunk(workshop, document), document)
    with tenant_scope(alice.principal.as_steward()):
        files = list(
            DocumentVersion.objects.filter(document=document).values_list("file", flat=True)
        )
        assert documents.erase(document=document)
        assert not documents.erase(document=document)
        assert not Chunk.objects.filter(document=document).exists()
        assert not StoredFile.objects.filter(pk__in=files).exists()
        assert not FileBlock.objects.filter(file_id__in=files).exists()
        event = AuditEvent.objects.get(action="document.erased")
        assert (event.object_id, event.object_name) == (str(document.pk), "")
        assert event.actor_user_id == alice.user.pk
        assert event.details["versions"] == 2
        citation.refresh_from_db()
        assert (citation.is_erased, citation.quote, citation.title) == (True, "", "")
        assert citation.message.details["nearest"] == []
        for stored in MessageEvent.objects.filter(message=citation.message):
            assert "weeks" not in str(stored.payload)
    assert rows_of(document.pk) == {}
    assert workshop.current_texts(neighbour) == [OLD]
    check(workshop.tenant)


def test_a_restored_version_keeps_the_file_that_it_shares(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", OLD)
    workshop.ingest("a.md", NEW)
    with workshop.scope():
        first = DocumentVersion.objects.get(document=document, number=1)
        versions.restore(version=first)
    work_off()
    with workshop.scope():
        removal.discard([first.pk])
        assert StoredFile.objects.filter(pk=first.file_id).exists()
    check(workshop.tenant)


def test_a_name_that_was_erased_can_be_uploaded_again(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", OLD)
    with workshop.scope():
        documents.erase(document=document)
    again = workshop.upload("a.md", OLD)
    assert again.outcome == "created"
    work_off()
    assert workshop.current_texts(again.document) == [OLD]


def test_a_worker_that_has_the_document_publishes_nothing_of_what_was_erased(
    workshop: Workshop,
) -> None:
    document = workshop.upload("a.md", OLD).document
    found = claimed()
    with workshop.scope():
        documents.erase(document=document)
    assert pipeline.process(found) == 0
    assert rows_of(document.pk) == {}
    check(workshop.tenant)


def test_cancelling_says_who_and_leaves_what_was_searchable(
    workshop: Workshop, alice: Member
) -> None:
    document = workshop.ingest("a.md", OLD)
    workshop.upload("a.md", NEW)
    found = claimed()
    with alice.scope():
        documents.cancel(document=document)
    assert pipeline.process(found) == 0, "the worker notices at its next fence"
    row = workshop.document(document.pk)
    assert (row.state, row.reason_code) == ("failed", "cancelled")
    assert row.reason == "Cancelled by Alice."
    assert workshop.current_texts(document) == [OLD]
    with alice.scope():
        with pytest.raises(NotCancellable, match="not being worked on"):
            documents.cancel(document=document)
        documents.retry(document=document)
    work_off()
    assert workshop.current_texts(document) == [NEW]
    check(workshop.tenant)


@pytest.mark.parametrize("what", ["collection", "source"])
def test_nothing_of_a_paused_place_is_claimed_and_uploads_wait(
    workshop: Workshop, what: str
) -> None:
    first = workshop.ingest("a.md", OLD)
    with workshop.scope():
        place = workshop.collection if what == "collection" else first.source
        assert pausing.pause(place)
        assert not pausing.pause(place)
    waiting = workshop.upload("b.md", NEW).document
    assert work.claim() is None
    assert not work.is_any_due()
    assert workshop.document(waiting.pk).state == State.QUEUED
    with workshop.scope():
        assert pausing.resume(place)
    work_off()
    assert workshop.document(waiting.pk).state == State.READY
