"""Large tenants are searched by a graph that others share: near to exact, never short, never a foreign row."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.db.utils import ProgrammingError
from django.utils import timezone

from ingestion import vector_index
from ingestion.models import IngestionRun
from tests.retrieval.corpus import AXES, axis
from tests.retrieval.pinned import call

pytestmark = pytest.mark.usefixtures("database")
ROWS = 10_500
CHANCE = "random() - 0.5"


def fill(corpus, collection, rows: int, groups: str = "{}", width: int = AXES) -> None:
    """So many embeddings of random directions, with their counts, without texts."""
    with corpus.scope(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingestion_embedding"
            " (tenant_id, id, space_id, collection_id, version_id, vector, reader_groups, valid_from)"
            " SELECT %s, uuidv7(), %s, %s, uuidv7(),"
            f" l2_normalize(ARRAY[{', '.join([CHANCE] * width)}]::real[]::halfvec), %s, now()"
            " FROM generate_series(1, %s)",
            [corpus.tenant.pk, corpus.space.pk, collection.pk, groups, rows],
        )
        cursor.execute(
            "INSERT INTO ingestion_termcount (tenant_id, id, collection_id, dimension, documents, length)"
            " VALUES (%s, uuidv7(), %s, 0, %s, %s)",
            [corpus.tenant.pk, collection.pk, rows, rows],
        )


def graph_of(corpus) -> str:
    """The function that asks the graph of the corpus' partition."""
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM ingestion_embedding WHERE tenant_id = %s LIMIT 1",
            [corpus.tenant.pk],
        )
        return f"footnote_nearest_{AXES}_{cursor.fetchone()[0].rpartition('_')[2]}"


def nearest(corpus, *, groups=(), versions=None, depth: int = 100) -> list:
    """Ids by the graph alone, as the pinned function asks for them."""
    collections = "array(SELECT id FROM ingestion_collection WHERE tenant_id = %s)"
    asked = f"%s::halfvec, %s, %s, {collections}, %s::uuid[], false, %s::uuid[], %s"
    tenant = corpus.tenant.pk
    values = [str(axis(0)), corpus.space.pk, tenant, tenant, list(groups), versions, depth]
    return as_the_search(f"SELECT unnest(ids) FROM {graph_of(corpus)}({asked})", values)


def as_the_search(sql: str, values: list) -> list:
    """The first column of a statement, as the role that owns the search function."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET ROLE footnote_search")
        try:
            cursor.execute(sql, values)
            return [row[0] for row in cursor.fetchall()]
        finally:
            cursor.execute("RESET ROLE")


def exact(corpus, depth: int = 100) -> list:
    """Ids that an exact scan finds, of rows that everyone may read."""
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ingestion_embedding WHERE tenant_id = %s AND reader_groups = '{}'"
            " AND valid_to IS NULL ORDER BY vector <#> %s::halfvec LIMIT %s",
            [corpus.tenant.pk, str(axis(0)), depth],
        )
        return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def large(acme_corpus):
    """Acme, with more chunks than a scan is meant for, and a graph in its partition."""
    manual = acme_corpus.collection("manual")
    fill(acme_corpus, manual, ROWS)
    vector_index.build_due()
    return acme_corpus


def graph_for(corpus, chunks: int) -> str | None:
    """The function that a search of so many chunks asks."""
    sql = "SELECT footnote_graph(%s, %s, %s, %s)::text"
    return as_the_search(sql, [corpus.tenant.pk, corpus.space.pk, chunks, AXES])[0]


def test_a_graph_is_built_once_where_a_tenant_is_large(large):
    assert graph_for(large, ROWS) == graph_of(large)
    assert vector_index.build_due() == []


def test_the_graph_finds_what_a_scan_finds(large):
    found, right = nearest(large), exact(large)
    assert len(found) == len(right) == 100
    assert len(set(found[:10]) & set(right[:10])) >= 9
    assert len(set(found) & set(right)) >= 95


def test_foreign_rows_of_the_same_graph_are_not_found(large):
    """All in one partition: another tenant's nearer rows, a group's, a closed one."""
    with large.scope(), connection.cursor() as cursor:
        cursor.execute("UPDATE ingestion_embedding SET reader_groups = %s WHERE id = ANY(%s::uuid[])",
                       [[uuid4()], exact(large, 20)])  # fmt: skip
        hidden = exact(large, 5)
        cursor.execute(
            "UPDATE ingestion_embedding SET valid_to = now() WHERE id = ANY(%s::uuid[])", [hidden]
        )
    found = nearest(large)
    assert not set(found) & set(hidden)
    assert len(set(found) & set(exact(large))) >= 95


def test_where_the_graph_falls_short_the_scan_answers(acme_corpus):
    """A reader of a few rows among many thousands gets them all."""
    manual, group = acme_corpus.collection("manual"), uuid4()
    fill(acme_corpus, manual, ROWS, groups=f"{{{group}}}")
    mine = [acme_corpus.add(manual, f"Text {number}.", axis(1)) for number in range(3)]
    vector_index.build_due()
    with acme_corpus.reader():
        rows = call(vector=axis(0), space=acme_corpus.space.id, cut=10)
    assert {row["chunk_id"] for row in rows} == {chunk.id for chunk in mine}


def versions_of(corpus, every: int) -> list:
    """The version of every so manieth row that may be read."""
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "SELECT version_id FROM (SELECT version_id, row_number() OVER (ORDER BY id) AS n"
            " FROM ingestion_embedding WHERE tenant_id = %s) numbered WHERE n %% %s = 0",
            [corpus.tenant.pk, every],
        )
        return [row[0] for row in cursor.fetchall()]


def nearest_among(corpus, versions, depth: int) -> list:
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ingestion_embedding WHERE tenant_id = %s AND version_id = ANY(%s)"
            " ORDER BY vector <#> %s::halfvec LIMIT %s",
            [corpus.tenant.pk, versions, str(axis(0)), depth],
        )
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("every", [2, 8, 100], ids=["half", "an eighth", "a hundredth"])
def test_with_a_filter_the_graph_finds_as_many_and_the_same(large, every):
    versions = versions_of(large, every)
    found, right = nearest(large, versions=versions), nearest_among(large, versions, 100)
    assert len(set(found[:10]) & set(right[:10])) >= 9
    assert len(found) == len(right) == min(100, len(versions))


def test_a_filter_that_few_rows_pass_gives_all_of_them(acme_corpus):
    """Whichever way is taken: by their index, or by a scan where the graph has given up."""
    manual = acme_corpus.collection("manual")
    fill(acme_corpus, manual, ROWS)
    mine = [acme_corpus.add(manual, f"Text {number}.", axis(1)) for number in range(3)]
    vector_index.build_due()
    versions = [chunk.version_id for chunk in mine]
    with acme_corpus.reader():
        for only in (versions, [*versions, *(uuid4() for _ in range(1100))]):
            rows = call(vector=axis(0), space=acme_corpus.space.id, versions=only)
            assert {row["chunk_id"] for row in rows} == {chunk.id for chunk in mine}


def test_small_tenants_are_scanned_though_their_partition_has_a_graph(large, globex_corpus):
    globex_corpus.add(globex_corpus.collection("manual"), "Globex.", axis(0))
    with globex_corpus.reader():
        assert len(call(vector=axis(0), space=globex_corpus.space.id)) == 1


def test_nobody_but_the_search_function_may_call_what_is_inside_it(large):
    for inner in (
        "footnote_graph(NULL, NULL, 5000, 8)",
        f"{graph_of(large)}(NULL, NULL, NULL, NULL, NULL, true, NULL, 1)",
    ):
        with large.reader(), connection.cursor() as cursor, pytest.raises(ProgrammingError):
            cursor.execute(f"SELECT {inner}")


@pytest.mark.parametrize(
    ("chunks", "neighbours", "dimensions", "pays"),
    [
        (3_999, 3_999, 384, False),
        (4_000, 4_000, 384, True),
        (4_000, 8_000, 384, True),
        (5_000, 15_000, 384, False),
        (10_000, 50_000, 384, True),
        (10_000, 60_000, 384, False),
        (70_000, 2_000_000, 384, True),
        (999, 999, 1536, False),
        (1_000, 2_000, 1536, True),
        (1_000, 3_000, 1536, False),
        # Statistics that know nothing yet.
        (5_000, -1, 384, True),
    ],
)
def test_a_graph_pays_by_size_share_and_width(chunks, neighbours, dimensions, pays):
    sql = "SELECT footnote_graph_pays(%s, %s, %s)"
    assert as_the_search(sql, [chunks, neighbours, dimensions]) == [pays]


def test_a_part_of_a_graph_that_is_too_small_is_scanned(large):
    assert graph_for(large, ROWS) == graph_of(large)
    assert graph_for(large, 2_000) is None


def told(corpus, depth: int, vector=None) -> str:
    """What the function says of its way to the vectors."""
    with corpus.reader(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.explain', 'on', true)")
        lines: list[str] = []

        def keep(said) -> None:
            lines.append(said.message_primary)

        connection.connection.add_notice_handler(keep)
        call(vector=vector or axis(0), space=corpus.space.id, depth=depth)
        connection.connection.remove_notice_handler(keep)
    return "".join(lines)


def test_a_long_list_is_scanned(large):
    """A graph that is to give a great part of what it holds takes longer, and misses more."""
    assert "vectors: graph, 100 candidates" in told(large, 100)
    assert "vectors: scan, 300 candidates" in told(large, 300)


def test_the_first_graph_of_a_smaller_tenant_waits_until_nobody_works_on_documents(large):
    name = graph_of(large).replace("footnote_nearest", "embedding_hnsw")
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"DROP INDEX {name}")
    chunk = large.add(large.collection("more"), "Being worked on.", axis(1))
    with large.scope():
        run = IngestionRun.objects.create(
            document_id=chunk.document_id,
            version_id=chunk.version_id,
            lease_until=timezone.now() + timedelta(minutes=1),
        )
    assert name not in vector_index.build_due(any_time=2 * ROWS)
    with large.scope():
        run.delete()
    assert name in vector_index.build_due(any_time=2 * ROWS)


def test_a_graph_without_its_function_is_mended_and_not_built_again(large):
    function = graph_of(large)
    name = function.replace("footnote_nearest", "embedding_hnsw")
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode(%s)", [name])
        file = cursor.fetchone()[0]
        cursor.execute(f"DROP FUNCTION {function}")
        assert graph_for(large, ROWS) is None
        assert "vectors: scan, 100 candidates" in told(large, 100)
        assert name in vector_index.build_due()
        cursor.execute("SELECT pg_relation_filenode(%s)", [name])
        assert cursor.fetchone()[0] == file
    assert graph_for(large, ROWS) == function


def test_wide_vectors_are_found_by_a_graph_from_a_thousand_on(acme_corpus):
    """They do not fit into their rows. Beside it in the partition: vectors of another width."""
    width, rows = 950, 1_500
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, "A narrow one.", axis(0))
    fill(acme_corpus, manual, rows, width=width)
    partition = graph_of(acme_corpus).rpartition("_")[2]
    vector_index.build(vector_index.Graph(f"ingestion_embedding_{partition}", width))
    said = told(acme_corpus, 100, vector=[1.0] + [0.0] * (width - 1))
    assert "vectors: graph, 100 candidates" in said


def test_the_versions_of_a_filter_are_hashed_and_not_joined(large):
    """Joined row by row a filter that lets half of a large tenant through took seconds."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET ROLE footnote_search")
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [graph_of(large)])
        body = cursor.fetchone()[0].split("ELSE", 1)[1].split(";", 1)[0]
        body = body.replace("INTO ids, scores", "")
        kinds = {
            "query_vector": "halfvec",
            "query_space": "uuid",
            "tenant": "uuid",
            "chosen": "uuid[]",
            "groups": "uuid[]",
            "all_read": "boolean",
            "only_versions": "uuid[]",
            "depth": "integer",
        }
        for number, name in enumerate(kinds, start=1):
            body = re.sub(rf"\b{name}\b", f"${number}", body)
        cursor.execute("SET plan_cache_mode = force_generic_plan; SET enable_sort = off")
        try:
            cursor.execute(f"PREPARE probe ({', '.join(kinds.values())}) AS {body}")
            cursor.execute(f"EXPLAIN EXECUTE probe ({', '.join(['NULL'] * len(kinds))})")
            found = "\n".join(row[0] for row in cursor.fetchall())
        finally:
            cursor.execute("RESET ROLE; DEALLOCATE ALL; RESET ALL")
    assert "embedding_hnsw" in found, found
    assert "hashed SubPlan" in found, found
    assert "Join" not in found, found
