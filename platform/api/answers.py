"""Questions from machines: the flow of ``orchestration.answering`` as one value, or as an asynchronous stream."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from math import ceil

from django.db import close_old_connections
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from api.departure import departed_of
from api.errors import Absent, Problem, Refused, Unavailable
from inference import catalogue
from inference.errors import UnknownModel
from orchestration import answering, bridge
from orchestration.events import Answer, Completed, Event, Failed
from orchestration.questions import Question
from tenants.scope import Principal

# A comment this often keeps proxies from closing a silent stream, and finds out that the reader is gone.
SILENCE_SECONDS = 10.0
WAITING = ": waiting\n\n"
# Failures that are the asker's to mend; the others are a dependency's.
ASKERS_FAULT = {
    "input_refused": 400,
    "answer_withheld": 422,
    "search_refused": 400,
    "context_too_long": 400,
    "rate_limit_exceeded": 429,
    "budget_reserved": 429,
    # Not 429: clients would try again by themselves, and the budget is not back in a moment.
    "budget_exhausted": 402,
}


def whole(question: Question, principal: Principal, request: Request) -> Answer:
    """The answer, when it is whole. Raises Unavailable or Refused; stops when the client goes away."""
    departed = departed_of(request._request)
    with closing(answering.answer(question, principal, stop=departed)) as events:
        last = _last(events)
    if isinstance(last, Completed):
        return last.answer
    if isinstance(last, Failed):
        raise failure(last)
    raise Unavailable("The answer was stopped.", code="stopped")


def _last(events: Iterator[Event]) -> Event | None:
    last = None
    for event in events:
        # The request's thread waits for a model now, and needs no connection for that.
        close_old_connections()
        last = event
    return last


def stream(question: Question, principal: Principal) -> AsyncIterator[Event | None]:
    """The events; None when nothing has happened for a while."""
    return bridge.stream(
        lambda stop: answering.answer(question, principal, stop=stop), silence=SILENCE_SECONDS
    )


def failure(failed: Failed) -> Refused | Unavailable:
    """A failed answer as an error of the API."""
    details = [{"trace_id": failed.trace_id}]
    if status := ASKERS_FAULT.get(failed.code):
        wait = (
            () if failed.retry_after is None else (("Retry-After", str(ceil(failed.retry_after))),)
        )
        return Refused(
            failed.message, code=failed.code, details=details, status=status, headers=wait
        )
    return Unavailable(
        failed.message,
        code=failed.code,
        retryable=failed.retryable,
        details=details,
        wait=failed.retry_after,
    )


def problem(failed: Failed) -> Problem:
    """The same for an answer whose status has gone out already."""
    return failure(failed).problem


def wants_fresh(request: Request) -> bool:
    """Does HTTP's own way of saying it, ``Cache-Control: no-cache`` (or ``no-store``), ask for a new answer?"""
    said = request.headers.get("Cache-Control", "").lower()
    return any(part.strip() in {"no-cache", "no-store"} for part in said.split(","))


def check_model(principal: Principal, name: str) -> None:
    """Raises Absent for a model that the tenant does not have. One query."""
    try:
        catalogue.resolve(principal, name)
    except UnknownModel:
        raise Absent("model", field="model", code="model_not_found") from None


def event_stream(frames: AsyncIterator[str]) -> StreamingHttpResponse:
    """A response of server-sent events that no proxy buffers.

    The request's thread gives its database connection back: it would keep it until the last event, and enough streams
    that wait for a model would leave none for anybody.
    """
    close_old_connections()
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(
        frames, content_type="text/event-stream; charset=utf-8", headers=headers
    )
