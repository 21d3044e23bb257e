"""The answering flow: retrieve -> answer -> check. Entry point: ``answer``; chat, APIs and evals all call it.

    Searching -> Found -+-> (nothing to answer from) ------------------------> Completed, answered=False
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

from inference import catalogue, gateway
from inference.errors import Cancelled, InferenceError, RetryableProviderError, StreamBroken
from inference.types import ChatEvent, ChatRequest, Finished
from inference.types import Passage as Quotable
from inference.types import TextDelta as Piece
from orchestration import evidence, prompts
from orchestration.citations import Checked, cited
from orchestration.drafts import Draft
from orchestration.events import (
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
        retryable = isinstance(error, RetryableProviderError | StreamBroken)
        yield _failed(turn, error.code, error.member_message, retryable=retryable)
    except (DatabaseError, PoolTimeout) as error:
        logger.warning("trace %s: the database failed: %s", turn.trace.trace_id, error)
        yield _failed(turn, "unavailable", AWAY, retryable=True)
    except Exception:
        # Broad: a stream that has begun must end with a word to its reader.
        logger.exception("trace %s: the answer failed", turn.trace.trace_id)
        yield _failed(turn, "internal_error", INTERNAL, retryable=True)


def _flow(turn: Turn) -> Iterator[Event]:
    place = evidence.place_of(turn.question, turn.principal)
    turn.searched = place.names
    yield Searching(turn.searched)
    model = catalogue.resolve(turn.principal, turn.question.model)
    turn.trace.model = model.name
    with turn.trace.active():
        found = evidence.gather(turn.question, turn.principal, place, window=model.context_window)
    yield Found(len(found.passages), found.documents, found.nearest())
    if turn.stop.is_set():
        raise Cancelled("stopped before a model was asked")
    if found.answerable:
        yield from _write(turn, found)
    else:
        yield from _refuse(turn, found)


def _write(turn: Turn, found: Evidence) -> Iterator[Event]:
    """Have a model write, show what it writes, and check it when it is whole."""
    yield Writing(turn.trace.model)
    turn.draft = draft = Draft(len(found.passages))
    with closing(_pieces(turn, _request(turn, found))) as pieces:
        for piece in pieces:
            if shown := draft.feed(piece):
                yield TextDelta(shown)
    if shown := draft.close():
        yield TextDelta(shown)
    if draft.refused:
        yield TextDelta(draft.add(refusal(turn.searched)))
    yield _completed(turn, found)


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


def _request(turn: Turn, found: Evidence) -> ChatRequest:
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
        messages=prompts.messages(turn.question, found.context.text),
        feature=turn.question.feature,
        principal=turn.principal,
        model=turn.question.model,
        question=found.sought,
        passages=quotable,
        temperature=turn.question.temperature,
        max_tokens=turn.question.max_tokens,
        stop=turn.stop,
        fall_back=turn.question.model is None,
    )


def _completed(turn: Turn, found: Evidence) -> Completed:
    checked, draft = _check(turn, found), turn.draft
    assert draft.finished is not None
    result = draft.finished.result
    answered = bool(checked.citations) and not draft.refused and result.answered is not False
    whole = Answer(
        text=draft.text,
        citations=checked.citations,
        sentences=checked.sentences,
        answered=answered,
        support=checked.support if answered else 0.0,
        model=result.model,
        trace_id=turn.trace.trace_id,
        degraded="; ".join(filter(None, [*found.degraded, result.degraded])),
        input_tokens=result.usage.prompt_tokens,
        output_tokens=result.usage.completion_tokens,
        cost_usd=result.cost,
        duration_ms=turn.milliseconds(),
        nearest=() if answered else found.nearest(),
        finish_reason="length" if draft.finished.finish_reason == "length" else "stop",
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
    )


def _refuse(turn: Turn, found: Evidence) -> Iterator[Event]:
    """Say that the documents do not answer it, without asking a model."""
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
