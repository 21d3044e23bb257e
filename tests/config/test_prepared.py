"""A start sets up what has changed since the last one, and nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.launch import prepared
from config.launch.home import Home


@pytest.fixture
def owner(database: None) -> Iterator[str]:
    url = os.environ["MIGRATION_DATABASE_URL"]
    yield url
    with psycopg.connect(url) as connection:
        connection.execute("COMMENT ON DATABASE test_footnote IS NULL")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one migration."""
    monkeypatch.setattr(prepared, "REPOSITORY", tmp_path)
    migrations = tmp_path / "ingestion" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "0001_initial.py").write_text("first")
    return migrations


@pytest.fixture
def set_up_home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    (home.path / "static").mkdir()
    return home


def test_what_was_set_up_is_not_set_up_again(owner: str, sources: Path, set_up_home: Home) -> None:
    assert not prepared.is_current(owner, prepared.fingerprint(set_up_home, demo=False))
    prepared.remember(owner, prepared.fingerprint(set_up_home, demo=False))
    assert prepared.is_current(owner, prepared.fingerprint(set_up_home, demo=False))


def test_a_changed_or_new_source_is_set_up(owner: str, sources: Path, set_up_home: Home) -> None:
    prepared.remember(owner, prepared.fingerprint(set_up_home, demo=False))
    (sources / "0002_more.py").write_text("second")
    assert not prepared.is_current(owner, prepared.fingerprint(set_up_home, demo=False))

    prepared.remember(owner, prepared.fingerprint(set_up_home, demo=False))
    (sources / "0001_initial.py").write_text("first, changed")
    assert not prepared.is_current(owner, prepared.fingerprint(set_up_home, demo=False))


def test_what_is_missing_is_set_up(owner: str, sources: Path, set_up_home: Home) -> None:
    prepared.remember(owner, prepared.fingerprint(set_up_home, demo=False))
    assert not prepared.is_current(owner, prepared.fingerprint(set_up_home, demo=True)), (
        "no demo yet"
    )

    (set_up_home.path / "static").rmdir()
    gone = prepared.fingerprint(set_up_home, demo=False)
    prepared.remember(owner, gone)
    assert not prepared.is_current(owner, gone)
