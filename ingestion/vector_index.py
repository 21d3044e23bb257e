"""HNSW graphs for the partitions in which a scan has become too slow; small tenants never pay for one.

``build_due()`` makes what is missing. It needs the tables' owner (``MIGRATION_DATABASE_URL``), builds without blocking
writers, and may run at any time, again, and twice at once: a graph that an interrupted run left half-built is dropped
and made anew.
The search function takes a graph by its name (``embedding_hnsw_<dimensions>_<partition>``), once it is valid.

A graph is of a partition and not of a tenant, so there are at most as many as partitions for each size of vectors; it
holds current rows alone. Cost: about 0.2 ms a row to build, and some 1 to 2 ms for each row inserted later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connections

from ingestion import statements

SQL = statements.load(__file__)
LEAST_ROWS = 10_000
NEIGHBOURS, CANDIDATES = 16, 128


@dataclass(frozen=True)
class Graph:
    """A graph that is due: its partition, and the size of the vectors in it."""

    partition: str
    dimensions: int

    @property
    def name(self) -> str:
        """How the search function knows it."""
        return f"embedding_hnsw_{self.dimensions}_{self.partition.rpartition('_')[2]}"


def build_due(*, least_rows: int = LEAST_ROWS) -> list[str]:
    """Build the missing graphs of partitions that hold a tenant of more than ``least_rows`` chunks; their names."""
    built: list[str] = []
    with _alone() as alone:
        for graph in due(least_rows) if alone else ():
            _build(graph)
            built.append(graph.name)
    return built


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else builds: of two at once, one would drop what the other has half built."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(SQL["lock"])
        alone = bool(cursor.fetchone()[0])
        try:
            yield alone
        finally:
            if alone:
                cursor.execute(SQL["unlock"])


def due(least_rows: int) -> Iterator[Graph]:
    """Graphs that are wanted and not there, or there and broken."""
    wanted = [Graph(*row) for row in SQL.fetch_across("due", least=least_rows)]
    for graph in dict.fromkeys(wanted):
        if not _is_valid(graph):
            yield graph


def _is_valid(graph: Graph) -> bool:
    rows = SQL.fetch_across("is_valid", name=graph.name)
    return bool(rows and rows[0][0])


def _build(graph: Graph) -> None:
    # Names and numbers here are the catalogue's and a column's, never a person's: identifiers cannot be parameters.
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{graph.name}"')
        cursor.execute(
            f'CREATE INDEX CONCURRENTLY "{graph.name}" ON "{graph.partition}"'
            f" USING hnsw ((vector::halfvec({int(graph.dimensions)})) halfvec_ip_ops)"
            f" WITH (m = {NEIGHBOURS}, ef_construction = {CANDIDATES})"
            f" WHERE valid_to IS NULL AND vector_dims(vector) = {int(graph.dimensions)}"
        )
