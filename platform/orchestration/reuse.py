"""Answers from the cache, and into it: which are worth keeping, and whether a kept one may still be given.

Only whole answers from documents are kept: nothing degraded, cut off, refused, or without a citation. A kept one is
given when the documents are in the very state that it was made from, and each of its quotes still stands, word for
word, in a current passage that the asker may read.
"""

from dataclasses import asdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from inference import gateway
from inference.caching import entries
from inference.caching.entries import Hit
from inference.caching.keys import Key
from inference.errors import InferenceError
from inference.guards import policies as guards
from inference.models import CacheEntry
from inference.providers.provider import ResolvedModel
from ingestion import generations
from ingestion.models import Chunk
from orchestration.events import Answer, Cited, Sentence
from orchestration.evidence import budget_of, expansion_of
from orchestration.grounds import Ground
from orchestration.questions import Question
from tenants.scope import Principal
from traces import recorder


def key_of(
    question: Question, principal: Principal, ground: Ground, model: ResolvedModel, window: int
) -> Key:
    """Everything that the answer to this question depends on. ``window``: as ``evidence.gather`` gets it."""
    return Key(
        principal=principal.as_reader(),
        feature=question.feature,
        question=question.text,
        corpus=ground.corpus,
        collections=question.collection_ids or (),
        prompt_version_id=ground.prompt.used.version_id,
        model=model.identity,
        policy=guards.of(principal).fingerprint,
        parameters=(
            ("context", budget_of(window)),
            ("expand", expansion_of(question)),
            ("filter", "" if question.filter is None else repr(question.filter)),
            ("instructions", question.instructions),
            ("max_tokens", question.max_tokens),
            ("searched", sorted(str(one) for one in ground.place.languages)),
            ("temperature", question.temperature),
        ),
        history=question.history,
    )


def found(key: Key, ground: Ground) -> Answer | None:
    """A kept answer that may be given now, as a step of the open trace."""
    policy = ground.caching
    if not (policy.exact or policy.semantic):
        return None
    with recorder.span("cache", kind="cache") as step:
        hit = entries.find(
            key,
            policy,
            accept=lambda entry: _still_stands(entry, key),
            vector=_vector(key, ground),
        )
        step.set(footnote__cache=hit.how if hit else "miss")
        if hit is None:
            return None
        step.set(
            footnote__cache__similarity=hit.similarity,
            footnote__cache__question=hit.entry.question,
            footnote__cache__saved_usd=str(hit.entry.cost_usd),
        )
        return _revived(hit)


def keep(key: Key, ground: Ground, answer: Answer) -> None:
    """Keep a whole answer, if it is worth it."""
    policy = ground.caching
    if (policy.exact or policy.semantic) and _worth_keeping(answer):
        entries.keep(
            key,
            policy,
            value=_as_kept(answer),
            model=answer.model,
            cost=answer.cost_usd,
            vector=_vector(key, ground),
        )


def _worth_keeping(answer: Answer) -> bool:
    return (
        answer.answered
        and bool(answer.citations)
        and not answer.degraded
        and answer.finish_reason == "stop"
    )


def _vector(key: Key, ground: Ground) -> list[float] | None:
    """The question's, when similar ones count; a follow-up means something else in every conversation."""
    if not ground.caching.semantic or key.history:
        return None
    try:
        embedded = gateway.embed(
            [key.question], feature="cache", purpose="query", principal=key.principal
        )
    except InferenceError:
        return None
    vector: list[float] = embedded.vectors[0].tolist()
    return vector


def _still_stands(entry: CacheEntry, key: Key) -> bool:
    """In the open scope, after the entry was read: nothing has changed, every quote is where it was. Two queries."""
    if generations.current(key.collections or None) != key.corpus:
        return False
    citations = entry.value["citations"]
    wanted = {one["chunk_id"] for one in citations}
    rows = Chunk.objects.filter(pk__in=wanted, valid_to=None).values_list(
        "pk", "text", "span_start"
    )
    there = {str(pk): (text, start) for pk, text, start in rows}
    return all(_quoted(one, there.get(one["chunk_id"])) for one in citations)


def _quoted(citation: dict[str, Any], passage: tuple[str, int] | None) -> bool:
    if passage is None:
        return False
    text, start = passage
    within = text[citation["span_start"] - start : citation["span_end"] - start]
    return bool(within == citation["quote"])


def _as_kept(answer: Answer) -> dict[str, Any]:
    def plain(cited: Cited) -> dict[str, Any]:
        return {
            name: str(value) if isinstance(value, UUID) else value
            for name, value in asdict(cited).items()
        }

    return {
        "text": answer.text,
        "citations": [plain(one) for one in answer.citations],
        "sentences": [
            [one.start, one.end, list(one.citations), one.support] for one in answer.sentences
        ],
        "support": answer.support,
        "model": answer.model,
    }


def _revived(hit: Hit) -> Answer:
    value = hit.entry.value
    return Answer(
        text=value["text"],
        citations=tuple(_cited(one) for one in value["citations"]),
        sentences=tuple(
            Sentence(start, end, tuple(citations), support)
            for start, end, citations, support in value["sentences"]
        ),
        answered=True,
        support=value["support"],
        model=value["model"],
        trace_id="",
        cached=True,
        cost_usd=Decimal(0),
    )


def _cited(kept: dict[str, Any]) -> Cited:
    ids = {name: UUID(kept[name]) for name in ("chunk_id", "document_id", "version_id")}
    return Cited(**{**kept, **ids})
