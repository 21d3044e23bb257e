"""What has to be known before a question is searched: where, from which state of the documents, with which prompt.

Read in one short scope of the asking principal, and before anything that depends on it.
"""

from dataclasses import dataclass

from inference.caching import policies
from inference.caching.policies import Policy
from inference.prompts.choosing import Chosen
from ingestion import generations
from orchestration import evidence, prompts
from orchestration.evidence import Place
from orchestration.questions import Question
from tenants.scope import Principal, tenant_scope


@dataclass(frozen=True)
class Ground:
    """The collections that are asked, their state, the version of the prompt, and what may come from the cache."""

    place: Place
    corpus: str
    prompt: Chosen
    caching: Policy


def prepare(question: Question, principal: Principal) -> Ground:
    """Four queries in one transaction."""
    with tenant_scope(principal.as_reader()):
        place = evidence.place_of(question)
        return Ground(
            place,
            generations.current(question.collection_ids or None),
            prompts.chosen_for(question, principal),
            policies.OFF if question.fresh else policies.of(question.feature),
        )
