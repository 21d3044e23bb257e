"""The page before: what the best passage follows on from across the end of a page comes among the first."""

from django.db import migrations

from retrieval.statements import pinned, statement

SIGNATURE = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)
# Another column is returned, which needs another function; its library is loaded as in 0007.
AGAIN = f"SELECT '[1]'::halfvec; DROP FUNCTION {SIGNATURE};"
FORWARD = AGAIN + pinned(statement("footnote_search.v14.sql", "footnote_search"), SIGNATURE)
BACKWARD = AGAIN + pinned(statement("footnote_search.v13.sql", "footnote_search"), SIGNATURE)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0013_search_function_v13")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
