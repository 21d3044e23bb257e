"""The plans of the pinned function's statements: one partition, and the indexes that its comments name."""

import re

import pytest
from django.db import connection, connections

from tests.retrieval.corpus import axis

VARIABLES = {
    "tenant": "uuid",
    "groups": "uuid[]",
    "all_read": "boolean",
    "chosen": "uuid[]",
    "query_vector": "halfvec",
    "query_space": "uuid",
    "term_dimensions": "integer[]",
    "term_counts": "integer[]",
    "question": "sparsevec",
    "mass": "double precision",
    "near": "uuid[]",
    "nearness": "double precision[]",
    "lexical_trust": "double precision",
    "as_of": "timestamptz",
    "depth": "integer",
    "cut": "integer",
}


TABLES = ("ingestion_chunk", "ingestion_embedding", "ingestion_lexicalentry")


def multiply(corpus, times: int) -> None:
    """Copies of the corpus' only chunk, so that no other way through the table is as short as its key."""
    for table in TABLES:
        with corpus.scope(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT string_agg(quote_ident(attname), ',') FROM pg_attribute WHERE attrelid = %s::regclass"
                " AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attname <> 'id'",
                [table],
            )
            columns = cursor.fetchone()[0]
            cursor.execute(
                f"INSERT INTO {table} (id, {columns})"
                f" SELECT uuidv7(), {columns} FROM {table}, generate_series(1, %s)",
                [times],
            )


def count_terms(corpus, collection) -> None:
    """Five thousand terms, each counted twice."""
    with corpus.scope(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingestion_termcount (tenant_id, id, collection_id, dimension, documents, length)"
            " SELECT %s, uuidv7(), %s, n %% 5000, 1, 0 FROM generate_series(0, 9999) n",
            [corpus.tenant.pk, collection.pk],
        )


def analyse() -> None:
    """Statistics of the partitions and of the small tables, by their owner."""
    with connections["owner"].cursor() as cursor:
        for table in (*TABLES, "ingestion_document", "ingestion_termcount"):
            cursor.execute(f"ANALYZE {table}")


@pytest.fixture
def plan(acme_corpus, request):
    """EXPLAIN of a statement of the function, with Acme's values, as a role that is above the policies."""
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, "Turbine blades.", axis(0))
    if getattr(request, "param", None) == "stale":
        analyse()
    multiply(acme_corpus, 3000)
    count_terms(acme_corpus, manual)
    if getattr(request, "param", None) != "stale":
        analyse()
    values = {
        "tenant": acme_corpus.tenant.pk,
        "groups": [],
        "all_read": False,
        "chosen": [manual.pk],
        "query_vector": str(axis(0)),
        "query_space": acme_corpus.space.pk,
        "term_dimensions": [5, 7],
        "term_counts": [1, 1],
        "question": "{5:1,7:1}/1000000000",
        "mass": 2.0,
        "near": None,
        "nearness": None,
        "lexical_trust": 1.0,
        "as_of": None,
        "depth": 100,
        "cut": 10,
    }

    def explain(body: str, how: str = "EXPLAIN") -> str:
        sql = re.sub(r"--[^\n]*", "", body).replace("%", "%%")
        for name, kind in VARIABLES.items():
            sql = re.sub(rf"\b{name}\b", f"%({name})s::{kind}", sql)
        with connections["operator"].cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            cursor.execute(f"{how} {sql}", values)
            return "\n".join(row[0] for row in cursor.fetchall())

    return explain


def source() -> str:
    with connections["operator"].cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'footnote_search'")
        return cursor.fetchone()[0]


def test_ranking_reads_one_partition_and_enters_it_by_index(plan):
    found = plan(source().split("RETURN QUERY", 1)[1].split(";\nEND", 1)[0])
    assert "Seq Scan" not in found, found
    for table in ("embedding", "lexicalentry", "chunk"):
        assert len(set(re.findall(rf"on ingestion_{table}_(\d\d)", found))) == 1, found


def test_single_rows_are_looked_up_by_their_keys(plan):
    found = plan(source().split("RETURN QUERY", 1)[1].split(";\nEND", 1)[0])
    for index in (
        r"ingestion_embedding_\d\d_pkey",
        r"ingestion_lexicalentry_\d\d_pkey",
        r"ingestion_chunk_\d\d_pkey",
    ):
        assert len(re.findall(index, found)) == 1, found


@pytest.mark.parametrize("plan", ["stale", "fresh"], indirect=True)
def test_no_table_is_entered_once_per_candidate(plan):
    """A tenant that came after the last statistics looks like one row; reading it again for each would be quadratic."""
    body = source().split("RETURN QUERY", 1)[1].split(";\nEND", 1)[0]
    found = plan(body, "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF)")
    tables = r"on ingestion_(?:embedding|lexicalentry|chunk|document)\w* .*loops=(\d+)"
    entered = [int(times) for times in re.findall(tables, found)]
    assert len(entered) >= 6, found
    assert set(entered) == {1}, found


def test_term_counts_are_read_from_their_index(plan):
    body = source().split("WITH counted AS (", 1)[1].split("), weighed", 1)[0]
    assert "term_count_lookup" in plan(body)
