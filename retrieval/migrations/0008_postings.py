"""The lexical side reads postings where there are any; what they do not hold yet is scanned."""

from django.db import migrations

from retrieval.statements import inner, pinned, statement

SIGNATURE = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)
INNER = {
    "footnote_level": "footnote_level(double precision, integer)",
    "footnote_slots": "footnote_slots(uuid, uuid[], integer[], double precision[], double precision, integer)",
    "footnote_words": (
        "footnote_words(sparsevec, integer[], double precision[], double precision, uuid, uuid[], uuid[], boolean,"
        " uuid[], integer)"
    ),
}


def version(number: int) -> str:
    return f"DROP FUNCTION {SIGNATURE};" + pinned(
        statement(f"footnote_search.v{number}.sql", "footnote_search"), SIGNATURE
    )


WORDS = "".join(
    inner(statement("footnote_words.v1.sql", name), signature) for name, signature in INNER.items()
)
NO_WORDS = "".join(f"DROP FUNCTION {signature};" for signature in INNER.values())


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0007_search_function_v7"), ("ingestion", "0013_postings")]
    operations = [migrations.RunSQL(WORDS + version(8), version(7) + NO_WORDS)]
