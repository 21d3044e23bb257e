"""The graph answers from a few thousand chunks on, where it is mostly the tenant's own, and is asked by its partition."""

from django.db import migrations

from retrieval.statements import inner, pinned, statement

SEARCH = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)
GRAPH = "footnote_graph(uuid, bigint, integer)"
HAS_GRAPH = "footnote_has_graph(uuid, integer)"
NEAREST = "footnote_nearest(regclass, halfvec, uuid, uuid, uuid[], uuid[], boolean, uuid[], integer)"
OLD_NEAREST = "footnote_nearest(halfvec, uuid, uuid, uuid[], uuid[], boolean, uuid[], integer)"


def search(version: int) -> str:
    """The function, whose rows have the form of those before; its library is loaded as in 0007."""
    definition = statement(f"footnote_search.v{version}.sql", "footnote_search")
    return "SELECT '[1]'::halfvec;" + pinned(
        definition.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1), SEARCH
    )


def gone(*signatures: str) -> str:
    return "".join(f"DROP FUNCTION {signature};" for signature in signatures)


FORWARD = (
    gone(HAS_GRAPH, OLD_NEAREST)
    + "SELECT '[1]'::halfvec;"
    + inner(statement("footnote_nearest.v3.sql", "footnote_graph"), GRAPH)
    + inner(statement("footnote_nearest.v3.sql", "footnote_nearest"), NEAREST)
    + search(15)
)
BACKWARD = (
    gone(GRAPH, NEAREST)
    + "SELECT '[1]'::halfvec;"
    + inner(statement("footnote_scanned.v1.sql", "footnote_has_graph"), HAS_GRAPH)
    + inner(statement("footnote_nearest.v2.sql", "footnote_nearest"), OLD_NEAREST)
    + search(14)
)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0016_saved_day_and_order"), ("ingestion", "0030_graph_pays")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
