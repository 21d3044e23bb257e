"""Uploads: what is accepted, what is refused and how, and what a second upload of the same document means."""

import io
import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections

from ingestion import collections, documents
from ingestion.errors import NotRetryable, UploadRefused
from ingestion.models import (
    Collection,
    Document,
    DocumentVersion,
    FileBlock,
    IngestionRun,
    StoredFile,
)
from ingestion.storage import open_file
from tenants.models import AuditEvent, Group
from tenants.scope import platform_principal, tenant_scope
from tests.cast import Member
from tests.ingestion.workshop import Workshop, work_off

TEXT = "The pump must be serviced every six weeks by a trained engineer."


def refusal(
    workshop: Workshop, filename: str, content: bytes | str, **options: object
) -> UploadRefused:
    with pytest.raises(UploadRefused) as caught:
        workshop.upload(filename, content, **options)
    with workshop.scope():
        assert not Document.objects.exists(), "a refused upload left a document"
        assert not StoredFile.objects.exists(), "a refused upload left bytes"
    return caught.value


def test_an_upload_is_queued_and_says_so(workshop: Workshop) -> None:
    found = workshop.upload("pump.md", TEXT)
    assert (found.outcome, found.version.number, found.note) == ("created", 1, "")
    document = workshop.document(found.document.pk)
    assert (document.state, document.external_id, document.title) == (
        "queued",
        "pump.md",
        "pump.md",
    )
    with workshop.scope():
        assert IngestionRun.objects.get(document=document).state == "queued"
        assert AuditEvent.objects.get(action="document.uploaded").details["outcome"] == "created"


def test_bytes_come_back_as_they_went_in_and_from_anywhere(workshop: Workshop) -> None:
    content = bytes(range(256)) * 10_000  # 2.56 MB: three blocks
    found = workshop.upload("large.md", content)
    with workshop.scope():
        assert FileBlock.objects.filter(file=found.version.file).count() == 3
        reader = open_file(found.version.file)
    assert reader.read() == content
    reader.seek(-300, io.SEEK_END)
    assert reader.read() == content[-300:]
    reader.seek(1024 * 1024 - 5)
    assert reader.read(10) == content[1024 * 1024 - 5 : 1024 * 1024 + 5]


def test_the_same_bytes_again_cost_nothing(workshop: Workshop) -> None:
    first = workshop.ingest("pump.md", TEXT)
    again = workshop.upload("pump.md", TEXT)
    assert again.outcome == "unchanged"
    assert "same as before" in again.note
    assert work_off() == 0
    with workshop.scope():
        assert DocumentVersion.objects.filter(document=first).count() == 1
        assert StoredFile.objects.count() == 1


def test_other_bytes_under_the_same_name_are_a_new_version(workshop: Workshop) -> None:
    workshop.ingest("pump.md", TEXT)
    again = workshop.upload("pump.md", TEXT + " Always.")
    assert (again.outcome, again.version.number) == ("new_version", 2)


def test_another_title_is_a_new_version_because_it_is_searched_too(workshop: Workshop) -> None:
    workshop.ingest("1", TEXT, title="Pumps")
    again = workshop.upload("1", TEXT, title="Pumps and filters")
    assert again.outcome == "new_version"
    work_off()
    assert workshop.document(again.document.pk).title == "Pumps and filters"


def test_metadata_alone_changes_the_document_and_not_the_version(workshop: Workshop) -> None:
    workshop.ingest("1", TEXT, metadata={"year": 2025})
    again = workshop.upload("1", TEXT, metadata={"year": 2026})
    assert again.outcome == "unchanged"
    assert workshop.document(again.document.pk).metadata["year"] == 2026


def test_the_same_bytes_under_another_name_are_accepted_and_said_to_be_known(
    workshop: Workshop,
) -> None:
    workshop.ingest("pump.md", TEXT)
    other = workshop.upload("copy.md", TEXT)
    assert other.outcome == "created"
    assert other.note == "Same content as 'pump'."


def test_what_a_member_attached_for_themselves_is_not_named_to_an_administrator(
    workshop: Workshop, alice: Member
) -> None:
    workshop.ingest("payslip.md", TEXT)
    with workshop.scope():
        private = Collection.every.filter(pk=workshop.collection.pk)
        private.update(private_to=alice.user.pk)
        shared = collections.ensure("shared")
    with tenant_scope(platform_principal(workshop.tenant.pk).as_steward()):
        found = documents.upload(
            collection=shared, filename="copy.md", content=io.BytesIO(TEXT.encode())
        )
    assert (found.outcome, found.note) == ("created", "")


def test_a_copy_of_a_document_that_one_may_not_read_is_not_told_about(
    workshop: Workshop, bob: Member
) -> None:
    with workshop.scope():
        secret = Group.objects.create(tenant_id=workshop.tenant.pk, name="board")
    workshop.upload("merger.md", TEXT, reader_groups=[secret.pk])
    with bob.scope():
        found = documents.upload(
            collection=workshop.collection, filename="mine.md", content=io.BytesIO(TEXT.encode())
        )
    assert (found.outcome, found.note) == ("created", "")


def test_a_document_that_one_may_not_read_cannot_be_overwritten(
    workshop: Workshop, bob: Member
) -> None:
    with workshop.scope():
        secret = Group.objects.create(tenant_id=workshop.tenant.pk, name="board")
    kept = workshop.upload("merger.md", TEXT, reader_groups=[secret.pk])
    with bob.scope(), pytest.raises(UploadRefused, match="may not read"):
        documents.upload(
            collection=workshop.collection, filename="merger.md", content=io.BytesIO(b"overwritten")
        )
    with workshop.scope():
        assert DocumentVersion.objects.filter(document=kept.document).count() == 1


@pytest.mark.parametrize(
    ("filename", "content", "code", "said"),
    [
        ("empty.pdf", b"", "empty_file", "empty.pdf is empty (0 bytes)"),
        ("photo.webp", b"\x89PNG\r\n", "unsupported_type", "photo.webp is an image"),
        ("backup.rar", b"Rar!", "unsupported_type", "is an archive"),
        ("setup.exe", b"MZ", "unsupported_type", "is a .exe file"),
        ("a\0b.txt", b"x", "bad_filename", "contains a NUL character"),
        ("", b"x", "bad_filename", "The file has no name"),
        ("../..", b"x", "bad_filename", "The file has no name"),
        ("n" * 300 + ".txt", b"x", "bad_filename", "has 304 characters; at most 255"),
    ],
)
def test_what_is_wrong_at_once_is_refused_at_once(
    workshop: Workshop, filename: str, content: bytes, code: str, said: str
) -> None:
    error = refusal(workshop, filename, content)
    assert error.code == code
    assert said in error.message
    assert error.remedy, "a refusal says what to do"


def test_a_file_over_the_limit_is_refused_with_both_sizes(workshop: Workshop, settings) -> None:  # type: ignore[no-untyped-def]
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    error = refusal(workshop, "huge.pdf", b"x" * (3 * 1024 * 1024))
    assert error.code == "too_large"
    assert "3.0 MB" in error.message
    assert "1 MB" in error.message


@pytest.mark.parametrize("given", ["", "  ", "a\0b", "x" * 1001, "\U0001f600" * 600])
def test_an_external_id_that_cannot_be_kept_is_refused(workshop: Workshop, given: str) -> None:
    assert refusal(workshop, "a.txt", "x", external_id=given).field == "external_id"


def test_path_parts_of_a_file_name_are_dropped(workshop: Workshop) -> None:
    assert workshop.upload("..\\..\\etc/passwd.txt", TEXT).document.external_id == "passwd.txt"


def test_of_many_uploads_each_is_judged_alone(workshop: Workshop) -> None:
    offered = [
        documents.Upload(filename="a.txt", content=b"Alpha is the first letter."),
        documents.Upload(filename="b.webp", content=b"x"),
        documents.Upload(filename="a.txt", content=b"Alpha is the first Greek letter."),
        documents.Upload(filename="c.txt", content=b""),
        documents.Upload(filename="d.txt", content=b"Delta is the fourth letter."),
    ]
    with workshop.scope():
        answers = documents.upload_many(collection=workshop.collection, uploads=offered)
    said = [one.code if isinstance(one, UploadRefused) else one.outcome for one in answers]
    assert said == ["created", "unsupported_type", "new_version", "empty_file", "created"]


def test_statements_do_not_grow_with_the_number_of_uploads(
    workshop: Workshop, django_assert_max_num_queries: Callable[..., object]
) -> None:
    offered = [documents.Upload(filename=f"{n}.txt", content=b"Text %d." % n) for n in range(100)]
    with workshop.scope(), django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        documents.upload_many(collection=workshop.collection, uploads=offered)


def test_two_uploads_of_one_name_at_once_are_two_versions(workshop: Workshop) -> None:
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def upload(number: int) -> None:
        start.wait()
        outcomes.append(workshop.upload("same.txt", f"{TEXT} {number}").outcome)
        connections.close_all()

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created", "new_version", "new_version", "new_version"]
    with workshop.scope():
        numbers = DocumentVersion.objects.values_list("number", flat=True)
        assert sorted(numbers) == [1, 2, 3, 4]


def test_nothing_is_left_of_an_upload_whose_transaction_fails(workshop: Workshop) -> None:
    with pytest.raises(ZeroDivisionError), workshop.scope():  # noqa: PT012  it fails after the upload
        documents.upload(collection=workshop.collection, filename="a.txt", content=b"text")
        raise ZeroDivisionError
    with workshop.scope():
        assert not Document.objects.exists()
    assert work_off() == 0


def test_only_what_has_failed_can_be_retried(workshop: Workshop) -> None:
    document = workshop.ingest("a.txt", TEXT)
    with workshop.scope(), pytest.raises(NotRetryable, match="has not failed"):
        documents.retry(document=document)


def test_a_failed_document_can_be_retried_one_by_one_or_all_together(workshop: Workshop) -> None:
    failed = [workshop.ingest(f"{n}.txt", " \n ") for n in range(3)]
    assert {row.state for row in failed} == {"failed"}
    with workshop.scope():
        documents.retry(document=failed[0])
        assert documents.retry_failed(collection=workshop.collection) == 2
        assert documents.retry_failed(collection=workshop.collection) == 0
    assert {workshop.document(row.pk).state for row in failed} == {"queued"}


def test_the_same_bytes_of_a_failed_document_are_tried_again(workshop: Workshop) -> None:
    workshop.ingest("a.txt", " \n ")
    again = workshop.upload("a.txt", " \n ")
    assert again.outcome == "unchanged"
    assert "tried again" in again.note
    assert work_off() == 1


def test_a_deleted_document_is_out_of_search_and_may_come_back(workshop: Workshop) -> None:
    document = workshop.ingest("a.txt", TEXT)
    assert workshop.current_texts(document)
    with workshop.scope():
        documents.delete(document=document)
        documents.delete(document=document)
        assert collections.coverage() == {}
        assert AuditEvent.objects.filter(action="document.deleted").count() == 1
    assert workshop.current_texts(document) == []
    again = workshop.upload("a.txt", TEXT)
    assert again.outcome == "created"
    work_off()
    assert workshop.current_texts(document) == [TEXT]


def test_deleting_takes_an_unfinished_document_out_of_the_queue(workshop: Workshop) -> None:
    found = workshop.upload("a.txt", TEXT)
    with workshop.scope():
        documents.delete(document=found.document)
    assert work_off() == 0


def test_another_tenants_documents_are_out_of_reach(workshop: Workshop, charlie: Member) -> None:
    document = workshop.ingest("a.txt", " \n ")
    with charlie.scope():
        assert not Document.objects.filter(pk=document.pk).exists()
        with pytest.raises(NotRetryable):
            documents.retry(document=document)
        documents.delete(document=document)
    assert workshop.document(document.pk).deleted_at is None


def test_another_tenants_collection_takes_no_documents(workshop: Workshop, charlie: Member) -> None:
    from django.db import IntegrityError

    with pytest.raises(IntegrityError), charlie.scope():
        documents.upload(collection=workshop.collection, filename="a.txt", content=b"text")
    connection.close()
    with charlie.scope():
        assert not Document.objects.exists()


def test_coverage_counts_what_can_be_found(workshop: Workshop) -> None:
    workshop.ingest("a.txt", TEXT)
    workshop.ingest("b.txt", " \n ")
    workshop.upload("c.txt", TEXT)
    with workshop.scope():
        found = collections.coverage()[workshop.collection.pk]
    assert str(found) == "1 of 3 searchable, 1 waiting, 1 failed"
