"""A small library that is really ingested, and machines that may ask it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ingestion import collections, documents, pipeline, work
from ingestion.models import Collection, Document
from tenants import people
from tenants.models import ApiKey, Tenant
from tenants.scope import platform_principal, tenant_scope

LEAVE = b"""# Leave

Employees get 25 days of paid leave a year. Contractors do not get paid leave.

# Offices

The Zurich office closes at 18:00. The Berlin office closes at 19:30 and has 42 desks.
"""
EXPENSES = b"""# Expenses

Travel expenses above 500 EUR need approval by the finance lead, Dana Keller. Receipts are due within 30 days.
"""


@dataclass
class Library:
    """One tenant's collections; everything in it goes through ingestion."""

    tenant: Tenant
    collections: dict[str, Collection] = field(default_factory=dict)

    def add(self, slug: str, **files: bytes) -> list[Document]:
        """Upload ``name=content`` as Markdown files and wait until they are searchable."""
        with tenant_scope(platform_principal(self.tenant.pk)):
            collection = self.collections.setdefault(slug, collections.ensure(slug))
            taken = [
                documents.upload(collection=collection, filename=f"{name}.md", content=content)
                for name, content in files.items()
            ]
        ingest_all(self.tenant)
        with tenant_scope(platform_principal(self.tenant.pk)):
            found = [Document.objects.get(pk=one.document.pk) for one in taken]
        assert {row.state for row in found} == {"ready"}
        return found


def ingest_all(tenant: Tenant) -> None:
    """Do what a worker does, in this process, for one tenant; what other tests left behind is claimed and left."""
    while claimed := work.claim():
        if claimed.tenant_id == tenant.pk:
            pipeline.process(claimed)


@dataclass(frozen=True)
class Key:
    """An API key; ``secret`` goes into the header."""

    row: ApiKey
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


NewKey = Callable[..., Key]


@pytest.fixture
def new_key(database: None) -> NewKey:
    """Makes keys: ``new_key(acme, scopes=["search"])``."""

    def make(tenant: Tenant, **options: object) -> Key:
        with tenant_scope(platform_principal(tenant.pk)):
            fresh = people.create_key(name="robot", **options)  # type: ignore[arg-type]
        return Key(fresh.row, fresh.secret)

    return make


@pytest.fixture
def acme_key(acme: Tenant, new_key: NewKey) -> Key:
    """A key of Acme with every scope."""
    return new_key(acme)


@pytest.fixture
def globex_key(globex: Tenant, new_key: NewKey) -> Key:
    """A key of Globex, which must see nothing of Acme."""
    return new_key(globex)


@pytest.fixture
def acme_library(acme: Tenant, database: None) -> Library:
    """Acme's handbook: leave, offices, expenses."""
    library = Library(acme)
    library.add("handbook", leave=LEAVE, expenses=EXPENSES)
    return library
