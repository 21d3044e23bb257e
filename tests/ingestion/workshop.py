"""A collection to upload into, and a worker's work done in the test's own process."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from uuid import UUID

import pytest
from django.db import connections

from ingestion import collections, documents, pipeline, work
from ingestion.arrival import Uploaded
from ingestion.models import Chunk, Collection, Document, IngestionRun
from ingestion.work import Claim
from tenants.models import Tenant
from tenants.scope import Principal, platform_principal, tenant_scope
from tests.ingestion.pdfs import pdf as pdf

CLOSE_QUEUE = (
    "UPDATE ingestion_ingestionrun SET state = 'failed', reason = 'left by another test', lease_until = NULL"
    " WHERE state NOT IN ('ready', 'failed')"
)


@dataclass
class Workshop:
    """One collection of one tenant."""

    tenant: Tenant
    collection: Collection

    def scope(self) -> AbstractContextManager[Principal]:
        """The platform's scope in the tenant."""
        return tenant_scope(platform_principal(self.tenant.pk))

    def upload(self, filename: str, content: bytes | str, **options: object) -> Uploaded:
        """Upload one file. Raises UploadRefused."""
        data = content.encode() if isinstance(content, str) else content
        with self.scope():
            return documents.upload(
                collection=self.collection,
                filename=filename,
                content=BytesIO(data),
                **options,  # type: ignore[arg-type]
            )

    def ingest(self, filename: str, content: bytes | str, **options: object) -> Document:
        """Upload one file and do the worker's part; the document as it then is."""
        found = self.upload(filename, content, **options)
        work_off()
        return self.document(found.document.pk)

    def document(self, key: UUID) -> Document:
        with self.scope():
            return Document.objects.get(pk=key)

    def run_of(self, document: Document) -> IngestionRun:
        """The newest run of a document."""
        with self.scope():
            return IngestionRun.objects.filter(document=document).order_by("-created_at")[0]

    def current_texts(self, document: Document) -> list[str]:
        """The texts of a document's chunks that search can find now, in order."""
        with self.scope():
            rows = Chunk.objects.filter(document=document, valid_to=None)
            return list(rows.order_by("ordinal").values_list("text", flat=True))


def work_off() -> int:
    """What a worker does until nothing is due; how many batches there were."""
    batches = 0
    while claimed := work.claim():
        pipeline.process(claimed)
        batches += 1
    return batches


def claimed() -> Claim:
    """The next batch, which must exist."""
    found = work.claim()
    assert found is not None, "nothing was due"
    return found


def operator(sql: str, *parameters: object) -> int:
    """A statement across tenants, for what only time or a crash would do; how many rows it changed."""
    with connections["operator"].cursor() as cursor:
        cursor.execute(sql, parameters)  # type: ignore[arg-type]
        return int(cursor.rowcount)


def let_leases_lapse() -> None:
    """As if thirty seconds had gone by without a heartbeat."""
    operator(
        "UPDATE ingestion_ingestionrun SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL"
    )


def let_delays_pass() -> None:
    """As if the delay before the next attempt had gone by."""
    operator("UPDATE ingestion_ingestionrun SET not_before = now() WHERE not_before > now()")


@pytest.fixture
def quiet_queue(database: None) -> Iterator[None]:
    """No run of another test is open: claiming looks across all tenants."""
    operator(CLOSE_QUEUE)
    yield
    operator(CLOSE_QUEUE)


@pytest.fixture
def new_workshop(quiet_queue: None) -> Callable[[Tenant], Workshop]:
    """Makes a collection in a tenant."""

    def make(tenant: Tenant) -> Workshop:
        with tenant_scope(platform_principal(tenant.pk)):
            return Workshop(tenant, collections.ensure("papers"))

    return make


@pytest.fixture
def workshop(acme: Tenant, new_workshop: Callable[[Tenant], Workshop]) -> Workshop:
    """A collection of Acme."""
    return new_workshop(acme)
