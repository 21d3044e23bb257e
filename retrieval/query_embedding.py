"""The question as a vector, or the reason why there is none: then the search goes on with its words alone."""

from dataclasses import dataclass

from pgvector import HalfVector

from inference import gateway
from inference.errors import InferenceError
from retrieval.trust import known_share
from tenants.scope import Principal


@dataclass(frozen=True)
class EmbeddedQuestion:
    """A unit vector as Postgres keeps vectors, and the model that made it; or why there is none.

    ``known`` is the share of the question that the model has learnt to read (``trust``).
    """

    vector: HalfVector | None
    model: str = ""
    dimensions: int = 0
    reason: str = ""
    known: float = 0.0


NOT_ASKED = EmbeddedQuestion(None)


def embedded_question(
    query: str, principal: Principal, specification: str = ""
) -> EmbeddedQuestion:
    """Embed by the gateway with the specified model, which caches; a model that fails is a reason and not an error."""
    try:
        result = gateway.embed(
            [query], feature="search", purpose="query", principal=principal, model=specification
        )
    except InferenceError as error:
        return EmbeddedQuestion(None, reason=f"dense: the question could not be embedded ({error})")
    known = known_share(query, specification)
    vector = HalfVector(result.vectors[0])
    return EmbeddedQuestion(vector, result.model, result.dimensions, known=known)
