"""Dated partitions are made ahead of time, by the operator, through pinned functions in the database.

A package that keeps a table by day or month has a function ``footnote_prepare_..._partitions()`` (see
``migrations/0002_partitions``); ``prepare`` calls whichever there are. Rows that arrive before their partition was
made land in the default partition: nothing is lost, but retention cannot drop them as a whole.
"""

from django.db import connections
from psycopg import sql

_PREPARERS = (
    "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    r" AND proname LIKE 'footnote\_prepare\_%\_partitions' ORDER BY proname"
)


def prepare() -> list[str]:
    """Operator work: make the partitions of the coming days and months; the names of the functions called.

    Can be repeated at any time; costs milliseconds when nothing is missing.
    """
    with connections["operator"].cursor() as cursor:
        cursor.execute(_PREPARERS)
        names = [name for (name,) in cursor.fetchall()]
        for name in names:
            cursor.execute(sql.SQL("SELECT {}()").format(sql.Identifier(name)))
    return names
