"""What the database roles are and may do, read from the catalog of the migrated test database."""

import os
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command

from config.launch import roles

ROLES = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin FROM pg_roles"


@pytest.fixture
def superuser(database: None) -> psycopg.Connection:
    url = psycopg.conninfo.make_conninfo(
        os.environ["SUPERUSER_DATABASE_URL"], dbname="test_footnote"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def as_role(variable: str) -> psycopg.Connection:
    return psycopg.connect(os.environ[variable], autocommit=True)


@pytest.mark.parametrize(
    ("role", "bypasses", "signs_in"),
    [
        (roles.OWNER, False, True),
        (roles.APP, False, True),
        (roles.OPERATOR, True, True),
        (roles.BACKUP, True, True),
        (roles.QUEUE, False, True),
        (roles.SEARCH, True, False),
    ],
)
def test_no_role_is_more_than_its_work_needs(
    superuser: psycopg.Connection, role: str, bypasses: bool, signs_in: bool
) -> None:
    found = superuser.execute(f"{ROLES} WHERE rolname = %s", [role]).fetchone()
    assert found == (False, bypasses, False, False, False, signs_in)


def test_only_the_owner_and_the_searching_role_can_make_things(
    superuser: psycopg.Connection,
) -> None:
    makers = superuser.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'footnote%' AND"
        " has_schema_privilege(rolname, 'public', 'create') ORDER BY 1"
    ).fetchall()
    assert makers == [(roles.OWNER,), (roles.SEARCH,)]


@pytest.mark.parametrize(
    ("variable", "statement"),
    [
        ("DATABASE_URL", "CREATE TABLE mine (id int)"),
        ("DATABASE_URL", "CREATE TEMPORARY TABLE mine (id int)"),
        ("DATABASE_URL", "TRUNCATE tenants_tenant CASCADE"),
        ("DATABASE_URL", "SET ROLE footnote_search"),
        ("DATABASE_URL", "SELECT * FROM pgmq.meta"),
        ("OPERATOR_DATABASE_URL", "CREATE TABLE mine (id int)"),
        ("OPERATOR_DATABASE_URL", "TRUNCATE tenants_tenant CASCADE"),
        ("BACKUP_DATABASE_URL", "DELETE FROM tenants_tenant"),
        ("QUEUE_DATABASE_URL", "SELECT * FROM public.tenants_tenant"),
        ("QUEUE_DATABASE_URL", "CREATE TABLE public.mine (id int)"),
        ("QUEUE_DATABASE_URL", "CREATE SCHEMA mine"),
    ],
)
def test_what_a_role_may_not_do_is_refused(database: None, variable: str, statement: str) -> None:
    with as_role(variable) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_every_table_is_the_owners_and_open_to_the_runtime_only_by_its_parent(
    superuser: psycopg.Connection,
) -> None:
    foreign = superuser.execute(
        "SELECT relname, pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'v', 'm') AND pg_get_userbyid(relowner) <> %s",
        [roles.OWNER],
    ).fetchall()
    assert foreign == []


def test_nobody_else_can_connect(superuser: psycopg.Connection) -> None:
    open_to_all = superuser.execute(
        "SELECT count(*) FROM pg_database, aclexplode(datacl) x WHERE datname = current_database() AND x.grantee = 0"
    ).fetchone()
    assert open_to_all == (0,)


def test_bootstrapping_again_changes_nothing(superuser: psycopg.Connection) -> None:
    state = (
        "SELECT relname, relacl::text FROM pg_class"
        " WHERE relnamespace IN ('public'::regnamespace, 'pgmq'::regnamespace)"
        " UNION ALL"
        " SELECT format('%s %s %s', defaclrole, defaclnamespace, defaclobjtype), defaclacl::text FROM pg_default_acl"
        " ORDER BY 1, 2"
    )
    before = superuser.execute(state).fetchall()
    call_command("bootstrap_roles", stdout=StringIO())
    assert superuser.execute(state).fetchall() == before


def test_bootstrapping_names_the_url_that_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BACKUP_DATABASE_URL")
    with pytest.raises(CommandError, match="BACKUP_DATABASE_URL"):
        call_command("bootstrap_roles")


def test_a_dump_by_the_backup_role_is_complete(database: None) -> None:
    """It reads every table of both schemas, without a tenant set."""
    with as_role("BACKUP_DATABASE_URL") as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'pgmq')"
        ).fetchall()
        assert len(tables) > 20
        for (table,) in tables:
            connection.execute(f"SELECT * FROM {table} LIMIT 1")
