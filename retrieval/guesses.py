"""Where the last search like this one looked, in this process's memory.

The next one is sent whole on that guess, with the question that checks it: one round trip instead of two and those of
a transaction. A guess that is old costs the search a second round trip, and in the moment in which the tenant has moved
to another embedding space a second embedding (``serving``). What may be read is never guessed: the database's policies
and the search function decide it for each search.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from uuid import UUID

from retrieval.places import Place
from tenants.scope import Principal

CAPACITY = 1_000
# A place with more is not kept: it would take more memory than a round trip is worth.
MOST_COLLECTIONS = 100
Key = tuple[UUID, bool, frozenset[UUID], tuple[UUID, ...] | None]
_known: OrderedDict[Key, Place] = OrderedDict()
_lock = Lock()


def guess(asker: Principal, wanted: Sequence[UUID] | None) -> Place | None:
    """Where this asker's search most likely looks; None for one that has not been met lately."""
    key = _key(asker, wanted)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
        return _known.get(key)


def remember(asker: Principal, wanted: Sequence[UUID] | None, place: Place) -> None:
    """Keep what was found, but for the documents' state, for the next guess."""
    key = _key(asker, wanted)
    with _lock:
        _known.pop(key, None)
        if 0 < len(place.languages) <= MOST_COLLECTIONS:
            _known[key] = replace(place, state="")
        if len(_known) > CAPACITY:
            _known.popitem(last=False)


def forget(asker: Principal, wanted: Sequence[UUID] | None) -> None:
    """What was wanted is no longer there for this asker."""
    with _lock:
        _known.pop(_key(asker, wanted), None)


def _key(asker: Principal, wanted: Sequence[UUID] | None) -> Key:
    collections = None if wanted is None else tuple(wanted)
    return asker.tenant_id, asker.reads_all, asker.group_ids, collections
