"""Retention: what is deleted or superseded goes after its time, and not what an answer still needs."""

import pytest

from ingestion import documents, expiry
from ingestion.models import Document, DocumentVersion, Retention
from tests.cast import Member
from tests.ingestion.invariants import check
from tests.ingestion.test_removal import NEW, OLD, cite, first_chunk, rows_of
from tests.ingestion.workshop import Workshop, operator


def age(workshop: Workshop, days: int) -> None:
    """As if the tenant's rows had been closed or deleted so many days earlier."""
    for table, column in (("document", "deleted_at"), ("documentversion", "valid_to")):
        operator(
            f"UPDATE ingestion_{table} SET {column} = {column} - %s * interval '1 day' WHERE tenant_id = %s",
            days,
            workshop.tenant.pk,
        )


def numbers(workshop: Workshop, document: Document) -> list[int]:
    with workshop.scope():
        rows = DocumentVersion.objects.filter(document=document).order_by("number")
        return list(rows.values_list("number", flat=True))


def test_a_deleted_document_is_erased_after_thirty_days_and_not_before(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", OLD)
    with workshop.scope():
        documents.delete(document=document)
    age(workshop, 29)
    expiry.expire()
    assert rows_of(document.pk)
    age(workshop, 2)
    assert expiry.expire().documents >= 1
    assert rows_of(document.pk) == {}
    check(workshop.tenant)


def test_superseded_versions_go_and_the_current_one_stays(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", OLD)
    workshop.upload("a.md", "Never published.")
    workshop.ingest("a.md", NEW)
    age(workshop, 31)
    expiry.expire()
    assert numbers(workshop, document) == [3]
    assert workshop.current_texts(document) == [NEW]
    check(workshop.tenant)


def test_a_superseded_version_that_an_answer_cites_is_kept_while_the_conversation_lives(
    workshop: Workshop, alice: Member
) -> None:
    document = workshop.ingest("a.md", OLD)
    citation = cite(alice, first_chunk(workshop, document), document)
    workshop.ingest("a.md", NEW)
    age(workshop, 31)
    expiry.expire()
    assert numbers(workshop, document) == [1, 2]
    with alice.scope():
        conversation = citation.message.conversation
        conversation.deleted_at = conversation.created_at
        conversation.save()
    expiry.expire()
    assert numbers(workshop, document) == [2]
    check(workshop.tenant)


@pytest.mark.parametrize(("days", "kept"), [(10, False), (90, True)])
def test_a_tenant_sets_its_own_time(workshop: Workshop, days: int, kept: bool) -> None:
    with workshop.scope():
        Retention.objects.create(deleted_days=days)
    document = workshop.ingest("a.md", OLD)
    with workshop.scope():
        documents.delete(document=document)
        assert expiry.kept_for()[0].days == days
    age(workshop, 40)
    expiry.expire()
    assert bool(rows_of(document.pk)) is kept


def test_the_versions_of_a_deleted_document_wait_for_it(workshop: Workshop) -> None:
    with workshop.scope():
        Retention.objects.create(deleted_days=90, superseded_days=1)
    document = workshop.ingest("a.md", OLD)
    with workshop.scope():
        documents.delete(document=document)
    age(workshop, 40)
    expiry.expire()
    with workshop.scope():
        documents.restore(document=document)
    assert numbers(workshop, document) == [1, 2]
