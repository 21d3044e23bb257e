"""Lists of documents: a page after the other, newest first, and only a collection's own documents are read for it."""

from datetime import timedelta

from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion import collections, overview
from ingestion.models import Collection, Document, Source
from tests.cast import Member

PAGE = overview.PAGE_SIZE


def shelf(member: Member, slug: str, count: int) -> Collection:
    """A collection of so many documents, all of one moment but for the odd ones: they came an hour before."""
    with member.scope():
        found = collections.create(slug=slug, name=slug)
        source = Source.objects.create(collection=found, kind="upload", name="upload")
        names = [f"{slug} {n}" for n in range(count)]
        rows = Document.objects.bulk_create(
            Document(
                tenant_id=member.tenant.pk,
                collection=found,
                source=source,
                external_id=name,
                title=name,
            )
            for name in names
        )
        at = timezone.now()
        Document.objects.filter(collection=found).update(created_at=at)
        odd = [row.pk for row in rows[1::2]]
        Document.objects.filter(pk__in=odd).update(created_at=at - timedelta(hours=1))
    return found


def test_pages_follow_each_other_newest_first_and_hold_each_document_once(alice: Member) -> None:
    found = shelf(alice, "minutes", 2 * PAGE + 10)
    seen: list[Document] = []
    with alice.scope():
        while True:
            page = overview.documents_of(found.pk, before=seen[-1].pk if seen else None)
            seen += [row.document for row in page[:PAGE]]
            if len(page) <= PAGE:
                break
    assert len({one.pk for one in seen}) == len(seen) == 2 * PAGE + 10
    assert seen == sorted(seen, key=lambda one: (one.created_at, one.pk), reverse=True)


def test_a_page_is_read_by_the_index_of_its_collection(alice: Member, charlie: Member) -> None:
    found = shelf(alice, "minutes", 200)
    for member, slug in ((alice, "others"), (charlie, "foreign")):
        shelf(member, slug, 4_000)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE ingestion_document")
    with alice.scope():
        newest = overview.documents_of(found.pk)[-1].document
        for before in (None, newest.pk):
            with CaptureQueriesContext(connection) as asked:
                overview.documents_of(found.pk, before=before)
            listed = next(one["sql"] for one in asked if "LIMIT 51" in one["sql"])
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {listed}")
                plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "using document_newest" in plan, plan
