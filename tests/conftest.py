"""The test database, and what every test may ask for.

``bin/test`` starts a Postgres of its own and names it in the environment. The database ``test_footnote`` is dropped and
made anew by the superuser, migrated by the owner, and used by the tests as ``footnote_app``, like the product: a test
of isolation that runs as owner or superuser proves nothing, so the session refuses to.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from _pytest.terminal import TerminalReporter
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import TransactionTestCase
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pytest_django.plugin import DjangoDbBlocker

from config.launch import roles
from tests import shards

pytest_plugins = [
    "tests.cast",
    "tests.fakes.plugin",
    "tests.library",
    "tests.live",
    "tests.ingestion.workshop",
    "tests.ingestion.watch",
]


def pytest_configure(config: pytest.Config) -> None:
    """Sends those who call pytest directly to the command that makes the database."""
    if not os.environ.get("SUPERUSER_DATABASE_URL"):
        pytest.exit(
            "Run the tests with bin/test: it starts the database that they need.", returncode=4
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: their event loop then stays in this thread, where others run one of their own."""
    items.sort(key=shards.uses_browser)
    shards.keep_files_together(items)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names a case of bytes by its argument: archives hold the time, and every process must collect the same names."""
    return argname if isinstance(val, bytes) else None


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Says which linters failed, above pytest's closing line."""
    if failed := os.environ.get("FOOTNOTE_FAILED_CHECKS"):
        terminalreporter.section("failed checks", red=True)
        terminalreporter.line(f"These failed before the tests (see the top): {failed}")


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> None:
    """Makes the database; with ``--reuse-db`` it only migrates the one that is there."""
    if not request.config.getoption("reuse_db"):
        _drop_database()
    roles.bootstrap(
        os.environ["SUPERUSER_DATABASE_URL"], _database(), roles.Passwords.from_environment()
    )
    with django_db_blocker.unblock():
        call_command("migrate", database="owner", verbosity=0)
        assert_runtime_role_is_bound()
        for connection in connections.all():
            connection.close()


def _database() -> str:
    name = str(conninfo_to_dict(os.environ["DATABASE_URL"])["dbname"])
    assert name.startswith("test_"), f"{name} is no test database"
    return name


def _drop_database() -> None:
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_database()))
    with psycopg.connect(os.environ["SUPERUSER_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(drop)


def assert_runtime_role_is_bound() -> None:
    """The role of ``default`` is neither superuser nor above the policies, and owns nothing that it reads."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,"
            " EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid),"
            " pg_has_role(current_user, 'footnote_owner', 'MEMBER')"
            " FROM pg_roles WHERE rolname = current_user"
        )
        found = cursor.fetchone()
    assert found == ("footnote_app", False, False, False, False, False, False), found


@pytest.fixture(scope="session", autouse=True)
def static_root() -> None:
    """Whitenoise serves the sources of static files in tests, and still wants the folder of collected ones."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session", autouse=True)
def rows_stay() -> Iterator[None]:
    """Tests that commit leave their rows: each has tenants of its own, and the runtime role may not truncate."""
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: None)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium. Without one, browser tests are skipped; on a CI machine they fail."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("CI"):
        pytest.fail("There is no Chromium on this CI machine: .ci/run installs it.")
    pytest.skip("There is no Chromium on this machine: apt-get install chromium.")
