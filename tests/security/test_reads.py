"""Randomised reads over a pool of connections, by many threads of many tenants: no foreign row, ever.

Each thread moves from tenant to tenant at random and reads by the ORM, by SQL without any filter, by id of a foreign
row, and through the search function; some reads are made with no tenant set at all. The suite runs a tenth of the
figure that counts; ``bin/test -m soak tests/security`` runs 200,000 reads.
"""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from ingestion.models import Chunk, Document
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.retrieval.pinned import call
from tests.security.crowd import DIMENSIONS, WORDS, Inhabitant, settle

TENANTS = 12
THREADS = 8
READS_PER_SCOPE = 20


def by_orm(
    us: Inhabitant, them: Inhabitant, dice: random.Random
) -> tuple[list[object], list[object]]:
    rows = Chunk.objects.order_by("?").values_list("tenant_id", flat=True)[:5]
    return list(rows), [us.tenant_id]


def by_foreign_id(
    us: Inhabitant, them: Inhabitant, dice: random.Random
) -> tuple[list[object], list[object]]:
    return list(
        Chunk.objects.filter(pk=dice.choice(them.chunk_ids)).values_list("tenant_id", flat=True)
    ), []


def by_related(
    us: Inhabitant, them: Inhabitant, dice: random.Random
) -> tuple[list[object], list[object]]:
    return list(
        Document.objects.filter(collection__name__contains="All of").values_list(
            "tenant_id", flat=True
        )
    ), [us.tenant_id]


def by_sql(table: str) -> Callable[..., tuple[list[object], list[object]]]:
    def read(
        us: Inhabitant, them: Inhabitant, dice: random.Random
    ) -> tuple[list[object], list[object]]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT tenant_id FROM {table}")
            return [row[0] for row in cursor.fetchall()], [us.tenant_id]

    return read


def by_foreign_sql(
    us: Inhabitant, them: Inhabitant, dice: random.Random
) -> tuple[list[object], list[object]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tenant_id FROM ingestion_embedding WHERE tenant_id = %s", [them.tenant_id]
        )
        return [row[0] for row in cursor.fetchall()], []


def by_search(
    us: Inhabitant, them: Inhabitant, dice: random.Random
) -> tuple[list[object], list[object]]:
    # Foreign collections are asked for as well, and a foreign space in every other search.
    rows = call(
        dice.choice(WORDS),
        [dice.gauss(0, 1) for _ in range(DIMENSIONS)],
        space=dice.choice([us, them]).space_id,
        collections=[us.collection_id, them.collection_id],
        depth=20,
    )
    found = {row["chunk_id"] for row in rows}
    return [us.tenant_id if chunk in us.chunk_ids else "foreign" for chunk in found], [us.tenant_id]


WAYS = [
    by_orm,
    by_foreign_id,
    by_related,
    by_sql("ingestion_chunk"),
    by_sql("ingestion_document"),
    by_sql("ingestion_embedding"),
    by_foreign_sql,
    by_search,
]


def without_tenant(dice: random.Random) -> int:
    """Rows that an open connection shows when nobody is set: none."""
    table = dice.choice(
        ["ingestion_chunk", "ingestion_embedding", "ingestion_document", "tenants_tenant"]
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def roam(crowd: list[Inhabitant], seed: int, reads: int) -> Counter[str]:
    """One thread's reads; counts what was seen."""
    dice, seen = random.Random(seed), Counter[str]()
    try:
        while seen["reads"] < reads:
            us, them = dice.sample(crowd, 2)
            with tenant_scope(platform_principal(us.tenant_id)):
                for way in dice.choices(WAYS, k=READS_PER_SCOPE - 1):
                    rows, expected = way(us, them, dice)
                    seen["reads"] += 1
                    seen["own"] += sum(row == us.tenant_id for row in rows)
                    seen["foreign"] += sum(row != us.tenant_id for row in rows)
                    seen["missing"] += bool(expected and not rows)
            seen["reads"] += 1
            seen["foreign"] += without_tenant(dice)
    finally:
        connections.close_all()
    return seen


def read_all(crowd: list[Inhabitant], reads: int) -> Counter[str]:
    with ThreadPoolExecutor(THREADS) as threads:
        parts = threads.map(lambda seed: roam(crowd, seed, reads // THREADS), range(THREADS))
        return sum(parts, Counter[str]())


@pytest.fixture
def crowd(new_tenant: Callable[[str], Tenant]) -> list[Inhabitant]:
    return [settle(new_tenant("crowd"), chunks=16) for _ in range(TENANTS)]


@pytest.mark.parametrize(
    "reads",
    [pytest.param(20_000, id="20k"), pytest.param(200_000, id="200k", marks=pytest.mark.soak)],
)
def test_no_read_ever_shows_a_foreign_row(crowd: list[Inhabitant], reads: int) -> None:
    seen = read_all(crowd, reads)
    assert seen["reads"] >= reads
    assert seen["own"] > reads / 2
    assert (seen["foreign"], seen["missing"]) == (0, 0)


def test_the_reads_would_notice_a_leak(crowd: list[Inhabitant]) -> None:
    """With another tenant's setting slipped in behind the scope's back, the same reads see foreign rows."""
    us, them = crowd[:2]
    with tenant_scope(platform_principal(us.tenant_id)):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(them.tenant_id)])
        rows, _ = by_sql("ingestion_chunk")(us, them, random.Random(1))
    assert rows == [them.tenant_id]
