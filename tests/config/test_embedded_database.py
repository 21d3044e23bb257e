"""The embedded Postgres lives as long as somebody uses it, survives what kills its helpers, and is private."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.launch import database
from config.launch.database import Database
from config.launch.errors import DatabaseFailed, EmbeddedRefused
from config.launch.home import Home
from config.launch.server import LONGEST_SOCKET, SOCKET, socket_folder
from tests.config.homes import guards, servers, start, variables, wait_until

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def used(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database of ``home``, used by this process."""
    monkeypatch.setenv("FOOTNOTE_ENV", "development")
    place = Home(home)
    place.prepare()
    found = database.use(place)
    yield found
    found.release()


def test_it_stops_with_its_last_user(home: Path, used: Database) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", USE_UNTIL_TOLD],
        env=variables(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == b"using\n"

    used.release()
    assert servers(home), "another process still uses it"

    other.stdin.close()
    other.wait()
    other.stdout.close()
    wait_until(lambda: not servers(home) and not guards(home))


def test_killed_users_do_not_keep_it(home: Path) -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", USE_UNTIL_TOLD],
        env=variables(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with user:
        assert user.stdout is not None
        user.stdout.readline()
        assert servers(home)
        user.kill()
    wait_until(lambda: not servers(home))


def test_a_killed_guard_is_replaced_and_the_server_adopted(home: Path, used: Database) -> None:
    [server] = servers(home)
    for guard in guards(home):
        guard.send_signal(signal.SIGKILL)
        guard.wait()
    assert server.is_running()

    database.use(Home(home)).users.close()

    assert [found.pid for found in servers(home)] == [server.pid]
    assert len(guards(home)) == 1


def test_a_killed_server_is_started_again_with_its_rows(home: Path, used: Database) -> None:
    with psycopg.connect(used.superuser("postgres")) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    [server] = servers(home)

    server.kill()

    def rows() -> list[tuple[int]]:
        try:
            with psycopg.connect(used.superuser("postgres")) as connection:
                return connection.execute("SELECT id FROM kept").fetchall()
        except psycopg.OperationalError:
            return []

    wait_until(lambda: rows() == [(7,)])


def test_one_that_is_killed_again_and_again_comes_back_as_quickly_each_time(
    home: Path, used: Database
) -> None:
    [guard] = guards(home)
    for _ in range(6):
        [server] = servers(home)
        server.kill()
        server.wait()
        wait_until(lambda: database._answers(used), seconds=8)
    assert guards(home) == [guard], "it has not given up in between"


def test_one_that_cannot_start_is_given_up_with_its_own_words(home: Path, used: Database) -> None:
    (used.home.path / "postgres" / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    [server] = servers(home)
    server.kill()
    wait_until(lambda: (used.home.run / "guard.failed").exists(), seconds=30)
    assert "db.log" in (used.home.run / "guard.failed").read_text()
    assert "no_such_setting" in (used.home.log / "db.log").read_text()


def test_what_a_killed_start_left_does_not_stop_the_next(home: Path, used: Database) -> None:
    used.release()
    data = (home / "postgres").resolve() / "data"
    # A half made cluster, and the pid file of a server whose number now belongs to this very process.
    (data.parent / "data.part").mkdir()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1\n5432\n\n\n\n\n")

    again = database.use(Home(home))

    psycopg.connect(again.superuser("postgres")).close()
    again.release()


def test_a_long_path_gets_its_socket_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_ENV", "development")
    deep = home / ("d" * 60) / ("e" * 60)
    place = Home(deep)
    place.prepare()
    for parent in (deep, deep.parent):
        parent.chmod(0o711)

    found = database.use(place)

    assert len(bytes(socket_folder(place) / SOCKET)) <= LONGEST_SOCKET
    assert deep not in socket_folder(place).parents
    assert stat.S_IMODE(socket_folder(place).stat().st_mode) == 0o700
    psycopg.connect(found.superuser("postgres")).close()
    found.release()
    wait_until(lambda: not servers(deep))
    assert not socket_folder(place).exists(), "nothing is left in the temporary folder"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_roots_server_works_in_a_home_that_its_user_cannot_reach(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_ENV", "development")
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    place = Home(closed / "home")
    place.prepare()

    found = database.use(place)

    psycopg.connect(found.superuser("postgres")).close()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700, "the folder's rights are left alone"
    assert place.postgres.is_symlink()
    found.release()
    wait_until(lambda: not servers(place.path))
    shutil.rmtree(place.postgres.resolve())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_a_home_that_was_closed_later_is_named_with_what_to_do(home: Path, used: Database) -> None:
    used.release()
    home.chmod(0o700)
    with pytest.raises(DatabaseFailed, match="can no longer reach"):
        database.use(Home(home))


def test_only_its_owner_can_read_it(home: Path, used: Database) -> None:
    for folder in ("postgres", "secrets", "log", "run"):
        assert stat.S_IMODE((home / folder).stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "secrets" / "credentials.json").stat().st_mode) == 0o600
    with psycopg.connect(used.superuser("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=str(socket_folder(Home(home))), user="postgres", dbname="postgres")


def test_production_does_not_use_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_ENV", "production")
    place = Home(home)
    place.prepare()
    with pytest.raises(EmbeddedRefused, match="DATABASE_URL"):
        database.use(place)
    assert not (home / "postgres").exists()


def test_lost_credentials_are_said_and_not_made_anew(home: Path, used: Database) -> None:
    used.release()
    (home / "secrets" / "credentials.json").unlink()
    with pytest.raises(DatabaseFailed, match="put the file back"):
        database.use(Home(home))
    assert not (home / "secrets" / "credentials.json").exists()


def test_a_command_keeps_it_for_its_own_time(home: Path) -> None:
    process = start(home, "manage", "shell", "-c", "print('answer', 6 * 7)")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "answer 42" in output
    wait_until(lambda: not servers(home))


USE_UNTIL_TOLD = """
import sys
from config.launch import database
from config.launch.home import Home
home = Home.from_environment()
home.prepare()
found = database.use(home)
print("using", flush=True)
sys.stdin.read()
"""
