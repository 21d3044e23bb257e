"""The answering flow: retrieve -> answer -> check. Entry point: ``answer``; chat, APIs and evals all call it.

    Searching -> Found -+-> (kept from before) ------------------------------> Completed, cached=True
                        +-> (nothing to answer from) ------------------------> Completed, answered=False
                        +-> Writing -> TextDelta ... -> the model is done ---> Completed
                                                     -> it broke -----------> Failed
                                                     -> the reader stopped -> Stopped

Each step opens its own short tenant scope, none is held across a ``yield``, and the database connection is not needed
while a model writes. The trace is stored once, before the last event, whatever happens; a caller that closes the
generator leaves a trace that says so.
"""

import logging
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from django.db import DatabaseError, close_old_connections
from psycopg_pool import PoolTimeout

from inference import gateway
from inference.caching.keys import Key
from inference.errors import (
    BudgetBusy,
    Cancelled,
    InferenceError,
    LimitReached,
    RateExceeded,
    RetryableProviderError,
    StreamBroken,
)
from inference.providers.provider import ResolvedModel
from inference.routing.plans import expected
from inference.types import ChatEvent, ChatRequest, Finished
from inference.types import Passage as Quotable
from inference.types import TextDelta as Piece
from orchestration import evidence, grounds, prompts, reuse
from orchestration.citations import Checked, cited
from orchestration.drafts import Draft
from orchestration.events import (
    CUT_OFF,
    Answer,
    Completed,
    Event,
    Failed,
    Found,
    Searching,
    Stopped,
    TextDelta,
    Writing,
)
from orchestration.evidence import Evidence
from orchestration.grounds import Ground
from orchestration.pages import on_their_pages
from orchestration.questions import Question
from retrieval.errors import SearchRefused
from tenants.scope import Principal
from traces import recorder
from traces.models import Outcome

__all__ = ["Question", "answer"]

logger = logging.getLogger(__name__)
INTERNAL = "Something went wrong on our side. It has been logged; please try again."
AWAY = "The database could not be reached. Please try again in a moment."


@dataclass
class Turn:
    """One question on its way: who asks, what is known so far, and its trace."""

    question: Question
    principal: Principal
    stop: threading.Event
    trace: recorder.OpenTrace
    clock: float = field(default_factory=time.perf_counter)
    draft: Draft = field(default_factory=lambda: Draft(0))
    searched: tuple[str, ...] = ()
    first: ResolvedModel | None = None
    """The model that is expected to answer."""
    stored: bool = False

    def finish(self, outcome: str) -> None:
        """Store the trace, once. One that cannot be stored must not cost the reader the answer."""
        if self.stored:
            return
        self.stored = True
        self.trace.answer = self.draft.text
        try:
            self.trace.finish(outcome)
        except (DatabaseError, PoolTimeout) as error:
            logger.warning("trace %s could not be stored: %s", self.trace.trace_id, error)

    def milliseconds(self) -> float:
        """Since the question came."""
        return round((time.perf_counter() - self.clock) * 1000, 3)


def answer(
    question: Question, principal: Principal, *, stop: threading.Event | None = None
) -> Generator[Event]:
    """Answer, as events; the last is one of ``Completed``, ``Stopped`` or ``Failed``, and none is raised as an error.

    ``stop`` ends it from any thread within half a second. Cost: a search, one model call, three or four queries.
    """
    trace = recorder.begin("answer", principal, feature=question.feature, question=question.text)
    trace.conversation_id = question.conversation_id
    turn = Turn(question, principal, stop or threading.Event(), trace)
    try:
        yield from _told(turn)
    finally:
        turn.finish(Outcome.CANCELLED)


def _told(turn: Turn) -> Iterator[Event]:
    """The flow, with whatever goes wrong in it told to the reader."""
    try:
        yield from _flow(turn)
    except Cancelled:
        yield _stopped(turn)
    except SearchRefused as error:
        yield _failed(turn, "search_refused", error.message, retryable=False)
    except InferenceError as error:
        logger.warning("trace %s: %s: %s", turn.trace.trace_id, error.code, error)
        retryable = isinstance(
            error, RetryableProviderError | StreamBroken | BudgetBusy | RateExceeded
        )
        failed = _failed(turn, error.code, error.member_message, retryable=retryable)
        wait = None
        if isinstance(error, LimitReached | RetryableProviderError):
            wait = error.retry_after
        yield replace(failed, retry_after=wait)
    except (DatabaseError, PoolTimeout) as error:
        logger.warning("trace %s: the database failed: %s", turn.trace.trace_id, error)
        yield _failed(turn, "unavailable", AWAY, retryable=True)
    except Exception:
        # Broad: a stream that has begun must end with a word to its reader.
        logger.exception("trace %s: the answer failed", turn.trace.trace_id)
        yield _failed(turn, "internal_error", INTERNAL, retryable=True)


def _flow(turn: Turn) -> Iterator[Event]:
    ground = grounds.prepare(turn.question, turn.principal)
    turn.searched = ground.place.names
    yield Searching(turn.searched)
    asked = turn.question
    plan = expected(turn.principal, asked.feature, asked.model, asked.text, asked.conversation_id)
    turn.first = model = plan.choices[0].model
    turn.trace.model = model.name
    key = reuse.key_of(asked, turn.principal, ground, model, plan.smallest_window)
    with turn.trace.active():
        kept = reuse.found(key, ground)
    if kept is not None:
        yield from _repeat(turn, kept)
        return
    with turn.trace.active():
        found = evidence.gather(
            turn.question,
            turn.principal,
            ground.place,
            window=plan.smallest_window,
            stop=turn.stop,
        )
    yield Found(len(found.passages), found.documents, found.nearest())
    if turn.stop.is_set():
        raise Cancelled("stopped before a model was asked")
    if found.answerable:
        yield from _write(turn, ground, found, key)
    else:
        yield from _refuse(turn, ground, found)


def _write(turn: Turn, ground: Ground, found: Evidence, key: Key) -> Iterator[Event]:
    """Have a model write, show what it writes, and check it when it is whole."""
    yield Writing(turn.trace.model)
    turn.draft = draft = Draft(len(found.passages))
    with closing(_pieces(turn, _request(turn, ground, found))) as pieces:
        for piece in pieces:
            if shown := draft.feed(piece):
                yield TextDelta(shown)
    if shown := draft.close():
        yield TextDelta(shown)
    if draft.refused:
        yield TextDelta(draft.add(refusal(turn.searched)))
    completed = _completed(turn, found)
    _keep(turn, ground, key, completed.answer)
    yield completed


def _keep(turn: Turn, ground: Ground, key: Key, whole: Answer) -> None:
    """Into the cache; an answer that cannot be kept is an answer all the same."""
    finished, first = turn.draft.finished, turn.first
    if finished and first and first.wrote(finished.result):
        try:
            reuse.keep(key, ground, whole)
        except (DatabaseError, PoolTimeout) as error:
            logger.warning("trace %s: the answer was not kept: %s", turn.trace.trace_id, error)


def _repeat(turn: Turn, kept: Answer) -> Iterator[Event]:
    """Give an answer that was given before, with its sources."""
    yield Found(len(kept.citations), len({one.document_id for one in kept.citations}))
    yield TextDelta(turn.draft.add(kept.text))
    whole = replace(kept, trace_id=turn.trace.trace_id, duration_ms=turn.milliseconds())
    _note(turn, whole)
    turn.finish(Outcome.OK)
    yield Completed(whole)


def _pieces(turn: Turn, request: ChatRequest) -> Generator[str]:
    """The model's text. Ends only when the model said that it is whole, and raises otherwise."""
    with turn.trace.active():
        events = gateway.stream(request)
    # What waits for a model must not keep a connection of the pool from what does not.
    close_old_connections()
    with closing(events):
        while (event := _next(turn, events)) is not None:
            if isinstance(event, Piece):
                yield event.text
            elif isinstance(event, Finished):
                turn.draft.finished = event
            if turn.stop.is_set():
                raise Cancelled("the reader stopped the answer")
    if turn.draft.finished is None:
        raise StreamBroken("the stream ended without saying so", reason="ended_early")


def _next(turn: Turn, events: Iterator[ChatEvent]) -> ChatEvent | None:
    """The next event, with the trace open for what the gateway does on the way to it."""
    with turn.trace.active():
        return next(events, None)


def _request(turn: Turn, ground: Ground, found: Evidence) -> ChatRequest:
    quotable = [
        Quotable(
            n=n,
            text=passage.text,
            title=passage.title,
            page=passage.page,
            chunk_id=str(passage.chunk_id),
            score=passage.score,
        )
        for n, passage in enumerate(found.passages, start=1)
    ]
    return ChatRequest(
        messages=prompts.messages(ground.prompt, turn.question, found.context.text),
        prompt=ground.prompt.used,
        raised=found.raised,
        feature=turn.question.feature,
        principal=turn.principal,
        model=turn.question.model,
        question=found.sought.text,
        follow_up=found.sought.follow_up,
        passages=quotable,
        temperature=turn.question.temperature,
        max_tokens=turn.question.max_tokens,
        stop=turn.stop,
        fall_back=turn.question.model is None,
        conversation_id=turn.question.conversation_id,
        collections=tuple(dict.fromkeys(passage.collection_id for passage in found.passages)),
    )


def _completed(turn: Turn, found: Evidence) -> Completed:
    checked, draft = _check(turn, found), turn.draft
    assert draft.finished is not None
    result = draft.finished.result
    answered = bool(checked.citations) and not draft.refused and result.answered is not False
    is_cut = draft.finished.finish_reason == "length"
    lost = [*found.degraded, result.degraded, CUT_OFF if is_cut else ""]
    whole = Answer(
        text=draft.text,
        citations=checked.citations,
        sentences=checked.sentences,
        answered=answered,
        support=checked.support if answered else 0.0,
        model=result.model,
        trace_id=turn.trace.trace_id,
        degraded="; ".join(filter(None, lost)),
        input_tokens=result.usage.prompt_tokens,
        output_tokens=result.usage.completion_tokens,
        cost_usd=result.cost,
        duration_ms=turn.milliseconds(),
        nearest=() if answered else found.nearest(),
        finish_reason="length" if is_cut else "stop",
    )
    _note(turn, whole)
    turn.finish(Outcome.OK)
    return Completed(whole)


def _check(turn: Turn, found: Evidence) -> Checked:
    """Which quotes bear the answer out."""
    marks = turn.draft.marks
    with turn.trace.active(), recorder.span("check", kind="check") as step:
        checked = cited(turn.draft.text, marks.numbers, found.passages)
        citations = on_their_pages(checked.citations, found.passages, turn.principal)
        checked = replace(checked, citations=citations)
        step.set(
            footnote__citations=[citation.as_json() for citation in checked.citations],
            footnote__citations__invented=marks.invented,
            footnote__sentences=[
                [one.start, one.end, one.citations, one.support] for one in checked.sentences
            ],
            footnote__support=checked.support,
        )
    return checked


def _note(turn: Turn, whole: Answer) -> None:
    trace = turn.trace
    trace.model, trace.cost_usd = whole.model, whole.cost_usd
    trace.input_tokens, trace.output_tokens = whole.input_tokens, whole.output_tokens
    trace.root.set(
        footnote__answered=whole.answered,
        footnote__support=whole.support,
        footnote__degraded=whole.degraded,
        footnote__cached=whole.cached,
    )


def _refuse(turn: Turn, ground: Ground, found: Evidence) -> Iterator[Event]:
    """Say that the documents do not answer it, without asking a model.

    What the guards say of the question, and of passages that they left out, counts all the same.
    """
    with turn.trace.active():
        gateway.look_over(_request(turn, ground, found))
    yield TextDelta(turn.draft.add(refusal(turn.searched)))
    whole = Answer(
        text=turn.draft.text,
        citations=(),
        sentences=(),
        answered=False,
        support=0.0,
        model="",
        trace_id=turn.trace.trace_id,
        degraded="; ".join(found.degraded),
        duration_ms=turn.milliseconds(),
        nearest=found.nearest(),
    )
    _note(turn, whole)
    turn.finish(Outcome.OK)
    yield Completed(whole)


def refusal(searched: tuple[str, ...]) -> str:
    """Honest words for: nothing that was searched answers this."""
    if not searched:
        return "There is no collection of documents that you can read yet, so there is nothing to answer from."
    names = ", ".join(searched[:5]) + (
        f" and {len(searched) - 5} more" if len(searched) > 5 else ""
    )
    return f"The documents do not answer this question. Searched: {names}."


def _failed(turn: Turn, code: str, message: str, *, retryable: bool) -> Failed:
    turn.trace.root.set(error__type=code, error__message=message)
    turn.finish(Outcome.ERROR)
    return Failed(code, message, retryable, turn.trace.trace_id, turn.draft.text)


def _stopped(turn: Turn) -> Stopped:
    turn.finish(Outcome.CANCELLED)
    return Stopped(turn.trace.trace_id, turn.draft.text)
