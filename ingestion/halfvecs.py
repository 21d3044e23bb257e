"""Vectors to and from Postgres in pgvector's binary form: a fifth of the text, with nothing to print and to parse.

A vector is its number of dimensions and two bytes that mean nothing, then half floats, all in network order. Django
writes parameters into the statement as text, so ``execute`` goes around it, on the same connection and transaction.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

from inference.embedding.embedder import FloatArray

_LENGTH = struct.Struct(">i")
# Of an array: one dimension, no nulls, the type of its elements, how many, counted from 1.
_ARRAY = struct.Struct(">iiIii")
_HEAD = struct.Struct(">HH")


@dataclass(frozen=True)
class _Array:
    rows: Sequence[bytes]
    oid: int


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: _Array) -> bytes:
        parts = [_ARRAY.pack(1, 0, obj.oid, len(obj.rows), 1)]
        for row in obj.rows:
            parts += [_LENGTH.pack(len(row)), row]
        return b"".join(parts)


def packed(values: FloatArray) -> bytes:
    """One vector, rounded to half floats."""
    return _HEAD.pack(len(values), 0) + values.astype(">f2").tobytes()


def execute(statement: str, vectors: Sequence[bytes], **parameters: Any) -> None:
    """Run a statement whose parameter ``vectors`` is a ``halfvec[]``, in the open scope. Two round trips."""
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_dumper(_Array, _ArrayDumper)
        cursor.execute("SELECT 'halfvec'::regtype::oid")
        (oid,) = cursor.fetchone() or (0,)
        cursor.execute(statement.encode(), {**parameters, "vectors": _Array(vectors, oid)})
