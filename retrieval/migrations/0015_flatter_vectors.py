"""Vectors are damped more where their list is flat, and words that hold little of a question count less: code, noise and SciFact gain."""

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
    dependencies = [("retrieval", "0014_words_that_hold_enough")]
    operations = [migrations.RunSQL(version(12), version(11))]
