"""The pool of connections finds a database again that was away for longer than its first attempts."""

import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from psycopg_pool import ConnectionPool, PoolTimeout

AWAY_SECONDS = (
    8.0  # doubling pauses look after 0, 1, 3, 7 and 15 seconds: the worst is just after one
)


@pytest.mark.django_db
def test_a_database_that_was_away_for_long_is_found_soon() -> None:
    database = settings.DATABASES["default"]
    with tempfile.TemporaryDirectory(prefix="fn-") as folder:
        known = {"user": database["USER"], "password": database["PASSWORD"]}
        where = psycopg.conninfo.make_conninfo(host=folder, dbname=database["NAME"], **known)
        with ConnectionPool(where, **database["OPTIONS"]["pool"], open=True) as pool:
            began = time.monotonic()
            while time.monotonic() - began < AWAY_SECONDS:
                assert not answers(pool)
            for socket in Path(database["HOST"]).glob(".s.PGSQL.*"):
                (Path(folder) / socket.name).symlink_to(socket)
            back = time.monotonic()
            while not answers(pool):
                assert time.monotonic() - back < 4
            assert time.monotonic() - back < 4


def answers(pool: ConnectionPool) -> bool:
    """As a request would ask, that waits for half a second."""
    with suppress(PoolTimeout, psycopg.OperationalError), pool.connection(timeout=0.5) as own:
        return own.execute("SELECT 1").fetchone() == (1,)
    return False
