"""The environment variables by which settings.py finds the database, the queue and the keys.

Either all of them come from the outside (DATABASE_URL is set: production, or a Postgres of one's own), or all of them
are made here for the embedded Postgres.
"""

import os
from dataclasses import dataclass

from config.launch import database, roles
from config.launch.database import Database
from config.launch.errors import LaunchError
from config.launch.home import REPOSITORY, Home


@dataclass
class Surroundings:
    """What a child process needs to be Footnote: its variables, and the embedded database when there is one."""

    home: Home
    variables: dict[str, str]
    database: Database | None

    def release(self) -> None:
        """Stops the embedded database unless others use it."""
        if self.database is not None:
            self.database.release()


def surroundings(home: Home, name: str = database.DATABASE) -> Surroundings:
    """Starts the embedded database, unless DATABASE_URL names another. Raises LaunchError."""
    if os.environ.get("DATABASE_URL"):
        return Surroundings(home, _external(home), None)
    embedded = database.use(home)
    embedded.bootstrap(name)
    return Surroundings(home, {**_general(home), **_embedded(embedded, name)}, embedded)


def _general(home: Home) -> dict[str, str]:
    return {
        **os.environ,
        "FOOTNOTE_HOME": str(home.path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "platform"), str(REPOSITORY)]),
        "PYTHONUNBUFFERED": "1",
    }


def _embedded(embedded: Database, name: str) -> dict[str, str]:
    kept = embedded.credentials
    return {
        "FOOTNOTE_ENV": "development",
        "DATABASE_URL": embedded.url(roles.APP, name),
        "MIGRATION_DATABASE_URL": embedded.url(roles.OWNER, name),
        "OPERATOR_DATABASE_URL": embedded.url(roles.OPERATOR, name),
        "BACKUP_DATABASE_URL": embedded.url(roles.BACKUP, name),
        "QUEUE_DATABASE_URL": embedded.url(roles.QUEUE, name),
        "SECRET_KEY": os.environ.get("SECRET_KEY") or kept.secret_key,
        "FOOTNOTE_ENCRYPTION_KEYS": os.environ.get("FOOTNOTE_ENCRYPTION_KEYS")
        or kept.encryption_key,
    }


def _external(home: Home) -> dict[str, str]:
    needed = ["MIGRATION_DATABASE_URL", "OPERATOR_DATABASE_URL"]
    if not os.environ.get("CELERY_BROKER_URL"):
        needed.append("QUEUE_DATABASE_URL")
    missing = [variable for variable in needed if not os.environ.get(variable)]
    if missing:
        raise LaunchError(
            f"DATABASE_URL is set, so {' and '.join(missing)} must be set too (see docs/settings.md)."
        )
    return _general(home)
