"""Looked-up scores are worked out once, and fresh tables without statistics are entered by their keys."""

from django.db import migrations

from retrieval.statements import pinned, statement

SIGNATURE = "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], timestamptz, integer, integer)"


def version(number: int) -> str:
    return f"DROP FUNCTION {SIGNATURE};" + pinned(
        statement(f"footnote_search.v{number}.sql", "footnote_search"), SIGNATURE
    )


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0003_search_function_v3")]
    operations = [migrations.RunSQL(version(4), version(3))]
