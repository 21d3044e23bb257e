"""The graph answers from a few thousand chunks on, where it is mostly the tenant's own; and of the passages that one side
has found, those that cannot come among the first are no longer looked up on the other."""

from django.db import migrations

from retrieval.statements import inner, pinned, statement

SEARCH = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)
GRAPH = "footnote_graph(uuid, uuid, bigint, integer)"
HAS_GRAPH = "footnote_has_graph(uuid, integer)"
NEAREST = "footnote_nearest(halfvec, uuid, uuid, uuid[], uuid[], boolean, uuid[], integer)"
# As in 0007.
LOADED = "SELECT '[1]'::halfvec;"


def search(version: int) -> str:
    """The function, in place of the one before: its rows have the same form."""
    definition = statement(f"footnote_search.v{version}.sql", "footnote_search")
    return pinned(definition.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1), SEARCH)


FORWARD = (
    LOADED
    + f"DROP FUNCTION {HAS_GRAPH}; DROP FUNCTION {NEAREST};"
    + inner(statement("footnote_graph.v1.sql", "footnote_graph"), GRAPH)
    + search(15)
)
BACKWARD = (
    LOADED
    + f"DROP FUNCTION {GRAPH};"
    + inner(statement("footnote_scanned.v1.sql", "footnote_has_graph"), HAS_GRAPH)
    + inner(statement("footnote_nearest.v2.sql", "footnote_nearest"), NEAREST)
    + search(14)
)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0016_saved_day_and_order"), ("ingestion", "0030_vector_graphs")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
