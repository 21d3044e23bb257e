"""Only the versions that a filter has let through are searched, on both sides and before the cut."""

from django.db import migrations

from retrieval.statements import inner, pinned, statement

OLD = "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], timestamptz, integer, integer)"
NEW = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)
OLD_NEAREST = "footnote_nearest(halfvec, uuid, uuid, uuid[], uuid[], boolean, integer)"
NEW_NEAREST = "footnote_nearest(halfvec, uuid, uuid, uuid[], uuid[], boolean, uuid[], integer)"


def functions(number: int, search: str, nearest_number: int, nearest: str) -> str:
    """The search function and the one inside it."""
    return inner(
        statement(f"footnote_nearest.v{nearest_number}.sql", "footnote_nearest"), nearest
    ) + pinned(statement(f"footnote_search.v{number}.sql", "footnote_search"), search)


# The extension's settings are unknown, and so refused in a function, until its library is loaded by some use of it.
LOADED = "SELECT '[1]'::halfvec;"
FORWARD = f"{LOADED} DROP FUNCTION {OLD}; DROP FUNCTION {OLD_NEAREST};" + functions(
    7, NEW, 2, NEW_NEAREST
)
BACKWARD = f"{LOADED} DROP FUNCTION {NEW}; DROP FUNCTION {NEW_NEAREST};" + functions(
    6, OLD, 1, OLD_NEAREST
)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0006_search_function_v6")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
