"""HNSW graphs for the partitions in which a scan takes longer than a graph would; small tenants never pay for one.

``build_due()`` makes what is missing, by the rule that the search goes by (``footnote_graph_pays``). It needs the
tables' owner (``MIGRATION_DATABASE_URL``), builds without blocking writers, and may run at any time, again, and twice
at once: a graph that an interrupted run left half-built is dropped and made anew.
The search function takes a graph by its name (``embedding_hnsw_<dimensions>_<partition>``), once it is valid, and asks
it by a function that is made with it (``footnote_nearest_<dimensions>_<partition>``).

A graph is of a partition and not of a tenant, so there are at most as many as partitions for each size of vectors; it
holds current rows alone. Cost: about 0.2 ms a row to build, and some 1 to 2 ms for each row inserted later;
so a tenant whose scan would still do (``ANY_TIME`` chunks) gets its graph once nobody works on documents.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connections

from ingestion import statements

SQL = statements.load(__file__)
ANY_TIME = 10_000
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


def build_due(*, any_time: int = ANY_TIME) -> list[str]:
    """Build the missing graphs that pay; their names. While documents are worked on, only for tenants above that."""
    built: list[str] = []
    with _alone() as alone:
        for graph in due(any_time) if alone else ():
            build(graph)
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


def due(any_time: int) -> Iterator[Graph]:
    """Graphs that are wanted and not there, or there and broken, or without the function that asks them."""
    wanted = [Graph(*row) for row in SQL.fetch_across("due", any_time=any_time)]
    for graph in dict.fromkeys(wanted):
        if not (_is("is_valid", graph) and _is("is_prepared", graph)):
            yield graph


def _is(what: str, graph: Graph) -> bool:
    rows = SQL.fetch_across(what, name=graph.name)
    return bool(rows and rows[0][0])


def build(graph: Graph) -> None:
    """One graph, and the function that asks it; what is there and whole already stays."""
    # Names and numbers here are the catalogue's and a column's, never a person's: identifiers cannot be parameters.
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            SQL["prepare"], {"partition": graph.partition, "dimensions": graph.dimensions}
        )
        if _is("is_valid", graph):
            return
        cursor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{graph.name}"')
        cursor.execute(
            f'CREATE INDEX CONCURRENTLY "{graph.name}" ON "{graph.partition}"'
            f" USING hnsw ((vector::halfvec({int(graph.dimensions)})) halfvec_ip_ops)"
            f" WITH (m = {NEIGHBOURS}, ef_construction = {CANDIDATES})"
            f" WHERE valid_to IS NULL AND vector_dims(vector) = {int(graph.dimensions)}"
        )
