"""Question weights are worked out once, over all chosen collections, whatever their languages."""

from django.db import migrations

from retrieval.statements import pinned, statement

OLD = "footnote_search(halfvec, uuid, text[], integer[], integer[], uuid[], timestamptz, integer, integer)"
NEW = "footnote_search(halfvec, uuid, integer[], integer[], uuid[], timestamptz, integer, integer)"
FORWARD = f"DROP FUNCTION {OLD};" + pinned(statement("footnote_search.v2.sql", "footnote_search"), NEW)
BACKWARD = f"DROP FUNCTION {NEW};" + pinned(statement("footnote_search.v1.sql", "footnote_search"), OLD)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0001_search_function")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
