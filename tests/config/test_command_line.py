"""A command on a database that is behind the code says what to do."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from config.command_line import BEHIND
from config.launch import roles
from config.launch.home import REPOSITORY

UNMIGRATED = "unmigrated"
KINDS = ("", "MIGRATION_", "OPERATOR_")


def outcome(*arguments: str, database: str) -> tuple[int, str]:
    """Exit code and errors of ``manage.py`` on a database of the tests' server."""
    urls = {f"{kind}DATABASE_URL": os.environ[f"{kind}DATABASE_URL"] for kind in KINDS}
    moved = {name: url.replace("/test_footnote", f"/{database}") for name, url in urls.items()}
    ended = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **moved},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.fixture
def unmigrated(database: None) -> Iterator[str]:
    """A database with roles and grants, and no table."""
    server = os.environ["SUPERUSER_DATABASE_URL"]
    roles.bootstrap(server, UNMIGRATED, roles.Passwords.from_environment())
    yield UNMIGRATED
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as superuser:
        superuser.execute(f"DROP DATABASE {UNMIGRATED} WITH (FORCE)")


@pytest.mark.parametrize("command", [["search", "pump", "--tenant", "acme"], ["tenant", "list"]])
def test_a_command_that_misses_its_tables_says_to_migrate(
    unmigrated: str, command: list[str]
) -> None:
    assert outcome(*command, database=unmigrated) == (1, f"{BEHIND}\n")


def test_a_table_that_nobody_makes_is_still_a_fault(database: None) -> None:
    asks = "from django.db import connection; connection.cursor().execute('SELECT FROM nothing')"
    code, said = outcome("shell", "-c", asks, database="test_footnote")
    assert code == 1
    assert "Traceback" in said
    assert BEHIND not in said
