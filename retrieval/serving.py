"""Which model embeds a tenant's questions: what the last search found to be serving, in this process's memory.

The search checks it inside its transaction and embeds again when the tenant has moved to another space meanwhile, so a
memory that is old costs one search some milliseconds, and none its answer.
"""

from collections import OrderedDict
from threading import Lock
from uuid import UUID

from retrieval.places import Space
from retrieval.query_embedding import EmbeddedQuestion

CAPACITY = 10_000
_known: OrderedDict[UUID, str] = OrderedDict()
_lock = Lock()


def expected(tenant_id: UUID) -> str:
    """The specification that most likely serves; empty, the configured one, for a tenant not met yet."""
    return _known.get(tenant_id, "")


def has_moved(tenant_id: UUID, asked: str, embedded: EmbeddedQuestion, space: Space | None) -> bool:
    """Whether the question must be embedded again, by the model of the space found; remembers that model."""
    if space is None or space.specification == asked:
        return False
    with _lock:
        _known[tenant_id] = space.specification
        _known.move_to_end(tenant_id)
        if len(_known) > CAPACITY:
            _known.popitem(last=False)
    return (embedded.model, embedded.dimensions) != (space.model, space.dimensions)
