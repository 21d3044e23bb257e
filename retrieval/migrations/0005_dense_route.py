"""The dense side's route by size: a scan for small tenants, the partition's HNSW graph, where there is one, for large."""

from django.db import migrations

from retrieval.statements import pinned, statement

SEARCH = "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], timestamptz, integer, integer)"
INNER = (
    "footnote_has_graph(uuid, integer)",
    "footnote_nearest(halfvec, uuid, uuid, uuid[], uuid[], boolean, integer)",
)


def inner(signature: str) -> str:
    """A function that footnote_search alone may call."""
    name = signature.partition("(")[0]
    return f"""
    {statement("footnote_nearest.v1.sql", name)}
    ALTER FUNCTION {signature} OWNER TO footnote_search;
    REVOKE ALL ON FUNCTION {signature} FROM PUBLIC, footnote_app, footnote_operator;
    """


def search(number: int) -> str:
    return f"DROP FUNCTION {SEARCH};" + pinned(
        statement(f"footnote_search.v{number}.sql", "footnote_search"), SEARCH
    )


# The extension's settings are unknown, and so refused in a function, until its library is loaded by some use of it.
LOADED = "SELECT '[1]'::halfvec;"
FORWARD = LOADED + "".join(map(inner, INNER)) + search(5)
BACKWARD = search(4) + "".join(f"DROP FUNCTION {signature};" for signature in INNER)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0004_search_function_v4")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
