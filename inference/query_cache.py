"""A small cache of query vectors: people ask the same thing twice, and pages of results repeat the query.

Keyed by tenant, so that nobody can time whether another tenant asked the same.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TypeAlias
from uuid import UUID

from inference.embedding.embedder import FloatArray

Key: TypeAlias = tuple[UUID, str, str]
# 1.5 kB each.
CAPACITY = 2_000


class QueryCache:
    """Least recently used goes first. Thread-safe."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Key, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> FloatArray | None:
        with self._lock:
            vector = self._kept.get(key)
            if vector is not None:
                self._kept.move_to_end(key)
            return vector

    def put(self, key: Key, vector: FloatArray) -> None:
        kept = vector.copy()
        kept.flags.writeable = False
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            if len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
