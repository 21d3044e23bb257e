"""The catalog shows no hole, and would show one: each kind of hole is made in turn and found."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import connections, transaction

from tenants.tables import TenantTable
from tests.cast import Member
from tests.security.catalog import violations

TABLES = sorted(
    model._meta.db_table for model in apps.get_models() if issubclass(model, TenantTable)
)

HOLES = {
    "a policy is dropped": "DROP POLICY tenant_rows ON {table}",
    "row-level security is off": "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "the owner is let through": "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "a second policy lets all rows through": "CREATE POLICY all_rows ON {table} USING (true)",
    "the policy forgets the tenant": "ALTER POLICY tenant_rows ON {table} USING (true)",
    "writes are not checked": "ALTER POLICY tenant_rows ON {table} WITH CHECK (true)",
}


@contextmanager
def undone(*statements: str) -> Iterator[None]:
    """The owner runs the statements; everything is rolled back at the end."""
    with transaction.atomic(using="owner"):
        with connections["owner"].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield
        transaction.set_rollback(True, using="owner")


def test_the_catalog_shows_no_hole(database: None) -> None:
    assert violations() == []


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_in_any_tenant_table_is_found(database: None, hole: str) -> None:
    missed = []
    for table in TABLES:
        with undone(HOLES[hole].format(table=table)):
            if not any(table in violation for violation in violations()):
                missed.append(table)
    assert missed == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE leak (tenant_id uuid)",
        "CREATE TABLE leak (id int)",
        "CREATE VIEW leak AS SELECT * FROM ingestion_chunk",
        "CREATE MATERIALIZED VIEW leak AS SELECT 1",
        "CREATE FUNCTION leak() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "CREATE UNIQUE INDEX leak ON ingestion_document (external_id, id)",
        "ALTER TABLE ingestion_chunk DROP CONSTRAINT ingestion_chunk_version_id_fk",
        "GRANT SELECT ON ingestion_chunk_03 TO footnote_app",
        "GRANT TRUNCATE ON ingestion_document TO footnote_app",
        "GRANT DELETE ON tenants_auditevent TO footnote_app",
        "ALTER FUNCTION footnote_key(bytea) RESET search_path",
        "GRANT EXECUTE ON FUNCTION footnote_places(uuid) TO PUBLIC",
    ],
)
def test_another_kind_of_hole_is_found(database: None, statement: str) -> None:
    with undone(statement):
        assert violations() != []


def test_a_table_without_its_security_would_show_foreign_rows(
    alice: Member, charlie: Member
) -> None:
    """The canary itself: what the other tests rely on is the policy, not luck."""

    def rows() -> int:
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tenants_membership")
            return int(cursor.fetchone()[0])

    assert rows() == 0
    with undone("ALTER TABLE tenants_membership DISABLE ROW LEVEL SECURITY"):
        assert rows() >= 2
