"""Whether a start has anything to set up: no, when neither the sources nor the database have changed since the last.

The fingerprint of what was set up is kept as the database's comment, so that another database, or an older one put
back in its place, is set up again.
"""

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql

from config.launch.home import REPOSITORY, Home

# All that migrations, static files and the demo are made of.
SOURCES = (
    *("platform", "ingestion", "retrieval", "inference", "evals"),
    *("static", "templates", "docs/handbook", "requirements"),
)


def fingerprint(home: Home, *, demo: bool) -> str:
    """Of names, sizes and times of change: about 1,500 stats, some 20 ms. Empty when something is missing."""
    if not (home.path / "static").exists() or (demo and not home.demo.exists()):
        return ""
    digest = hashlib.sha256(f"{home.path} {demo}".encode())
    for source in SOURCES:
        for path in sorted((REPOSITORY / source).rglob("*")):
            if path.suffix != ".pyc" and path.is_file():
                digest.update(f"{path} {_state(path)}\n".encode())
    return digest.hexdigest()


def _state(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"


def is_current(owner_url: str, found: str) -> bool:
    """Whether the database carries this fingerprint."""
    with psycopg.connect(owner_url) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
    return bool(found) and row == (_comment(found),)


def remember(owner_url: str, found: str) -> None:
    """Writes the fingerprint into the database; its owner may."""
    with psycopg.connect(owner_url) as connection:
        name = sql.Identifier(connection.info.dbname)
        comment = sql.Literal(_comment(found))
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, comment))


def _comment(found: str) -> str:
    return f"Footnote, set up from {found}"
