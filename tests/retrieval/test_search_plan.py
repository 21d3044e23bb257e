"""The plans of the pinned function's statements: one partition, and the indexes that its comments name."""

import re
from uuid import uuid4

import pytest
from django.db import connection, connections

from tenants.models import Tenant
from tests.retrieval.corpus import AXES, Corpus, axis

RANDOM = f"l2_normalize(ARRAY[{', '.join(['random() - 0.5'] * AXES)}]::real[]::halfvec)"
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
    "size": "bigint",
    "near": "uuid[]",
    "nearness": "double precision[]",
    "matched": "uuid[]",
    "matches": "double precision[]",
    "ids": "uuid[]",
    "scores": "double precision[]",
    "places": "integer[]",
    "floor": "double precision",
    "spread": "double precision",
    "per_point": "double precision",
    "left_out": "double precision",
    "overlooked": "double precision",
    "graph": "regproc",
    "few_versions": "uuid[]",
    "many_versions": "uuid[]",
    "as_of": "timestamptz",
    "depth": "integer",
    "cut": "integer",
    "chunk": "uuid",
}


SCANS = {"footnote_scanned_vectors": "embedding", "footnote_scanned_words": "lexicalentry"}
TABLES = ("ingestion_chunk", "ingestion_embedding", "ingestion_lexicalentry")


def multiply(corpus, times: int) -> None:
    """Copies of the corpus' only chunk, a page each, so that no other way through the table is as short as its key.

    In random directions: a graph that other tests share cannot be crossed where thousands lie in one point.
    """
    changed = {
        "vector": RANDOM,
        "ordinal": "number",
        "page": "number + 2",
        "page_end": "number + 2",
    }
    for table in TABLES:
        with corpus.scope(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = %s::regclass"
                " AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attname <> 'id'",
                [table],
            )
            columns = [row[0] for row in cursor.fetchall()]
            copied = ", ".join(changed.get(column, column) for column in columns)
            cursor.execute(
                f"INSERT INTO {table} (id, {', '.join(columns)}) SELECT uuidv7(), {copied}"
                f" FROM {table}, generate_series(1, %s) AS number",
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


def crowd(corpus, tenants: int) -> None:
    """Other tenants in the same partition, so that each is a small part of it."""
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "WITH made AS MATERIALIZED (SELECT gen_random_uuid() AS id FROM generate_series(1, 4000))"
            " SELECT made.id FROM made, generate_series(0, 15) part"
            " WHERE satisfies_hash_partition('ingestion_embedding'::regclass, 16, part, %s)"
            " AND satisfies_hash_partition('ingestion_embedding'::regclass, 16, part, made.id) LIMIT %s",
            [corpus.tenant.pk, tenants],
        )
        keys = [row[0] for row in cursor.fetchall()]
    for key in keys:
        other = Corpus(
            Tenant.objects.using("operator").create(pk=key, slug=f"crowd-{key}", name="One of many")
        )
        other.add(other.collection("all"), "Pinion.", axis(2))


@pytest.fixture
def plan(acme_corpus, request):
    """EXPLAIN of a statement of the function, with Acme's values, as the role that the function runs as."""
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, "Turbine blades.", axis(0), page=2)
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
        "matched": None,
        "matches": None,
        "ids": None,
        "scores": None,
        "places": [1, 2, 3],
        "floor": 0.1,
        "spread": 0.9,
        "per_point": 1.0,
        "left_out": 0.5,
        "overlooked": 0.5,
        "graph": None,
        "few_versions": None,
        "many_versions": None,
        "as_of": None,
        "depth": 100,
        "cut": 10,
        "chunk": uuid4(),
    }

    def explain(body: str, how: str = "EXPLAIN", *, once: bool = False, **changed: object) -> str:
        sql = re.sub(r"--[^\n]*| INTO \w+(, \w+)?", "", body)
        names = [name for name in VARIABLES if re.search(rf"\b{name}\b", sql)]
        for number, name in enumerate(names, start=1):
            sql = re.sub(rf"\b{name}\b", f"${number}", sql)
        kinds = ", ".join(VARIABLES[name] for name in names)
        places = ", ".join(f"%s::{VARIABLES[name]}" for name in names)
        given = [(values | changed)[name] for name in names]
        with connections["owner"].cursor() as cursor:
            mode = "force_generic_plan" if once else "force_custom_plan"
            cursor.execute("SET ROLE footnote_search")
            cursor.execute(f"SET enable_seqscan = off; SET plan_cache_mode = {mode}")
            cursor.execute(f"PREPARE probe ({kinds}) AS {sql.replace('%', '%%')}")
            try:
                cursor.execute(f"{how} EXECUTE probe ({places})", given)
                return "\n".join(row[0] for row in cursor.fetchall())
            finally:
                cursor.execute("DEALLOCATE probe; RESET ALL; RESET ROLE")

    return explain


def source(function: str = "footnote_search") -> str:
    with connections["operator"].cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [function])
        return cursor.fetchone()[0]


def returned(function: str = "footnote_search") -> str:
    """The statement whose rows the function returns."""
    body = re.sub(r"--[^\n]*", "", source(function))
    return body.split("RETURN QUERY")[-1].split(";", 1)[0]


def scan(table: str) -> str:
    """The scan of what is current, inside the function."""
    for statement in source().split(";"):
        if f"FROM {table} e" in statement and "e.distance" in statement:
            return statement[statement.index("SELECT array_agg") :]
    raise AssertionError(f"no scan of {table}")


def candidates() -> dict[str, list[object]]:
    """A hundred chunks found on either side."""
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ingestion_chunk WHERE tenant_id ="
            " (SELECT id FROM tenants_tenant ORDER BY created_at DESC LIMIT 1) LIMIT 200"
        )
        keys = [row[0] for row in cursor.fetchall()]
    scores = [0.5] * 100
    return {"near": keys[:100], "nearness": scores, "matched": keys[100:], "matches": scores}


def partitions(found: str, table: str) -> set[str]:
    return set(re.findall(rf"on ingestion_{table}_(\d\d)", found))


@pytest.mark.parametrize("table", ["embedding", "lexicalentry"])
def test_scans_read_one_partition_and_enter_it_by_index(plan, table):
    found = plan(scan(f"ingestion_{table}"), "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF)", once=True)
    assert "Seq Scan" not in found, found
    assert len(partitions(found, table)) == 1, found


@pytest.mark.parametrize("table", ["embedding", "lexicalentry"])
def test_a_scan_of_a_small_collection_reads_nothing_else_of_the_tenant(plan, acme_corpus, table):
    for number in range(
        40
    ):  # so many that the statistics leave no doubt which index is the narrower one
        small = acme_corpus.collection(f"small-{number}")
        acme_corpus.add(small, "Rotor blades.", axis(1))
    analyse()
    body = scan(f"ingestion_{table}")
    found = plan(body, "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF)", once=True, chosen=[small.pk])
    assert "collection_id >= c.id" in found, found
    assert "Rows Removed by Filter" not in found, found


@pytest.mark.parametrize("table", ["embedding", "lexicalentry"])
def test_a_scan_of_a_collection_that_is_the_whole_tenant_compares_no_row(plan, table):
    """Its condition chooses nothing then, and an index without it would look as cheap."""
    found = plan(scan(f"ingestion_{table}"), "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF)", once=True)
    conditions = re.findall(r"Index Cond: (.*)", found)
    assert len(conditions) == 1, found
    assert "collection_id >= c.id" in conditions[0], found
    assert "collection_id" not in "".join(re.findall(r"Filter: (.*)", found)), found


def test_a_space_narrows_nothing_for_the_planner(plan, acme_corpus):
    """Else a large tenant among small ones looks like less than a row, and any of its indexes is as good as another."""
    crowd(acme_corpus, 64)
    analyse()
    with connections["operator"].cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute(
            "PREPARE probe (uuid, uuid) AS"
            " SELECT FROM ingestion_embedding WHERE tenant_id = $1 AND space_id = $2"
        )
        cursor.execute(
            "EXPLAIN EXECUTE probe (%s, %s)", [acme_corpus.tenant.pk, acme_corpus.space.pk]
        )
        found = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE probe; RESET ALL")
    assert int(re.search(r"on ingestion_embedding_\d\d .*rows=(\d+)", found)[1]) > 1, found


@pytest.mark.parametrize("once", [False, True])
def test_single_rows_are_looked_up_by_their_keys_in_one_partition(plan, once):
    """By another index it would read all of the tenant's rows."""
    found = plan(returned(), "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF)", once=once, **candidates())
    assert "Seq Scan" not in found, found
    tables = re.findall(r"Scan using [^\n]* on ingestion_[^>]*", found)
    assert tables, found
    assert not any("Rows Removed by Filter" in table for table in tables), found
    # Scores that a side did not rank, the texts, and the page before the best.
    for table in ("embedding", "lexicalentry", "chunk"):
        assert len(partitions(found, table)) == 1, found
        assert len(re.findall(rf"ingestion_{table}_\d\d_pkey", found)) == 1, found
    assert len(re.findall(r"ingestion_chunk_\d\d_tenant_id_version_id_ordinal_idx", found)) == 1, (
        found
    )


def test_words_are_looked_up_by_slot(plan):
    looked_up = (
        source("footnote_words").split("WHILE", 1)[1].split("FROM ingestion_lexicalentry", 1)[1]
    )
    body = f"SELECT e.id FROM ingestion_lexicalentry{looked_up.split(';', 1)[0]}"
    assert re.search(r"lexical_slot_\d\d", plan(body)), plan(body)


@pytest.mark.parametrize("plan", ["stale", "fresh"], indirect=True)
def test_no_table_is_entered_once_per_candidate(plan):
    """A tenant that came after the last statistics looks like one row; reading it again for each would be quadratic."""
    found = plan(returned(), "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF)", once=True, **candidates())
    tables = r"on ingestion_(?:embedding|lexicalentry|chunk|document)\w* .*loops=(\d+)"
    entered = [int(times) for times in re.findall(tables, found)]
    assert len(entered) >= 4, found
    assert set(entered) == {1}, found


@pytest.mark.parametrize("plan", ["stale", "fresh"], indirect=True)
def test_the_scores_of_one_passage_are_looked_up_by_its_keys(plan):
    statements = source("footnote_scores").split("BEGIN", 1)[1].split(";")[:2]
    for body, table in zip(statements, ("embedding", "lexicalentry"), strict=True):
        found = plan(body, "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF)", once=True)
        assert re.search(rf"Index Scan using ingestion_{table}_\d\d_pkey", found), found


def test_a_place_is_found_by_its_indexes_under_the_policies(acme_corpus):
    sql = returned("footnote_place")
    for number, name in enumerate(("tenant", "wanted", "stated"), start=1):
        sql = re.sub(rf"(?<!_)\b{name}\b", f"${number}", sql)
    with acme_corpus.scope(), connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"
        )
        cursor.execute(f"PREPARE probe (uuid, uuid[], boolean) AS {sql}")
        cursor.execute("EXPLAIN EXECUTE probe (%s, NULL, true)", [acme_corpus.tenant.pk])
        found = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE probe")
    used = set(re.findall(r"(?:using|Index Scan on) (\w+)", found))
    assert used == {"ingestion_collection_pkey", "space_one_serving", "corpus_change_lookup"}, found


def test_term_counts_are_read_from_their_index(plan):
    body = source().split("WITH counted AS MATERIALIZED (", 1)[1].split("), held", 1)[0]
    found = plan(body)
    assert "term_count_lookup" in found, found


def test_each_term_is_counted_once(plan):
    body = source().split("WITH counted AS", 1)[1].split("INTO question", 1)
    body = f"WITH counted AS{body[0]} FROM{body[1].split('FROM', 1)[1].split(';', 1)[0]}"
    found = plan(body, "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF)", once=True, size=10)
    assert len(re.findall(r"on ingestion_termcount.*loops=2\b", found)) == 1, found


def test_a_few_versions_are_entered_by_their_index(plan):
    versions = [uuid4(), uuid4()]
    for function, table in SCANS.items():
        found = plan(returned(function), few_versions=versions)
        assert re.search(rf"ingestion_{table}_\d\d_tenant_id_version_id", found), found


def test_many_versions_are_hashed_once(plan):
    versions = [uuid4() for _ in range(1100)]
    for function in SCANS:
        found = plan(returned(function), many_versions=versions)
        assert len(re.findall("hashed SubPlan", found)) == 1, found
