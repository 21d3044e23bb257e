"""Many rows by one parameter are the rows that one by one would be."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.expressions import DatabaseDefault
from django.test.utils import CaptureQueriesContext

from ingestion.inserting import insert
from ingestion.models import Document, IngestionRun, Source, State
from tenants.identifiers import uuid7
from tests.ingestion.workshop import Workshop

NAMES = {field.attname for field in Document._meta.local_concrete_fields}
ODD = 'quote " \\ back, {brace}, línea\nnew \U0001f600'


def test_every_kind_of_value_arrives(workshop: Workshop) -> None:
    with workshop.scope():
        groups = [uuid7(), uuid7()]
        rows = [new(workshop, ODD, groups), new(workshop, "plain", [])]
        with CaptureQueriesContext(connection) as queries:
            insert(rows)
        assert len(queries) == 1
        found = {row.pk: row for row in Document.objects.filter(collection=workshop.collection)}
        assert set(found) == {row.pk for row in rows}
        for row in rows:
            given = {name: value for name, value in vars(row).items() if name in NAMES}
            assert isinstance(given.pop("fixed_title"), DatabaseDefault)
            assert given == {name: getattr(found[row.pk], name) for name in given}
        # They are known to be saved: saving them again changes them.
        rows[0].title = "Another"
        rows[0].save(update_fields=["title"])
        assert Document.objects.get(pk=rows[0].pk).title == "Another"


def test_what_the_database_decides_is_left_to_it(workshop: Workshop) -> None:
    uploaded = workshop.upload("a.md", "The pump must be serviced.")
    with workshop.scope():
        run = IngestionRun(document=uploaded.document, version=uploaded.version, state=State.READY)
        run.tenant_id = workshop.tenant.pk
        insert([run])
        kept = IngestionRun.objects.get(pk=run.pk)
        assert kept.not_before is not None
        assert kept.state == "ready"


def test_no_rows_are_no_statement(workshop: Workshop) -> None:
    with workshop.scope(), CaptureQueriesContext(connection) as queries:
        insert([])
    assert [one for one in queries if "INSERT" in one["sql"]] == []


def test_a_constraint_is_refused_as_ever(workshop: Workshop) -> None:
    with workshop.scope():
        insert([new(workshop, "once", [])])
        with pytest.raises(IntegrityError, match="document_external_id_once"), transaction.atomic():
            insert([new(workshop, "once", [])])


def new(workshop: Workshop, name: str, groups: list[object]) -> Document:
    source, _ = Source.objects.get_or_create(
        tenant_id=workshop.tenant.pk, collection=workshop.collection, kind="api", name="API"
    )
    return Document(
        tenant_id=workshop.tenant.pk,
        collection=workshop.collection,
        source=source,
        external_id=name,
        title=name,
        metadata={"text": ODD, "list": [1, None, 2.5], "none": None},
        reader_groups=groups,
    )
