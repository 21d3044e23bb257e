"""The database roles: the embedded run and production make them with this same code (``manage.py bootstrap_roles``).

| role               | may                                                                        | used by           |
|--------------------|----------------------------------------------------------------------------|-------------------|
| footnote_owner     | owns the database and the schema; bound by the policies, which are forced  | migrations        |
| footnote_app       | reads and writes rows under row-level security; owns nothing, makes nothing | web, worker       |
| footnote_operator  | the same without row-level security (BYPASSRLS), no DDL                    | jobs over tenants |
| footnote_backup    | reads everything, writes nothing                                           | pg_dump           |
| footnote_queue     | owns the message tables in the schema ``pgmq``; sees nothing else          | Celery's broker   |
| footnote_search    | cannot sign in; owns the pinned SECURITY DEFINER functions                 | those functions   |

``bootstrap`` can be repeated at any time: it sets what is missing or different. It costs about 50 ms when nothing is.
"""

import os
from dataclasses import dataclass, field
from importlib.resources import files

import psycopg
from pgmq.install import get_embedded_install_sql
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.launch.errors import LaunchError

OWNER, APP, OPERATOR = "footnote_owner", "footnote_app", "footnote_operator"
BACKUP, QUEUE, SEARCH = "footnote_backup", "footnote_queue", "footnote_search"

_PLAIN = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
# What each role is, beyond its name and password.
ATTRIBUTES = {
    OWNER: f"{_PLAIN} NOBYPASSRLS LOGIN",
    APP: f"{_PLAIN} NOBYPASSRLS LOGIN",
    OPERATOR: f"{_PLAIN} BYPASSRLS LOGIN",
    BACKUP: f"{_PLAIN} BYPASSRLS LOGIN",
    QUEUE: f"{_PLAIN} NOBYPASSRLS LOGIN",
    SEARCH: f"{_PLAIN} BYPASSRLS NOLOGIN",
}


@dataclass(frozen=True)
class Passwords:
    """The password of each role that can sign in."""

    owner: str = field(repr=False)
    app: str = field(repr=False)
    operator: str = field(repr=False)
    backup: str = field(repr=False)
    queue: str = field(repr=False)

    @classmethod
    def from_environment(cls) -> "Passwords":
        """The passwords in the URLs of the environment. Raises LaunchError naming the URL that has none."""
        return cls(**{name: _password_of(variable) for name, variable in _URLS.items()})

    def by_role(self) -> dict[str, str]:
        return {
            OWNER: self.owner,
            APP: self.app,
            OPERATOR: self.operator,
            BACKUP: self.backup,
            QUEUE: self.queue,
        }


_URLS = {
    "owner": "MIGRATION_DATABASE_URL",
    "app": "DATABASE_URL",
    "operator": "OPERATOR_DATABASE_URL",
    "backup": "BACKUP_DATABASE_URL",
    "queue": "QUEUE_DATABASE_URL",
}


def _password_of(variable: str) -> str:
    try:
        password = conninfo_to_dict(os.environ.get(variable, "")).get("password")
    except psycopg.ProgrammingError as error:
        raise LaunchError(f"{variable} is no Postgres URL: {error}") from error
    if not password:
        raise LaunchError(
            f"{variable} must be a postgresql:// URL with the role's name and password."
        )
    return str(password)


def bootstrap(superuser: str, database: str, passwords: Passwords) -> None:
    """Makes roles, database, extension, grants and the queue's schema.

    ``superuser`` is a connection string to any database of the server, of a role that may create roles and the
    extension. Raises psycopg.Error when it may not.
    """
    with psycopg.connect(superuser, autocommit=True) as connection:
        # Two who change one role at once would fail; the lock goes with the connection.
        connection.execute("SELECT pg_advisory_lock(hashtext('footnote bootstrap'))")
        for role, attributes in ATTRIBUTES.items():
            _ensure_role(connection, role, attributes, passwords.by_role().get(role))
        _ensure_database(connection, database)
        with psycopg.connect(make_conninfo(superuser, dbname=database)) as inside:
            _grant(inside, database)
            _install_queue(inside, database)


def _ensure_role(
    connection: psycopg.Connection, role: str, attributes: str, password: str | None
) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = "ALTER" if known else "CREATE"
    statement = sql.SQL("{} ROLE {} {} PASSWORD {}").format(
        sql.SQL(verb), sql.Identifier(role), sql.SQL(attributes), sql.Literal(password)
    )
    connection.execute(statement)


def _ensure_database(connection: psycopg.Connection, database: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
    if not known.fetchone():
        # Creating it for another role asks for membership in that role where we are no superuser.
        make = "CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0"
        connection.execute(sql.SQL(make).format(sql.Identifier(database), sql.Identifier(OWNER)))


def _grant(connection: psycopg.Connection, database: str) -> None:
    script = files("config.launch").joinpath("grants.sql").read_text(encoding="utf-8")
    name = sql.Identifier(database).as_string(connection)
    connection.execute(script.replace(":database", name).encode())


def _install_queue(connection: psycopg.Connection, database: str) -> None:
    """The queue's tables and functions, without the extension, owned by the queue's role."""
    found = connection.execute("SELECT to_regclass('pgmq.meta')").fetchone()
    if found and found[0]:
        return
    name = sql.Identifier(database)
    role = sql.Identifier(QUEUE)
    # The script says CREATE SCHEMA, which asks for a right on the database; it is taken back at once.
    connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(name, role))
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
    connection.execute(get_embedded_install_sql().encode())
    connection.execute("RESET ROLE")
    connection.execute(sql.SQL("REVOKE CREATE ON DATABASE {} FROM {}").format(name, role))
