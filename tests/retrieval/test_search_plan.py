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
    "lexical_trust": "double precision",
    "as_of": "timestamptz",
    "depth": "integer",
    "cut": "integer",
}


TABLES = ("ingestion_chunk", "ingestion_embedding", "ingestion_lexicalentry")


def multiply(corpus, times: int) -> None:
    """Copies of the corpus' only chunk, and statistics that know of them: a planner takes any way through ten rows."""
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
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"ANALYZE {table}")


@pytest.fixture
def plan(acme_corpus):
    """EXPLAIN of a statement of the function, with Acme's values, as a role that is above the policies."""
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, "Turbine blades.", axis(0))
    multiply(acme_corpus, 3000)
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
        "lexical_trust": 1.0,
        "as_of": None,
        "depth": 100,
        "cut": 10,
    }

    def explain(body: str) -> str:
        sql = re.sub(r"--[^\n]*", "", body).replace("%", "%%")
        for name, kind in VARIABLES.items():
            sql = re.sub(rf"\b{name}\b", f"%({name})s::{kind}", sql)
        with connections["operator"].cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", values)
            return "\n".join(row[0] for row in cursor.fetchall())

    return explain


def source() -> str:
    with connections["operator"].cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'footnote_search'")
        return cursor.fetchone()[0]


def test_ranking_prunes_to_one_partition_and_uses_its_indexes(plan):
    body = source().split("RETURN QUERY", 1)[1].split(";\nEND", 1)[0]
    found = plan(body)
    for table in ("embedding", "lexicalentry", "chunk"):
        partitions = set(re.findall(rf"on ingestion_{table}_(\d\d)", found))
        assert len(partitions) == 1, found
    # A partition's index is named after its columns: these are embedding_scan, lexical_scan and the primary keys.
    assert re.search(r"ingestion_embedding_\d\d_tenant_id_space_id(_collection_id)?_idx", found), found
    assert re.search(r"ingestion_lexicalentry_\d\d_tenant_id_collection_id_idx", found), found
    assert re.search(r"ingestion_chunk_\d\d_pkey", found), found
    assert "ingestion_document_pkey" in found, found


def test_term_counts_are_read_from_their_index(plan):
    body = source().split("WITH counted AS (", 1)[1].split("), weighed", 1)[0]
    assert "term_count_lookup" in plan(body)
