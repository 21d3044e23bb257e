"""``bin/manage COMMAND``: becomes ``manage.py COMMAND``, with the database and the keys of this home.

The process stays a user of the embedded database when it becomes manage.py: the lock's descriptor is handed on, and
the guard stops the database once the command has ended, unless ``bin/up`` or another command uses it.
"""

import os
import subprocess
import sys

import psycopg

from config.launch.connections import Surroundings, surroundings
from config.launch.errors import LaunchError
from config.launch.home import REPOSITORY, Home

MANAGE = str(REPOSITORY / "manage.py")
# These change the schema, which only its owner may.
OWNERS_COMMANDS = {"migrate", "sqlmigrate", "dbshell", "inspectdb"}


def main(arguments: list[str]) -> int:
    """Exit code 1 when there is no database to be had; otherwise the command's."""
    home = Home.from_environment()
    try:
        home.prepare()
        around = surroundings(home)
        if around.database is not None:
            os.set_inheritable(around.database.users.fileno(), True)
            _migrate_when_empty(around)
    except LaunchError as error:
        print(f"footnote: {error}", file=sys.stderr)
        return 1
    command = [sys.executable, MANAGE, *_with_owner(arguments)]
    os.execve(command[0], command, around.variables)  # noqa: S606  (no shell is the point)


def _with_owner(arguments: list[str]) -> list[str]:
    named = any(argument.startswith("--database") for argument in arguments)
    owners = bool(arguments) and arguments[0] in OWNERS_COMMANDS and not named
    return [*arguments, "--database", "owner"] if owners else arguments


def _migrate_when_empty(around: Surroundings) -> None:
    """A command may be the first thing that is ever run in a home."""
    with psycopg.connect(around.variables["MIGRATION_DATABASE_URL"]) as connection:
        found = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    if found and found[0]:
        return
    command = [
        sys.executable,
        MANAGE,
        "migrate",
        "--database",
        "owner",
        "--no-input",
        "--verbosity",
        "0",
    ]
    if subprocess.run(command, env=around.variables, stdout=sys.stderr, check=False).returncode:
        raise LaunchError("The database could not be migrated (see above).")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
