"""Filters, postings and the past: both sides search only what a filter has let through; the lexical side reads postings
where there are any, and scans what they do not hold yet; statements of the usual search are planned once; what each side
knows weighs anew. Versions 7 to 11 of the function were steps on the way to it (docs/benchmarks.md)."""

from django.db import migrations

from retrieval.statements import inner, pinned, statement

OLD = "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], timestamptz, integer, integer)"
NEW = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)
OLD_NEAREST = "footnote_nearest(halfvec, uuid, uuid, uuid[], uuid[], boolean, integer)"
NEW_NEAREST = "footnote_nearest(halfvec, uuid, uuid, uuid[], uuid[], boolean, uuid[], integer)"
HAS_GRAPH = "footnote_has_graph(uuid, integer)"
WORDS = {
    "footnote_level": "footnote_level(double precision, integer)",
    "footnote_slots": "footnote_slots(uuid, uuid[], integer[], double precision[], double precision, integer)",
    "footnote_words": (
        "footnote_words(sparsevec, integer[], double precision[], double precision, uuid, uuid[], uuid[], boolean,"
        " uuid[], integer)"
    ),
}
SCANNED = {
    "footnote_scanned_vectors": (
        "footnote_scanned_vectors(halfvec, uuid, uuid, uuid[], uuid[], boolean, uuid[], uuid[], timestamptz, integer)"
    ),
    "footnote_scanned_words": (
        "footnote_scanned_words(sparsevec, uuid, uuid[], uuid[], boolean, uuid[], uuid[], timestamptz, integer)"
    ),
}
# The extension's settings are unknown, and so refused in a function, until its library is loaded by some use of it.
LOADED = "SELECT '[1]'::halfvec;"


def made(file: str, functions: dict[str, str]) -> str:
    """The functions of a file, for footnote_search alone."""
    return "".join(inner(statement(file, name), signature) for name, signature in functions.items())


def gone(*signatures: str) -> str:
    return "".join(f"DROP FUNCTION {signature};" for signature in signatures)


FORWARD = (
    LOADED
    + gone(OLD, OLD_NEAREST, HAS_GRAPH)
    + made("footnote_scanned.v1.sql", {**SCANNED, "footnote_has_graph": HAS_GRAPH})
    + made("footnote_nearest.v2.sql", {"footnote_nearest": NEW_NEAREST})
    + made("footnote_words.v1.sql", WORDS)
    + pinned(statement("footnote_search.v12.sql", "footnote_search"), NEW)
)
BACKWARD = (
    LOADED
    + gone(NEW, NEW_NEAREST, HAS_GRAPH, *WORDS.values(), *SCANNED.values())
    + made("footnote_nearest.v1.sql", {"footnote_has_graph": HAS_GRAPH, "footnote_nearest": OLD_NEAREST})
    + pinned(statement("footnote_search.v6.sql", "footnote_search"), OLD)
)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0006_search_function_v6"), ("ingestion", "0013_postings")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
