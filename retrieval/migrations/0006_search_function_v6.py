"""Rows are looked up all at once, so that a tenant unknown to the planner's statistics is read once and not per row."""

from django.db import migrations

from retrieval.statements import pinned, statement

SIGNATURE = "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], timestamptz, integer, integer)"


def version(number: int) -> str:
    return f"DROP FUNCTION {SIGNATURE};" + pinned(
        statement(f"footnote_search.v{number}.sql", "footnote_search"), SIGNATURE
    )


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0005_dense_route")]
    operations = [migrations.RunSQL(version(6), version(5))]
