"""Statements of the usual search are planned once, and each runs only those that it needs: planning was half of a small
search. The scan computes each distance once, filters and the past have functions of their own, terms are counted one by one from their index, and whether there is a graph is
asked of the catalogue alone (looking for a row took 35 ms in a tenant of a million chunks)."""

from django.db import migrations

from retrieval.statements import inner, pinned, statement

SIGNATURE = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)
WORDS = (
    "footnote_words(sparsevec, integer[], double precision[], double precision, uuid, uuid[], uuid[], boolean,"
    " uuid[], integer)"
)
HAS_GRAPH = "footnote_has_graph(uuid, integer)"
SCANNED = {
    "footnote_scanned_vectors": (
        "footnote_scanned_vectors(halfvec, uuid, uuid, uuid[], uuid[], boolean, uuid[], uuid[], timestamptz, integer)"
    ),
    "footnote_scanned_words": (
        "footnote_scanned_words(sparsevec, uuid, uuid[], uuid[], boolean, uuid[], uuid[], timestamptz, integer)"
    ),
}


def version(search: int, words: int, graph: str) -> str:
    return (
        f"DROP FUNCTION {SIGNATURE}; DROP FUNCTION {WORDS}; DROP FUNCTION {HAS_GRAPH};"
        + inner(statement(graph, "footnote_has_graph"), HAS_GRAPH)
        + inner(statement(f"footnote_words.v{words}.sql", "footnote_words"), WORDS)
        + pinned(statement(f"footnote_search.v{search}.sql", "footnote_search"), SIGNATURE)
    )


MADE = "".join(
    inner(statement("footnote_scanned.v1.sql", name), signature) for name, signature in SCANNED.items()
)
GONE = "".join(f"DROP FUNCTION {signature};" for signature in SCANNED.values())


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0009_search_tables")]
    operations = [migrations.RunSQL(MADE + version(9, 2, "footnote_scanned.v1.sql"), version(8, 1, "footnote_nearest.v1.sql") + GONE)]
