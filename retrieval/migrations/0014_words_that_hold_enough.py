"""The words' side counts less where even its best passage holds little of a short question: it dragged down code search."""

from django.db import migrations

from retrieval.statements import pinned, statement

SIGNATURE = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)


def version(number: int) -> str:
    return f"DROP FUNCTION {SIGNATURE};" + pinned(
        statement(f"footnote_search.v{number}.sql", "footnote_search"), SIGNATURE
    )


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0013_counted_once")]
    operations = [migrations.RunSQL(version(11), version(10))]
