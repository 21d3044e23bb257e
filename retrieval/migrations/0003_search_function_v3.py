"""Fusion by scores instead of ranks, and a weight for the side that knows the question's words."""

from django.db import migrations

from retrieval.statements import pinned, statement

OLD = "footnote_search(halfvec, uuid, integer[], integer[], uuid[], timestamptz, integer, integer)"
NEW = "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], timestamptz, integer, integer)"
FORWARD = f"DROP FUNCTION {OLD};" + pinned(statement("footnote_search.v3.sql", "footnote_search"), NEW)
BACKWARD = f"DROP FUNCTION {NEW};" + pinned(statement("footnote_search.v2.sql", "footnote_search"), OLD)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0002_search_function_v2")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
