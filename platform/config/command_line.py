"""Django's command line, which tells in one line that the database is behind the code. ``manage.py`` calls ``execute``.

An update brings migrations that ``bin/up`` applies. A command that comes before it would end in the traceback of the
first table, column or function that it misses.
"""

import sys
from collections.abc import Sequence

from django.core.management import execute_from_command_line
from django.db import ProgrammingError, connection
from psycopg.errors import UndefinedColumn, UndefinedFunction, UndefinedTable

MISSES = (UndefinedTable, UndefinedColumn, UndefinedFunction)
BEHIND = "CommandError: The database is not migrated to this version of Footnote: run bin/up first."


def execute(arguments: Sequence[str]) -> None:
    """Run the command. Exits with 1 where it misses something that a migration has yet to bring."""
    try:
        execute_from_command_line(list(arguments))
    except ProgrammingError as error:
        # What fails while migrations run is for whoever wrote them.
        is_migrating = "migrate" in arguments[1:2]
        if is_migrating or not isinstance(error.__cause__, MISSES) or not _is_behind():
            raise
        sys.exit(BEHIND)


def _is_behind() -> bool:
    # Imported only by a command that has failed: it takes as long as a third of a short command's start.
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
