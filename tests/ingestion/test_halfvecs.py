"""Vectors in pgvector's binary form are those of its text form."""

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction

from ingestion import halfvecs
from ingestion.models import Chunk, Embedding
from tests.ingestion.workshop import Workshop

pytestmark = pytest.mark.usefixtures("database")
# The runtime role may make no tables; a setting of the transaction keeps what arrived.
STATEMENT = (
    "SELECT set_config('app.arrived', COALESCE(string_agg(r.number || r.vector::text, ' '), 'none'), true),"
    "       set_config('app.sent', COALESCE(string_agg(halfvec_send(r.vector)::text, ' '), ''), true)"
    "  FROM unnest(%(numbers)s::int[], %(vectors)s::halfvec[]) AS r (number, vector)"
)


def kept(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


@transaction.atomic
def test_they_arrive_as_they_were_and_are_read_as_they_are_kept() -> None:
    values = np.array([[0.5, -1.25, 3.0], [0.25, 1024, -0.0]], np.float32)
    packed = [halfvecs.packed(row) for row in values]
    halfvecs.execute(STATEMENT, packed, numbers=[1, 2])
    assert kept("app.arrived") == "1[0.5,-1.25,3] 2[0.25,1024,-0]"
    assert kept("app.sent") == " ".join("\\x" + one.hex() for one in packed)


@transaction.atomic
def test_none_at_all_is_no_error() -> None:
    halfvecs.execute(STATEMENT, [], numbers=[])
    assert kept("app.arrived") == "none"


def test_what_is_no_vector_is_the_databases_error_as_anywhere() -> None:
    with pytest.raises(DatabaseError, match="halfvec"), transaction.atomic():
        halfvecs.execute(STATEMENT, [halfvecs.packed(np.ones(0, np.float32))], numbers=[1])


def test_a_vector_that_was_known_is_copied_bit_by_bit(workshop: Workshop) -> None:
    text = "The pump must be serviced every six weeks."
    for name in ("a.md", "b.md"):
        workshop.ingest(name, text, title="Pumps")
    with workshop.scope():
        ids = Chunk.objects.filter(text=text).values_list("id", flat=True)
        found = [one.vector for one in Embedding.objects.filter(id__in=list(ids))]
    assert len(found) == 2
    assert found[0] == found[1]
    assert abs(sum(value * value for value in found[0]) - 1) < 1e-2
