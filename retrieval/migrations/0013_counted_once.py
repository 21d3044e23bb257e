"""The counts of a question's terms are read once and not thirty times (the planner had pasted the subquery into every place
that names it), and a scan enters the index by collection, so that a small collection of a large tenant costs what it holds."""

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
    dependencies = [("retrieval", "0012_saved_searches_seen")]
    operations = [migrations.RunSQL(version(10), version(9))]
